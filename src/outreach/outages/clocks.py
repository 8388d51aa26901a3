"""Two clocks of every outage: its cause known, and it recognised at all; each stopped by the first notice.

Brazil's rule gives the numbers: cause, area and forecast to consumers and authorities within 15 minutes after
the cause is known, and within 1 hour after the event is recognised even without one (ANEEL, decision of
21 October 2025; known from the press alone). Other countries of ours name none: for them it is our own promise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

CAUSE_WITHIN = timedelta(minutes=15)
EVENT_WITHIN = timedelta(minutes=60)
CAUSE_ALARM_BEFORE = timedelta(minutes=5)
EVENT_ALARM_BEFORE = timedelta(minutes=15)
"""Staff hear so long before a clock runs out; the cause's is short, and nobody tells it within the first minutes."""


class ClockKind(StrEnum):
    """What a clock counts from."""

    EVENT = "event"
    CAUSE = "cause"


class ClockState(StrEnum):
    """How a clock stands."""

    RUNNING = "running"
    KEPT = "kept"
    BROKEN = "broken"
    OVER = "over"
    """It ended before the clock ran out, and nobody had to be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """What the store knows of one outage and its notices. All times are aware UTC."""

    recognised_at: datetime
    """When it was first written here."""
    cause_known_at: datetime | None = None
    told_at: datetime | None = None
    """First notice accepted by a carrier: to a customer, as a post, or to a stakeholder."""
    cause_told_at: datetime | None = None
    """The same of a version that had the cause."""
    over_at: datetime | None = None
    """When it was restored, merged or discarded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One of the two clocks of an outage."""

    kind: ClockKind
    started_at: datetime
    due_at: datetime
    alarm_at: datetime
    told_at: datetime | None
    over_at: datetime | None

    def state(self, now: datetime) -> ClockState:
        """A notice after the due instant is a broken clock, whatever came of it."""
        if self.told_at is not None:
            return ClockState.KEPT if self.told_at <= self.due_at else ClockState.BROKEN
        if self.over_at is not None and self.over_at <= self.due_at:
            return ClockState.OVER
        return ClockState.BROKEN if now > self.due_at else ClockState.RUNNING

    def alarms(self, now: datetime) -> bool:
        """Whether staff has to know: nobody was told, and it runs out soon, or has."""
        return self.told_at is None and self.over_at is None and now >= self.alarm_at


def clocks(noticed: Noticed) -> tuple[Clock, ...]:
    """The clocks of an outage: the event's, and the cause's once one is known."""
    event = _clock(
        ClockKind.EVENT, noticed.recognised_at, told_at=noticed.told_at, over_at=noticed.over_at
    )
    if noticed.cause_known_at is None:
        return (event,)
    cause = _clock(
        ClockKind.CAUSE,
        noticed.cause_known_at,
        told_at=noticed.cause_told_at,
        over_at=noticed.over_at,
    )
    return (event, cause)


def tally(running: Iterable[Clock], now: datetime) -> dict[tuple[ClockKind, ClockState], int]:
    """How many clocks of each kind stand how."""
    found: dict[tuple[ClockKind, ClockState], int] = {}
    for clock in running:
        key = (clock.kind, clock.state(now))
        found[key] = found.get(key, 0) + 1
    return found


_SPANS = {
    ClockKind.EVENT: (EVENT_WITHIN, EVENT_ALARM_BEFORE),
    ClockKind.CAUSE: (CAUSE_WITHIN, CAUSE_ALARM_BEFORE),
}


def _clock(
    kind: ClockKind, started_at: datetime, *, told_at: datetime | None, over_at: datetime | None
) -> Clock:
    within, before = _SPANS[kind]
    due_at = started_at + within
    return Clock(
        kind=kind,
        started_at=started_at,
        due_at=due_at,
        alarm_at=due_at - before,
        told_at=told_at,
        over_at=over_at,
    )
