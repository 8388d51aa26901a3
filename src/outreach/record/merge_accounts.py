"""Merges staged accounts into the record, a slice at a time: each one transaction that can be repeated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from outreach.record import bodies
from outreach.record.derive import Derived, derive, opened
from outreach.record.people import Held
from outreach.record.terms import Terms
from outreach.store import bulk, merging, merging_premises as supplies, tables as t
from outreach.store.merging import KnownAccount, StagedAccount
from outreach.store.session import Session

SLICE = 2_000
"""At most; see `merging.Pace`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one slice did, and where the next begins; None: there is nothing left."""

    rows: int
    next: str | None
    closed: int = 0
    """Customers without any account left."""


def merge_staged(session: Session, since: str, limit: int, *, terms: Terms) -> Step:
    """Merges the next slice of staged accounts, and derives their customers anew."""
    staged = merging.staged_accounts(session, since=since, limit=limit)
    if not staged:
        return Step(rows=0, next=None)
    refs = [row.ref for row in staged]
    known = merging.accounts(session, refs)
    ids = _customer_ids(session, [row.customer_key for row in staged])
    moved = {
        known[row.ref]: ids.at[row.customer_key]
        for row in staged
        if row.ref in known and known[row.ref].customer_id != ids.at[row.customer_key]
    }
    left = {one.customer_id for one in moved}
    held = _held(session, terms, staged, ids, left)
    places = supplies.places_of(session, [one.id for one in moved])
    derived = derive(session, terms, held, new=ids.new)
    derived.touched |= {*left, *moved.values()}
    _save(session, terms, staged, known, ids, derived)
    supplies.touch_premises(session, places)
    merging.forget_staged(session, until=staged[-1].ref)
    return Step(rows=len(staged), next=staged[-1].ref, closed=derived.closed)


def close_gone(session: Session, _since: str, limit: int, *, terms: Terms) -> Step:
    """Closes the next slice of accounts that are gone, and derives their customers anew."""
    ids = merging.gone(session, "account", limit=limit)
    if not ids:
        return Step(rows=0, next=None)
    customers = {one.customer_id for one in merging.accounts_by_id(session, ids)}
    supplies.touch_premises(session, supplies.places_of(session, ids))
    supplies.let_wait(session, ids)
    merging.close_accounts(session, ids, now=terms.now)
    derived = derive(session, terms, opened(session, terms, customers), new={})
    derived.touched |= customers
    derived.write(session)
    merging.forget_gone(session, "account", ids)
    return Step(rows=len(ids), next="", closed=derived.closed)


@dataclass(frozen=True, slots=True)
class _CustomerIds:
    at: dict[str, int]
    """customer key -> id."""
    new: dict[int, str]
    """id -> ref of those that are made by this slice."""


def _customer_ids(session: Session, keys: Iterable[str]) -> _CustomerIds:
    wanted = list(dict.fromkeys(keys))
    known = merging.customers_by_ref(session, wanted)
    fresh = [key for key in wanted if key not in known]
    made = dict(zip(fresh, bulk.new_ids(session, t.customer, len(fresh)), strict=True))
    return _CustomerIds(at=known | made, new={id_: key for key, id_ in made.items()})


def _held(
    session: Session, terms: Terms, staged: list[StagedAccount], ids: _CustomerIds, left: set[int]
) -> dict[int, list[Held]]:
    """The accounts of everybody whom this slice changes, as they will be after it."""
    old = (set(ids.at.values()) | left) - ids.new.keys()
    held = opened(session, terms, old, but={row.ref for row in staged})
    for row in staged:
        body = bodies.unseal(terms.keyring, row.body_sealed)
        own = held.setdefault(ids.at[row.customer_key], [])
        own.append(Held(row.ref, row.day, body))
    return held


def _save(
    session: Session,
    terms: Terms,
    staged: list[StagedAccount],
    known: dict[str, KnownAccount],
    ids: _CustomerIds,
    derived: Derived,
) -> None:
    """Customers stand before their accounts, accounts before their supplies."""
    derived.write_people(session)
    fresh = [row for row in staged if row.ref not in known]
    numbers = bulk.new_ids(session, t.account, len(fresh))
    made = {row.ref: number for row, number in zip(fresh, numbers, strict=True)}
    merging.save_accounts(
        session,
        new=[_account(row, made[row.ref], ids, terms) for row in fresh],
        known=[_account(row, known[row.ref].id, ids, terms) for row in staged if row.ref in known],
    )
    came = made | {ref: one.id for ref, one in known.items() if one.closed_at is not None}
    # A household is called after its lowest account: who gains one is looked at, however alike.
    derived.touched |= {ids.at[row.customer_key] for row in staged if row.ref in came}
    derived.write_contacts(session)
    _supply_those_waiting(session, came)


def _supply_those_waiting(session: Session, came: dict[str, int]) -> None:
    waiting = supplies.wanted(session, came.keys()) if came else []
    if waiting:
        rows = [(one.premise_id, came[one.account_ref], one.role) for one in waiting]
        supplies.supply(session, rows)
        touched = supplies.places(session, {one.premise_id for one in waiting})
        supplies.touch_premises(session, touched)


def _account(row: StagedAccount, id_: int, ids: _CustomerIds, terms: Terms) -> tuple[Any, ...]:
    return (
        id_,
        row.ref,
        ids.at[row.customer_key],
        row.customer_type,
        row.priority,
        row.priority_expired,
        row.base_priority,
        row.life_support,
        row.life_support_on,
        row.life_support_until,
        row.day,
        None,
        terms.sources.get("account"),
        row.record,
        row.source_hash,
        terms.now,
        row.body_sealed,
    )
