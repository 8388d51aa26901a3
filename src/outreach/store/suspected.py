"""Reports that point at nothing known yet, counted where they stand, and the suspicions that they have made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, union_all, update

from outreach.model.occasion import Occasion, OccasionId
from outreach.model.record import NetworkNode
from outreach.store import reports, scopes, tables as t
from outreach.store.session import Session

_AT_ONCE = 500
_TRANSFORMER = "transformer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One position of the tree at which people report."""

    order: int
    reporting: int
    """Distinct premises."""
    since: datetime
    """The first of their reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What speaks for one suspicion."""

    premises: int
    reports: int
    last_at: datetime


def is_any_pending(session: Session, *, since: datetime) -> bool:
    """Whether a report waits that points at nothing yet."""
    return (
        session.execute(select(t.report.c.id).where(_pending(since)).limit(1)).first() is not None
    )


def places(session: Session, of: Collection[int], *, since: datetime) -> list[Place]:
    """Where people report: what points at nothing since `since`, and all of the suspicions `of`, in tree order."""
    told = t.report.c.occasion_id.in_(list(of)) & _says_out()
    both = union_all(_where_they_stand(_pending(since)), _where_they_stand(told)).subquery().c
    rows = session.execute(
        select(both.tree_order, func.count(both.premise_id.distinct()), func.min(both.at))
        .group_by(both.tree_order)
        .order_by(both.tree_order)
    )
    return [Place(order=row[0], reporting=row[1], since=row[2]) for row in rows]


def standing_at(session: Session, orders: Sequence[int]) -> dict[int, int]:
    """Open premises at each position of the tree."""
    p, found = t.premise.c, dict[int, int]()
    for start in range(0, len(orders), _AT_ONCE):
        some = p.tree_order.in_(orders[start : start + _AT_ONCE])
        counted = select(p.tree_order, func.count()).where(some, p.closed_at.is_(None))
        found.update((row[0], row[1]) for row in session.execute(counted.group_by(p.tree_order)))
    return found


def inside(session: Session, roots: Iterable[NetworkNode]) -> tuple[list[NetworkNode], list[int]]:
    """Of whole trees: the devices that are no transformers, and where the transformers stand, ascending."""
    n = t.network_node.c
    devices: list[NetworkNode] = []
    orders: list[int] = []
    for root in roots:
        under = n.tree_order.between(root.order, root.last)
        orders += session.scalars(select(n.tree_order).where(under, n.kind == _TRANSFORMER))
        rows = session.execute(select(t.network_node).where(under, n.kind != _TRANSFORMER))
        devices += (
            NetworkNode(
                ref=row.ref, kind=row.kind, name=row.name, parent=row.parent_ref,
                order=row.tree_order, last=row.tree_last,
            )
            for row in rows
        )  # fmt: skip
    return devices, sorted(orders)


def pending(session: Session, *, since: datetime) -> list[tuple[int, int]]:
    """(tree order, number) of each report that points at nothing."""
    r, p = t.report.c, t.premise.c
    rows = session.execute(
        select(p.tree_order, r.id)
        .join(t.premise, p.id == r.premise_id)
        .where(_pending(since), p.tree_order >= 0)
    )
    return [(row[0], row[1]) for row in rows]


def join(session: Session, suspicion: OccasionId, numbers: Sequence[int], *, now: datetime) -> int:
    """Puts those of the reports that still point at nothing to a suspicion; how many."""
    r, done = t.report.c, 0
    for start in range(0, len(numbers), _AT_ONCE):
        some = r.id.in_(numbers[start : start + _AT_ONCE]) & r.occasion_id.is_(None)
        done += _moved(session, suspicion, some, now)
    return done


def hand_over(session: Session, gone: OccasionId, kept: OccasionId, *, now: datetime) -> int:
    """Puts all reports of one occasion to another; how many."""
    return _moved(session, kept, and_(t.report.c.occasion_id == gone, _says_out()), now)


def absorb(
    session: Session, known: Occasion, of: Collection[int], *, since: datetime, now: datetime
) -> int:
    """Puts reports that a known outage explains to it: what points at nothing, and those of suspicions."""
    explained = select(t.premise.c.id).where(scopes.remaining(session, known).covers(t.premise))
    which = or_(_pending(since), and_(t.report.c.occasion_id.in_(list(of)), _says_out()))
    return _moved(session, known.id, and_(which, t.report.c.premise_id.in_(explained)), now)


def evidence(session: Session, of: Collection[int]) -> dict[int, Evidence]:
    """What speaks for each of these occasions."""
    r = t.report.c
    rows = session.execute(
        select(r.occasion_id, func.count(r.premise_id.distinct()), func.count(), func.max(r.at))
        .where(r.occasion_id.in_(list(of)), _says_out())
        .group_by(r.occasion_id)
    )
    return {row[0]: Evidence(premises=row[1], reports=row[2], last_at=row[3]) for row in rows}


def _pending(since: datetime) -> ColumnElement[bool]:
    r = t.report.c
    return and_(r.taken_at.is_(None), r.at >= since, r.occasion_id.is_(None), _says_out())


def _says_out() -> ColumnElement[bool]:
    return t.report.c.meaning == reports.OUT


def _where_they_stand(which: ColumnElement[bool]) -> Select[int, int, datetime]:
    p, r = t.premise.c, t.report.c
    return (
        select(p.tree_order, r.premise_id, r.at)
        .join(t.premise, p.id == r.premise_id)
        .where(which, p.tree_order >= 0, p.closed_at.is_(None))
    )


def _moved(session: Session, to: OccasionId, which: ColumnElement[bool], now: datetime) -> int:
    done = session.execute(
        update(t.report).where(which).values(occasion_id=to, taken_at=now).returning(t.report.c.id)
    )
    return len(done.all())
