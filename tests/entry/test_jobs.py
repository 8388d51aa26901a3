"""What each job does, how trouble in one is said, and which jobs a tick asks for."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, text, update
from structlog.testing import capture_logs
from tests import make, town
from tests.entry.test_worker import Hand, open_and_launch, states

from outreach.campaigns import jobs as names
from outreach.campaigns.jobs import Kind
from outreach.delivery import sender
from outreach.delivery.hands import Driven
from outreach.entry import jobs
from outreach.entry.jobs import Ticker, Work
from outreach.entry.wiring import Clocks, Installation
from outreach.entry.worker import Worker
from outreach.model.errors import InputRefused, StoreUnusable
from outreach.model.words import MessageState
from outreach.store import lanes, leases, tables as t, workers
from outreach.store.job_queue import InProcessQueue
from outreach.store.leases import LEADER

NOW = make.NOW


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def of(database, tmp_path, hand) -> Installation:
    with database.write() as session:
        town.build(session)
    return Installation(
        settings=town.workspace(tmp_path),
        database=database,
        keyring=make.KEYRING,
        clocks=Clocks(now=hand.now, monotonic=hand.monotonic, sleep=hand.sleep),
        owner="tests",
    )


def waiting(of: Installation) -> dict[str, int]:
    with of.database.read() as session:
        return of.jobs.waiting(session)


def run(of: Installation, kind: Kind, key: object = "") -> None:
    async def one() -> None:
        await jobs.run(Work(of=of), names.of(kind, str(key)))
        await of.close()

    asyncio.run(one())


def test_a_launch_asks_for_its_freeze_and_the_freeze_for_its_lanes(of):
    open_and_launch(of)

    assert waiting(of) == {"freeze": 2, "drive": 2}


def test_a_freeze_job_finishes_what_a_crash_left_and_again_changes_nothing(of, monkeypatch):
    def dies(*_args: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("outreach.campaigns.waves.frozen", dies)
        with pytest.raises(KeyboardInterrupt):
            open_and_launch(of)
    with of.database.read() as session:
        waves = list(session.scalars(select(t.step_run.c.id)))
    assert states(of) == {}

    for wave in waves * 2:
        run(of, Kind.FREEZE, wave)

    assert states(of) == {"queued": 7}


def test_a_freeze_ends_between_two_slices_when_it_is_not_wanted_any_more(of, monkeypatch):
    open_and_launch(of)
    with of.database.write() as session:
        session.execute(update(t.step_run).values(state="freezing", slice_from=-2))
        session.execute(t.queue.delete())
        session.execute(t.message.delete())

    of.engine.freeze_pending(wanted=lambda: False)

    assert states(of) == {}
    assert of.engine.freeze_pending() == 2
    assert states(of) == {"queued": 7}


def test_a_drive_that_sent_asks_for_its_lane_again_while_there_is_more(of, hand, monkeypatch):
    of.declare_lanes()
    open_and_launch(of)
    hand.turn(400)
    emptied(of)

    async def sent_some(*_args: object, **_named: object) -> Driven:
        return Driven(counts={MessageState.ACCEPTED: 1})

    monkeypatch.setattr(sender, "drive_lane", sent_some)
    for lane in ("sms", "email"):
        run(of, Kind.DRIVE, lane)

    assert waiting(of) == {"drive": 1}  # e-mail has nothing to send


def test_a_drive_that_sent_nothing_leaves_it_to_the_tick(of, hand, monkeypatch):
    of.declare_lanes()
    open_and_launch(of)
    hand.turn(400)
    emptied(of)

    async def held(*_args: object, **_named: object) -> Driven:
        return Driven(halted="held by another sender, or stopped")

    monkeypatch.setattr(sender, "drive_lane", held)
    run(of, Kind.DRIVE, "sms")

    assert waiting(of) == {}


def emptied(of: Installation) -> None:
    """The queue without the jobs that the launch put there."""
    if isinstance(of.jobs, InProcessQueue):
        of.jobs._waiting.clear()
        return
    with of.database.write() as session:
        session.execute(text("DELETE FROM procrastinate_jobs"))


def test_every_job_of_the_table_runs_and_says_nothing_of_trouble(of):
    of.declare_lanes()
    open_and_launch(of)

    with capture_logs() as said:
        for kind in jobs.WORK:
            run(of, kind, {Kind.FREEZE: 1}.get(kind, "sms"))

    assert [line for line in said if line["log_level"] != "info"] == []


def test_trouble_in_a_job_is_said_in_one_line_without_what_it_was_about(of, monkeypatch):
    def troubled(*_args: object) -> None:
        raise StoreUnusable("away")

    def broken(*_args: object) -> None:
        raise KeyError("+56971234567")

    with capture_logs() as said:
        for trouble in (troubled, broken):
            monkeypatch.setattr(jobs, "_keep_house", trouble)
            run(of, Kind.KEEP_HOUSE)

    assert [(line["event"], line["job"]) for line in said] == [
        ("a job met trouble", "keep_house:"),
        ("a job broke", "keep_house:"),
    ]
    assert "5697" not in str(said)


def test_a_job_of_a_lane_that_is_no_more_is_refused_with_the_nearest_name(of):
    with capture_logs() as said:
        run(of, Kind.DRIVE, "sns")

    assert "there is: sms" in said[0]["why"]
    with pytest.raises(InputRefused, match="there is: email, sms"):
        jobs.lane_named(of, "zzz")


def test_a_tick_finds_in_the_rows_all_that_is_due(of):
    of.declare_lanes()
    open_and_launch(of)
    emptied(of)
    with of.database.write() as session:
        session.execute(update(t.step_run).where(t.step_run.c.id == 2).values(state="freezing"))
        doubted(session)
        make.make_lane(session, name="of another workspace", pool="sms:*")

    Ticker(of).tick()

    expected = {"freeze": 1, "drive": 1, "keep_house": 1, "settle": 1}
    assert {kind: waiting(of)[kind] for kind in expected} == expected


def doubted(session) -> None:
    session.execute(
        insert(t.attempt).values(
            {"message_id": 1, "try": 1, "lane": "sms", "started_at": NOW, "code": "",
             "ended_at": NOW - timedelta(minutes=1), "outcome": "in_doubt", "reason": "", "looks": 0}
        )
    )  # fmt: skip


def test_each_kind_is_looked_for_as_often_as_it_says(of, hand):
    ticker = Ticker(of)
    kinds = [kind for kind in names.EVERY if ticker._is_time(kind, names.EVERY[kind], NOW)]
    ticker._looked_at |= dict.fromkeys(kinds, NOW)

    def again(seconds: float) -> set[Kind]:
        at = NOW + timedelta(seconds=seconds)
        return {kind for kind, every in names.EVERY.items() if ticker._is_time(kind, every, at)}

    assert set(kinds) == set(names.EVERY)
    assert Kind.DRIVE in again(0.1)
    assert Kind.KEEP_HOUSE not in again(0.9)
    assert Kind.KEEP_HOUSE in again(1)
    assert Kind.SETTLE not in again(9)
    assert again(-3600) == set(names.EVERY)


def test_a_tick_frees_the_lane_of_a_dead_process(of, hand):
    of.declare_lanes()
    gone = f"{socket.gethostname()}:{2**22 + 1}:dead"
    with of.database.write() as session:
        workers.announce(
            session, workers.Worker(owner=gone, kind="worker", started_at=NOW, seen_at=NOW)
        )
        workers.announce(
            session,
            workers.Worker(owner="elsewhere:1:x", kind="worker", started_at=NOW, seen_at=NOW),
        )
        lanes.acquire(session, "sms", gone, now=NOW, lease=timedelta(seconds=30))
    hand.turn(4)

    jobs.bury(of, now=hand.now())

    with of.database.read() as session:
        assert {lane.name: lane.owner for lane in lanes.every(session)}["sms"] is None


def test_a_worker_of_named_lanes_drives_no_other(of):
    worker = Worker(of, lanes=("email",))
    open_and_launch(of)

    async def work() -> int:
        try:
            return sum((await worker.once()).values())
        finally:
            await of.close()

    assert asyncio.run(work()) == 0
    assert states(of) == {"queued": 7}


def test_a_worker_ticks_for_itself_only_while_nobody_leads_a_shared_queue(of):
    worker = Worker(of)
    open_and_launch(of)
    with of.database.write() as session:
        leases.take(session, LEADER, "other", now=NOW, lease=timedelta(seconds=10))

    worker._tick()

    assert ("keep_house" in waiting(of)) is of.database.is_sqlite
    with of.database.write() as session:
        leases.release(session, LEADER, "other", now=NOW)
    worker._tick()
    assert "keep_house" in waiting(of)
