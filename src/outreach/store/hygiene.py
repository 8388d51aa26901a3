"""The life-support register as it stands: who is on it, until when, and what became of telling them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select

from outreach.model.words import Channel, LifeSupportState, MessageState, Purpose
from outreach.store import bulk, tables as t
from outreach.store.contactable import is_contactable
from outreach.store.session import Session

_AT_ONCE = 1_000
_LAST = 3
"""So many messages without one delivered, and we reach this person no more."""
_ENDED = (MessageState.DELIVERED, MessageState.UNDELIVERED, MessageState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One account on the register, whether its entry holds or not; never why it is there."""

    account_id: int
    account: str
    customer_id: int
    state: LifeSupportState
    until: date | None
    """Last valid day; None: none was given, or it holds for ever."""
    locality: str
    channels: frozenset[Channel]
    """On which the customer can be written to: with a basis, neither bad nor opted out."""
    is_twice: bool
    """The customer, or a premise, is on the register by another account too."""
    delivered_at: datetime | None
    """The last receipt that said so."""
    comes_back: bool
    """The last messages were all not delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Where somebody can go and whom they can call, still sealed."""

    account_id: int
    street_sealed: bytes | None
    phones_sealed: tuple[bytes, ...]


def entries(session: Session) -> Iterator[Entry]:
    """Every open account on the register, by ref."""
    twice = _twice(session)
    a = t.account.c
    rows = iter(
        session.execute(
            _registered(a.id, a.ref, a.customer_id, a.life_support, a.life_support_until)
            .order_by(func.length(a.ref), a.ref)
        )
    )  # fmt: skip
    while some := list(islice(rows, _AT_ONCE)):
        yield from _entries(session, some, twice)


def states(session: Session) -> list[tuple[LifeSupportState, date | None, int]]:
    """(state, last valid day, accounts): one pass over the index of the register."""
    a = t.account.c
    counted = _registered(a.life_support, a.life_support_until, func.count())
    rows = session.execute(counted.group_by(a.life_support, a.life_support_until))
    return [(LifeSupportState(state), until, count) for state, until, count in rows]


def unreachable(session: Session) -> int:
    """Accounts on the register, of the living, whose customer cannot be written to at all."""
    link = t.customer_contact.c
    has_some = exists().where(
        link.customer_id == t.account.c.customer_id,
        link.contact_point_id == t.contact_point.c.id,
        is_contactable(),
        ~_is_suppressed(),
    )
    living = t.account.c.life_support != LifeSupportState.DECEASED
    found: int = session.execute(_registered(func.count()).where(living, ~has_some)).scalar_one()
    return found


def doors(session: Session, accounts: Collection[int]) -> list[Door]:
    """One for each supply of these accounts; one without a street where there is none."""
    a, p, point = t.account.c, t.premise.c, t.contact_point.c
    calls = point.channel.in_([Channel.SMS, Channel.VOICE])
    phones: dict[int, dict[bytes, bytes]] = defaultdict(dict)
    held = (
        select(a.id, point.address_hash, point.address_sealed)
        .join(t.customer_contact, t.customer_contact.c.customer_id == a.customer_id)
        .join(t.contact_point, point.id == t.customer_contact.c.contact_point_id)
        .where(bulk.among(session, a.id, accounts), calls)
        .order_by(point.id)
    )
    for account, digest, sealed in session.execute(held):
        phones[account].setdefault(digest, sealed)
    streets = (
        select(a.id, p.street_sealed)
        .outerjoin(t.supply, t.supply.c.account_id == a.id)
        .outerjoin(t.premise, and_(p.id == t.supply.c.premise_id, p.closed_at.is_(None)))
        .where(bulk.among(session, a.id, accounts))
        .order_by(a.id, p.id)
    )
    return [
        Door(account_id=account, street_sealed=street, phones_sealed=tuple(phones[account].values()))
        for account, street in session.execute(streets)
    ]  # fmt: skip


def _registered(*columns: Any) -> Select[Any]:
    """Over account; written out, for a partial index is found by its very words."""
    return select(*columns).where(t.account.c.life_support != "", t.account.c.closed_at.is_(None))


def _twice(session: Session) -> tuple[set[int], set[int]]:
    """Customers, and accounts by their premises, that are on the register more than once."""
    a, s = t.account.c, t.supply.c
    customers = _registered(a.customer_id).group_by(a.customer_id).having(func.count() > 1)
    register = _registered(a.id).subquery()
    shared = (
        select(s.premise_id)
        .join(register, register.c.id == s.account_id)
        .join(t.premise, t.premise.c.id == s.premise_id)
        .where(t.premise.c.closed_at.is_(None))
        .group_by(s.premise_id)
        .having(func.count() > 1)
    )
    accounts = select(s.account_id).where(s.premise_id.in_(shared))
    return set(session.scalars(customers)), set(session.scalars(accounts))


def _entries(
    session: Session, rows: Sequence[Any], twice: tuple[set[int], set[int]]
) -> Iterator[Entry]:
    customers = {row.customer_id for row in rows}
    localities = _localities(session, [row.id for row in rows])
    channels, delivered = _channels(session, customers), _delivered(session, customers)
    lost = _lost(session, customers)
    for row in rows:
        yield Entry(
            account_id=row.id,
            account=row.ref,
            customer_id=row.customer_id,
            state=LifeSupportState(row.life_support),
            until=row.life_support_until,
            locality=localities.get(row.id, ""),
            channels=frozenset(channels[row.customer_id]),
            is_twice=row.customer_id in twice[0] or row.id in twice[1],
            delivered_at=delivered.get(row.customer_id),
            comes_back=row.customer_id in lost,
        )


def _localities(session: Session, accounts: Sequence[int]) -> dict[int, str]:
    s, p = t.supply.c, t.premise.c
    asked = (
        select(s.account_id, func.min(p.locality))
        .join(t.premise, p.id == s.premise_id)
        .where(bulk.among(session, s.account_id, accounts), p.closed_at.is_(None))
        .group_by(s.account_id)
    )
    return dict(session.execute(asked).all())


def _channels(session: Session, customers: set[int]) -> dict[int, set[Channel]]:
    held, p = t.customer_contact.c, t.contact_point.c
    asked = (
        select(held.customer_id, p.channel)
        .join(t.contact_point, p.id == held.contact_point_id)
        .where(bulk.among(session, held.customer_id, customers), is_contactable())
        .where(~_is_suppressed())
    )
    found: dict[int, set[Channel]] = defaultdict(set)
    for customer, channel in session.execute(asked):
        found[customer].add(Channel(channel))
    return found


def _is_suppressed() -> ColumnElement[bool]:
    """Over contact_point: opted out of service notices on its channel."""
    s, p = t.suppression.c, t.contact_point.c
    return exists().where(
        s.address_hash == p.address_hash,
        or_(s.channel == "*", s.channel == p.channel),
        or_(s.purpose == "*", s.purpose == Purpose.SERVICE),
    )


def _delivered(session: Session, customers: set[int]) -> dict[int, datetime]:
    m = t.message.c
    asked = (
        select(m.customer_id, func.max(m.delivered_at, type_=m.delivered_at.type))
        .where(bulk.among(session, m.customer_id, customers), m.state == MessageState.DELIVERED)
        .group_by(m.customer_id)
    )
    return {customer: at for customer, at in session.execute(asked) if at is not None}


def _lost(session: Session, customers: set[int]) -> set[int]:
    """Those of whose last messages not one was delivered."""
    m = t.message.c
    place = func.row_number().over(partition_by=m.customer_id, order_by=m.id.desc())
    newest = (
        select(m.customer_id, m.state, place.label("place"))
        .where(bulk.among(session, m.customer_id, customers), m.state.in_(_ENDED))
        .subquery()
    )
    asked = (
        select(newest.c.customer_id)
        .where(newest.c.place <= _LAST)
        .group_by(newest.c.customer_id)
        .having(func.sum(case((newest.c.state == MessageState.DELIVERED, 1), else_=0)) == 0)
    )
    return set(session.scalars(asked))
