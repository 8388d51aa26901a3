"""A campaign as its file says it: steps, who hears them, how, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time, timedelta

from outreach.model.audience import Segment
from outreach.model.stakeholder import ContactList
from outreach.model.words import (
    AtNight,
    Audience,
    Basis,
    Channel,
    Event,
    OccasionKind,
    PriorityClass,
    Purpose,
    Service,
    Tier,
)

ANSWER_WITHIN = timedelta(minutes=10)
"""For class A in an outage, where the campaign does not say."""


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
    lists: tuple[ContactList, ...] = ()
    """Contact lists that it speaks to instead of customers: who is touched, and who was told before."""
    together: tuple[PriorityClass, ...] = ()
    """Classes that hear on every channel of the step that they have, at once; the others on one."""
    ladder_after: timedelta | None = None
    """Without a receipt `delivered` for so long, the customer's next channel of the step is tried."""
    not_again_within: timedelta | None = None
    """So soon after it was told it is not told again, unless the estimate has changed since."""


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
    approve_above: int = 5_000
    """Customers from above which nobody launches alone: a second person approves it."""
    canary_share: float = 0.0
    """Share that leaves first, until a person says go; class A and what is over never wait. 0: none."""


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

    @property
    def keeps_back(self) -> bool:
        """Whether somebody hears late, or never, so that a second person has to stand for it by name."""
        return self.tail_share > 0 or self.holdout_share > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A parsed and checked campaign file."""

    name: str
    serves: OccasionKind
    services: tuple[Service, ...] = ()
    """Empty: any service."""
    purpose: Purpose = Purpose.SERVICE
    basis: Basis = Basis.CONTRACT
    """Why in law it may write; kept with every run."""
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
    answer_within: timedelta | None = None
    """How long class A has for an answer before a person is asked to call; None: see `asks_within`."""
    undo_for: timedelta = timedelta(seconds=30)
    """Sends other than class A wait this long, in which `outreach undo` takes them back."""
    steps: tuple[Step, ...] = ()

    @property
    def asks_within(self) -> timedelta | None:
        """How long class A has for an answer: 10 minutes in an outage; None: nobody is asked for one.

        A work announced for next week puts nobody in danger tonight, so only its file can say so.
        """
        if self.answer_within is None and self.serves is OccasionKind.OUTAGE:
            return ANSWER_WITHIN
        return self.answer_within

    def steps_on(self, event: Event) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.on is event)
