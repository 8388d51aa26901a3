"""Drives one lane: claims a chunk, commits, calls the channel with no transaction open, settles."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from outreach.delivery.calls import Calls
from outreach.delivery.hands import Driven, Driver
from outreach.delivery.pace import Pace
from outreach.delivery.stops import StopBoard
from outreach.model.errors import StoreUnusable
from outreach.model.message import Recipient, Sends
from outreach.model.words import MessageState
from outreach.store import lanes, settle, stop
from outreach.store.claims import Claim, claim
from outreach.store.lanes import Lane
from outreach.store.session import Database, Session
from outreach.store.settle import Settled

CLAIM_S = 2.0
"""A claim takes at most what leaves within so long: the next in class order never waits longer."""
POLL_S = 0.25
"""How often an idle lane looks for work."""
_PATIENCE_S = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Waits between tries to write what a provider has already answered."""
_T = TypeVar("_T")


async def drive_lane(
    database: Database,
    name: str,
    channel: Sends,
    driver: Driver,
    *,
    duration: float = 30.0,
    linger: float = 0.0,
) -> Driven:
    """Sends what the lane's pool holds for at most `duration` seconds, or until idle for `linger`.

    A lane that another owner holds, or that is stopped, is left alone. Raises StoreUnusable when
    results cannot be written; those messages then lapse into doubt.
    """
    times = driver.times
    with ThreadPoolExecutor(1) as writer, ThreadPoolExecutor(1) as reader:
        threads = _Threads(database, writer, reader)
        lane = await threads.write(
            lambda session: lanes.acquire(
                session, name, driver.owner, now=times.now(), lease=driver.limits.lease
            )
        )
        if lane is None:
            return Driven(halted="held by another sender, or stopped")
        drive = _Drive(threads, lane, channel, driver)
        try:
            return await drive.run(times.monotonic() + duration, linger)
        finally:
            await threads.write(lambda session: lanes.release(session, lane))


class _Threads:
    """The lane's two database threads: one claims and settles, one looks at the stops."""

    def __init__(
        self, database: Database, writer: ThreadPoolExecutor, reader: ThreadPoolExecutor
    ) -> None:
        self._database = database
        self._writer = writer
        self._reader = reader

    async def write(self, work: Callable[[Session], _T]) -> _T:
        def transaction() -> _T:
            with self._database.write() as session:
                return work(session)

        return await asyncio.get_running_loop().run_in_executor(self._writer, transaction)

    async def read(self, work: Callable[[Session], _T]) -> _T:
        def transaction() -> _T:
            with self._database.read() as session:
                return work(session)

        return await asyncio.get_running_loop().run_in_executor(self._reader, transaction)


class _Drive:
    """One drive of one lane that we hold."""

    def __init__(self, threads: _Threads, lane: Lane, channel: Sends, driver: Driver) -> None:
        self.board = StopBoard()
        self._threads = threads
        self._lane = lane
        self._driver = driver
        self._times = driver.times
        self._counts: Counter[MessageState] = Counter()
        self._stale = self._duplicates = 0
        self._until = 0.0
        pace = driver.pace or Pace(
            lane.rate, monotonic=driver.times.monotonic, sleep=driver.times.sleep
        )
        self._calls = Calls(channel, lane.sender, driver, pace=pace, watch=self)

    async def run(self, ends: float, linger: float) -> Driven:
        settled: list[Settled] = []
        idle_since: float | None = None
        while True:
            goes_on = self._goes_on(ends)
            chunk = await self._turn(settled, claims=goes_on)
            settled = []
            if chunk:
                idle_since = None
                settled = await self._calls.send(chunk, until=self._until)
                continue
            monotonic = self._times.monotonic()
            idle_since = monotonic if idle_since is None else idle_since
            if not goes_on or self._calls.halted or monotonic - idle_since >= linger:
                return self._driven()
            await self._times.sleep(POLL_S)

    def _goes_on(self, ends: float) -> bool:
        return self._driver.wanted() and not self._calls.halted and self._times.monotonic() < ends

    async def _turn(self, settled: list[Settled], *, claims: bool) -> list[Recipient]:
        """Settles the last chunk and claims the next: one commit a chunk."""
        for patience in (*_PATIENCE_S, None):
            try:
                return await self._once(settled, claims=claims)
            except StoreUnusable:
                if patience is None:
                    raise
                await self._times.sleep(patience)
        raise AssertionError  # the last round returns or raises

    async def _once(self, settled: list[Settled], *, claims: bool) -> list[Recipient]:
        asked_at = self._times.monotonic()
        written, chunk = await self._threads.write(
            lambda session: (self._settle(session, settled), self._claim(session) if claims else [])
        )
        self._counts.update(written.counts)
        self._stale += len(written.stale)
        self._duplicates += len(written.duplicates)
        self.board.hold(chunk, asked_at=asked_at)
        # A call must end, with time to spare, before anyone may think that we died.
        self._until = (
            asked_at
            + self._driver.limits.lease.total_seconds()
            - 2 * self._driver.limits.deadline_s
        )
        return chunk

    def _settle(self, session: Session, settled: list[Settled]) -> settle.Settlement:
        now = self._times.now()
        if self._calls.lane_trouble:
            lanes.stop(session, self._lane.name, self._calls.lane_trouble, now=now)
        if not settled:
            return settle.Settlement()
        owner = self._driver.owner
        return settle.settle(session, owner, settled, provider=self._driver.provider, now=now)

    def _claim(self, session: Session) -> list[Recipient]:
        now = self._times.now()
        lease = self._driver.limits.lease
        if lanes.renew(session, self._lane, now=now, lease=lease) is None:
            self._calls.halted = "the lane was taken over, or stopped"
            return []
        return claim(
            session,
            Claim(
                lane=self._lane.name,
                pool=self._lane.pool,
                owner=self._driver.owner,
                now=now,
                lease=lease,
                limit=max(1, int(min(self._driver.limits.chunk, self._lane.rate * CLAIM_S))),
            ),
        )

    async def look(self) -> None:
        """Renews the board with what has been stopped by now."""
        asked_at = self._times.monotonic()
        waves, addresses = self.board.waves, self.board.addresses
        try:
            stops = await self._threads.read(
                lambda session: stop.look(session, waves=waves, addresses=addresses)
            )
        except StoreUnusable:
            return  # the board grows stale, and then the lane stops calling
        self.board.renew(stops, asked_at=asked_at)

    async def pause(self, run: int, reason: str) -> None:
        now = self._times.now()
        await self._threads.write(lambda session: stop.pause_run(session, run, reason, now=now))

    def _driven(self) -> Driven:
        return Driven(
            counts=dict(self._counts),
            stale=self._stale,
            duplicates=self._duplicates,
            halted=self._calls.halted,
        )
