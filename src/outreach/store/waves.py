"""Slots of a run as the ledger shows them, and the calls of the households in its snapshot."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    case,
    extract,
    func,
    not_,
    select,
    true,
    type_coerce,
)

from outreach.model import order
from outreach.model.deflection import Batch, Slot
from outreach.model.occasion import OccasionId
from outreach.model.words import Channel, MessageState
from outreach.store import bulk, occasions, ranks, risk, tables as t
from outreach.store.risk import Restorations
from outreach.store.session import Session
from outreach.store.withheld import TAIL

REACHED = (MessageState.DELIVERED,)
MISSED = (MessageState.UNDELIVERED, MessageState.FAILED)
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


def names(session: Session, run: int) -> dict[str, int]:
    """Wave as in a slot (`opened@1`, `opened@1.2` for the same again) -> its row."""
    rows = session.execute(select(t.step_run).where(t.step_run.c.run_id == run))
    return {_name(row): row.id for row in rows}


def _name(wave: Any) -> str:
    again = f".{wave.wave}" if wave.wave > 1 else ""
    return f"{wave.step}@{wave.version}{again}"


# ── slots ───────────────────────────────────────────────────────────────────────────────────────


def slots(
    session: Session,
    run: int,
    *,
    now: datetime,
    tail: float = 0.0,
    households: Collection[int] | None = None,
) -> list[Slot]:
    """One slot per household and wave, in the order of release.

    A household's slot is the earliest of its messages; it is delivered if any of them was, and
    undelivered if all are known to have failed. Risk ends with its restoration, with the revision
    that overtook the wave, or now. Households whose addresses had all opted out are in no arm.

    tail: share of the households that its late tail kept back. households: ids of those wanted, without
    their places in the order; None: all.
    """
    found = _Of(session, run, now=now, tail=tail).slots(households)
    if households is not None:
        return found
    ordered = sorted(found, key=lambda slot: (slot.slot_at is None, slot.slot_at or now))
    return [replace(slot, order=number) for number, slot in enumerate(ordered, start=1)]


def batches(session: Session, run: int, *, now: datetime, tail: float = 0.0) -> list[Batch]:
    """The same households counted by stratum, instant of release and end of risk; no order among them.

    One pass over the run's messages: 3 to 5 µs each. Households of several messages are merged one by one.
    """
    of = _Of(session, run, now=now, tail=tail)
    several = of.several()
    return [*of.alone(several), *(_alone_in_batch(slot) for slot in of.slots(several))]


def latencies(session: Session, run: int) -> dict[str, list[tuple[float, int]]]:
    """Channel -> (seconds from slot to receipt, messages) of the delivered, ascending.

    Rounded up to a tenth of a second, so that there are few of them: a grace made of it is never too short.
    """
    m = t.message.c
    tenths = _tenths(session, m.delivered_at, m.slot_at).label("tenths")
    rows = session.execute(
        select(m.channel, tenths, func.count())
        .join(t.step_run, t.step_run.c.id == m.step_run_id)
        .where(t.step_run.c.run_id == run, m.state.in_(REACHED))
        .where(m.slot_at.is_not(None), m.delivered_at.is_not(None), m.channel.in_(_PERSONAL))
        .group_by(m.channel, tenths)
        .order_by(m.channel, tenths)
    )
    found: dict[str, list[tuple[float, int]]] = {}
    for channel, tenth, count in rows:
        found.setdefault(channel, []).append((int(tenth) / 10, count))
    return found


def _tenths(session: Session, later: Any, earlier: Any) -> ColumnElement[Any]:
    if session.get_bind().dialect.name != "sqlite":
        return func.ceil(extract("epoch", later - earlier) * 10)
    micros = type_coerce(later, BigInteger) - type_coerce(earlier, BigInteger)
    return (micros + 99_999) // 100_000


class _Of:
    """The messages of one run, each with the change that brought its household back."""

    def __init__(self, session: Session, run: int, *, now: datetime, tail: float) -> None:
        self.session, self.run, self.now, self.tail = session, run, now, tail
        self.launch = launch(session, run)
        self.ends: Restorations = risk.restorations(session, self.launch.occasion)
        rows = session.execute(select(t.step_run).where(t.step_run.c.run_id == run))
        self.waves: Mapping[int, Any] = {row.id: row for row in rows}

    def wanted(self) -> ColumnElement[bool]:
        m = t.message.c
        opted_out = and_(m.state == MessageState.SUPPRESSED, m.slot_at.is_(None))
        mine = and_(m.step_run_id.in_(self.waves), m.household_id > 0)
        return and_(mine, m.channel.in_(_PERSONAL), not_(opted_out))

    def several(self) -> set[int]:
        """Households with more messages than one in some wave."""
        m = t.message.c
        found = (
            select(m.household_id)
            .where(self.wanted())
            .group_by(m.household_id, m.step_run_id)
            .having(func.count() > 1)
        )
        return set(self.session.scalars(found))

    def alone(self, several: Collection[int]) -> Iterator[Batch]:
        """All households but those several, counted where they lie."""
        m = t.message.c
        # The instant first: SQLite sorts to group, and compares it faster than texts.
        keys = [m.slot_at, m.step_run_id, m.priority, m.channel, m.pool, m.zone]
        one = (
            select(*keys, m.rank, self._known(), self._back(), self._kept_back())
            .where(self.wanted(), self._but(several))
            .subquery("one")
        )
        by = [one.c[column.name] for column in keys] + [one.c.back, one.c.tail]
        counted = (func.count(), func.min(one.c.rank), func.max(one.c.rank), func.sum(one.c.known))
        for row in self.session.execute(select(*by, *counted).group_by(*by)):
            households, lowest, highest, known = row[len(by) :]
            yield Batch(
                wave=_name(self.waves[row.step_run_id]), priority=row.priority, channel=row.channel,
                queue=_queue([row]), slot_at=row.slot_at, until=self._until(row),
                households=households, lowest=lowest, highest=highest, known=int(known),
            )  # fmt: skip

    def _but(self, several: Collection[int]) -> ColumnElement[bool]:
        if not several:
            return true()
        return not_(bulk.among(self.session, t.message.c.household_id, several))

    def slots(self, households: Collection[int] | None) -> list[Slot]:
        """Slots one by one, of all or of some households."""
        if households is not None and not households:
            return []
        rows = self.session.execute(self._messages(households))
        return [
            self._slot(list(of_one))
            for _key, of_one in groupby(rows, key=lambda row: (row.step_run_id, row.household_id))
        ]

    def _messages(self, households: Collection[int] | None) -> Select[Any]:
        m = t.message.c
        names = ("step_run_id", "household_id", "priority", "channel", "pool", "zone", "slot_at",
                 "delivered_at", "rank", "state")  # fmt: skip
        found = (
            select(*(m[name] for name in names), t.household.c.ref, self._back())
            .join(t.household, t.household.c.id == m.household_id)
            .where(self.wanted())
        )
        if households is not None:
            found = found.where(bulk.among(self.session, m.household_id, households))
        return found.order_by(m.step_run_id, m.household_id, m.id)

    def _slot(self, rows: list[Any]) -> Slot:
        first = min(rows, key=lambda row: (row.priority, _PERSONAL.index(Channel(row.channel))))
        is_late = self.tail > 0 and order.is_drawn(
            self.launch.seed, TAIL, first.ref, share=self.tail
        )
        return Slot(
            household=first.ref,
            priority=first.priority,
            channel=first.channel,
            wave=_name(self.waves[first.step_run_id]),
            order=0,
            slot_at=_earliest(row.slot_at for row in rows),
            delivered=_delivered(rows),
            receipt_at=_earliest(row.delivered_at for row in rows),
            until=self._until(first),
            queue=_queue(rows, tail=is_late),
            rank=first.rank,
            household_id=first.household_id,
            step_run=first.step_run_id,
        )

    def _until(self, row: Any) -> datetime:
        superseded = self.waves[row.step_run_id].superseded_at
        ends = (self.ends.ended(row.back), superseded, self.now)
        return min(end for end in ends if end is not None)

    def _back(self) -> ColumnElement[int]:
        return self.ends.number(t.message.c.household_id).label("back")

    def _known(self) -> ColumnElement[int]:
        return case((t.message.c.state.in_((*REACHED, *MISSED)), 1), else_=0).label("known")

    def _kept_back(self) -> ColumnElement[Any]:
        """Whether the seed draws the household for the late tail."""
        if not self.tail:
            return case((t.message.c.id.is_(None), 1), else_=0).label("tail")
        dialect = self.session.get_bind().dialect
        drawn = ranks.is_drawn(
            self.launch.seed, TAIL, t.message.c.household_id, dialect, share=self.tail
        )
        return case((drawn, 1), else_=0).label("tail")


def _queue(rows: Sequence[Any], *, tail: bool = False) -> str:
    own = " ".join(sorted(f"{row.priority}/{row.pool}/{row.zone}" for row in rows))
    return f"{own}/{TAIL}" if tail or getattr(rows[0], "tail", False) else own


def _alone_in_batch(slot: Slot) -> Batch:
    rank = slot.rank or 0
    return Batch(
        wave=slot.wave, priority=slot.priority, channel=slot.channel, queue=slot.queue,
        slot_at=slot.slot_at, until=slot.until, households=1, lowest=rank, highest=rank,
        known=int(slot.delivered is not None),
    )  # fmt: skip


def _delivered(rows: list[Any]) -> bool | None:
    if any(row.state in REACHED for row in rows):
        return True
    return None if any(row.state not in MISSED for row in rows) else False


def _earliest(instants: Iterable[datetime | None]) -> datetime | None:
    return min((instant for instant in instants if instant is not None), default=None)
