"""Plays a storm in virtual time in a scratch workspace: the real engine, clock and senders, every lane an outbox.

The workspace is only read: its record is copied, its texts and campaigns too, and all of it is gone at the end.
Credentials stay behind, and a channel that could reach anybody ends the simulation before it begins.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from outreach.addresses import Keyring
from outreach.campaigns import simulating
from outreach.campaigns.simulating import Arrival, Storm
from outreach.delivery.hands import stays_inside
from outreach.entry import jobs
from outreach.entry.demo.clock import LeapingLoop
from outreach.entry.jobs import Work
from outreach.entry.wiring import OUTBOX, Clocks, Installation
from outreach.entry.worker import Worker
from outreach.model.errors import GuardRefused
from outreach.settings import Roles, SendGrid, Settings, Smtp, Twilio, X
from outreach.store import lanes, simulated
from outreach.store.session import Database

AFTER = timedelta(hours=1)
"""So long after the last message of the storm the clock still runs, and what is under way leaves."""
LATEST = timedelta(hours=18)
"""What is held back beyond this is not waited for."""
BEFORE = timedelta(minutes=1)
HOUSE = timedelta(minutes=5)
"""Receipts, ladders and tasks are looked at so often."""
IDLE = timedelta(minutes=15)
SEED = 7
CHUNK, IN_HAND_S, LEASE = 2_000, 10.0, timedelta(minutes=5)
"""Of a sender: with the two seconds that a real one takes in hand the books are most of a storm's time."""
Progress = Callable[[datetime], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """A workspace that lasts as long as one simulation."""

    settings: Settings
    database: Database
    campaign: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A storm that is over, with everything that it left behind; read it before the scratch goes."""

    storm: Storm
    settings: Settings
    database: Database
    campaign: str
    began_at: datetime
    last_at: datetime
    """Of the storm's own messages."""
    ended_at: datetime


@contextmanager
def scratch(settings: Settings, database: Database, campaign: Path) -> Iterator[Scratch]:
    """A workspace with the record of another, its texts, and the campaign of a file; removed at the end."""
    with tempfile.TemporaryDirectory(prefix="outreach-simulate-") as name:
        folder = Path(name)
        for part in ("campaigns", "templates"):
            if (settings.workspace / part).is_dir():
                shutil.copytree(settings.workspace / part, folder / part)
        (folder / "campaigns").mkdir(exist_ok=True)
        shutil.copyfile(campaign, folder / "campaigns" / campaign.name)
        harmless = without_carriers(settings, folder)
        copy = simulated.record_copied(database, folder / "outreach.db")
        try:
            with _collecting_seldom():
                yield Scratch(settings=harmless, database=copy, campaign=campaign.stem)
        finally:
            copy.close()


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """A storm makes much that is short-lived and little garbage: looking for it is a tenth of the time."""
    usual = gc.get_threshold()
    gc.freeze()  # the program itself, of which nothing goes
    gc.set_threshold(1_000_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


def without_carriers(settings: Settings, folder: Path) -> Settings:
    """The same settings with every lane an outbox at its own rate, no credential, no feed and no duty phone."""
    kept = tuple(
        each.model_copy(
            update={"provider": OUTBOX, "account": "", "burst": max(each.burst or 0, each.rate)}
        )
        for each in settings.lanes
    )
    center = settings.contactcenter.model_copy(update={"duty_phone": ""})
    delivery = settings.delivery.model_copy(update={"only_loopback": True})
    return settings.model_copy(
        update={
            "workspace": folder,
            "database_url": "",
            "lanes": kept,
            "twilio": Twilio(),
            "sendgrid": SendGrid(),
            "smtp": Smtp(),
            "x": X(),
            "feeds": (),
            "roles": Roles(),
            "contactcenter": center,
            "delivery": delivery,
        }
    )


def played(
    place: Scratch, keyring: Keyring, coming: Sequence[Arrival], *, progress: Progress
) -> Played:
    """Lives through the storm, and an hour after it."""
    loop = LeapingLoop(coming[0].at - BEFORE)
    try:
        return loop.run_until_complete(_night(loop, place, keyring, coming, progress))
    finally:
        loop.close()


async def _night(
    loop: LeapingLoop,
    place: Scratch,
    keyring: Keyring,
    coming: Sequence[Arrival],
    progress: Progress,
) -> Played:
    of = _installed(loop, place, keyring)
    try:
        _refuse_doors(of)
        of.declare_lanes()
        pinned = simulating.arm(of.engine, place.campaign, now=loop.now())
        desk = simulating.desk(of.engine, pinned, now=loop.now())
        storm = Storm(engine=of.engine, coming=deque(coming), desk=desk)
        night = _Night(loop=loop, of=of, storm=storm, progress=progress)
        last_at = coming[-1].at
        await night.through(last_at + AFTER)
        if (held := night.held_until()) is not None and held <= last_at + LATEST:
            await night.through(held + AFTER)  # what was kept for the morning
        return Played(
            storm=storm, settings=place.settings, database=place.database,
            campaign=place.campaign, began_at=coming[0].at, last_at=last_at, ended_at=loop.now(),
        )  # fmt: skip
    finally:
        await of.close()


def _installed(loop: LeapingLoop, place: Scratch, keyring: Keyring) -> Installation:
    made = Installation(
        settings=place.settings,
        database=place.database,
        keyring=keyring,
        clocks=Clocks(now=loop.now, monotonic=loop.time, sleep=asyncio.sleep),
        owner="simulation",
    )
    for lane in place.settings.lanes:
        driver = made.driver(lane)
        made.drivers[lane.name] = replace(
            driver,
            limits=replace(
                driver.limits, chunk=CHUNK, in_flight=CHUNK, lease=LEASE, in_hand_s=IN_HAND_S
            ),
        )
    drawn = Random(SEED)  # noqa: S311  the same storm twice gives the same figures
    made.engine = replace(made.engine, random_bytes=drawn.randbytes)
    return made


def _refuse_doors(of: Installation) -> None:
    """Asked of the channels themselves, not of a setting: nothing of a simulation may reach anybody."""
    for lane in of.settings.lanes:
        if not stays_inside(of.channel(lane)):
            raise GuardRefused(f"lane {lane.name}: would reach a carrier; nothing was simulated")


@dataclass(slots=True)
class _Night:
    """The two who are awake: what happens, and what sends."""

    loop: LeapingLoop
    of: Installation
    storm: Storm
    progress: Progress
    _wake: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _worker: Worker = field(init=False)
    _house_at: datetime | None = field(init=False, default=None)
    _is_idle: bool = field(init=False, default=False)
    """No lane had work in the last round, so that none has any now."""

    def __post_init__(self) -> None:
        self._worker = Worker(self.of)

    async def through(self, until: datetime) -> None:
        """Until an instant; then what is being sent is finished and tidied up."""
        sending = asyncio.create_task(self._sending())
        try:
            while (at := self.storm.next_at()) is not None and at <= until:
                await self._reach(at, sending)
                self.storm.happen(self.loop.now(), heard=self._wake.set)
                self.progress(self.loop.now())
            await self._reach(until, sending)
        finally:
            sending.cancel()
            with suppress(asyncio.CancelledError):
                await sending
        await self._worker.keep_house()

    def held_until(self) -> datetime | None:
        """When the first of what waits for the morning may leave."""
        with self.of.database.read() as session:
            return simulated.next_leaving(session, now=self.loop.now())

    async def _reach(self, at: datetime, sending: asyncio.Task[None]) -> None:
        waiting = asyncio.create_task(self.loop.until(at))
        await asyncio.wait([waiting, sending], return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            waiting.cancel()
            sending.result()  # it never ends by itself: it raised

    async def _sending(self) -> None:
        while True:
            self._wake.clear()
            await self._shielded(self._round())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._idle().total_seconds())

    async def _shielded(self, work: Coroutine[Any, Any, None]) -> None:
        """A drive that has begun is finished: what was claimed is settled."""
        task = asyncio.create_task(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await task
            raise

    async def _round(self) -> None:
        """Every lane that has something to send sends it."""
        now = self.loop.now()
        with self.of.database.read() as session:
            names = lanes.idle_with_work(session, now=now)
        work = Work(of=self.of)
        await asyncio.gather(*(jobs.drive(work, name, linger=0) for name in names))
        self._is_idle = not names
        if self._house_at is None or self.loop.now() >= self._house_at + HOUSE:
            self._house_at = self.loop.now()
            self._is_idle = False  # a ladder may have been climbed
            await self._worker.keep_house()

    def _idle(self) -> timedelta:
        """Until something may leave, at most a quarter of an hour."""
        now = self.loop.now()
        with self.of.database.read() as session:
            if not self._is_idle and lanes.idle_with_work(session, now=now):
                return timedelta(seconds=1)
            at = simulated.next_leaving(session, now=now)
        return min(IDLE, IDLE if at is None else at - now + timedelta(milliseconds=1))
