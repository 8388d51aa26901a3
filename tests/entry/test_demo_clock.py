"""The leaping clock: sleepers wake in order, threads hold time still."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from outreach.entry.demo.clock import LeapingLoop

START = datetime(2026, 7, 16, 6, 43, tzinfo=UTC)


@pytest.fixture
def loop():
    loop = LeapingLoop(START)
    yield loop
    loop.close()


def test_hours_of_sleep_take_no_time(loop):
    began = time.monotonic()

    loop.run_until_complete(loop.until(START + timedelta(hours=9)))

    assert abs(loop.now() - START - timedelta(hours=9)) < timedelta(milliseconds=1)
    assert time.monotonic() - began < 5


def test_sleepers_wake_in_the_order_of_their_instants(loop):
    woken: list[tuple[str, int]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append((name, round(loop.time())))

    async def all_of_them() -> None:
        await asyncio.gather(sleeper("late", 30), sleeper("early", 10), sleeper("middle", 20))

    loop.run_until_complete(all_of_them())

    assert woken == [("early", 10), ("middle", 20), ("late", 30)]


def test_work_for_a_thread_costs_no_time_and_wakes_nobody(loop):
    async def both() -> tuple[int, float, bool]:
        sleeping = asyncio.create_task(asyncio.sleep(60))
        result = await asyncio.to_thread(sum, range(10**6))
        at, woke_early = loop.time(), sleeping.done()
        await sleeping
        return result, at, woke_early

    result, at, woke_early = loop.run_until_complete(both())

    assert (result, at, woke_early) == (sum(range(10**6)), 0.0, False)
    assert loop.time() >= 60


def test_what_a_thread_would_raise_reaches_who_waits_for_it(loop):
    async def failing() -> None:
        await asyncio.to_thread(int, "none")

    with pytest.raises(ValueError, match="none"):
        loop.run_until_complete(failing())


def test_an_instant_that_has_passed_is_not_waited_for_and_not_gone_back_to(loop):
    loop.leap(START + timedelta(hours=1))

    loop.leap(START)
    loop.run_until_complete(loop.until(START))

    assert loop.now() - START >= timedelta(hours=1)
    assert loop.now() - START < timedelta(hours=1, seconds=1)
