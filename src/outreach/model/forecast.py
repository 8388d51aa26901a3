"""Expected calls of the next quarter-hours, the agents they need, and what a platform reads of its queues."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

QUARTER = timedelta(minutes=15)


class ForecastStatus(StrEnum):
    """What a forecast stands on."""

    ESTIMATED = "estimated"
    """Calls of this outage have been seen, and the effect of the messages has been measured."""
    SEEN = "seen"
    """Calls of this outage have been seen; the effect of the messages is still the prior."""
    PRIOR = "prior"
    """Nothing seen yet: what such outages brought before."""
    QUIET = "quiet"
    """No outage is open: the base load alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """One quarter-hour of arrivals; the p's are quantiles of the number of calls in it."""

    start_at: datetime
    mean: float
    p05: float
    p50: float
    p80: float
    p95: float
    agents: int | None = None
    """Needed to staff p80 within the limits of the settings; None: not computed."""
    staffed: int | None = None
    """On queue, or planned; None: nobody has said."""
    wait_p80_s: float | None = None
    """Expected with those staffed; None without them."""
    wait_p90_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is expected of one queue, as of a minute."""

    queue: str
    made_at: datetime
    quarters: tuple[Quarter, ...]
    status: ForecastStatus
    id: str = ""
    """As directives name it; empty until stored."""
    calls_seen: int = 0
    """Of the outages it is about, so far."""
    out: int = 0
    """Customers without supply as of made_at."""
    kappa: float = 0.75
    """Call rate of those told over those not, as used; deflection.md section 9."""
    unexplained: int = 0
    """Calls of the last 15 minutes that the known outages do not explain; it is assumed that they go on."""
    handling_s: float = 240.0
    """Seconds a call takes, as used for agents and waits."""

    @property
    def falling(self) -> bool:
        """The last quarter-hour expects fewer calls than the first."""
        return len(self.quarters) > 1 and self.quarters[-1].p50 < self.quarters[0].p50


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueReading:
    """One look at a live queue, as its platform reports it; None is what it does not say."""

    queue: str
    at: datetime
    waiting: int | None
    agents: int | None
    """On queue: talking or free to."""
    wait_p80_s: int | None
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Staffed:
    """Agents planned for a queue from an instant on, one quarter-hour long."""

    queue: str
    at: datetime
    agents: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """How customers of one past outage, or one kind of it, called: untold, without repeats."""

    name: str
    rates: tuple[float, ...]
    """Calls per customer-minute, one a minute since the outage began; after the last it stays."""
    source: str
    customers: int = 0
