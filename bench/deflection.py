"""Row "deflection": time per event of the stream, the estimate, and a minute of a run in the ledger.

    python bench/deflection.py [--quick] [--json] [--size HOUSEHOLDS] [--only DATABASE]

The limit of the stream is the bare loop in the same run: the same events, each noted in one dict and
nothing more; rounds of both alternate, in seconds of this process's own processor time. The limit of a
minute of the ledger is reading the same messages one by one; that of the estimate from what the minutes
kept, reading those rows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random

import _databases
import _measured_run
from _figures import Asked, Figure, alternately, run, took
from sqlalchemy import select

from outreach.campaigns import measuring
from outreach.deflection.estimate import from_sums
from outreach.deflection.evidence import from_minutes
from outreach.deflection.measure import Rules, measured as of_ledger
from outreach.deflection.stream import Stream
from outreach.store import measured as kept, tables as t
from outreach.store.session import Database

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
    seconds = min(
        took(lambda: estimated(stream, asked.size), clock=time.process_time) for _each in range(3)
    )
    yield Figure(
        figure="deflection estimate", value=seconds, unit="s", limit=limit,
        goal=f"<= {GOAL_ESTIMATE_S:g} s", met=seconds <= GOAL_ESTIMATE_S,
    )  # fmt: skip

    with _databases.urls(asked.databases) as urls:
        for name, url in urls.items():
            with _databases.migrated(url) as database:
                yield from of_database(database, name, asked.size)


def of_database(database: Database, name: str, households: int) -> Iterator[Figure]:
    """A minute of one run in the ledger, and the estimate from what it kept."""
    run_id, wave = _measured_run.fill(database, households)
    now = _measured_run.START + timedelta(minutes=200)
    rules = Rules(outage_numbers=(_measured_run.NUMBER,))

    def a_minute() -> None:
        with database.read() as session:
            found = of_ledger(session, run_id, rules=rules, now=now)
        with database.write() as session:
            measuring.keep(session, run_id, found, now=now)

    # SQLite works in this process, so that its processor time is all of it.
    clock = time.process_time if database.is_sqlite else time.perf_counter
    seconds = min(took(a_minute, clock=clock) for _each in range(2))
    events = households * (2 + 6 / 7 + 1 / 16)  # affected, sent, receipts and calls
    micros = [
        each / events * 1e6
        for each in (seconds, took(lambda: one_by_one(database, wave), clock=clock))
    ]
    yield Figure(
        figure=f"deflection minute, an event, {name}", value=micros[0], unit="us",
        limit=micros[1], goal=f"<= {GOAL_EVENT_US:g} us", met=micros[0] <= GOAL_EVENT_US,
    )  # fmt: skip
    with database.read() as session:
        reading = took(lambda: (kept.buckets(session, [wave]), kept.calls(session, [wave])))
        buckets, calls = kept.buckets(session, [wave]), kept.calls(session, [wave])
    seconds = min(
        took(lambda: from_sums(from_minutes(buckets, calls)), clock=time.process_time)
        for _each in range(3)
    )
    yield Figure(
        figure=f"deflection estimate from the minutes, {name}", value=seconds, unit="s",
        limit=reading, goal=f"<= {GOAL_ESTIMATE_S:g} s", met=seconds <= GOAL_ESTIMATE_S,
    )  # fmt: skip


def one_by_one(database: Database, wave: int) -> None:
    m = t.message.c
    wanted = select(m.household_id, m.priority, m.channel, m.pool, m.zone, m.slot_at, m.rank)
    with database.read() as session:
        for _row in session.execute(wanted.where(m.step_run_id == wave)):
            pass


def estimated(stream: Stream, households: int) -> None:
    measured = stream.estimate(closed=360)
    if measured.counts is None or measured.counts.episodes < households // 32:
        raise SystemExit("the stream lost its calls: nothing was measured")


if __name__ == "__main__":
    run(__doc__, measured, sizes=(100_000, 1_000_000), unit="households")
