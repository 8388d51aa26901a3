"""A segment as conditions on rows of reach, with the record's own values to check it against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    distinct,
    exists,
    func,
    or_,
    select,
)

from outreach.model.audience import Segment
from outreach.model.record import AffectedCounts
from outreach.model.words import CHANNEL_BITS, OPEN_STATES, PriorityClass
from outreach.store import audience, contactable, headcounts, tables as t
from outreach.store.scopes import Remaining
from outreach.store.session import Session

COLUMNS: dict[str, Column[str]] = {
    "locales": t.customer.c.locale,
    "localities": t.premise.c.locality,
    "customer_types": t.account.c.customer_type,
    "tags": t.customer_tag.c.tag,
}
"""Where the record keeps the values of a condition."""


def condition(
    _session: Session, segment: Segment, reach: FromClause, now: datetime
) -> list[ColumnElement[bool]]:
    """What rows of `reach` (or an alias of it) must fulfil, all of it; empty for everybody.

    Type and class are those of this premise; `not_told_for` counts back from `now`, which for a
    wave is when it was opened: its own messages, and those opened with it, tell nobody before.
    """
    r = reach.c
    found: list[ColumnElement[bool]] = []
    if segment.classes:
        found.append(r.priority.in_(segment.classes))
    if segment.locales:
        found.append(_speaks(r.locale, segment.locales))
    if segment.localities:
        found.append(r.locality.in_(segment.localities))
    if segment.customer_types:
        found.append(_supplied_as(reach, segment.customer_types))
    if segment.tags:
        tag = t.customer_tag.c
        found.append(exists().where(tag.tag.in_(segment.tags), tag.customer_id == r.customer_id))
    if segment.channels:
        bits = sum(CHANNEL_BITS[channel] for channel in set(segment.channels))
        found.append(r.channels.op("&")(bits) != 0)
    if segment.not_told_for is not None:
        found.append(~_told(reach, since=now - segment.not_told_for, before=now))
    return found


def customers(session: Session, scope: Remaining, segment: Segment, *, now: datetime) -> int:
    """Distinct customers of the scope whom the segment takes."""
    r = _rows(session, scope, segment, now).subquery()
    return session.execute(select(func.count(distinct(r.c.customer_id)))).scalar_one()


def counted(
    session: Session, scope: Remaining, segment: Segment, *, now: datetime
) -> AffectedCounts:
    """As `audience.affected`, of those whom the segment takes, and of their premises that it takes."""
    r = _rows(session, scope, segment, now).cte()
    people = _people(session, r)
    by_set: Counter[int] = Counter()
    for row in people:
        by_set[row.channels] += row.customers
    premises, households = session.execute(
        select(func.count(distinct(r.c.premise_id)), func.count(distinct(r.c.household_id)))
    ).one()
    return AffectedCounts(
        premises=premises,
        accounts=_accounts(session, r),
        customers=sum(row.customers for row in people),
        households=households,
        priority_customers=sum(row.customers for row in people if row.valid),
        priority_expired_customers=sum(
            row.customers for row in people if row.lapsed and not row.valid
        ),
        reachable=headcounts.reachable(by_set),
        localities=_localities(session, r),
    )


def messages(
    session: Session, scope: Remaining, segment: Segment, *, now: datetime
) -> dict[str, int]:
    """As `audience.messages`, to those whom the segment takes."""
    r = _rows(session, scope, segment, now).subquery()
    spoken = contactable.chosen(contactable.WRITTEN, r.c.channels, r.c.preferred)
    found = session.execute(
        select(r.c.channel, func.count(distinct(r.c.contact_point_id)))
        .where(r.c.channel == spoken, r.c.channel != "")
        .group_by(r.c.channel)
    )
    return {row[0]: row[1] for row in found}


def _rows(session: Session, scope: Remaining, segment: Segment, now: datetime) -> Select[Any]:
    taken = condition(session, segment, t.reach, now)
    return select(t.reach).where(audience.seen(session, scope), *taken)


def _people(session: Session, r: FromClause) -> Sequence[Any]:
    """Customers by (class A, lapsed, channels)."""
    one = (
        select(
            func.max(case((r.c.priority == PriorityClass.A, 1), else_=0)).label("valid"),
            func.max(case((r.c.expired, 1), else_=0)).label("lapsed"),
            func.max(r.c.channels).label("channels"),
        )
        .group_by(r.c.customer_id)
        .subquery()
    )
    keys = (one.c.valid, one.c.lapsed, one.c.channels)
    return session.execute(select(*keys, func.count().label("customers")).group_by(*keys)).all()


def _accounts(session: Session, r: FromClause) -> int:
    s, a = t.supply.c, t.account.c
    held = select(r.c.premise_id, r.c.customer_id).distinct().subquery()
    return session.execute(
        select(func.count(distinct(a.id)))
        .select_from(held)
        .join(t.supply, s.premise_id == held.c.premise_id)
        .join(t.account, and_(a.id == s.account_id, a.customer_id == held.c.customer_id))
        .where(a.closed_at.is_(None))
    ).scalar_one()


def _localities(session: Session, r: FromClause) -> tuple[str, ...]:
    found = select(r.c.locality, func.count(distinct(r.c.premise_id))).group_by(r.c.locality)
    return headcounts.in_order(dict(session.execute(found).all()))


def _speaks(column: ColumnElement[str], locales: Sequence[str]) -> ColumnElement[bool]:
    """`es` is every Spanish, `es-CL` only that of Chile."""
    return or_(
        *(or_(column == one, column.startswith(f"{one}-", autoescape=True)) for one in locales)
    )


def _supplied_as(reach: FromClause, customer_types: Sequence[str]) -> ColumnElement[bool]:
    s, a = t.supply.c, t.account.c
    return exists().where(
        s.premise_id == reach.c.premise_id,
        a.id == s.account_id,
        a.customer_id == reach.c.customer_id,
        a.customer_type.in_(customer_types),
        a.closed_at.is_(None),
    )


def _told(reach: FromClause, *, since: datetime, before: datetime) -> ColumnElement[bool]:
    """Whether this customer, or whoever shares the address, was written to since then or may yet be.

    A couple with one telephone is one message, and the ledger names only one of the two.
    """
    m, w, held = t.message.c, t.step_run.c, t.customer_contact.c
    lately = (
        w.id == m.step_run_id,
        w.created_at < before,
        or_(m.accepted_at >= since, m.state.in_(OPEN_STATES)),
    )
    by_person = exists().where(m.customer_id == reach.c.customer_id, *lately)
    by_address = exists().where(
        held.contact_point_id == reach.c.contact_point_id,
        m.customer_id == held.customer_id,
        m.contact_point_id == reach.c.contact_point_id,
        *lately,
    )
    return or_(by_person, by_address)


def knows(session: Session, name: str, value: str) -> bool:
    """Whether the record has this value; `name` is a key of COLUMNS. `es` is known by `es-CL`."""
    column = COLUMNS[name]
    same = _speaks(column, (value,)) if name == "locales" else column == value
    return session.execute(select(column).where(same, *_open(column)).limit(1)).first() is not None


def values(session: Session, name: str) -> list[str]:
    """Every value the record has, in order; reads a whole table, so only where one is unknown."""
    column = COLUMNS[name]
    return sorted(session.scalars(select(column).where(column != "", *_open(column)).distinct()))


def _open(column: Column[str]) -> list[ColumnElement[bool]]:
    """Of what is not closed; tags have no such mark."""
    table = column.table
    return [table.c.closed_at.is_(None)] if "closed_at" in table.c else []
