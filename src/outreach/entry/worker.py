"""A worker: takes jobs from the queue and shows that it lives, until told to stop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

import structlog

from outreach.campaigns.drill_lanes import every_lane
from outreach.campaigns.jobs import EVERY, Kind
from outreach.channels.outbox import Outbox
from outreach.delivery import receipts
from outreach.entry import class_a, jobs
from outreach.entry.jobs import Ticker, Work
from outreach.entry.presence import Presence
from outreach.entry.wiring import Installation
from outreach.model.errors import OutreachError
from outreach.model.words import MessageState
from outreach.settings import Lane
from outreach.store import leases
from outreach.store.job_queue import Bench, Job
from outreach.store.leases import LEADER

log = structlog.get_logger()

BEAT_S = 0.2
HOUSE_JOBS = 4
"""Beside its lanes, a worker freezes, settles and keeps house at the same time."""
GRACE_S = 13.0
"""How long calls in flight may take to finish after a stop: all is over within 15 s."""


class Worker:
    """The lanes of one installation at work, or some of them."""

    def __init__(
        self, installation: Installation, *, lanes: Sequence[str] = (), kind: str = "worker"
    ) -> None:
        self._of = installation
        self._lanes = [jobs.lane_named(installation, name) for name in lanes] or list(
            every_lane(installation.settings)
        )
        self._stopping = asyncio.Event()
        self._gave_up_at: datetime | None = None
        self._ticker = Ticker(installation)
        self._presence = Presence(installation, kind=kind, lanes=lanes)

    def stop(self) -> None:
        """Claims nothing more; calls in flight are finished."""
        self._stopping.set()

    def wanted(self) -> bool:
        return not self._stopping.is_set()

    async def run(self) -> None:
        """Works until `stop`; then gives its leases back."""
        self._of.declare_lanes()
        await self._guarded(self._presence.sign)
        beating = asyncio.create_task(self._beat())
        ending = asyncio.create_task(self._say_that_we_stop())
        beating.add_done_callback(lambda _ended: self.stop())  # without a sign of life no work
        try:
            await self._of.jobs.work(
                Bench(
                    run=self._one,
                    kinds=list(jobs.WORK),
                    lanes=[lane.name for lane in self._lanes],
                    at_once=len(self._lanes) + HOUSE_JOBS,
                    stopping=self._stopping,
                    grace_s=GRACE_S,
                )
            )
        finally:
            self._stopping.set()
            beating.cancel()
            await ending
            with suppress(asyncio.CancelledError):
                await beating
            await self._guarded(self._presence.end)

    async def once(self) -> Counter[MessageState]:
        """Sends what can leave now, takes in the receipts that are due, and returns."""
        self._of.declare_lanes()
        await self.keep_house()
        sent: Counter[MessageState] = Counter()
        for driven in await asyncio.gather(*(self._drained(lane) for lane in self._lanes)):
            sent.update(driven)
        await self.keep_house()
        return sent

    async def keep_house(self) -> None:
        """Freezes what a crash left, expires, lapses, applies receipts."""
        work = self._work
        await asyncio.to_thread(self._of.engine.freeze_pending, wanted=self.wanted)
        await asyncio.to_thread(self._take_from_outboxes)
        await jobs.expire(work)
        await jobs.keep_house(work)
        await self._give_up(work)
        await jobs.apply_receipts(work)
        await class_a.mind(self._of)
        await class_a.climb(self._of)

    async def _give_up(self, work: Work) -> None:
        """A pass over the ledger: as often as a ticker asks for it."""
        now = self._of.clocks.now()
        if self._gave_up_at is None or now >= self._gave_up_at + EVERY[Kind.UNHEARD_OF]:
            self._gave_up_at = now
            await jobs.give_up(work)

    async def settle_doubts(self) -> None:
        """Looks up what may or may not have left."""
        for lane in self._lanes:
            await jobs.settle(self._work, lane.name)

    @property
    def _work(self) -> Work:
        return Work(of=self._of, wanted=self.wanted)

    async def _one(self, job: Job) -> None:
        await jobs.run(self._work, job)

    async def _drained(self, lane: Lane) -> dict[MessageState, int]:
        return (await jobs.drive(self._work, lane.name, linger=0)).counts

    async def _say_that_we_stop(self) -> None:
        await self._stopping.wait()
        await self._guarded(self._presence.stopping)

    async def _beat(self) -> None:
        """Shows that we live, takes what the outbox says, and ticks where nobody does it for us."""
        while True:
            await self._guarded(self._presence.sign)
            await self._guarded(self._take_from_outboxes)
            await self._guarded(self._tick)
            await asyncio.sleep(BEAT_S)

    async def _guarded(self, act: Callable[[], None]) -> None:
        """Trouble is logged in one line; the next beat tries anew."""
        try:
            await asyncio.to_thread(act)
        except OutreachError as error:
            log.warning("the worker met trouble", why=str(error))

    def _tick(self) -> None:
        """A queue in memory is ours alone to fill; a shared one only while nobody leads the clock."""
        of = self._of
        if of.jobs.is_shared:
            with of.database.read() as session:
                if leases.holder(session, LEADER, now=of.clocks.now()) is not None:
                    return
        self._ticker.tick()

    def _take_from_outboxes(self) -> None:
        for channel in {id(each): each for each in self._of.outboxes()}.values():
            self._take_from(channel)

    def _take_from(self, outbox: Outbox) -> None:
        """The outbox is a carrier in our own house: its receipts come when they are due."""
        now = self._of.clocks.now()
        due = outbox.due_receipts(now)
        if due:
            receipts.take_in(self._of.database, self._of.keyring, due, b"", now=now)
