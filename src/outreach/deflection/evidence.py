"""All that one run is measured from, and what follows of it: the estimate, its parts, the minutes behind it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from outreach.deflection.episodes import (
    LEAST_GRACE,
    NEVER,
    Arm,
    Episode,
    Exposure,
    Stratum,
    arm_at,
    counted,
    exposure as person_time,
    first_calls,
    minutes_since,
    stratum_of,
    weighed,
)
from outreach.deflection.estimate import added_up, from_sums, summed, with_evidence
from outreach.deflection.refusals import Design, batch_refusals, batch_warnings, nothing_to_compare
from outreach.model.deflection import (
    Batch,
    Bucket,
    CountedCall,
    Deflection,
    IdentifiedCall,
    Slot,
    Sums,
)

REPEAT = "repeat"
"""Arm of a call that follows another of its household within the hour."""
BANDS = ((0.0, 10.0), (10.0, 30.0), (30.0, 60.0), (60.0, NEVER))
"""Minutes since the slot; the first begins with the grace."""
_ARMS = {Arm.UNSENT: "d0", Arm.DELIVERED: "d1d", Arm.UNDELIVERED: "d1u"}


class By(StrEnum):
    """What an estimate is divided by; its value is the place in a stratum."""

    WAVE = "wave"
    CLASS = "class"
    CHANNEL = "channel"


_PLACE = {By.WAVE: 0, By.CLASS: 1, By.CHANNEL: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One run as the ledger and the calls show it, up to a whole minute."""

    start: datetime
    """Of the outage: minute 0."""
    at: datetime
    """Analysed up to here; the last minute that counts is whole."""
    batches: Sequence[Batch]
    callers: Sequence[Slot]
    """Slots of the households that called."""
    calls: Sequence[IdentifiedCall]
    grace: Mapping[str, float]
    needed_grace: Mapping[str, float]
    """By channel, as the receipts ask for."""
    design: Design
    identified_share: float | None
    waves: Mapping[str, int]
    """Wave as in a stratum -> its row."""
    reasons: tuple[str, ...] = ()
    """What else a reader has to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The effect at some distance from the slot; no average, and over fewer calls."""

    low: float
    high: float
    deflection: Deflection


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What followed: minutes, episodes and the estimate, still divisible."""

    evidence: Evidence
    exposure: Exposure
    episodes: tuple[Episode, ...]
    calls: tuple[CountedCall, ...]
    deflection: Deflection
    reasons: tuple[str, ...] = field(default=())
    """Why no number of this run may be printed, whatever it is divided by."""

    def by(self, part: By) -> dict[str, Deflection]:
        """The estimate inside each wave, class or channel; not comparable as causes with each other."""
        place = _PLACE[part]
        keys = sorted({stratum[place] for stratum in self.exposure.unsent})
        return {key: self._inside(place, key) for key in keys}

    def bands(self) -> tuple[Band, ...]:
        """The effect by minutes since the slot, each against those who waited at the same time."""
        return tuple(self._band(low, high) for low, high in BANDS)

    def buckets(self) -> list[Bucket]:
        """The minutes of each stratum in which somebody was at risk."""
        number = {key: Counter[tuple[int, str]]() for key in self.exposure.unsent}
        for each in self.episodes:
            if each.arm in _ARMS:
                number[each.stratum][each.minute, _ARMS[each.arm]] += 1
        return [
            bucket
            for stratum in sorted(number)
            for bucket in self._buckets(stratum, number[stratum])
        ]

    def _buckets(self, stratum: Stratum, number: Counter[tuple[int, str]]) -> Iterator[Bucket]:
        wave, priority, channel = stratum
        both = zip(self.exposure.unsent[stratum], self.exposure.told[stratum], strict=True)
        for minute, (t0, t1) in enumerate(both):
            if t0 > 0 or t1 > 0:
                counts = {arm: number[minute, arm] for arm in _ARMS.values()}
                yield Bucket(
                    step_run=self.evidence.waves[wave], priority=priority, channel=channel,
                    minute=minute, t0=t0, t1=t1, **counts,
                )  # fmt: skip

    def _inside(self, place: int, key: str) -> Deflection:
        found = [each for each in self.episodes if each.stratum[place] == key]
        unsent, told = (
            {stratum: value for stratum, value in each.items() if stratum[place] == key}
            for each in (self.exposure.unsent, self.exposure.told)
        )
        return self._of(Exposure(unsent=unsent, told=told), found)

    def _band(self, low: float, high: float) -> Band:
        of = self.evidence
        narrowed = person_time(of.batches, of.start, of.grace, lag=(low, high))
        found = [each for each in self.episodes if each.arm is Arm.UNSENT or low <= each.lag < high]
        return Band(low=low, high=high, deflection=self._of(narrowed, found))

    def _of(self, exposure: Exposure, found: Sequence[Episode]) -> Deflection:
        reasons = self.reasons or tuple(nothing_to_compare(exposure))
        part = from_sums(summed(exposure, found), reasons=reasons)
        return replace(
            with_evidence(part, counted(found, 0), self.evidence.grace),
            measured_at=self.evidence.at,
        )


def worked_out(of: Evidence) -> Measured:
    """The estimate of a run from its batches: equal to that of its slots one by one."""
    exposure = person_time(of.batches, of.start, of.grace)
    calls = list(_counted(of))
    found = list(_episodes(of, calls))
    reasons = batch_refusals(of.batches, of.callers, exposure, of.design)
    estimate = from_sums(
        summed(exposure, found),
        reasons=reasons,
        warnings=(*batch_warnings(of.batches, of.needed_grace, of.grace), *of.reasons),
        identified_share=of.identified_share,
    )
    repeats = sum(call.arm == REPEAT for call, _slot in calls)
    design = batch_refusals(of.batches, of.callers, None, of.design)
    return Measured(
        evidence=of,
        exposure=exposure,
        episodes=tuple(found),
        calls=tuple(call for call, _slot in calls),
        deflection=replace(
            with_evidence(estimate, counted(found, repeats), of.grace),
            measured_at=of.at,
            design_reasons=design,
        ),
        reasons=design,
    )


def _counted(of: Evidence) -> Iterator[tuple[CountedCall, Slot]]:
    """Every call of a household at risk, in each wave that held it, with its arm."""
    made: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for call in of.calls:
        made[call.household].append((minutes_since(of.start, call.at), call.call_id))
    for slot in of.callers:
        calls = sorted(made.get(slot.household, ()))
        until = minutes_since(of.start, slot.until)
        firsts, _repeats = first_calls((minute for minute, _id in calls), until)
        for minute, call_id in calls:
            if 0 <= minute < until:
                is_first = bool(firsts) and minute == firsts[0]
                if is_first:
                    firsts.pop(0)
                arm = _arm(of, slot, minute) if is_first else REPEAT
                yield (
                    CountedCall(
                        call_id=call_id, step_run=slot.step_run, household=slot.household_id,
                        priority=slot.priority, channel=slot.channel, minute=minute, arm=arm,
                    ),
                    slot,
                )  # fmt: skip


def _arm(of: Evidence, slot: Slot, minute: float) -> str:
    sent = minutes_since(of.start, slot.slot_at)
    grace = of.grace.get(slot.channel, LEAST_GRACE)
    return arm_at(minute, sent, grace, delivered=slot.delivered).value


def _episodes(of: Evidence, calls: Iterable[tuple[CountedCall, Slot]]) -> Iterator[Episode]:
    for call, slot in calls:
        if call.arm != REPEAT:
            lag = call.minute - minutes_since(of.start, slot.slot_at)
            yield Episode(slot.household, stratum_of(slot), int(call.minute), Arm(call.arm), lag)


def from_minutes(buckets: Iterable[Bucket], calls: Iterable[CountedCall]) -> Sums:
    """The sufficient statistics from what the store keeps by the minute, equal to those of `worked_out`."""
    nothing = (0.0, 0.0)
    weights = {
        (each.step_run, each.priority, each.channel, each.minute): weighed(each.t0, each.t1)
        for each in buckets
    }
    return added_up(
        (
            each.household,
            each.arm,
            weights.get((each.step_run, each.priority, each.channel, int(each.minute)), nothing),
        )
        for each in calls
    )
