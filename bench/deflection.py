"""Row "deflection": time per event of the stream, and the estimate over all households.

    python bench/deflection.py [--quick] [--json] [--size HOUSEHOLDS]

The limit is the bare loop in the same run: the same events, each noted in one dict and nothing
more. Rounds of both alternate, in seconds of this process's own processor time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from random import Random

from _figures import Asked, Figure, alternately, run, took

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


def measured(asked: Asked) -> Iterator[Figure]:
    events = outage(asked.size)
    mine, limit = alternately(
        lambda: feed(events), lambda: bare(events), rounds=3 if asked.quick else 2,
        clock=time.process_time,
    )  # fmt: skip
    micros = [seconds / len(events) * 1e6 for seconds in (mine, limit)]
    yield Figure(
        figure="deflection event", value=micros[0], unit="us", limit=micros[1],
        goal=f"<= {GOAL_EVENT_US:g} us", met=micros[0] <= GOAL_EVENT_US,
    )  # fmt: skip
    stream = feed(events)
    seconds = min(took(lambda: estimated(stream, asked.size)) for _each in range(3))
    yield Figure(
        figure="deflection estimate", value=seconds, unit="s", limit=limit,
        goal=f"<= {GOAL_ESTIMATE_S:g} s", met=seconds <= GOAL_ESTIMATE_S,
    )  # fmt: skip


def estimated(stream: Stream, households: int) -> None:
    measured = stream.estimate(closed=360)
    if measured.counts is None or measured.counts.episodes < households // 32:
        raise SystemExit("the stream lost its calls: nothing was measured")


if __name__ == "__main__":
    run(__doc__, measured, sizes=(100_000, 1_000_000), unit="households")
