"""The customers of a scope one by one: on which channels they are reached, and where letters go."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import BindParameter, Select, bindparam, func, select

from outreach.model.occasion import Scope
from outreach.model.words import CHANNEL_BITS, Channel, PriorityClass
from outreach.store import scopes, tables as t
from outreach.store.audience import affected_accounts
from outreach.store.scopes import Part, Remaining
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed(Remaining):
    """A scope that belongs to no occasion; `refs` are its premises, named one by one."""

    refs: tuple[str, ...] = ()

    def _named(self, *, restored: bool) -> Select[tuple[int]]:
        # Written into the statement: thousands of parameters are more than a database takes.
        named: BindParameter[str] = bindparam(
            "refs", self.refs, expanding=True, literal_execute=True
        )
        return select(t.premise.c.id).where(t.premise.c.ref.in_(named))


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


def typed_scope(session: Session, scope: Scope) -> Typed:
    """A scope as typed, resolved against today's network."""
    return Typed(
        occasion=0,
        version=0,
        out=scopes.resolve(session, scope),
        back=Part(),
        refs=scope.premises,
    )


def affected(session: Session, scope: Remaining) -> Iterator[Affected]:
    """Every customer of the scope, class A first, then by ref."""
    rows = affected_accounts(scope).add_columns(t.premise.c.locality).subquery()
    bits = (
        select(t.reach.c.customer_id, func.max(t.reach.c.channels).label("channels"))
        .where(scope.covers(t.reach))
        .group_by(t.reach.c.customer_id)
        .subquery()
    )
    least = func.min(rows.c.priority)
    found = session.execute(
        select(t.customer.c.ref, func.min(rows.c.locality), least, func.max(bits.c.channels))
        .join(rows, rows.c.customer_id == t.customer.c.id)
        .outerjoin(bits, bits.c.customer_id == t.customer.c.id)
        .group_by(t.customer.c.id, t.customer.c.ref)
        .order_by(least, t.customer.c.ref)
    )
    for ref, locality, priority, channels in found:
        yield Affected(
            ref=ref,
            locality=locality,
            priority=PriorityClass(priority),
            channels=tuple(one for one, bit in CHANNEL_BITS.items() if (channels or 0) & bit),
        )


def letters(session: Session, scope: Remaining, refs: Collection[str]) -> list[Letter]:
    """Name and street, sealed, of the affected supplies of these customers."""
    wanted = set(refs)
    rows = (
        affected_accounts(scope)
        .add_columns(
            t.customer.c.ref,
            t.customer.c.name_sealed,
            t.premise.c.street_sealed,
            t.premise.c.locality,
        )
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
