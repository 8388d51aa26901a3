"""Drives every lane, takes in receipts, and settles what lapsed, until told to stop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from outreach.channels.outbox import Outbox
from outreach.delivery import doubt, receipts, sender
from outreach.entry.wiring import Installation
from outreach.model.errors import OutreachError
from outreach.model.words import MessageState
from outreach.settings import Lane
from outreach.store import lanes, ledger, reach

log = structlog.get_logger()

DRIVE_S = 30.0
HOUSEKEEPING_S = 1.0
DOUBTS_S = 10.0
NO_WORD_AFTER = timedelta(hours=72)
"""No receipt by then: `unknown`, never delivered."""
SILENT_PROVIDERS = ("smtp", "x")


class Worker:
    """The lanes of one installation at work."""

    def __init__(self, installation: Installation) -> None:
        self._of = installation
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Claims nothing more; calls in flight are finished."""
        self._stopping.set()

    async def run(self) -> None:
        """Works until `stop`."""
        self._of.declare_lanes()
        loops = [self._forever(self._drive(lane), 0.2) for lane in self._of.settings.lanes]
        loops += [
            self._forever(self.keep_house, HOUSEKEEPING_S),
            self._forever(self.settle_doubts, DOUBTS_S),
        ]
        await asyncio.gather(*loops)

    async def once(self) -> Counter[MessageState]:
        """Sends what can leave now, takes in the receipts that are due, and returns."""
        self._of.declare_lanes()
        await self.keep_house()
        sent: Counter[MessageState] = Counter()
        for driven in await asyncio.gather(
            *(self._drive(lane, linger=0)() for lane in self._of.settings.lanes)
        ):
            sent.update(driven)
        await self.keep_house()
        return sent

    def _drive(
        self, lane: Lane, *, linger: float = DRIVE_S
    ) -> Callable[[], Awaitable[Counter[MessageState]]]:
        async def drive() -> Counter[MessageState]:
            driven = await sender.drive_lane(
                self._of.database,
                lane.name,
                self._of.channel(lane),
                self._of.driver(lane),
                duration=DRIVE_S,
                linger=linger,
            )
            if driven.halted:
                log.info("lane halted", lane=lane.name, why=driven.halted)
            return Counter(driven.counts)

        return drive

    async def keep_house(self) -> None:
        """Freezes what a crash left, expires, lapses, applies receipts."""
        await asyncio.to_thread(self._of.engine.freeze_pending)
        for channel in {id(each): each for each in self._of.outboxes()}.values():
            await asyncio.to_thread(self._take_from, channel)
        await asyncio.to_thread(self._housekeeping)

    def _take_from(self, outbox: Outbox) -> None:
        """The outbox is a carrier in our own house: its receipts come when they are due."""
        now = self._of.clocks.now()
        due = outbox.due_receipts(now)
        if due:
            receipts.take_in(self._of.database, self._of.keyring, due, b"", now=now)

    def _housekeeping(self) -> None:
        now = self._of.clocks.now()
        with self._of.database.write() as session:
            ledger.expire(session, now=now)
            ledger.lapse(session, now=now)
            ledger.unknown_after(session, now=now, after=NO_WORD_AFTER, silent=SILENT_PROVIDERS)
        applied = -1
        while applied:
            with self._of.database.write() as session:
                applied = receipts.apply(session, self._of.keyring, now=now)
        reach.keep_up(self._of.database, owner=self._of.owner, now=now)

    async def settle_doubts(self) -> None:
        """Looks up what may or may not have left."""
        with self._of.database.read() as session:
            known = {lane.name: lane for lane in lanes.every(session)}
        for lane in self._of.settings.lanes:
            if lane.name in known:
                await doubt.settle(
                    self._of.database,
                    known[lane.name],
                    self._of.channel(lane),
                    self._of.driver(lane),
                )

    async def _forever(self, work: Callable[[], Awaitable[object]], pause: float) -> None:
        """Again and again; trouble is logged in one line and tried anew."""
        while not self._stopping.is_set():
            try:
                await work()
            except OutreachError as error:
                log.warning("worker met trouble", why=str(error))
            try:
                await asyncio.wait_for(self._stopping.wait(), pause)
            except TimeoutError:
                continue
