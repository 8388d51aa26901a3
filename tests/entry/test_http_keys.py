"""Buckets of requests: held to a minute, refilled evenly, bounded in memory."""

from __future__ import annotations

import asyncio
import threading

import pytest
from tests.entry.web import World

from outreach.entry.http.gate import MOST_PEERS
from outreach.entry.http.keys import Bucket, Buckets, KeyTable


def test_the_memory_for_guessers_is_bounded():
    buckets = Buckets(lambda: 0.0, most=MOST_PEERS)

    for peer in range(MOST_PEERS + 100):
        buckets.take(peer, 5)

    assert len(buckets) == MOST_PEERS


def test_a_bucket_is_forgotten_when_others_were_used_since():
    buckets = Buckets(lambda: 0.0, most=2)
    buckets.take("old", 1)
    buckets.take("kept", 1)
    buckets.take("kept", 1)

    buckets.take("new", 1)

    assert buckets.take("kept", 1) is not None
    assert buckets.take("old", 1) is None  # it begins anew


def test_another_limit_begins_another_bucket():
    buckets = Buckets(lambda: 0.0, most=2)
    buckets.take("key", 1)

    found = buckets.of("key", 2)

    assert (found.per_minute, found.left) == (2, 2)


@pytest.mark.parametrize(
    ("passed_s", "left"),
    [
        pytest.param(0, 0, id="at once"),
        pytest.param(10, 1, id="a sixth of a minute later"),
        pytest.param(600, 6, id="never more than a minute's"),
        pytest.param(-60, 0, id="a clock that went back gives nothing"),
    ],
)
def test_a_bucket_refills_evenly(passed_s, left):
    bucket = Bucket(per_minute=6, left=0, at=100.0)

    bucket.refill(100.0 + passed_s)

    assert bucket.left == left


class Hanging:
    """A database that does not answer before it is let go."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = threading.Event()

    def read(self) -> None:
        self.asked += 1
        self.go.wait(5)
        raise OSError("gone")


def test_a_database_that_hangs_is_asked_once_and_holds_up_no_later_caller():
    world, away = World(), Hanging()
    table = KeyTable(away, monotonic=lambda: world.steady, now=lambda: world.now)  # type: ignore[arg-type]

    async def callers() -> list[object]:
        first = await table.find(b"d")
        world.passes(seconds=1)
        async with asyncio.timeout(0.2):
            return [first, *[await table.find(b"d") for _turn in range(50)]]

    found = asyncio.run(callers())
    away.go.set()
    table.close()

    assert (set(found), away.asked) == ({None}, 1)
