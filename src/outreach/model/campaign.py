"""A campaign as its file says it: steps, who hears them, how, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time, timedelta

from outreach.model.audience import Segment
from outreach.model.words import (
    AtNight,
    Audience,
    Channel,
    Event,
    OccasionKind,
    PriorityClass,
    Purpose,
    Service,
    Tier,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One notice of a campaign: when, to whom, on which channels, with which template."""

    name: str
    on: Event
    lead: timedelta | None = None
    """For Event.NOTICE: how long before the start, in elapsed time."""
    when: str = ""
    """`etr` or `no_etr`: only at revisions with, or without, an estimate. Empty: always."""
    audience: Audience = Audience.AFFECTED
    classes: tuple[PriorityClass, ...] = (PriorityClass.A, PriorityClass.B, PriorityClass.C)
    channels: tuple[Channel, ...] = (Channel.SMS, Channel.EMAIL)
    """In order; a customer hears on the preferred one if it is here, else on the first they have."""
    template: str
    segment: Segment = field(default_factory=Segment)
    """Whom of them it speaks to; of its own keys and those of the whole campaign."""
    at_night: AtNight = AtNight.SEND
    tier: Tier = Tier.BULK
    too_late_after: timedelta | None = None
    """A due step later than this is recorded as expired, never sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Local hours in which a step may hold; from 21:00 to 07:00 spans midnight."""

    start: time = time(21)
    end: time = time(7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Ceilings within which an armed campaign launches by itself; costs in the company's currency."""

    max_audience: int | None = None
    max_cost: float | None = None
    audience_may_move: float = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Renotify:
    """When a changed estimate is told again (asymmetric; defaults of the design)."""

    later_by: timedelta = timedelta(minutes=30)
    earlier_by: timedelta = timedelta(minutes=60)
    expiring_within: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """How the campaign is measured; random order always, tail and holdout never for class A."""

    tail_share: float = 0.0
    tail_minutes: int = 60
    holdout_share: float = 0.0
    grace_minutes: float = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A parsed and checked campaign file."""

    name: str
    serves: OccasionKind
    services: tuple[Service, ...] = ()
    """Empty: any service."""
    purpose: Purpose = Purpose.SERVICE
    fold: bool = True
    """Fold á í ó ú and the like to GSM-7 in SMS; a policy that the preview shows."""
    cadence: timedelta = timedelta(minutes=60)
    """How often people hear while nothing is known: sets next_update_at and STILL_UNKNOWN."""
    minimum_age: timedelta = timedelta(minutes=5)
    """No one but class A hears of a younger outage: breakers reclose."""
    quiet_hours: QuietHours = field(default_factory=QuietHours)
    limits: Limits = field(default_factory=Limits)
    renotify: Renotify = field(default_factory=Renotify)
    measurement: Measurement = field(default_factory=Measurement)
    pause_after_errors: int = 50
    """Refusals among the last 200 messages at which the run pauses itself."""
    undo_for: timedelta = timedelta(seconds=30)
    """Sends other than class A wait this long, in which `outreach undo` takes them back."""
    steps: tuple[Step, ...] = ()

    def steps_on(self, event: Event) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.on is event)
