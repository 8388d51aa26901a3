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
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def test_hours_of_sleep_take_no_time(loop):
    began = time.monotonic()

    loop.run_until_complete(loop.until(START + timedelta(hours=9)))

    assert abs(loop.now() - START - timedelta(hours=9)) < timedelta(milliseconds=1)
    assert time.monotonic() - began < 5


def test_sleepers_wake_in_the_order_of_their_instants(loop):
    woken = []

    async def sleeper(name, seconds):
        await asyncio.sleep(seconds)
        woken.append((name, round(loop.time())))

    async def all_of_them():
        await asyncio.gather(sleeper("late", 30), sleeper("early", 10), sleeper("middle", 20))

    loop.run_until_complete(all_of_them())

    assert woken == [("early", 10), ("middle", 20), ("late", 30)]


def test_time_stands_still_while_a_thread_is_at_work(loop):
    release = asyncio.Event()

    async def both():
        sleeping = asyncio.create_task(asyncio.sleep(60))
        at = await asyncio.to_thread(lambda: (sum(range(10**6)), loop.time())[1])
        woke_early = sleeping.done()
        await sleeping
        release.set()
        return at, woke_early

    at, woke_early = loop.run_until_complete(both())

    assert at == 0.0
    assert not woke_early
    assert loop.time() >= 60


def test_an_instant_that_has_passed_is_not_waited_for_and_not_gone_back_to(loop):
    loop.leap(START + timedelta(hours=1))

    loop.leap(START)
    loop.run_until_complete(loop.until(START))

    assert loop.now() - START >= timedelta(hours=1)
    assert loop.now() - START < timedelta(hours=1, seconds=1)
