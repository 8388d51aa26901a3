"""Drives one lane: claims a chunk, commits, calls the channel with no transaction open, settles."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from outreach.delivery import verdicts
from outreach.delivery.books import Books
from outreach.delivery.calls import Calls, Flight
from outreach.delivery.hands import Driven, Driver, Share, stays_inside
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
"""In hand is at most what leaves within so long: the next in class order never waits longer."""
AHEAD_FROM = 100
"""Smaller chunks are not claimed ahead: what a claim takes, the pause in so slow a lane covers."""
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
            await drive.close()
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hand:
    """A claimed chunk; no call of it begins at or after monotonic `until`."""

    chunk: list[Recipient] = field(default_factory=list)
    until: float = 0.0


class _Drive:
    """One drive of one lane that we hold.

    While a chunk leaves, one transaction settles the chunk before it and claims the one after; that
    one begins as soon as the last call of the first has begun.
    """

    def __init__(self, threads: _Threads, lane: Lane, channel: Sends, driver: Driver) -> None:
        self.board = StopBoard()
        self._threads = threads
        self._lane = lane
        self._driver = driver
        self._outbox = stays_inside(channel)
        self._times = driver.times
        self._counts: Counter[MessageState] = Counter()
        self._stale = self._duplicates = 0
        self._in_hand_s = driver.limits.in_hand_s or CLAIM_S
        # What is in hand is in doubt after a kill. On fast lanes one half leaves and the other waits.
        in_hand = int(min(driver.limits.chunk, lane.rate * self._in_hand_s))
        self._claims_ahead = in_hand // 2 >= AHEAD_FROM
        self._size = in_hand // 2 if self._claims_ahead else max(1, in_hand)
        pace = driver.pace or Pace(
            lane.rate, monotonic=driver.times.monotonic, sleep=driver.times.sleep
        )
        self._pace = pace
        self._calls = Calls(channel, lane.sender, driver, pace=pace, watch=self)
        self._books = Books(driver, self._calls.tally)
        self._is_dry = False
        """The last claim took all that there was: a look at the same moment would find nothing."""
        self._until = 0.0
        """No call begins at or after it: our lease might end before the call does."""
        self._round: asyncio.Task[object] | None = None

    async def run(self, ends: float, linger: float) -> Driven:
        hand, settled = _Hand(), list[Settled]()
        flight: Flight | None = None
        idle_since: float | None = None
        while True:
            goes_on = self._goes_on(ends)
            if not goes_on:
                settled += self._put_back(hand)
                hand = _Hand()
            idle_since = None if hand.chunk else idle_since
            before, flight = flight, self._begin(hand)
            if before is not None:
                settled += await before.settled()
            if flight is not None and not self._claims_ahead:
                settled += await flight.settled()
                flight = None
            hand = await self._turn(
                settled, claims=self._goes_on(ends), is_ahead=flight is not None
            )
            settled = []
            await self._share(ends)
            if flight is not None:
                await flight.begun()
                continue
            monotonic = self._times.monotonic()
            idle_since = monotonic if idle_since is None else idle_since
            if hand.chunk or await self._is_sharing():
                continue
            if not goes_on or self._calls.halted or monotonic - idle_since >= linger:
                return self._driven()
            await self._times.sleep(POLL_S)

    async def close(self) -> None:
        if self._round is not None:
            self._calls.halted = self._calls.halted or "the drive has ended"
            await asyncio.wait({self._round})
        await self._calls.close()

    async def _share(self, ends: float) -> None:
        """Begins a round of what leaves beside the messages, where it waits and none is under way."""
        beside = self._driver.beside
        if beside is None or not self._goes_on(ends):
            return
        if self._round is not None and not self._round.done():
            return

        async def turn(how_many: int) -> bool:
            until = min(ends, self._until)
            return self._goes_on(until) and await self._pace.take(how_many, until=until)

        share = Share(lane=self._lane, pace=self._pace, turn=turn)
        with suppress(StoreUnusable):  # the rows ask again
            is_wanted = await self._threads.read(beside.waits)
            self._round = asyncio.ensure_future(beside.carry(share)) if is_wanted else None

    async def _is_sharing(self) -> bool:
        """Whether a round is under way; waits for it a moment, as an idle lane would."""
        if self._round is None:
            return False
        _done, pending = await asyncio.wait({self._round}, timeout=POLL_S)
        return bool(pending)

    def _begin(self, hand: _Hand) -> Flight | None:
        return self._calls.begin(hand.chunk, until=hand.until) if hand.chunk else None

    def _put_back(self, hand: _Hand) -> list[Settled]:
        """What was claimed ahead and is not wanted any more: back to the queue, at no cost."""
        self.board.let_go(one.id for one in hand.chunk)
        return [verdicts.put_back(one) for one in hand.chunk]

    def _goes_on(self, ends: float) -> bool:
        return self._driver.wanted() and not self._calls.halted and self._times.monotonic() < ends

    async def _turn(self, settled: list[Settled], *, claims: bool, is_ahead: bool) -> _Hand:
        """Settles a chunk and claims another: one commit a chunk. `is_ahead`: while one leaves."""
        if is_ahead and self._is_dry and not settled:
            return _Hand()
        for patience in (*_PATIENCE_S, None):
            try:
                return await self._once(settled, claims=claims)
            except StoreUnusable:
                if patience is None:
                    raise
                await self._times.sleep(patience)
        raise AssertionError  # the last round returns or raises

    async def _once(self, settled: list[Settled], *, claims: bool) -> _Hand:
        asked_at = self._times.monotonic()
        written, chunk = await self._threads.write(
            lambda session: (self._settle(session, settled), self._claim(session) if claims else [])
        )
        self._counts.update(written.counts)
        self._stale += len(written.stale)
        self._duplicates += len(written.duplicates)
        self.board.hold(chunk, asked_at=asked_at)
        # A call must end, with time to spare, before anyone may think that we died.
        lease, deadline = self._driver.limits.lease, self._driver.limits.deadline_s
        until = asked_at + lease.total_seconds() - 2 * deadline
        self._until = until if claims else self._until
        return _Hand(chunk=chunk, until=until)

    def _settle(self, session: Session, settled: list[Settled]) -> settle.Settlement:
        now = self._times.now()
        if self._calls.lane_trouble:
            lanes.stop(session, self._lane.name, self._calls.lane_trouble, now=now)
        self._books.settled(session, self._lane, settled, now=now)
        if not settled:
            return settle.Settlement()
        owner = self._driver.owner
        return settle.settle(session, owner, settled, provider=self._driver.provider, now=now)

    def _claim(self, session: Session) -> list[Recipient]:
        now = self._times.now()
        lease = self._driver.limits.lease
        lane = lanes.renew(session, self._lane, now=now, lease=lease)
        if lane is None:
            self._calls.halted = self._calls.halted or "the lane was taken over, or stopped"
            return []
        self._weigh(lane)
        wanted = min(self._size, max(1, int(lane.effective_rate * self._in_hand_s)))
        limit = self._books.allowed(session, lane, wanted, now=now)
        if not limit:
            return []
        chunk = claim(
            session,
            Claim(
                lane=self._lane.name,
                pool=self._lane.pool,
                owner=self._driver.owner,
                now=now,
                lease=lease,
                limit=limit,
                caps=self._driver.caps,
                outbox=self._outbox,
            ),
        )
        self._is_dry = len(chunk) < limit
        self._books.claimed(session, lane, [one.id for one in chunk], now=now)
        return chunk

    def _weigh(self, lane: Lane) -> None:
        """The lane as it stands now: failover may have given it another weight."""
        if lane.weight != self._lane.weight or self._pace.rate != lane.effective_rate:
            self._pace.weigh(lane.effective_rate or lane.rate)
        self._lane = lane

    async def look(self) -> None:
        """Renews the board with what has been stopped by now."""
        asked_at = self._times.monotonic()
        waves, addresses = self.board.asks()
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
            halted=self._calls.halted or self._books.capped,
        )
