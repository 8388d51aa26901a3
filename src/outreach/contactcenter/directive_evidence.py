"""What directives are decided from: measured waits, outages as callers hear them, the effect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from outreach.contactcenter.directive_rules import Rules, Wish
from outreach.model.deflection import Deflection
from outreach.store import calls
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEvidence:
    """Waits of one queue over the last minutes; None where too few calls were measured."""

    calls: int = 0
    p80_s: int | None = None
    p90_s: int | None = None

    def wish(self, rules: Rules) -> Wish:
        if self.p80_s is None:
            return Wish.UNKNOWN
        if self.p80_s >= rules.wait_on_s:
            return Wish.ON
        return Wish.OFF if self.p80_s <= rules.wait_off_s else Wish.NEITHER

    @property
    def band(self) -> str:
        """Upper band of p90: callers forgive a short wait announced long, not the reverse."""
        minutes = (self.p90_s or 0) / 60
        bands = ((5, "2_5"), (10, "5_10"), (20, "10_20"))
        return next((name for top, name in bands if minutes <= top), "gt_20")


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
    knows_cause: bool = False
    etr_at: datetime | None = None
    restored_at: datetime | None = None
    fresh_until: datetime | None = None
    """Until when somebody promised the next news; None for what a feed keeps."""

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
        """Counts switch on; only the end of the outage switches off."""
        if self.restored_at is not None:
            return Wish.OFF if now >= self.restored_at + rules.after_restored else Wish.NEITHER
        if not self.is_open or not self.is_approved or self.seconds > rules.front_seconds:
            return Wish.OFF
        enough = self.is_safety or self.affected >= self.threshold(rules)
        return Wish.ON if enough else Wish.NEITHER

    def threshold(self, rules: Rules) -> float:
        return max(rules.front_least, rules.front_share * self.zone_customers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything one evaluation knows, as of `at`."""

    at: datetime
    queue: str
    priority_target: str
    """Queue of the callers who may not wait."""
    waits: WaitEvidence = WaitEvidence()
    outages: tuple[OutageEvidence, ...] = ()
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


def measured_waits(
    session: Session, *, numbers: Sequence[str], now: datetime, rules: Rules
) -> WaitEvidence:
    """Waits of the calls to these numbers (any, where none is given) that came in lately."""
    found = calls.waits(session, numbers=numbers, since=now - rules.waits_over, until=now)
    return wait_evidence(found, rules)


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
