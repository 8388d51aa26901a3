"""Who of a run's households called: known by the addresses of its frozen snapshot, and by nothing newer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import select

from outreach.model.deflection import IdentifiedCall
from outreach.store import bulk, points, tables as t
from outreach.store.calls import within
from outreach.store.session import Session

_AT_ONCE = 5_000
"""Addresses that one statement names: their hashes stand in its text, which has an end on SQLite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Which calls are wanted: to these numbers (any, where none is given), in [since, until)."""

    numbers: Sequence[str]
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a run knew of its people when its audience was frozen."""

    waves: Collection[int]
    frozen_at: datetime | None
    """Of its first wave; None while that is still being written: nobody is known yet."""


def identified(session: Session, of: Snapshot, calls: Calls) -> list[IdentifiedCall]:
    """Calls of the households that a run wrote to, in the order of time.

    A caller is known by an address that was written to, or that the record held for the household when
    the first wave was frozen; never by what was loaded later. An address of two households is nobody's.
    """
    if of.frozen_at is None or not of.waves:
        return []
    call = t.call.c
    made = session.execute(
        select(call.call_id, call.at, call.address_hash)
        .where(within(calls.numbers, calls.since, calls.until), call.address_hash.is_not(None))
        .order_by(call.at, call.call_id)
    ).all()
    homes = known(session, of, {row.address_hash for row in made})
    refs = _refs(session, set(homes.values()))
    return [
        IdentifiedCall(household=refs[home], at=row.at, call_id=row.call_id, household_id=home)
        for row in made
        if (home := homes.get(row.address_hash)) is not None
    ]


def known(
    session: Session, of: Snapshot, hashes: Collection[bytes], *, by_record: bool = False
) -> dict[bytes, int]:
    """Hash -> the one household that it stands for, of those written to.

    by_record: of whatever household, and by what the record held alone: told and untold are known alike.
    """
    found: dict[bytes, int] = {}
    for some in _sliced(hashes):
        found |= _known(session, of, some, by_record=by_record)
    return found


def _known(
    session: Session, of: Snapshot, hashes: list[bytes], *, by_record: bool
) -> dict[bytes, int]:
    point = t.contact_point.c
    rows = session.execute(select(point.id, point.address_hash).where(points.at(session, hashes)))
    known_at = {row.id: row.address_hash for row in rows}
    if not known_at:
        return {}
    told = [] if by_record else _written_to(session, of, known_at)
    held = _held(session, of, known_at)
    homes: dict[bytes, set[int]] = {}
    for contact, home in (*told, *held):
        homes.setdefault(known_at[contact], set()).add(home)
    alone = {each: next(iter(some)) for each, some in homes.items() if len(some) == 1}
    if by_record:
        return alone
    in_run = {home for _contact, home in told}
    in_run |= _of_run(session, of, set(alone.values()) - in_run)
    return {each: home for each, home in alone.items() if home in in_run}


def _written_to(
    session: Session, of: Snapshot, points: Mapping[int, bytes]
) -> list[tuple[int, int]]:
    m = t.message.c
    rows = session.execute(
        select(m.contact_point_id, m.household_id).where(
            m.step_run_id.in_(of.waves),
            bulk.among(session, m.contact_point_id, points),
            m.household_id > 0,
        )
    )
    return [(row[0], row[1]) for row in rows]


def _held(session: Session, of: Snapshot, points: Mapping[int, bytes]) -> list[tuple[int, int]]:
    held, person = t.customer_contact.c, t.customer.c
    rows = session.execute(
        select(held.contact_point_id, person.household_id)
        .join(t.customer_contact, held.customer_id == person.id)
        .where(bulk.among(session, held.contact_point_id, points), held.loaded_at <= of.frozen_at)
    )
    return [(row[0], row[1]) for row in rows]


def _of_run(session: Session, of: Snapshot, homes: set[int]) -> set[int]:
    """Which of these were written to on another address; by customer, for the ledger has no index by household."""
    if not homes:
        return set()
    m, person = t.message.c, t.customer.c
    rows = session.execute(
        select(person.id, person.household_id).where(
            bulk.among(session, person.household_id, homes)
        )
    )
    people = {row.id: row.household_id for row in rows}
    if not people:
        return set()
    told = session.scalars(
        select(m.customer_id).where(
            bulk.among(session, m.customer_id, people),
            (m.step_run_id + 0).in_(of.waves),  # not by the wave's index: it holds everybody
        )
    )
    return {people[customer] for customer in told}


def _refs(session: Session, homes: Collection[int]) -> dict[int, str]:
    home = t.household.c
    found: dict[int, str] = {}
    for some in _sliced(homes):
        rows = session.execute(select(home.id, home.ref).where(bulk.among(session, home.id, some)))
        found |= {row.id: row.ref for row in rows}
    return found


def _sliced(values: Iterable[Any]) -> Iterable[list[Any]]:
    waiting = iter(values)
    while part := list(islice(waiting, _AT_ONCE)):
        yield part
