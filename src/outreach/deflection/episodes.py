"""Episodes, arms and person-time of a randomised send order, from slots and identified calls."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from outreach.deflection.minutes import Minutes
from outreach.model.deflection import Batch, EpisodeCounts, IdentifiedCall, Slot

GAP_MINUTES = 60.0
"""A call this long or less after the household's previous one is a repeat."""
LEAST_GRACE = 2.0
NEVER = math.inf

Stratum = tuple[str, str, str]
"""Wave, class, channel; the minute makes it whole."""
Weights = tuple[float, float]
"""(w0, w1) = (T0/T, T1/T) of one stratum and minute."""


class Arm(StrEnum):
    """Where an episode falls against the assigned slot of its household."""

    UNSENT = "unsent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    IN_GRACE = "in_grace"


@dataclass(frozen=True, slots=True)
class Episode:
    """The first of a household's calls after more than an hour of silence, in one wave."""

    household: str
    stratum: Stratum
    minute: int
    arm: Arm
    lag: float = -math.inf
    """Minutes since the slot; negative while it lies ahead."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """T0 and T1 of every stratum, by whole minute since the outage began."""

    unsent: Mapping[Stratum, Sequence[float]]
    told: Mapping[Stratum, Sequence[float]]

    def weights(self, stratum: Stratum, minute: int) -> Weights:
        """Of one minute; zeros where nobody was at risk."""
        unsent, told = self.unsent.get(stratum, ()), self.told.get(stratum, ())
        if minute >= len(unsent) or minute >= len(told):
            return 0.0, 0.0
        return weighed(unsent[minute], told[minute])

    def table(self, stratum: Stratum) -> list[Weights]:
        """Of every minute, for whoever asks for many."""
        both = zip(self.unsent.get(stratum, ()), self.told.get(stratum, ()), strict=False)
        return [weighed(unsent, told) for unsent, told in both]

    @property
    def compares(self) -> bool:
        """Whether some minute has both people still waiting and people told."""
        return any(
            unsent > 0 and told > 0
            for stratum, waiting in self.unsent.items()
            for unsent, told in zip(waiting, self.told[stratum], strict=True)
        )


def weighed(t0: float, t1: float) -> Weights:
    both = t0 + t1
    return (t0 / both, t1 / both) if both > 0 else (0.0, 0.0)


def minutes_since(start: datetime, instant: datetime | None) -> float:
    """Exact minutes from the outage's start; never, for None."""
    return NEVER if instant is None else (instant - start).total_seconds() / 60


def stratum_of(slot: Slot | Batch) -> Stratum:
    return slot.wave, slot.priority, slot.channel


def measured_grace(slots: Iterable[Slot], *, least: float = LEAST_GRACE) -> dict[str, float]:
    """Minutes by channel: p90 (nearest rank) of the latency of delivered receipts, plus one."""
    latencies: dict[str, list[float]] = {}
    for slot in slots:
        seen = latencies.setdefault(slot.channel, [])
        if slot.delivered and slot.receipt_at and slot.slot_at:
            seen.append(minutes_since(slot.slot_at, slot.receipt_at))
    return {
        channel: max(least, nearest_rank(seen, 0.9) + 1) if seen else least
        for channel, seen in latencies.items()
    }


def grace_of(
    latencies: Mapping[str, Sequence[tuple[float, int]]], *, least: float = LEAST_GRACE
) -> dict[str, float]:
    """The same from counted latencies: channel -> (seconds, households) ascending."""
    return {
        channel: max(least, _counted_rank(seen, 0.9) / 60 + 1)
        for channel, seen in latencies.items()
    }


def _counted_rank(counted_values: Sequence[tuple[float, int]], share: float) -> float:
    wanted = max(1, math.ceil(share * sum(count for _value, count in counted_values)))
    for value, count in counted_values:
        wanted -= count
        if wanted <= 0:
            return value
    raise ValueError("no values have no quantile")


def nearest_rank(values: Sequence[float], share: float) -> float:
    """The ⌈share·n⌉-th smallest; ValueError on no values."""
    if not values:
        raise ValueError("no values have no quantile")
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


def exposure(
    slots: Iterable[Slot | Batch],
    start: datetime,
    grace: Mapping[str, float],
    *,
    lag: tuple[float, float] = (0.0, NEVER),
) -> Exposure:
    """Person-time of both arms; [slot, slot + grace) counts nowhere.

    lag: minutes since the slot to which the time of the told is narrowed down; grace holds all the same.
    """
    waiting: dict[Stratum, Minutes] = defaultdict(Minutes)
    told: dict[Stratum, Minutes] = defaultdict(Minutes)
    for slot in slots:
        households = slot.households if isinstance(slot, Batch) else 1
        until = max(0.0, minutes_since(start, slot.until))
        sent = minutes_since(start, slot.slot_at)
        matured = sent + max(lag[0], grace.get(slot.channel, LEAST_GRACE))
        stratum = stratum_of(slot)
        waiting[stratum].add(0.0, max(0.0, min(sent, until)), households)
        told[stratum].add(max(0.0, matured), min(until, sent + lag[1]), households)
    return tabled(waiting, told)


def tabled(
    waiting: Mapping[Stratum, Minutes],
    told: Mapping[Stratum, Minutes],
    *,
    closed: int | None = None,
) -> Exposure:
    """Both arms in tables of equal length; `closed` cuts after that many whole minutes."""
    keys = waiting.keys() | told.keys()
    nothing = Minutes()
    lengths = {
        key: max(len(waiting.get(key, nothing)), len(told.get(key, nothing)))
        if closed is None
        else closed
        for key in keys
    }
    return Exposure(
        unsent={key: waiting.get(key, nothing).totals(lengths[key]) for key in keys},
        told={key: told.get(key, nothing).totals(lengths[key]) for key in keys},
    )


def first_calls(times: Iterable[float], until: float) -> tuple[list[float], int]:
    """Times that start an episode, and how many are repeats; only calls in [0, until) exist."""
    at_risk = sorted(time for time in times if 0 <= time < until)
    if len(at_risk) < 2:  # noqa: PLR2004  nearly every household: nothing to compare
        return at_risk, 0
    firsts = at_risk[:1]
    firsts += [here for before, here in pairwise(at_risk) if here - before > GAP_MINUTES]
    return firsts, len(at_risk) - len(firsts)


def arm_at(minute: float, sent: float, grace: float, *, delivered: bool | None) -> Arm:
    """The arm by the assigned slot; an unknown receipt counts as delivered, which is conservative."""
    if minute < sent:
        return Arm.UNSENT
    if minute < sent + grace:
        return Arm.IN_GRACE
    return Arm.UNDELIVERED if delivered is False else Arm.DELIVERED


def episodes(
    slots: Iterable[Slot],
    calls: Iterable[IdentifiedCall],
    start: datetime,
    grace: Mapping[str, float],
) -> tuple[list[Episode], int]:
    """Every episode of every wave, and how many calls were repeats."""
    times: dict[str, list[float]] = defaultdict(list)
    for call in calls:
        times[call.household].append(minutes_since(start, call.at))
    found: list[Episode] = []
    repeats = 0
    for slot in slots:
        if slot.household in times:
            firsts, again = first_calls(times[slot.household], minutes_since(start, slot.until))
            found.extend(_placed(firsts, slot, start, grace))
            repeats += again
    return found, repeats


def _placed(
    firsts: list[float], slot: Slot, start: datetime, grace: Mapping[str, float]
) -> Iterator[Episode]:
    sent = minutes_since(start, slot.slot_at)
    wait = grace.get(slot.channel, LEAST_GRACE)
    for minute in firsts:
        arm = arm_at(minute, sent, wait, delivered=slot.delivered)
        yield Episode(slot.household, stratum_of(slot), int(minute), arm, minute - sent)


def counted(found: Iterable[Episode], repeats: int) -> EpisodeCounts:
    """How many episodes fell into each arm."""
    arms = [episode.arm for episode in found]
    return EpisodeCounts(**{arm.value: arms.count(arm) for arm in Arm}, repeats=repeats)
