"""What directives are decided from: waits, load, outages as callers hear them, the effect of the messages."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from outreach.contactcenter.directive_rules import Rules, Wish, wish_of
from outreach.model.deflection import Deflection, Interval
from outreach.model.forecast import Forecast, QueueReading

_Z = 1.959963984540054
_PRIOR = (math.log(0.75), 0.25)
"""Of log kappa, before any campaign was measured (the forecast's own prior)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEvidence:
    """Waits of one queue as of now; None where nobody has measured them."""

    calls: int = 0
    p80_s: int | None = None
    p90_s: int | None = None
    source: str = "calls"
    """`calls`: measured on calls that ended; `live`: read of the platform; `erlang`: of its live agents."""

    def wish(self, rules: Rules) -> Wish:
        return wish_of(self.p80_s, on=rules.wait_on_s, off=rules.wait_off_s)

    @property
    def band(self) -> str:
        """Upper band of p90: callers forgive a short wait announced long, not the reverse."""
        minutes = (self.p90_s or 0) / 60
        bands = ((5, "2_5"), (10, "5_10"), (20, "10_20"))
        return next((name for top, name in bands if minutes <= top), "gt_20")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadEvidence:
    """What the next quarter-hours ask of the agents; None where it is not known."""

    needed: int | None = None
    """Agents for the p80 of the arrivals of the next quarter-hour."""
    staffed: int | None = None
    """On queue as the platform says, else planned."""
    is_falling: bool | None = None
    handling_s: float = 240.0
    forecast_id: str = ""
    lendable: int | None = None
    """Agents that the overflow queue has free; None: nobody says."""

    @property
    def ratio(self) -> float | None:
        """Needed over staffed; None without both."""
        if self.needed is None or not self.staffed:
            return None
        return self.needed / self.staffed

    def overflow_share(self) -> float:
        """The calls that ours cannot take, as far as the others can: 0 to 1, two digits."""
        if not self.needed or self.staffed is None:
            return 0.0
        spare = min(self.needed - self.staffed, self.lendable or 0)
        return round(min(1.0, max(0.0, spare / self.needed)), 2)

    def most_callbacks(self, rules: Rules) -> int:
        """Callbacks that the agents can make within the hour."""
        return math.floor(rules.callback_within_min * 60 * (self.staffed or 0) / self.handling_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageEvidence:
    """One outage as the front message would tell it."""

    shown_id: str
    zones: tuple[str, ...]
    affected: int
    """Customers without supply."""
    zone_customers: int
    """Customers of the zones, affected or not."""
    text_ref: str
    """Name and version of the approved text, as in `unplanned.ivr@3`."""
    seconds: float
    is_approved: bool
    is_open: bool
    is_planned: bool = False
    is_safety: bool = False
    """People are in danger: told however few are touched."""
    was_safety: bool = False
    """So it was a minute ago."""
    knows_cause: bool = False
    started_at: datetime | None = None
    etr_at: datetime | None = None
    etr_confidence: str = ""
    restored_at: datetime | None = None
    fresh_until: datetime | None = None
    """Until when somebody promised the next news; None for what a feed keeps."""
    heard_until: datetime | None = None
    """Until when the feed's last word holds; None for what a person keeps."""
    missed: int = 0
    """Estimates told to customers that passed without restoration."""

    def text_class(self, now: datetime) -> str:
        """Which kind of truth is told; a past estimate is none."""
        if self.is_safety:
            return "safety"
        if self.restored_at is not None:
            return "restored"
        if self.is_planned:
            return "planned"
        if self.etr_at is not None and self.etr_at > now:
            return "etr"
        return "known" if self.knows_cause else "investigating"

    def wish(self, now: datetime, rules: Rules) -> Wish:
        """Counts switch on; only the end of the outage, or of the danger that it was, switches off."""
        if self.restored_at is not None:
            return Wish.OFF if now >= self.restored_at + rules.after_restored else Wish.NEITHER
        lacks = self.lacks(now, rules)
        if lacks == "customers" and not self.was_safety:
            return Wish.NEITHER
        return Wish.OFF if lacks else Wish.ON

    def lacks(self, now: datetime, rules: Rules) -> str:
        """What keeps it from being told up front; empty: nothing."""
        missing = (
            ("open", not self.is_open),
            ("news", self.heard_until is not None and self.heard_until <= now),
            ("approval", not self.is_approved),
            ("short_text", self.seconds > rules.front_seconds),
            ("customers", not self.is_safety and self.affected < self.threshold(rules)),
        )
        return next((name for name, is_missing in missing if is_missing), "")

    def threshold(self, rules: Rules) -> float:
        return max(rules.front_least, rules.front_share * self.zone_customers)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingEvidence:
    """One campaign that is sending, or was paused by its own directive."""

    key: str
    """Campaign and outage, as in `unplanned-outage/out_7kq2m4xa`."""
    campaign: str
    kappa: Interval | None = None
    """Call rate of the told over that of the untold, 95 %; None: not measured of late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything one evaluation knows, as of `at`."""

    at: datetime
    queue: str
    priority_target: str
    """Queue of the callers who may not wait."""
    overflow_target: str = ""
    """Queue that takes what ours cannot; empty: there is none."""
    waits: WaitEvidence = WaitEvidence()
    load: LoadEvidence = LoadEvidence()
    repeated: int | None = None
    """Households that called again and again lately; None: not counted."""
    outages: tuple[OutageEvidence, ...] = ()
    sending: tuple[SendingEvidence, ...] = ()
    deflection: Deflection | None = None
    """Newest measurement of the running campaign; None before there is one."""


def wait_evidence(waits: Sequence[int], rules: Rules) -> WaitEvidence:
    """Nearest-rank p80 and p90 of measured waits in seconds."""
    if len(waits) < rules.least_calls:
        return WaitEvidence(calls=len(waits))
    ordered = sorted(waits)
    return WaitEvidence(
        calls=len(waits),
        p80_s=ordered[math.ceil(0.8 * len(ordered)) - 1],
        p90_s=ordered[math.ceil(0.9 * len(ordered)) - 1],
    )


def newest_waits(
    measured: WaitEvidence,
    reading: QueueReading | None,
    forecast: Forecast | None,
    *,
    now: datetime,
    rules: Rules,
) -> WaitEvidence:
    """The live wait before that of ended calls, and Erlang A's only where the platform shows its agents.

    A wait that nobody sees is not announced: without a fresh reading and without measured waits
    there is no evidence, whatever the forecast says. A live p80 stands for p90 with a quarter more.
    """
    fresh = fresh_reading(reading, now=now, rules=rules)
    if fresh is not None and fresh.wait_p80_s is not None:
        p80 = fresh.wait_p80_s
        p90 = max(math.ceil(1.25 * p80), measured.p90_s or 0)
        return WaitEvidence(calls=measured.calls, p80_s=p80, p90_s=p90, source="live")
    if measured.p80_s is not None or fresh is None or fresh.agents is None:
        return measured
    return _of_erlang(measured, forecast)


def _of_erlang(measured: WaitEvidence, forecast: Forecast | None) -> WaitEvidence:
    quarter = forecast.quarters[0] if forecast is not None and forecast.quarters else None
    if quarter is None or quarter.wait_p80_s is None or math.isinf(quarter.wait_p80_s):
        return measured
    p80 = round(quarter.wait_p80_s)
    p90 = quarter.wait_p90_s if quarter.wait_p90_s is not None else 1.25 * p80
    return WaitEvidence(
        calls=measured.calls, p80_s=p80, p90_s=math.ceil(max(p80, p90)), source="erlang"
    )


def fresh_reading(
    reading: QueueReading | None, *, now: datetime, rules: Rules
) -> QueueReading | None:
    """A look at the live queue, if it is recent enough to act on."""
    return reading if reading is not None and now - reading.at <= rules.fresh_for else None


def load_evidence(
    forecast: Forecast | None,
    *,
    staffed: int | None,
    lendable: int | None,
    now: datetime,
    rules: Rules,
) -> LoadEvidence:
    """Of a forecast that is fresh; an old one says nothing of the next quarter-hour."""
    if forecast is None or not forecast.quarters or now - forecast.made_at > rules.fresh_for:
        return LoadEvidence(staffed=staffed, lendable=lendable)
    nearest = forecast.quarters[0]
    return LoadEvidence(
        needed=nearest.agents,
        staffed=staffed if staffed is not None else nearest.staffed,
        is_falling=forecast.falling,
        handling_s=forecast.handling_s,
        forecast_id=forecast.id,
        lendable=lendable,
    )


def kappa(measured: Deflection | None) -> Interval | None:
    """95 % limits of the call rate told over untold: theta_ITT drawn towards the prior of the forecast.

    deflection.md section 9. None without an estimate: the prior alone slows nobody down.
    """
    if measured is None or not measured.theta_itt:
        return None
    variance = measured.itt_clustered_variance or measured.itt_variance
    if not variance or variance <= 0:
        return None
    mean, spread = _PRIOR
    pooled = 1 / (1 / variance + 1 / spread**2)
    middle = pooled * (math.log(measured.theta_itt) / variance + mean / spread**2)
    half = _Z * math.sqrt(pooled)
    return Interval(low=math.exp(middle - half), high=math.exp(middle + half))


def effect(measured: Deflection | None) -> dict[str, Any]:
    """theta_msg with its interval where it may be published, else why there is none.

    Before any measurement the prior of the forecast stands in: log theta ~ N(log 0.75, 0.25²).
    """
    if measured is None:
        return {"status": "prior", "theta": 0.75, "lo": 0.459, "hi": 1.224}
    if not measured.publishable or measured.theta_interval is None:
        return {"status": "insufficient", "theta": None, "lo": None, "hi": None}
    limits = measured.theta_interval
    return {
        "status": "estimated",
        "theta": measured.theta_msg,
        "lo": limits.low,
        "hi": limits.high,
    }
