"""Slots of a run as the ledger shows them, and the calls of the households in its snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, not_, select

from outreach.model.deflection import IdentifiedCall, Slot
from outreach.model.occasion import OccasionId, Revision
from outreach.model.words import Channel, MessageState
from outreach.store import generations, occasions, scopes, tables as t
from outreach.store.calls import within
from outreach.store.session import Session

_REACHED = (MessageState.DELIVERED,)
_MISSED = (MessageState.UNDELIVERED, MessageState.FAILED)
_PERSONAL = (Channel.SMS, Channel.VOICE, Channel.EMAIL)
"""Channels that reach a household, the first of which names the household's stratum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """When a run's randomness was fixed, and for which outage."""

    occasion: OccasionId
    seed: bytes
    seed_hash: str
    launched_at: datetime
    outage_start: datetime
    frozen_at: datetime | None
    """Of its first wave; None while that is still being written."""


def launch(session: Session, run: int) -> Launch:
    """The facts of a run that its measurement stands on."""
    row = session.execute(select(t.run).where(t.run.c.id == run)).mappings().one()
    frozen = select(func.min(t.step_run.c.frozen_at)).where(t.step_run.c.run_id == run)
    occasion = occasions.get(session, OccasionId(row["occasion_id"]))
    return Launch(
        occasion=occasion.id,
        seed=row["seed"],
        seed_hash=row["seed_hash"],
        launched_at=row["launched_at"],
        outage_start=occasion.revision.start_at,
        frozen_at=session.execute(frozen).scalar(),
    )


def slots(session: Session, run: int, *, now: datetime) -> list[Slot]:
    """One slot per household and wave, in the order of release.

    A household's slot is the earliest of its messages; it is delivered if any of them was, and
    undelivered if all are known to have failed. Risk ends with its restoration, with the revision
    that overtook the wave, or now. Households whose addresses had all opted out are in no arm.
    """
    restored = _restored(session, launch(session, run).occasion)
    found = [
        _slot(list(rows), restored, now)
        for _key, rows in groupby(session.execute(_messages(run)), key=_household_of_wave)
    ]
    ordered = sorted(found, key=lambda slot: (slot.slot_at is None, slot.slot_at or now))
    return [replace(slot, order=number) for number, slot in enumerate(ordered, start=1)]


def identified_calls(
    session: Session, run: int, *, numbers: Sequence[str], since: datetime, until: datetime
) -> list[IdentifiedCall]:
    """Calls to these numbers (any, where none is given) from households of the run's snapshot.

    Only contacts that the record held when the first wave was frozen identify a caller; an
    address of two households identifies none.
    """
    frozen_at = launch(session, run).frozen_at
    if frozen_at is None:
        return []
    found = session.execute(_callers(run, frozen_at, within(numbers, since, until)))
    return [IdentifiedCall(household=row.household, at=row.at) for row in found]


def _callers(run: int, frozen_at: datetime, wanted: ColumnElement[bool]) -> Select[Any]:
    held, point, person = t.customer_contact, t.contact_point, t.customer
    household = func.min(person.c.household_id)
    calling = (
        select(t.call.c.call_id, t.call.c.at, household.label("household_id"))
        .join(point, point.c.address_hash == t.call.c.address_hash)
        .join(held, held.c.contact_point_id == point.c.id)
        .join(person, person.c.id == held.c.customer_id)
        .where(wanted, held.c.loaded_at <= frozen_at)
        .group_by(t.call.c.call_id, t.call.c.at)
        .having(func.count(person.c.household_id.distinct()) == 1)
        .subquery()
    )
    spoken_to = (
        select(t.message.c.household_id)
        .join(t.step_run, t.step_run.c.id == t.message.c.step_run_id)
        .where(t.step_run.c.run_id == run)
    )
    return (
        select(t.household.c.ref.label("household"), calling.c.at)
        .join(calling, calling.c.household_id == t.household.c.id)
        .where(t.household.c.id.in_(spoken_to))
        .order_by(calling.c.at, calling.c.call_id)
    )


def _messages(run: int) -> Select[Any]:
    """Messages of a run, summed up per (wave, household, class, pool, zone)."""
    m, wave = t.message, t.step_run
    keys = (m.c.step_run_id, m.c.household_id, m.c.priority, m.c.channel, m.c.pool, m.c.zone)
    opted_out = (m.c.state == MessageState.SUPPRESSED) & m.c.slot_at.is_(None)
    return (
        select(
            *keys,
            t.household.c.ref,
            wave.c.step,
            wave.c.version,
            wave.c.wave,
            wave.c.superseded_at,
            func.min(m.c.slot_at).label("slot_at"),
            func.min(m.c.delivered_at).label("delivered_at"),
            func.sum(case((m.c.state.in_(_REACHED), 1), else_=0)).label("reached"),
            func.sum(case((m.c.state.in_(_MISSED), 0), else_=1)).label("not_missed"),
        )
        .join(wave, wave.c.id == m.c.step_run_id)
        .join(t.household, t.household.c.id == m.c.household_id)
        .where(wave.c.run_id == run, m.c.channel.in_(_PERSONAL), not_(opted_out))
        .group_by(
            *keys,
            t.household.c.ref,
            wave.c.step,
            wave.c.version,
            wave.c.wave,
            wave.c.superseded_at,
        )
        .order_by(m.c.step_run_id, m.c.household_id)
    )


def _household_of_wave(row: Any) -> tuple[int, int]:
    return row.step_run_id, row.household_id


def _slot(rows: list[Any], restored: dict[int, datetime], now: datetime) -> Slot:
    first = min(rows, key=lambda row: (row.priority, _PERSONAL.index(Channel(row.channel))))
    again = f".{first.wave}" if first.wave > 1 else ""
    ends = (restored.get(first.household_id), first.superseded_at, now)
    return Slot(
        household=first.ref,
        priority=first.priority,
        channel=first.channel,
        wave=f"{first.step}@{first.version}{again}",
        order=0,
        slot_at=_earliest(row.slot_at for row in rows),
        delivered=_delivered(rows),
        receipt_at=_earliest(row.delivered_at for row in rows),
        until=min(end for end in ends if end is not None),
        queue=" ".join(sorted(f"{row.priority}/{row.pool}/{row.zone}" for row in rows)),
    )


def _delivered(rows: list[Any]) -> bool | None:
    if any(row.reached for row in rows):
        return True
    return None if any(row.not_missed for row in rows) else False


def _earliest(instants: Iterable[datetime | None]) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)


def _restored(session: Session, occasion: OccasionId) -> dict[int, datetime]:
    """Household id -> when the last of its affected premises came back; absent: still out."""
    back: dict[int, datetime] = {}
    before: set[int] = set()
    for revision in _changes(occasions.history(session, occasion)):
        out = _households_out(session, occasion, revision)
        at = revision.restored_at or revision.recorded_at
        back.update(dict.fromkeys(before - out, at))
        for household in out & back.keys():
            del back[household]
        before = out
    return back


def _changes(history: Iterable[Revision]) -> Iterator[Revision]:
    """Revisions that changed who is out; a new estimate alone does not."""
    seen = None
    for revision in history:
        if (extent := (revision.scope, revision.restored, revision.state.is_open)) != seen:
            yield revision
        seen = extent


def _households_out(session: Session, occasion: OccasionId, revision: Revision) -> set[int]:
    now_known = occasions.get(session, occasion)
    left = scopes.remaining(session, now_known, revision)
    seen = generations.visible(t.reach, generations.current(session))
    wanted = select(t.reach.c.household_id).where(left.covers(t.reach), seen).distinct()
    return set(session.scalars(wanted))
