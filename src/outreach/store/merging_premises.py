"""What merging premises asks and writes: where they stand, and which accounts are supplied there."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Date,
    bindparam,
    case,
    delete,
    select,
    update,
)

from outreach.model.words import LifeSupportState
from outreach.store import bulk, tables as t
from outreach.store.bulk import Tuples
from outreach.store.session import Session

PREMISE_NAMES = (
    "id", "ref", "transformer", "tree_order", "locality", "postal_code", "street_sealed",
    "latitude", "longitude", "zone", "closed_at", "holder", "occupant", "updated_on", "source_id",
    "source_record", "source_hash", "loaded_at",
)  # fmt: skip
NOT_ON_THE_NETWORK = -1


class KnownPremise(NamedTuple):
    """A premise of the record, as merging finds it."""

    id: int
    tree_order: int
    holder: str
    occupant: str
    locality: str
    closed_at: datetime | None


class Wanted(NamedTuple):
    """A supply that waits for its account."""

    account_ref: str
    premise_id: int
    role: str


class StagedPremise(NamedTuple):
    """A premise on its way into the record."""

    ref: str
    record: int
    day: date | None
    source_hash: int
    holder: str
    occupant: str
    transformer: str
    locality: str
    postal_code: str
    street_sealed: bytes
    latitude: float | None
    longitude: float | None
    zone: str


def staged_premises(session: Session, *, since: str, limit: int) -> list[StagedPremise]:
    """The next staged premises by ref, from `since` on."""
    stage = t.stage_premise
    columns = [stage.c[name] for name in StagedPremise._fields]
    found = select(*columns).where(stage.c.ref >= since).order_by(stage.c.ref)
    return list(map(StagedPremise._make, session.execute(found.limit(limit)).all()))


def forget_staged(session: Session, *, until: str) -> None:
    """Forgets the premises that were merged: all up to this ref."""
    session.execute(delete(t.stage_premise).where(t.stage_premise.c.ref <= until))


def premises(session: Session, refs: Collection[str]) -> dict[str, KnownPremise]:
    """ref -> premise, closed ones too."""
    c = t.premise.c
    columns = [c[name] for name in KnownPremise._fields]
    found = session.execute(select(c.ref, *columns).where(bulk.among(session, c.ref, refs)))
    return {ref: KnownPremise(*values) for ref, *values in found.all()}


def places(session: Session, ids: Collection[int]) -> list[tuple[int, int]]:
    """(premise, tree order) of these premises."""
    c = t.premise.c
    return _pairs(session, select(c.id, c.tree_order).where(bulk.among(session, c.id, ids)))


def open_accounts(session: Session, refs: Collection[str]) -> dict[str, int]:
    """ref -> id of those that are open."""
    c = t.account.c
    found = select(c.ref, c.id).where(bulk.among(session, c.ref, refs), c.closed_at.is_(None))
    return dict(session.execute(found).all())


def places_of(session: Session, accounts: Collection[int]) -> list[tuple[int, int]]:
    """(premise, tree order) wherever these accounts are supplied."""
    if not accounts:
        return []
    found = (
        select(t.premise.c.id, t.premise.c.tree_order)
        .join(t.supply, t.supply.c.premise_id == t.premise.c.id)
        .where(bulk.among(session, t.supply.c.account_id, accounts))
    )
    return _pairs(session, found.distinct())


def customers_at(session: Session, premises: Collection[int]) -> set[int]:
    """Customers who are supplied at one of these premises."""
    found = (
        select(t.account.c.customer_id)
        .join(t.supply, t.supply.c.account_id == t.account.c.id)
        .where(bulk.among(session, t.supply.c.premise_id, premises))
    )
    return set(session.scalars(found.distinct()))


def save_premises(session: Session, *, new: Tuples, known: Tuples) -> None:
    """Rows in the order of PREMISE_NAMES."""
    bulk.insert(session, t.premise, PREMISE_NAMES, new)
    bulk.update(session, t.premise, PREMISE_NAMES, known)


def close_premises(session: Session, ids: Collection[int], *, now: datetime) -> None:
    """Closes premises; nobody is supplied there any more, nor waits to be."""
    rows = [(id_, now, now) for id_ in ids]
    bulk.update(session, t.premise, ("id", "closed_at", "loaded_at"), rows)
    drop_supplies(session, ids)


def drop_supplies(session: Session, premises: Collection[int]) -> None:
    bulk.remove(session, t.supply.c.premise_id, premises)
    bulk.remove(session, t.supply_wanted.c.premise_id, premises)


def supply(session: Session, rows: Tuples) -> None:
    """Rows of premise, account, role."""
    bulk.insert(session, t.supply, ("premise_id", "account_id", "role"), rows)


def want(session: Session, rows: Tuples) -> None:
    """Rows of account ref, premise, role: linked on the day the account comes."""
    bulk.insert(session, t.supply_wanted, Wanted._fields, rows)


def wanted(session: Session, refs: Collection[str]) -> list[Wanted]:
    """Supplies that wait for one of these accounts; they wait no more."""
    c = t.supply_wanted.c
    found = [
        Wanted(*row)
        for row in session.execute(
            select(t.supply_wanted).where(bulk.among(session, c.account_ref, refs))
        )
    ]
    if found:
        bulk.remove(session, c.account_ref, {row.account_ref for row in found})
    return found


def let_wait(session: Session, accounts: Collection[int]) -> None:
    """The supplies of these accounts wait for their return: a closed account supplies nobody."""
    s = t.supply.c
    rows = session.execute(
        select(t.account.c.ref, s.premise_id, s.role)
        .join(t.account, t.account.c.id == s.account_id)
        .where(bulk.among(session, s.account_id, accounts))
    )
    want(session, [tuple(row) for row in rows])
    bulk.remove(session, s.account_id, accounts)


def touch_premises(session: Session, pairs: Iterable[tuple[int, int]]) -> None:
    """Notes that reach of these has to be looked at: (premise, where it stands or stood)."""
    key = ("premise_id", "tree_order")
    bulk.upsert(session, t.touched_premise, key, sorted(set(pairs)), key=key)


def localities(session: Session) -> list[str]:
    """Every spelling of a locality in the record."""
    c = t.premise.c
    found = select(c.locality).where(c.closed_at.is_(None), c.locality != "")
    return list(session.scalars(found.distinct()))


def respell(session: Session, old: str, new: str, *, limit: int) -> int:
    """Gives premises of one spelling the other one; how many, at most `limit` at a time."""
    c = t.premise.c
    found = select(c.id, c.tree_order).where(c.locality == old, c.closed_at.is_(None))
    pairs = _pairs(session, found.limit(limit))
    bulk.update(session, t.premise, ("id", "locality"), [(id_, new) for id_, _order in pairs])
    touch_premises(session, pairs)
    return len(pairs)


def aged(session: Session, *, today: date, limit: int) -> list[tuple[int, int]]:
    """(account, customer) of entries of the register that are no more what they were, re-classed."""
    c, state = t.account.c, _state(today)
    pairs = _pairs(session, select(c.id, c.customer_id).where(*_aging(today)).limit(limit))
    is_valid = state == LifeSupportState.VALID.value
    if pairs:
        session.execute(
            update(t.account)
            .where(bulk.among(session, c.id, [id_ for id_, _customer in pairs]))
            .values(
                life_support=state,
                priority=case((is_valid, "A"), else_=c.base_priority),
                priority_expired=case((is_valid, False), else_=True),
            )
        )
    return pairs


def _aging(today: date) -> tuple[ColumnElement[bool], ...]:
    c = t.account.c
    dated = (LifeSupportState.VALID, LifeSupportState.EXPIRED, LifeSupportState.FUTURE_DATE)
    # The first condition is that of the index: it is small, and accounts are millions.
    return c.life_support != "", c.life_support.in_(dated), c.life_support != _state(today)


def _state(today: date) -> ColumnElement[str]:
    """What a dated entry is worth on this day."""
    c, day = t.account.c, bindparam("today", today, type_=Date)
    return case(
        (c.life_support_on > day, LifeSupportState.FUTURE_DATE.value),
        (c.life_support_until < day, LifeSupportState.EXPIRED.value),
        else_=LifeSupportState.VALID.value,
    )


def _pairs(session: Session, found: Any) -> list[tuple[int, int]]:
    return [(one, other) for one, other in session.execute(found)]
