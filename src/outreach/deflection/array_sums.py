"""The estimator's sums over arrays: what `estimate.summed` gives, for studies of many outages.

A household has one slot here, so one wave. `tests/deflection/test_array_sums.py` holds these sums to
those of the product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from outreach.deflection.episodes import GAP_MINUTES, LEAST_GRACE, minutes_since, stratum_of
from outreach.deflection.numerics import Array, numpy
from outreach.deflection.storms import Storm
from outreach.model.deflection import EpisodeCounts, IdentifiedCall, Slot, Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A send log and its calls; times in minutes since the outage began, infinity is never."""

    stratum: Array
    """Whole numbers from 0, one a class and channel."""
    slot: Array
    grace: Array
    """One for each household, or one for all."""
    until: Array
    delivered: Array
    """False only where a receipt says undelivered."""
    caller: Array
    """Household of each call, ascending; its calls in the order of time."""
    at: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Episodes:
    """First calls and their arms."""

    household: Array
    minute: Array
    unsent: Array
    told: Array
    """Past slot and grace, delivered or not."""
    repeats: int


def of_storm(storm: Storm, *, grace: float = LEAST_GRACE) -> Log:
    return Log(
        stratum=storm.stratum, slot=storm.slot, grace=grace, until=storm.until,
        delivered=storm.delivered, caller=storm.caller, at=storm.at,
    )  # fmt: skip


def of_slots(
    slots: Sequence[Slot],
    calls: Iterable[IdentifiedCall],
    *,
    start: datetime,
    grace: Mapping[str, float],
) -> Log:
    """The arrays of a send log as the product reads it; households must not repeat."""
    np = numpy()
    number = {slot.household: place for place, slot in enumerate(slots)}
    names = sorted({stratum_of(slot) for slot in slots})
    times: dict[int, list[float]] = defaultdict(list)
    for call in calls:
        if call.household in number:
            times[number[call.household]].append(minutes_since(start, call.at))
    return Log(
        stratum=np.array([names.index(stratum_of(slot)) for slot in slots]),
        slot=np.array([minutes_since(start, slot.slot_at) for slot in slots]),
        grace=np.array([grace.get(slot.channel, LEAST_GRACE) for slot in slots]),
        until=np.array([max(0.0, minutes_since(start, slot.until)) for slot in slots]),
        delivered=np.array([slot.delivered is not False for slot in slots]),
        caller=np.array([who for who in sorted(times) for _at in times[who]], dtype=np.intp),
        at=np.array([at for who in sorted(times) for at in sorted(times[who])]),
    )


def exposure(log: Log) -> tuple[Array, Array]:
    """T0 and T1, each stratum x minute; [slot, slot + grace) counts nowhere."""
    np = numpy()
    shape = int(log.stratum.max(initial=0)) + 1, int(log.until.max(initial=0)) + 1
    unsent = _until(log.stratum, np.clip(log.slot, 0, log.until), shape)
    matured = np.clip(log.slot + log.grace, 0, log.until)
    return unsent, _until(log.stratum, log.until, shape) - _until(log.stratum, matured, shape)


def _until(stratum: Array, end: Array, shape: tuple[int, int]) -> Array:
    """Household-minutes of [0, end) by stratum and whole minute."""
    np = numpy()
    minute = end.astype(np.intp)
    key = stratum * shape[1] + minute
    size = shape[0] * shape[1]
    ended = np.bincount(key, minlength=size).reshape(shape)
    part = np.bincount(key, weights=end - minute, minlength=size).reshape(shape)
    return ended.sum(axis=1, keepdims=True) - np.cumsum(ended, axis=1) + part


def episodes(log: Log, *, gap: float = GAP_MINUTES) -> Episodes:
    """Calls more than `gap` minutes after the household's previous one, while it is at risk."""
    np = numpy()
    at_risk = (log.at >= 0) & (log.at < log.until[log.caller])
    caller, at = log.caller[at_risk], log.at[at_risk]
    first = np.ones(len(at), dtype=bool)
    first[1:] = (caller[1:] != caller[:-1]) | (at[1:] - at[:-1] > gap)
    household, at = caller[first], at[first]
    grace = log.grace[household] if getattr(log.grace, "ndim", 0) else log.grace
    slot = log.slot[household]
    return Episodes(
        household=household,
        minute=at.astype(np.intp),
        unsent=at < slot,
        told=at >= slot + grace,
        repeats=int(len(first) - first.sum()),
    )


def summed(log: Log, found: Episodes | None = None) -> Sums:
    """The sufficient statistics, clustered by household."""
    found = episodes(log) if found is None else found
    w0, w1 = _weights(log, found)
    delivered = found.told & log.delivered[found.household]
    undelivered = found.told & ~log.delivered[found.household]
    told_d, told_u, unsent = w0 * delivered, w0 * undelivered, w1 * found.unsent
    return Sums(
        delivered_w0=float(told_d.sum()),
        undelivered_w0=float(told_u.sum()),
        unsent_w1=float(unsent.sum()),
        itt_cross=float((w0 * w1 * (found.told | found.unsent)).sum()),
        delivered_episodes=int(delivered.sum()),
        episodes=int((found.told | found.unsent).sum()),
        plain_xx=float((told_d**2).sum()),
        plain_yy=float((unsent**2).sum() + (told_u**2).sum()),
        **_squares(found.household, told_d, unsent - told_u, "s"),
        **_squares(found.household, told_d + told_u, unsent, "itt_"),
    )


def _weights(log: Log, found: Episodes) -> tuple[Array, Array]:
    np = numpy()
    before, after = exposure(log)
    place = log.stratum[found.household], found.minute
    unsent, told = before[place], after[place]
    both = unsent + told
    whole = np.where(both > 0, both, 1.0)
    return unsent / whole, told / whole


def _squares(household: Array, x: Array, y: Array, name: str) -> dict[str, float]:
    """Sums of squares and products of what each household adds up to."""
    np = numpy()
    starts = np.flatnonzero(np.diff(household, prepend=-1))
    if not len(starts):
        return dict.fromkeys((f"{name}xx", f"{name}xy", f"{name}yy"), 0.0)
    x, y = np.add.reduceat(x, starts), np.add.reduceat(y, starts)
    return {f"{name}xx": float(x @ x), f"{name}xy": float(x @ y), f"{name}yy": float(y @ y)}


def counted(log: Log, found: Episodes) -> EpisodeCounts:
    """How many episodes fell into each arm."""
    reached = log.delivered[found.household]
    return EpisodeCounts(
        unsent=int(found.unsent.sum()),
        delivered=int((found.told & reached).sum()),
        undelivered=int((found.told & ~reached).sum()),
        in_grace=int((~found.told & ~found.unsent).sum()),
        repeats=found.repeats,
    )
