"""The customers of a scope one by one: on which channels they are reached, and where letters go."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from outreach.model.audience import Segment
from outreach.model.words import CHANNEL_BITS, Channel, PriorityClass
from outreach.store import audience, segments, tables as t
from outreach.store.scopes import Remaining
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """One customer of a scope; `channels`: those on which they can be written to."""

    ref: str
    locality: str
    priority: PriorityClass
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Where a letter to a customer goes, still sealed; one for each supply."""

    ref: str
    name_sealed: bytes
    street_sealed: bytes
    locality: str


def affected(
    session: Session, scope: Remaining, segment: Segment, *, now: datetime
) -> Iterator[Affected]:
    """Every customer of the scope whom the segment takes, class A first, then by ref."""
    r = t.reach.c
    least = func.min(r.priority)
    taken = segments.condition(session, segment, t.reach, now)
    found = session.execute(
        select(t.customer.c.ref, func.min(r.locality), least, func.max(r.channels))
        .join(t.customer, t.customer.c.id == r.customer_id)
        .where(audience.seen(session, scope), *taken)
        .group_by(t.customer.c.id, t.customer.c.ref)
        .order_by(least, t.customer.c.ref)
    )
    for ref, locality, priority, channels in found:
        yield Affected(
            ref=ref,
            locality=locality,
            priority=PriorityClass(priority),
            channels=tuple(one for one, bit in CHANNEL_BITS.items() if channels & bit),
        )


def ref_of(session: Session, customer: int) -> str:
    """How the record names a customer; empty if there is none of this number."""
    asked = select(t.customer.c.ref).where(t.customer.c.id == customer)
    return session.execute(asked).scalar() or ""


def letters(session: Session, scope: Remaining, refs: Collection[str]) -> list[Letter]:
    """Name and street, sealed, of the affected supplies of these customers."""
    wanted = set(refs)
    r = t.reach.c
    at = select(r.premise_id, r.customer_id).where(audience.seen(session, scope))
    supplied = at.distinct().subquery()
    rows = (
        select(
            t.customer.c.ref,
            t.customer.c.name_sealed,
            t.premise.c.street_sealed,
            t.premise.c.locality,
        )
        .join(supplied, supplied.c.customer_id == t.customer.c.id)
        .join(t.premise, t.premise.c.id == supplied.c.premise_id)
        .order_by(t.customer.c.ref, t.premise.c.id)
    )
    found = [
        Letter(
            ref=row.ref,
            name_sealed=row.name_sealed,
            street_sealed=row.street_sealed,
            locality=row.locality,
        )
        for row in session.execute(rows)
        if row.ref in wanted
    ]
    return list(dict.fromkeys(found))
