"""A simulated outage as the product meets one: a send log in keyed order and the calls of households."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from outreach.deflection import storms
from outreach.deflection.storms import CLASSES, Storm, World
from outreach.model import order
from outreach.model.deflection import IdentifiedCall, Slot

__all__ = ["START", "Drawn", "World", "draw"]

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One outage: the send log, the identified calls, and the seed of the order."""

    slots: list[Slot]
    calls: list[IdentifiedCall]
    seed: bytes


def draw(world: World, number: int) -> Drawn:
    """The outage with this number; the same number draws the same outage.

    Households that are held out have no slot. Needs numpy.
    """
    storm = storms.draw(world, storms.generator(number))
    seed = Random(number).randbytes(order.SEED_BYTES)  # noqa: S311  a simulation
    slots = _slots(world, storm, seed)
    calls = [
        IdentifiedCall(household=slots[who].household, at=_instant(minute))
        for who, minute in zip(storm.caller.tolist(), storm.at.tolist(), strict=True)
    ]
    return Drawn(slots, calls, seed)


def _slots(world: World, storm: Storm, seed: bytes) -> list[Slot]:
    regular, late = _names(world, storm, seed)
    rows = zip(
        storm.stratum.tolist(), storm.slot.tolist(), storm.heard.tolist(), storm.until.tolist(),
        storm.delivered.tolist(), storm.tail.tolist(), strict=True,
    )  # fmt: skip
    return [
        Slot(
            household=next(late if tail else regular),
            priority=CLASSES[stratum],
            channel="sms",
            wave="1",
            order=place + 1,
            slot_at=_instant(slot) if slot < math.inf else None,
            delivered=delivered,
            receipt_at=_instant(heard) if heard < math.inf else None,
            until=_instant(until),
            queue="tail" if tail else "",
        )
        for place, (stratum, slot, heard, until, delivered, tail) in enumerate(rows)
    ]


def _names(world: World, storm: Storm, seed: bytes) -> tuple[Iterator[str], Iterator[str]]:
    """Names of the regular and of the late, such that the seed gives each class the drawn order.

    Households are alike until they are named, so that the order may come first.
    """
    counts = [int((storm.stratum == each).sum()) for each in range(len(CLASSES))]
    late_counts = [int(storm.tail[storm.stratum == each].sum()) for each in range(len(CLASSES))]
    regular: list[str] = []
    late: list[str] = []
    number = 0
    while len(regular) < sum(counts) - sum(late_counts) or len(late) < sum(late_counts):
        name = f"H-{number}"
        (late if _in_tail(world, name, seed) else regular).append(name)
        number += 1
    early = [count - after for count, after in zip(counts, late_counts, strict=True)]
    return _ordered(regular, early, seed), _ordered(late, late_counts, seed)


def _ordered(names: list[str], counts: list[int], seed: bytes) -> Iterator[str]:
    """Class by class, each in the order of the seed."""
    start = 0
    for count in counts:
        chosen = names[start : start + count]
        yield from sorted(chosen, key=lambda name: order.digest(seed, name))
        start += count


def _in_tail(world: World, name: str, seed: bytes) -> bool:
    drawn = int.from_bytes(order.digest(seed, "tail" + name)) / 2**256
    return drawn < world.tail_share


def _instant(minute: float) -> datetime:
    return START + timedelta(minutes=minute)
