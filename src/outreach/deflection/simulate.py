"""Draws an outage with calls of known deflection, to check the estimator against the truth."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from random import Random

from outreach.model import order
from outreach.model.deflection import IdentifiedCall, Slot

START = datetime(2026, 1, 1, tzinfo=UTC)
HORIZON = 360.0
_GRID = 0.25
_CALLS_EACH = 0.15
"""Expected calls of an average household over the horizon."""
_CLASSES = (("A", 0.02, 1.5), ("B", 0.18, 2.0), ("C", 0.80, 1.0))
"""Class, share of households, call multiplier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is true in a simulated outage."""

    households: int = 5_000
    deflection: float = 0.0
    """Share of its calls that a delivered message prevents; negative adds calls."""
    rollout_minutes: float = 60.0
    deliverable: float = 0.85
    undeliverable_multiplier: float = 1.5
    identified: float = 0.70
    repeats: float = 0.20
    tail_share: float = 0.0
    tail_minutes: float = 60.0


@dataclass(frozen=True, slots=True)
class _Household:
    ref: str
    priority: str
    multiplier: float
    deliverable: bool
    restored: float
    identified: bool


@dataclass(frozen=True, slots=True)
class Drawn:
    """One outage: the send log, the identified calls, and the seed of the order."""

    slots: list[Slot]
    calls: list[IdentifiedCall]
    seed: bytes


def draw(world: World, number: int) -> Drawn:
    """The outage with this number; the same number draws the same outage."""
    random = Random(number)  # noqa: S311  a simulation
    seed = random.randbytes(order.SEED_BYTES)
    households = _households(world, random)
    slots = _slots(world, households, seed, random)
    calls = [
        IdentifiedCall(household=home.ref, at=_instant(minute))
        for home in households
        if home.identified
        for minute in _calls(world, home, slots[home.ref], random)
    ]
    return Drawn(list(slots.values()), calls, seed)


def _households(world: World, random: Random) -> list[_Household]:
    drawn = [_household(world, number, random) for number in range(world.households)]
    mean = sum(home.multiplier for home in drawn) / len(drawn)
    return [
        _Household(
            home.ref,
            home.priority,
            home.multiplier / mean * random.gammavariate(2, 0.5),
            home.deliverable,
            home.restored,
            home.identified,
        )
        for home in drawn
    ]


def _household(world: World, number: int, random: Random) -> _Household:
    point = random.random()
    priority, multiplier = _class_at(point)
    deliverable = random.random() < world.deliverable
    early = random.random() < 0.35  # noqa: PLR2004  share restored within 200 minutes
    return _Household(
        f"H-{number}",
        priority,
        multiplier * (1.0 if deliverable else world.undeliverable_multiplier),
        deliverable,
        random.uniform(60, 200) if early else random.uniform(240, HORIZON),
        random.random() < world.identified,
    )


def _class_at(point: float) -> tuple[str, float]:
    for priority, share, multiplier in _CLASSES:
        if point < share:
            return priority, multiplier
        point -= share
    return "C", 1.0


def _slots(
    world: World, households: list[_Household], seed: bytes, random: Random
) -> dict[str, Slot]:
    ranked = sorted(
        households,
        key=lambda home: (_in_tail(world, home, seed), home.priority, _digest(seed, home)),
    )
    regular = sum(not _in_tail(world, home, seed) for home in ranked)
    last = 10 + world.rollout_minutes + world.tail_minutes
    slots = {}
    for place, home in enumerate(ranked):
        turn = 10 + world.rollout_minutes * (place + 0.5) / regular if place < regular else last
        slots[home.ref] = replace(
            _slot(home, place, turn, random), queue="" if place < regular else "tail"
        )
    return slots


def _digest(seed: bytes, home: _Household) -> bytes:
    return order.digest(seed, home.ref)


def _in_tail(world: World, home: _Household, seed: bytes) -> bool:
    drawn = int.from_bytes(order.digest(seed, "tail" + home.ref)) / 2**256
    return home.priority != "A" and drawn < world.tail_share


def _slot(home: _Household, place: int, turn: float, random: Random) -> Slot:
    latency = random.expovariate(2)
    return Slot(
        household=home.ref,
        priority=home.priority,
        channel="sms",
        wave="1",
        order=place + 1,
        slot_at=_instant(turn),
        delivered=home.deliverable,
        receipt_at=_instant(turn + latency) if home.deliverable else None,
        until=_instant(home.restored),
    )


def _calls(world: World, home: _Household, slot: Slot, random: Random) -> Iterator[float]:
    most = max(1.0, 1 - world.deflection)
    told = slot.receipt_at
    total = home.multiplier * most * _hazard_until(home.restored)
    reached = random.expovariate(1)
    while reached < total:
        minute = _time_of(reached / (home.multiplier * most))
        heard = told is not None and _instant(minute) > told
        if random.random() < ((1 - world.deflection) if heard else 1.0) / most:
            yield from _chain(world, minute, home.restored, random)
        reached += random.expovariate(1)


def _chain(world: World, minute: float, until: float, random: Random) -> Iterator[float]:
    while minute < until:
        yield minute
        if random.random() >= world.repeats:
            return
        minute += random.expovariate(1 / 20)


def _instant(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def _curve() -> list[float]:
    """Cumulative calls of one household on the grid, scaled to the horizon's total."""
    times = [step * _GRID for step in range(int(HORIZON / _GRID) + 1)]
    rates = [math.exp(-t / 45) * (1 - math.exp(-t / 4)) + 0.15 * math.exp(-t / 600) for t in times]
    sums = list(accumulate(((a + b) / 2 * _GRID for a, b in pairwise(rates)), initial=0.0))
    return [value * _CALLS_EACH / sums[-1] for value in sums]


_H = _curve()


def _hazard_until(minute: float) -> float:
    place = min(int(minute / _GRID), len(_H) - 2)
    return _H[place] + (_H[place + 1] - _H[place]) * (minute / _GRID - place)


def _time_of(hazard: float) -> float:
    place = min(bisect_right(_H, hazard) - 1, len(_H) - 2)
    return _GRID * (place + (hazard - _H[place]) / (_H[place + 1] - _H[place]))
