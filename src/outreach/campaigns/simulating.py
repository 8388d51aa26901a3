"""Plays a recorded storm against the engine: each message at its own time of arrival, each instant of the clock at its own."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from outreach.campaigns import due, faults, feed_readers, pins
from outreach.campaigns.engine import Engine
from outreach.campaigns.intake_desk import Desk
from outreach.campaigns.pins import Pinned
from outreach.model.errors import InputRefused
from outreach.model.intake import OutageMessage, Unreadable
from outreach.model.words import OccasionKind
from outreach.outages.intake_apply import Habits
from outreach.store import runs, simulated
from outreach.store.runs import Armed

FEED = "storm"
AUTHOR, APPROVER = "simulation", "simulation (second)"
AGAIN = timedelta(minutes=1)
BURST = timedelta(seconds=5)
"""Messages that follow each other as fast are read together, as a feed is that is asked every few seconds."""
LONGEST = timedelta(seconds=10)
"""No burst keeps anybody waiting for longer."""
Said = OutageMessage | Unreadable


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message of the storm and when it came."""

    at: datetime
    message: Said


def arrivals(messages: Iterable[Said]) -> list[Arrival]:
    """In the order of the file, at times that never run back; what bears no time comes with the one before it.

    InputRefused: nothing in it bears a time, so that nobody knows when it happened.
    """
    said = list(messages)
    first = next(filter(None, map(_time, said)), None)
    if first is None:
        raise InputRefused("no message of the storm bears a time; does its mapping name one?")
    return list(_in_order(said, first))


def _in_order(said: list[Said], at: datetime) -> Iterator[Arrival]:
    for one in said:
        at = max(at, _time(one) or at)
        yield Arrival(at, one)


def _time(one: Said) -> datetime | None:
    return None if isinstance(one, Unreadable) else one.received_at or one.at


def read_storm(path: Path, *, kind: str, mapping: Path | None) -> list[Arrival]:
    """The storm of a file. InputRefused: cannot be read, or no message in it."""
    try:
        raw = path.read_bytes()
    except OSError:
        raise InputRefused(f"{path}: cannot be read; check the path") from None
    words = feed_readers.mapping_of(kind, mapping)
    said = list(feed_readers.messages(kind, raw, words, name=path.name))
    read = sum(isinstance(one, OutageMessage) for one in said)
    if not read:
        raise InputRefused(
            f"{path.name}: none of its {len(said)} lines could be read; does its mapping fit (--mapping)?"
        )
    return arrivals(said)


def arm(engine: Engine, campaign: str, *, now: datetime) -> Pinned:
    """Arms a campaign in the copy, so that every outage launches it. A draft may be played: its texts are not judged.

    InputRefused: cannot be read, serves no outages, or names segments that the record does not know.
    """
    pinned = pins.read(engine.settings, campaign)
    if pinned.campaign.serves is not OccasionKind.OUTAGE:
        raise InputRefused(
            f"{campaign}: serves {pinned.campaign.serves}; a storm needs a campaign for outages"
        )
    with engine.database.read() as session:
        faults.refuse_unknown(session, engine.settings, pinned.campaign)
    armed = Armed(
        campaign=campaign,
        pinned=pinned.digest,
        author=AUTHOR,
        approver=APPROVER,
        at=now,
        until=None,
    )
    with engine.database.write() as session:
        runs.pin(session, pinned.digest, pinned.body, now=now)
        runs.arm(session, armed)
    return pinned


def desk(engine: Engine, pinned: Pinned, *, now: datetime) -> Desk:
    """Where the messages of the storm are worked through, with the campaign's own cadence."""
    rounding = engine.settings.delivery.quarter_hour_etr
    return Desk(
        engine=engine, feed=FEED, source=f"import:{FEED}",
        habits=Habits(etr_minutes=rounding, cadence=pinned.campaign.cadence),
        as_received=False, silent_after=timedelta(), now=now,
    )  # fmt: skip


@dataclass(slots=True)
class Storm:
    """A storm as it comes."""

    engine: Engine
    coming: deque[Arrival]
    desk: Desk
    fired: Counter[str] = field(default_factory=Counter)
    troubles: list[str] = field(default_factory=list)
    tick_from: datetime | None = None
    """What met trouble is tried again a minute later, as a ticker would."""
    burst_from: datetime | None = None
    """When the burst began of which more is to come."""

    def next_at(self) -> datetime | None:
        """When something happens next: a message comes, or the clock owes something."""
        with self.engine.database.read() as session:
            owed = simulated.next_due(session)
        if owed is not None and self.tick_from is not None:
            owed = max(owed, self.tick_from)
        message = self.coming[0].at if self.coming else None
        return min(filter(None, (message, owed)), default=None)

    def happen(self, now: datetime, *, heard: Callable[[], None] = lambda: None) -> None:
        """Everything that is due by `now`; messages before the clock, as news comes before silence."""
        batch: list[Said] = []
        while self.coming and self.coming[0].at <= now:
            batch.append(self.coming.popleft().message)
        if batch:
            self.desk.now = now
            self.burst_from = self.burst_from or now
            is_last = not self._goes_on(now, self.burst_from)
            self.desk.take(batch, freezes=is_last)
            self.burst_from = None if is_last else self.burst_from
        fired = due.tick(self.engine, now=now, say=self.troubles.append)
        self.fired.update(fired)
        self.tick_from = now + AGAIN if fired["waiting"] else None
        if batch or fired:
            heard()

    def _goes_on(self, now: datetime, since: datetime) -> bool:
        """Whether the next message belongs to the same burst."""
        if not self.coming:
            return False
        following = self.coming[0].at
        return following - now <= BURST and following - since <= LONGEST
