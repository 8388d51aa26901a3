"""Measured call deflection: the estimate, its evidence, and the reasons not to print it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Verdict(StrEnum):
    """What the interval allows to say."""

    DEFLECTS = "deflects"
    ADDS_CALLS = "adds calls"
    NO_DIFFERENCE = "no difference shown"
    NOT_ENOUGH = "not enough calls yet"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Sufficient statistics of the estimator; campaigns pool by adding these, never ratios."""

    delivered_w0: float
    """Ad"""
    undelivered_w0: float
    """Au"""
    unsent_w1: float
    """B"""
    sxx: float
    sxy: float
    syy: float
    itt_cross: float
    """Sum over episodes of w0*w1, for the Greenland-Robins variance."""
    delivered_episodes: int
    """E1"""
    episodes: int
    itt_xx: float = 0.0
    itt_xy: float = 0.0
    itt_yy: float = 0.0
    """Clustered like sxx, sxy, syy, with every told episode in x and only the unsent in y."""
    plain_xx: float = 0.0
    plain_yy: float = 0.0
    """As if each episode were a household of its own, to compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeCounts:
    """What became of the identified calls; the arms and `in_grace` add up to the episodes."""

    unsent: int = 0
    delivered: int = 0
    undelivered: int = 0
    in_grace: int = 0
    repeats: int = 0

    @property
    def episodes(self) -> int:
        return self.unsent + self.delivered + self.undelivered + self.in_grace


@dataclass(frozen=True, slots=True, kw_only=True)
class Deflection:
    """theta_msg and theta_ITT with clustered variances; numbers are None where evidence is missing."""

    verdict: Verdict
    reasons: tuple[str, ...]
    """Why refused, or warnings."""
    sums: Sums | None
    theta_msg: float | None
    variance: float | None
    """Of log theta_msg, clustered by household."""
    theta_interval: Interval | None
    theta_itt: float | None
    itt_variance: float | None
    """Of log theta_ITT, Greenland-Robins."""
    itt_interval: Interval | None
    calls_avoided: float | None
    calls_avoided_interval: Interval | None
    identified_share: float | None
    measured_at: datetime | None
    itt_clustered_variance: float | None = None
    """Of log theta_ITT; itt_interval is made of this one."""
    plain_variance: float | None = None
    """Of log theta_msg as if no household had two episodes."""
    calls_avoided_scaled: float | None = None
    """Avoided / identified share: assumes that unidentified callers behave alike."""
    counts: EpisodeCounts | None = None
    grace: tuple[tuple[str, float], ...] = ()
    """Minutes by channel, as used."""
    design_reasons: tuple[str, ...] = ()
    """Of the reasons, those for which its sums must not be pooled either: the order was not random."""

    @property
    def publishable(self) -> bool:
        return self.verdict not in {Verdict.NOT_ENOUGH, Verdict.REFUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Households of one stratum that were released at one instant and whose risk ends at one instant."""

    wave: str
    priority: str
    channel: str
    queue: str
    """As in a Slot: ranks are compared inside it."""
    slot_at: datetime | None
    until: datetime
    households: int
    lowest: int
    """Smallest keyed rank among them."""
    highest: int
    known: int
    """Of how many a receipt tells what became of the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Household-minutes and episodes of one stratum in one minute of an outage."""

    step_run: int
    priority: str
    channel: str
    minute: int
    """Whole minutes since the outage began."""
    t0: float
    """Before the slot."""
    t1: float
    """Past slot and grace."""
    d0: int = 0
    d1d: int = 0
    d1u: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """Households of one group, and how many of them called at least once."""

    households: int
    called: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedCall:
    """An identified call of a household at risk, with the arm that it fell into."""

    call_id: str
    step_run: int
    household: int
    """Id of its row; no reference of the record."""
    priority: str
    channel: str
    minute: float
    """Since the outage began."""
    arm: str
    """As in `deflection.episodes.Arm`, or `repeat`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One household of a wave, as assigned: the unit of the experiment."""

    household: str
    priority: str
    channel: str
    wave: str
    order: int
    """Place in the order of release, for people; what is checked is the keyed digest."""
    slot_at: datetime | None = None
    """None: never released so far."""
    delivered: bool | None
    """None: no receipt known, counted as delivered (conservative)."""
    receipt_at: datetime | None
    until: datetime
    """End of risk: restoration, or the time of analysis if earlier."""
    queue: str = ""
    """What was released in one order: within a class, ranks are only comparable inside it."""
    rank: int | None = None
    """Keyed rank by which it was sent; None: not known, so that it is not checked."""
    household_id: int = 0
    step_run: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifiedCall:
    """An arrival at the outage number from an address of the frozen snapshot."""

    household: str
    at: datetime
    call_id: str = ""
    household_id: int = 0
