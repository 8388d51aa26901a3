"""What is done to a fleet, drawn from one seed: lives of its processes, and the moods of the network."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

from tests.fleet.failpoints import OF_WEB, OF_WORKER
from tests.fleet.terms import LEASE_S, Window, drawn

_FAULTS = ("latency", "reset", "half_open", "limit", "drip")


def lives(seed: int, slot: str, *, scale: float) -> Iterator[dict[str, Any]]:
    """One life after the other of a slot: when it is killed, in seconds, or at the nth hit of which failpoint.

    `after_s` is a life's longest span: who does not meet his failpoint dies then.
    """
    draw, lease = drawn(seed, "lives", slot), LEASE_S * scale
    points = OF_WEB if slot == "web" else () if slot.startswith("clock") else OF_WORKER
    for number in itertools.count():
        life = {"slot": slot, "number": number, "after_s": draw.uniform(0.1, 2.5 * lease)}
        if points and draw.random() < 0.6:
            life |= {"failpoint": draw.choice(points), "nth": draw.randint(1, 4), "after_s": 4 * lease}  # fmt: skip
        yield life


def windows(seed: int, *, seconds: float, scale: float) -> tuple[Window, ...]:
    """Every so often the network is bad for a while: about a tenth of the time."""
    draw, found, at = drawn(seed, "windows"), [], 0.0
    while (at := at + draw.uniform(200, 600) * scale) < seconds:
        lasts = draw.uniform(10, 40) * scale
        found.append(Window(start=at, end=at + lasts, what=draw.choice(_FAULTS)))
        at += lasts
    return tuple(found)


def digest(seed: int, slots: list[str], *, scale: float) -> str:
    """Names a schedule: equal for equal seeds."""
    plan = [list(itertools.islice(lives(seed, slot, scale=scale), 200)) for slot in slots]
    moods = [(each.start, each.what) for each in windows(seed, seconds=600, scale=scale)]
    return hashlib.sha256(json.dumps([plan, moods]).encode()).hexdigest()[:12]
