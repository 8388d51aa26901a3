"""What one minute's evidence asks of each kind of directive, and what the directive would say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from outreach.contactcenter.directive_evidence import Evidence, OutageEvidence, SendingEvidence
from outreach.contactcenter.directive_rules import Rules, Wish, wish_of
from outreach.model.contactcenter import DirectiveKind

_PRIORITIES = {
    DirectiveKind.PRIORITY_QUEUE: 100,
    DirectiveKind.IVR_UPFRONT: 60,
    DirectiveKind.OVERFLOW_QUEUE: 55,
    DirectiveKind.CALLBACK_OFFER: 50,
    DirectiveKind.WAIT_ANNOUNCEMENT: 40,
    DirectiveKind.SKILL_CALM: 35,
    DirectiveKind.DIGITAL_SHIFT: 30,
    DirectiveKind.CAMPAIGN_PACE: 10,
}
_SAFETY_PRIORITY = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One directive as this minute wants it, before its state decides."""

    kind: DirectiveKind
    scope_key: str
    wish: Wish
    scope: dict[str, Any]
    params: dict[str, Any]
    reason: dict[str, Any]
    priority: int
    expires_at: datetime
    at_once: bool = False
    """Facts switch without confirmations: those are for noisy figures, not for what people decide."""
    lacks: str = ""
    """What is missing to switch on; empty: nothing, or only a figure below its threshold."""


def asked(evidence: Evidence, *, now: datetime, rules: Rules) -> Iterator[Asked]:
    """Every directive this evidence speaks of; priority_queue is not among them: it asks nobody."""
    of = _Asking(evidence=evidence, now=now, rules=rules)
    yield from map(of.front, evidence.outages)
    yield of.announcement()
    yield of.callback()
    yield of.digital_shift()
    yield of.overflow()
    yield of.calm()
    yield from (of.calm_after_missed(each) for each in evidence.outages if of.is_tried(each))
    yield from map(of.pace, evidence.sending)


def priority(evidence: Evidence, *, now: datetime, rules: Rules) -> Asked:
    """Class A never waits on a metric: always on, renewed whatever the evidence."""
    return Asked(
        kind=DirectiveKind.PRIORITY_QUEUE,
        scope_key=evidence.queue,
        wish=Wish.ON,
        scope={"queue": evidence.queue, "classes": ["A"]},
        params={"target": evidence.priority_target, "skip_upfront": True},
        reason=_reason("class_a_caller", None, on=None, off=None),
        priority=_PRIORITIES[DirectiveKind.PRIORITY_QUEUE],
        expires_at=now + rules.lease,
        at_once=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """One minute's evidence, asked kind by kind."""

    evidence: Evidence
    now: datetime
    rules: Rules

    @property
    def ends(self) -> datetime:
        return self.evidence.at + self.rules.lease

    def front(self, outage: OutageEvidence) -> Asked:
        expires_at = self._front_ends(outage)
        wish = outage.wish(self.now, self.rules) if expires_at > self.now else Wish.OFF
        kind = DirectiveKind.IVR_UPFRONT
        on = outage.threshold(self.rules)
        reason = _reason("affected_customers", outage.affected, on=on, off=None)
        if outage.is_safety:
            reason = _reason("danger", outage.affected, on=None, off=None)
        if outage.etr_confidence:
            reason["etr_confidence"] = outage.etr_confidence
        lacks = outage.lacks(self.now, self.rules)
        return Asked(
            kind=kind,
            scope_key=outage.shown_id,
            wish=wish,
            scope={"zones": list(outage.zones), "queue": self.evidence.queue},
            params={
                "text_class": outage.text_class(self.now),
                "text_ref": outage.text_ref,
                "seconds": outage.seconds,
            },
            reason=reason,
            priority=_SAFETY_PRIORITY if outage.is_safety else _PRIORITIES[kind],
            expires_at=expires_at,
            at_once=True,
            lacks=lacks if lacks != "customers" else "",
        )

    def _front_ends(self, outage: OutageEvidence) -> datetime:
        """Ten minutes; up to thirty where the next news is promised; never past ETR + 15."""
        ends = self.ends
        if outage.fresh_until is not None:
            ends = min(self.evidence.at + self.rules.front_lease, outage.fresh_until)
        if outage.heard_until is not None:
            ends = min(ends, outage.heard_until)
        if outage.etr_at is not None and outage.restored_at is None:
            ends = min(ends, outage.etr_at + self.rules.past_etr)
        return ends

    def announcement(self) -> Asked:
        params = {"band": self.evidence.waits.band, "text_ref": self.rules.wait_text}
        kind = DirectiveKind.WAIT_ANNOUNCEMENT
        return self._by_wait(kind, self._queue(), params, on=self.rules.wait_on_s)

    def digital_shift(self) -> Asked:
        scope = self._queue(lines=["mobile"], classes=["B", "C"])
        params = {"consent": "press_1", "per_household_min": self.rules.household_pause_min}
        kind = DirectiveKind.DIGITAL_SHIFT
        return self._by_wait(kind, scope, params, on=self.rules.wait_on_s)

    def callback(self) -> Asked:
        """Only while the calls will fall: a callback promised into a growing queue is a second wait."""
        load, rules = self.evidence.load, self.rules
        most = load.most_callbacks(rules)
        params = {"after_s": rules.callback_after_s, "max_pending": most}
        lacks = "agents" if not most else {None: "forecast", False: "falling"}.get(
            load.is_falling, ""
        )  # fmt: skip
        kind = DirectiveKind.CALLBACK_OFFER
        return self._by_wait(
            kind, self._queue(), params, on=rules.callback_on_s, off=rules.callback_off_s,
            lacks=lacks,
        )  # fmt: skip

    def _by_wait(
        self,
        kind: DirectiveKind,
        scope: dict[str, Any],
        params: dict[str, Any],
        *,
        on: float,
        off: float | None = None,
        lacks: str = "",
    ) -> Asked:
        waits = self.evidence.waits
        off = self.rules.wait_off_s if off is None else off
        wish = wish_of(waits.p80_s, on=on, off=off)
        if wish is Wish.ON and lacks:
            wish = Wish.NEITHER
        reason = _reason("p80_wait_s", waits.p80_s, on=on, off=off) | {"source": waits.source}
        lacks = "waits" if waits.p80_s is None else lacks
        return self._of_queue(kind, wish, scope, params=params, reason=reason, lacks=lacks)

    def overflow(self) -> Asked:
        """Without a wait that somebody sees, a forecast alone moves nobody's calls."""
        evidence, rules = self.evidence, self.rules
        ratio, share = evidence.load.ratio, evidence.load.overflow_share()
        lacks = self._overflow_lacks(share)
        wish = Wish.UNKNOWN if lacks in {"waits", "staffing"} else self._overflow_wish(ratio)
        if wish is Wish.ON and lacks:
            wish = Wish.NEITHER
        if lacks == "target" or (lacks == "capacity" and wish is Wish.NEITHER):
            wish = Wish.OFF  # nobody there takes them: what is on must not stay on
        reason = _reason("agents_ratio", ratio, on=rules.overflow_on, off=rules.overflow_off)
        if evidence.load.forecast_id:
            reason["forecast_id"] = evidence.load.forecast_id
        params = {"target": evidence.overflow_target, "share": share}
        kind = DirectiveKind.OVERFLOW_QUEUE
        return self._of_queue(
            kind, wish, self._queue(classes=["B", "C"]), params=params, reason=reason, lacks=lacks
        )

    def _overflow_wish(self, ratio: float | None) -> Wish:
        if ratio is None:
            return Wish.UNKNOWN
        if ratio > self.rules.overflow_on:
            return Wish.ON
        return Wish.OFF if ratio < self.rules.overflow_off else Wish.NEITHER

    def _overflow_lacks(self, share: float) -> str:
        evidence = self.evidence
        missing = (
            ("target", not evidence.overflow_target),
            ("waits", evidence.waits.p80_s is None),
            ("staffing", evidence.load.ratio is None),
            ("capacity", self._is_over() and share <= 0),
        )
        return next((name for name, is_missing in missing if is_missing), "")

    def _is_over(self) -> bool:
        """Whether the queue is over its capacity: by agents where they are known, else by waits."""
        ratio = self.evidence.load.ratio
        if ratio is not None:
            return ratio > 1
        p80 = self.evidence.waits.p80_s
        return p80 is not None and p80 >= self.rules.wait_on_s

    def calm(self) -> Asked:
        """Who calls again, and who calls of an old outage into a full queue, meets patient agents."""
        repeated, rules = self.evidence.repeated, self.rules
        hours, threshold = self._oldest_h(), rules.urgent_after.total_seconds() / 3600
        is_loaded = self._is_over() and hours >= threshold
        wish = Wish.ON if is_loaded else wish_of(repeated, on=1, off=0)
        reason = _reason("repeated_callers", repeated, on=1, off=0)
        if is_loaded and not repeated:
            reason = _reason("urgent_load", round(hours, 1), on=threshold, off=None)
        lacks = "calls" if repeated is None and not is_loaded else ""
        kind = DirectiveKind.SKILL_CALM
        return self._of_queue(
            kind, wish, self._queue(), params=self._calm_params(), reason=reason, lacks=lacks
        )

    def _oldest_h(self) -> float:
        since = [each.started_at for each in self.evidence.outages if _is_out(each)]
        oldest = min((each for each in since if each is not None), default=self.now)
        return (self.now - oldest).total_seconds() / 3600

    def _calm_params(self) -> dict[str, Any]:
        return {"min_level": self.rules.calm_level, "prefer_s": self.rules.calm_prefer_s}

    def is_tried(self, outage: OutageEvidence) -> bool:
        return outage.missed >= self.rules.calm_missed

    def calm_after_missed(self, outage: OutageEvidence) -> Asked:
        """Of an outage whose estimate was missed again; over when the case is."""
        least = self.rules.calm_missed
        return Asked(
            kind=DirectiveKind.SKILL_CALM,
            scope_key=outage.shown_id,
            wish=Wish.ON if _is_out(outage) else Wish.OFF,
            scope={"zones": list(outage.zones), "queue": self.evidence.queue},
            params=self._calm_params(),
            reason=_reason("missed_estimates", outage.missed, on=least, off=None),
            priority=_PRIORITIES[DirectiveKind.SKILL_CALM],
            expires_at=self.ends,
            at_once=True,
        )

    def pace(self, campaign: SendingEvidence) -> Asked:
        """Slower only where it is shown that messages bring calls, and the calls are too many."""
        low = campaign.kappa.low if campaign.kappa is not None else None
        wish = Wish.UNKNOWN if low is None else Wish.OFF
        if low is not None and low > 1:
            wish = Wish.ON if self._is_over() else Wish.NEITHER
        pauses = low is not None and low > self.rules.pause_above
        params = {"action": "pause"} if pauses else {
            "action": "slow", "factor": self.rules.slow_factor,
        }  # fmt: skip
        return Asked(
            kind=DirectiveKind.CAMPAIGN_PACE,
            scope_key=campaign.key,
            wish=wish,
            scope={"queue": self.evidence.queue, "campaign": campaign.campaign},
            params=params,
            reason=_reason("kappa_lo", low, on=1, off=1),
            priority=_PRIORITIES[DirectiveKind.CAMPAIGN_PACE],
            expires_at=self.ends,
            lacks="measure" if low is None else "",
        )

    def _queue(self, **more: list[str]) -> dict[str, Any]:
        return {"queue": self.evidence.queue, **more}

    def _of_queue(
        self,
        kind: DirectiveKind,
        wish: Wish,
        scope: dict[str, Any],
        *,
        params: dict[str, Any],
        reason: dict[str, Any],
        lacks: str,
    ) -> Asked:
        return Asked(
            kind=kind,
            scope_key=self.evidence.queue,
            wish=wish,
            scope=scope,
            params=params,
            reason=reason,
            priority=_PRIORITIES[kind],
            expires_at=self.ends,
            lacks=lacks,
        )


def _is_out(outage: OutageEvidence) -> bool:
    return outage.is_open and outage.restored_at is None and not outage.is_planned


def _reason(
    metric: str, value: float | None, *, on: float | None, off: float | None
) -> dict[str, Any]:
    return {"metric": metric, "value": value, "on": on, "off": off}
