"""Measures the deflection stream: time per event, and the estimate over all households.

    python bench/deflection.py [--quick] [--json]

The limit is the bare loop in the same run: the same events, each noted in one dict and nothing
more. Rounds of both alternate, and the best of each counts.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable, Iterator
from random import Random

from outreach.deflection.stream import Stream

GOAL_EVENT_US = 10.0
GOAL_ESTIMATE_S = 0.2
WAVE = "1"
CLASSES = ("A", "B", "C")
Event = tuple[str, str, float]


def outage(households: int) -> list[Event]:
    """Affected, sent, restored, and one call of every sixteen households, as a storm brings them."""
    random = Random(1)
    sent = [("sent", f"H-{n}", 10 + 60 * n / households) for n in range(households)]
    left = [("left", f"H-{n}", random.uniform(60, 360)) for n in range(households)]
    called = [
        ("called", f"H-{random.randrange(households)}", random.uniform(0, 300))
        for _ in range(households // 16)
    ]
    later = sorted([*sent, *left, *called], key=lambda event: event[2])
    return [("affected", f"H-{n}", 0.0) for n in range(households)] + later


def feed(events: list[Event]) -> Stream:
    stream = Stream({"sms": 2.0})
    doors: dict[str, Callable[[str, float], None]] = {
        "sent": lambda home, minute: stream.sent(home, WAVE, minute),
        "left": lambda home, minute: stream.left(home, WAVE, minute),
        "called": lambda home, minute: stream.called(f"{home}{minute}", home, minute),
        "affected": lambda home, _minute: stream.affected(
            home, (WAVE, CLASSES[len(home) % 3], "sms")
        ),
    }
    for kind, home, minute in events:
        doors[kind](home, minute)
    return stream


def bare(events: list[Event]) -> dict[str, float]:
    last: dict[str, float] = {}
    for _kind, home, minute in events:
        last[home] = minute  # noqa: PERF403  a loop is the limit that is meant
    return last


def timed(work: Callable[[list[Event]], object], events: list[Event]) -> float:
    gc.collect()
    begun = time.perf_counter()
    work(events)
    return time.perf_counter() - begun


def figures(households: int, rounds: int) -> Iterator[dict[str, object]]:
    events = outage(households)
    limits, ours = [], []
    for _ in range(rounds):
        limits.append(timed(bare, events))
        ours.append(timed(feed, events))
    limit, mine = (min(each) / len(events) * 1e6 for each in (limits, ours))
    yield figure("deflection event", mine, "us", limit, goal=GOAL_EVENT_US)
    stream = feed(events)
    del events
    took = min(estimated(stream, households) for _ in range(3))
    yield figure("deflection estimate", took, "s", min(limits), goal=GOAL_ESTIMATE_S)


def estimated(stream: Stream, households: int) -> float:
    gc.collect()
    begun = time.perf_counter()
    measured = stream.estimate(closed=360)
    took = time.perf_counter() - begun
    if measured.counts is None or measured.counts.episodes < households // 32:
        raise SystemExit("the stream lost its calls: nothing was measured")
    return took


def figure(name: str, value: float, unit: str, limit: float, *, goal: float) -> dict[str, object]:
    return {
        "figure": name,
        "value": round(value, 3),
        "unit": unit,
        "limit": round(limit, 3),
        "ratio": round(value / limit, 2),
        "goal": f"<= {goal} {unit}",
        "met": value <= goal,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100,000 households, not 1,000,000")
    parser.add_argument("--json", action="store_true", help="one JSON line per figure")
    asked = parser.parse_args()
    households = 100_000 if asked.quick else 1_000_000
    if not asked.json:
        print(f"{households:,} households")
    for each in figures(households, rounds=3 if asked.quick else 2):
        print(json.dumps(each) if asked.json else row(each))


def row(each: dict[str, object]) -> str:
    return (
        f"{each['figure']:<22}{each['value']:>10} {each['unit']:<3} limit {each['limit']:>8}"
        f"  x{each['ratio']:<7} goal {each['goal']:<10} {'met' if each['met'] else 'NOT MET'}"
    )


if __name__ == "__main__":
    main()
