"""What each job does, and the tick that finds in the rows which jobs are due."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from difflib import get_close_matches
from functools import partial

import structlog

from outreach.campaigns import feeds, jobs
from outreach.campaigns.drill_lanes import every_lane
from outreach.campaigns.jobs import EVERY, Job, Kind
from outreach.delivery import answer_mails, doubt, failover, recall as recalling, receipts, sender
from outreach.delivery.hands import Beside, Driven, Share
from outreach.entry import alarming, class_a, fetching
from outreach.entry.wiring import Installation
from outreach.model.errors import InputRefused, OutreachError
from outreach.model.words import Channel
from outreach.settings import Lane
from outreach.store import (
    answer_mails as answer_mail_rows,
    idempotents,
    lane_health,
    lanes,
    ledger,
    overdue,
    reach,
    runs,
    spent,
    workers,
)
from outreach.store.session import Session

log = structlog.get_logger()

DRIVE_S = 30.0
LINGER_S = 2.0
"""A lane without work is given back after so long; new work asks for it anew."""
NO_WORD_AFTER = timedelta(hours=72)
"""No receipt by then: `unknown`, never delivered."""
SILENT_PROVIDERS = ("smtp", "x")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a job is given: the installation, and whether the worker still goes on."""

    of: Installation
    wanted: Callable[[], bool] = lambda: True


async def freeze(work: Work, key: str) -> None:
    """Writes the audience of one wave; a process that opened it may be at it as well."""
    with work.of.database.read() as session:
        wave = runs.wave(session, int(key))
    await asyncio.to_thread(work.of.engine.freeze, wave, wanted=work.wanted)


async def drive(work: Work, key: str, *, linger: float = LINGER_S) -> Driven:
    """Sends what the lane's pool holds, and asks for the lane again while there is more."""
    of, lane = work.of, lane_named(work.of, key)
    driven = await sender.drive_lane(
        of.database,
        lane.name,
        of.channel(lane),
        replace(of.driver(lane), wanted=work.wanted, beside=_beside(of, lane)),
        duration=DRIVE_S,
        linger=linger,
    )
    if driven.halted and not driven.halted.startswith("held by"):  # that is everyday among workers
        log.info("lane halted", lane=lane.name, why=driven.halted)
    # Without a message sent the tick decides: a lane that may not send would be asked in a circle.
    if driven.counts and linger and work.wanted():
        await asyncio.to_thread(_once_more, of, lane.name)
    return driven


def _once_more(of: Installation, lane: str) -> None:
    with of.database.read() as session:
        has_work = lane in lanes.idle_with_work(session, now=of.clocks.now())
    if has_work:
        of.jobs.offer(of.database, [jobs.of(Kind.DRIVE, lane)])


async def settle(work: Work, key: str) -> None:
    """Looks up what may or may not have left by a lane."""
    of, lane = work.of, lane_named(work.of, key)
    with of.database.read() as session:
        known = {row.name: row for row in lanes.every(session)}
    if key in known:
        await doubt.settle(of.database, known[key], of.channel(lane), of.driver(lane))


async def apply_receipts(work: Work, _key: str = "") -> None:
    """Applies the receipts that wait, chunk by chunk."""
    await asyncio.to_thread(_apply_receipts, work)


def _apply_receipts(work: Work) -> None:
    applied = -1
    while applied and work.wanted():
        with work.of.database.write() as session:
            applied = receipts.apply(session, work.of.keyring, now=work.of.clocks.now())


async def keep_house(work: Work, _key: str = "") -> None:
    """Lapses, renews reach, and sweeps: all of it by index, once a second."""
    await asyncio.to_thread(_keep_house, work.of)


def _keep_house(of: Installation) -> None:
    now = of.clocks.now()
    with of.database.write() as session:
        ledger.lapse(session, now=now)
        of.jobs.sweep(session)
        lane_health.sweep(session, now=now)
        spent.sweep(session, now=now)
        idempotents.sweep(session, now=now)
    reach.keep_up(of.database, owner=of.owner, now=now)


async def expire(work: Work, _key: str = "") -> None:
    """Takes out of the queue what is too late to be true."""
    of = work.of
    await asyncio.to_thread(overdue.expire, of.database, now=of.clocks.now())


async def give_up(work: Work, _key: str = "") -> None:
    """Calls unknown what no receipt has spoken of for three days."""
    of = work.of
    await asyncio.to_thread(
        overdue.unknown_after, of.database, now=of.clocks.now(), after=NO_WORD_AFTER,
        silent=SILENT_PROVIDERS,
    )  # fmt: skip


async def recall(work: Work, key: str) -> None:
    """Asks a lane's provider to take back what is true no more."""
    of, lane = work.of, lane_named(work.of, key)
    driver = of.driver(lane)
    await recalling.recall(
        of.database, lane.name, of.channel(lane), driver.times,
        deadline_s=driver.limits.deadline_s,
    )  # fmt: skip


async def read_feeds(work: Work, _key: str = "") -> None:
    """Reads the feeds of outages that are due; one that answers slowly holds up nothing else."""
    of = work.of
    if of.settings.feeds:
        fetch = fetching.fetcher(of.settings, of.clocks.monotonic)
        await asyncio.to_thread(
            feeds.tick, of.engine, of.settings, now=of.clocks.now(), fetch=fetch
        )


async def answer(work: Work, _key: str = "") -> None:
    """Carries our answers to e-mails by the first mail lane that may send; none: they wait, and grow late."""
    of = work.of
    await asyncio.to_thread(answer_mails.tidy, of.database, now=of.clocks.now())
    with of.database.read() as session:
        rows = {row.name: row for row in lanes.every(session)}
    for lane in of.settings.lanes:
        row = rows.get(lane.name)
        if lane.channel is not Channel.EMAIL or row is None or not row.may_answer(of.clocks.now()):
            continue
        await drive(
            work, lane.name, linger=0.0
        )  # where another drive holds it, that one carries them
        return


def _beside(of: Installation, lane: Lane) -> Beside | None:
    """Our answers to e-mails, which leave by lanes of e-mail with their messages."""
    if lane.channel is not Channel.EMAIL:
        return None

    async def carry(share: Share) -> None:
        post = answer_mails.Post(
            channel=of.channel(lane),
            open_sealed=of.keyring.open,
            named=partial(of.keyring.public_id, "ans"),
            now=of.clocks.now,
            deadline_s=of.settings.delivery.provider_deadline_s,
        )
        if not share.lane.may_answer(of.clocks.now()):
            return
        try:
            await answer_mails.carry(of.database, share, post)
        except Exception as error:  # noqa: BLE001  the lane's messages must not end with it
            log.warning("answers met trouble", lane=lane.name, error=type(error).__name__)

    def waits(session: Session) -> bool:
        return bool(answer_mail_rows.waiting(session, limit=1, now=of.clocks.now()))

    return Beside(waits=waits, carry=carry)


WORK: Mapping[Kind, Callable[[Work, str], Awaitable[object]]] = {
    Kind.FREEZE: freeze,
    Kind.DRIVE: drive,
    Kind.SETTLE: settle,
    Kind.APPLY_RECEIPTS: apply_receipts,
    Kind.KEEP_HOUSE: keep_house,
    Kind.EXPIRE: expire,
    Kind.UNHEARD_OF: give_up,
    Kind.RECALL: recall,
    Kind.TASKS: lambda work, _key: class_a.mind(work.of),
    Kind.CLIMB: lambda work, _key: class_a.climb(work.of),
    Kind.ALARMS: lambda work, _key: alarming.mind(work.of),
    Kind.FEEDS: read_feeds,
    Kind.ANSWER: answer,
}
"""What each kind of job does: one line each."""


async def run(work: Work, job: Job) -> None:
    """Runs a job. Trouble is said in one line, and the rows ask for the job again."""
    try:
        await WORK[Kind(job.kind)](work, job.key)
    except OutreachError as error:
        log.warning("a job met trouble", job=job.name, why=str(error))
    except Exception as error:  # noqa: BLE001  the job runner: one broken job must not end the others
        # Where, and no text of it: a message of the database's may quote a row.
        place = traceback.extract_tb(error.__traceback__)[-1]
        log.error(  # noqa: TRY400  a traceback may hold addresses
            "a job broke", job=job.name, error=type(error).__name__,
            at=f"{place.name}:{place.lineno}",
        )  # fmt: skip


def lane_named(of: Installation, name: str) -> Lane:
    """The lane of the settings; InputRefused names those there are."""
    by_name = {lane.name: lane for lane in every_lane(of.settings)}
    if name not in by_name:
        own = sorted(lane.name for lane in of.settings.lanes)
        near = get_close_matches(name, own, n=1) or own
        raise InputRefused(f"no lane {name!r} in outreach.toml; there is: {', '.join(near)}")
    return by_name[name]


class Ticker:
    """Finds due jobs in the rows, each kind as often as `EVERY` says, and frees what the dead held."""

    def __init__(self, of: Installation) -> None:
        self._of = of
        self._looked_at: dict[Kind, datetime] = {}

    def tick(self) -> None:
        """One look; cheap where nothing is due."""
        of, now = self._of, self._of.clocks.now()
        bury(of, now=now)
        weigh(of, now=now)
        kinds = [kind for kind, every in EVERY.items() if self._is_time(kind, every, now)]
        self._looked_at |= dict.fromkeys(kinds, now)
        with of.database.read() as session:
            found = jobs.due(session, now=now, kinds=kinds)
        known = {lane.name for lane in every_lane(of.settings)}
        if ours := [job for job in found if not job.lane or job.lane in known]:
            of.jobs.offer(of.database, ours)

    def _is_time(self, kind: Kind, every: timedelta, now: datetime) -> bool:
        last = self._looked_at.get(kind)
        # A clock that was set back must not make us wait for the old time to come again.
        return last is None or not last <= now < last + every


def weigh(of: Installation, *, now: datetime) -> None:
    """Moves load between the lanes of a pool where one fails or grows slow."""
    homes = {lane.name: lane.weight for lane in of.settings.lanes}
    for each in failover.weigh(of.database, homes, owner=of.owner, now=now):
        log.warning("a lane was weighed", lane=each.lane, weight=each.weight, why=each.why)


def bury(of: Installation, *, now: datetime) -> None:
    """Frees what processes held that are dead for certain, seconds before their leases end."""
    with of.database.read() as session:
        owners = workers.silent(session, now=now)
    for owner in owners:
        with of.database.write() as session:
            if workers.bury(session, owner, now=now):
                log.warning("a dead process left its lanes", owner=owner)
