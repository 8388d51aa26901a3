"""Who reports: premises by number, account or telephone, where they stand, and whether they are known to be out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, update

from outreach.model.occasion import Occasion
from outreach.model.record import NetworkNode
from outreach.store import occasions, points, reports, scopes, tables as t
from outreach.store.ivr import SHARED_BY_MANY
from outreach.store.scopes import Remaining
from outreach.store.session import Session

_AT_ONCE = 500
_DEEPEST = 50
Key = str | bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """A premise that somebody spoke of."""

    premise: str
    order: int
    """Tree order where it stands; -1 off the network."""


Found = dict[Key, list[Supply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A report that we keep and that is not part of what is known."""

    id: int
    premise: str
    at: datetime


def by_premise(session: Session, refs: Sequence[str]) -> Found:
    """Open premises of these refs."""
    p = t.premise.c
    return _found(session, refs, lambda some: _premises(p.ref).where(p.ref.in_(some)))


def by_account(session: Session, refs: Sequence[str]) -> Found:
    """Open premises that these accounts hold or occupy."""
    a = t.account.c
    return _found(session, refs, lambda some: _supplied(a.ref).where(a.ref.in_(some)))


def by_address(session: Session, hashes: Sequence[bytes]) -> Found:
    """Open premises of who can be reached there; an address of many customers names nobody."""
    held, point = t.customer_contact, t.contact_point

    def chosen(some: Sequence[Key]) -> Select[Any, str, int]:
        return (
            _supplied(point.c.address_hash)
            .join(held, held.c.customer_id == t.account.c.customer_id)
            .join(point, point.c.id == held.c.contact_point_id)
            .where(
                points.at(session, cast("Sequence[bytes]", some)),
                point.c.customers <= SHARED_BY_MANY,
            )
        )

    return _found(session, hashes, chosen)


def out_of(session: Session, occasion: Occasion, premises: Sequence[str]) -> set[str]:
    """Those of the premises that the occasion's newest scope names, restored or not."""
    whole = scopes.whole(session, occasion, occasion.revision)
    return _inside(session, premises, whole.covers(t.premise))


def is_inside(session: Session, premise: str, scope: Remaining) -> bool:
    """Whether a scope holds this premise."""
    return bool(_inside(session, [premise], scope.covers(t.premise)))


def still_out(session: Session, occasion: Occasion, premises: Sequence[str]) -> set[str]:
    """Those that this occasion, or an open one that came out of it, says to be out."""
    known = [occasion, *occasions.nested_in(session, occasion.id)]
    found: set[str] = set()
    for each in known:
        if each.revision.state.is_open:
            inside = scopes.remaining(session, each).covers(t.premise)
            found |= _inside(session, premises, inside)
    return found


def held(session: Session, occasion: Occasion, *, since: datetime) -> list[Held]:
    """Who said after `since` to be out in the newest scope of this outage, and nothing explains it; oldest first.

    What waits, what points at nothing known, and what only a suspicion holds; nobody's who said later that it is back.
    """
    r, p = t.report.c, t.premise.c
    back = t.report.alias("said_back")
    took_back = exists().where(
        back.c.premise_id == r.premise_id, back.c.meaning == reports.FINE, back.c.at > r.at
    )
    waits = r.taken_at.is_(None) & or_(r.occasion_id.is_(None), r.occasion_id == occasion.id)
    only_suspected = r.occasion_id.in_([each.id for each in occasions.suspected(session)])
    whole = scopes.whole(session, occasion, occasion.revision)
    named = select(p.id).where(whole.covers(t.premise), p.closed_at.is_(None))
    rows = session.execute(
        select(r.id, p.ref, r.at)
        .join(t.premise, p.id == r.premise_id)
        .where(
            and_(r.meaning == reports.OUT, r.at > since, or_(waits, only_suspected)),
            r.premise_id.in_(named),
            ~took_back,
        )
        .order_by(r.at, r.id)
    )
    return [Held(id=row.id, premise=row.ref, at=row.at) for row in rows]


def put_to(session: Session, occasion: Occasion, numbers: Collection[int], *, now: datetime) -> int:
    """Makes reports part of what is known of this outage, but those that a suspicion holds; how many."""
    r, done, listed = t.report.c, 0, sorted(numbers)
    for start in range(0, len(listed), _AT_ONCE):
        some = r.id.in_(listed[start : start + _AT_ONCE]) & r.taken_at.is_(None)
        moved = update(t.report).where(some).values(occasion_id=occasion.id, taken_at=now)
        done += len(session.execute(moved.returning(r.id)).all())
    return done


def feeding(session: Session, orders: Iterable[int]) -> list[NetworkNode]:
    """The nodes that stand at these tree orders, and all that feed them."""
    node = t.network_node.c
    found = _nodes(session, node.tree_order, sorted(set(orders)))
    wanted = {each.parent for each in found.values() if each.parent} - found.keys()
    for _level in range(_DEEPEST):
        if not wanted:
            break
        above = _nodes(session, node.ref, sorted(wanted))
        found |= above
        wanted = {each.parent for each in above.values() if each.parent} - found.keys()
    return list(found.values())


def _premises(key: ColumnElement[Key]) -> Select[Any, str, int]:
    p = t.premise.c
    return select(key, p.ref, p.tree_order).select_from(t.premise).where(p.closed_at.is_(None))


def _supplied(key: ColumnElement[Key]) -> Select[Any, str, int]:
    supply, account = t.supply, t.account
    return (
        _premises(key)
        .join(supply, supply.c.premise_id == t.premise.c.id)
        .join(account, account.c.id == supply.c.account_id)
        .where(account.c.closed_at.is_(None))
    )


def _found(
    session: Session,
    keys: Sequence[Key],
    chosen: Callable[[Sequence[Key]], Select[Any, str, int]],
) -> Found:
    found: Found = {}
    for start in range(0, len(keys), _AT_ONCE):
        for key, premise, order in session.execute(chosen(keys[start : start + _AT_ONCE])):
            found.setdefault(key, []).append(Supply(premise=premise, order=order))
    return found


def _inside(session: Session, premises: Sequence[str], inside: ColumnElement[bool]) -> set[str]:
    p, found = t.premise.c, set[str]()
    for start in range(0, len(premises), _AT_ONCE):
        some = p.ref.in_(premises[start : start + _AT_ONCE])
        found.update(session.scalars(select(p.ref).where(some, inside)))
    return found


def _nodes(
    session: Session, column: ColumnElement[int] | ColumnElement[str], values: Sequence[int | str]
) -> dict[str, NetworkNode]:
    found: dict[str, NetworkNode] = {}
    for start in range(0, len(values), _AT_ONCE):
        some = select(t.network_node).where(column.in_(values[start : start + _AT_ONCE]))
        for row in session.execute(some):
            found[row.ref] = NetworkNode(
                ref=row.ref, kind=row.kind, name=row.name, parent=row.parent_ref,
                order=row.tree_order, last=row.tree_last,
            )  # fmt: skip
    return found
