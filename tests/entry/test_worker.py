"""The worker and the clock, on the outbox: what is frozen leaves, what comes back is applied."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from tests import make, town

from outreach.channels.outbox import Outbox
from outreach.entry import scheduler, wiring
from outreach.entry.minute import Minute
from outreach.entry.wiring import Clocks, Installation
from outreach.entry.worker import Worker
from outreach.model.errors import StoreUnusable
from outreach.model.occasion import NewOccasion, Scope
from outreach.model.words import MessageState, OccasionKind, Service
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.settings import Delivery
from outreach.store import ledger, tables as t

NOW = make.NOW


class Hand:
    """A clock that the test turns; sleeping turns it too."""

    def __init__(self) -> None:
        self.at = NOW
        self.seconds = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.turn(seconds)
        await asyncio.sleep(0)

    def turn(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def installation(database, tmp_path, hand) -> Installation:
    with database.write() as session:
        town.build(session)
    made = Installation(
        settings=town.workspace(tmp_path),
        database=database,
        keyring=make.KEYRING,
        clocks=Clocks(now=hand.now, monotonic=hand.monotonic, sleep=hand.sleep),
        owner="tests",
    )
    made.engine = town.engine(database, made.settings)
    return made


def open_and_launch(installation: Installation) -> None:
    new = NewOccasion(
        kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=town.FEEDER, zone=make.ZONE
    )
    revision = revise.opened(Scope(nodes=(town.FEEDER,)), start_at=NOW, change=Change(), now=NOW)
    occasion = installation.engine.open(new, revision, now=NOW).occasion
    installation.engine.launch(occasion.id, "unplanned-outage", actor="ana", now=NOW)


def once(installation: Installation) -> dict[str, int]:
    async def work() -> dict[str, int]:
        sent = await Worker(installation).once()
        return {state.value: count for state, count in sent.items()}

    return asyncio.run(work())


def states(installation: Installation) -> dict[str, int]:
    with installation.database.read() as session:
        counted = ledger.counts(session)
    return {state.value: count for state, count in counted.items() if count}


def test_class_a_leaves_at_once_and_the_rest_when_they_may(installation, hand):
    open_and_launch(installation)

    assert once(installation) == {"accepted": 1}

    hand.turn(301)
    assert once(installation) == {"accepted": 6}
    with installation.database.read() as session:
        assert ledger.adds_up(session)


def test_receipts_of_the_outbox_come_back_and_are_applied(installation, hand):
    open_and_launch(installation)
    hand.turn(301)
    once(installation)

    hand.turn(10)
    once(installation)

    assert sum(states(installation).values()) == 7
    assert set(states(installation)) <= {"delivered", "undelivered"}


def test_the_text_that_left_is_the_one_of_the_template(installation, hand):
    open_and_launch(installation)
    hand.turn(301)
    once(installation)

    mailbox = Outbox(
        installation.settings.workspace, town.LANES[0].channel, seed=b"t" * 32, clock=hand.now
    )
    bodies = {message.body for message in mailbox.messages()}

    assert any("corte de luz en Providencia" in body for body in bodies)
    assert all("97000000" not in message.to for message in mailbox.messages())


def test_a_drive_that_dies_leaves_doubts_that_are_settled_and_double_nobody(installation, hand):
    open_and_launch(installation)
    with installation.database.write() as session:
        session.execute(
            t.message.update()
            .where(t.message.c.priority == "A")
            .values({"state": "sending", "owner": "dead", "lease_until": NOW, "try": 1,
                     "lane": "sms", "claimed_at": NOW})
        )  # fmt: skip
        session.execute(t.queue.delete().where(t.queue.c.priority == "A"))
    hand.turn(1)

    async def look() -> None:
        worker = Worker(installation)
        installation.declare_lanes()
        await worker.keep_house()
        for _look in range(3):
            hand.turn(40)
            await worker.settle_doubts()

    asyncio.run(look())

    with installation.database.read() as session:
        row = session.execute(
            select(t.message.c.state, t.message.c["try"]).where(t.message.c.priority == "A")
        ).one()
    assert row.state == MessageState.QUEUED
    assert once(installation)["accepted"] >= 1


def test_the_worker_works_until_it_is_told_to_stop(installation, hand):
    open_and_launch(installation)

    async def night() -> None:
        worker = Worker(installation)
        running = asyncio.create_task(worker.run())
        for _look in range(200):
            await asyncio.sleep(0.02)
            if states(installation).get("accepted"):
                break
        worker.stop()
        await asyncio.wait_for(running, 20)
        await installation.close()

    asyncio.run(night())

    assert states(installation).get("accepted", 0) + states(installation).get("delivered", 0) >= 1


def test_trouble_in_the_store_does_not_end_the_worker(installation):
    worker = Worker(installation)

    def away() -> None:
        raise StoreUnusable("away")

    asyncio.run(worker._guarded(away))

    assert worker.wanted()


def test_one_process_leads_the_clock_and_another_takes_over_when_it_falls_silent(
    installation, hand
):
    other = Installation(
        settings=installation.settings, database=installation.database, keyring=make.KEYRING,
        clocks=installation.clocks, owner="other",
    )  # fmt: skip

    assert scheduler.leads(installation)
    assert not scheduler.leads(other)

    hand.turn(11)
    assert scheduler.leads(other)
    assert not scheduler.leads(installation)


def test_the_clock_fires_what_is_due_and_directs_the_contact_center(installation, hand):
    open_and_launch(installation)
    once(installation)
    hand.turn(3700)

    each_minute = Minute(of=installation)

    scheduler.fire(installation)
    scheduler.attend(each_minute)
    hand.turn(60)
    scheduler.attend(each_minute)

    with installation.database.read() as session:
        fired = (
            session.execute(select(t.due.c.outcome).where(t.due.c.done_at.is_not(None)))
            .scalars()
            .all()
        )
        kinds = session.execute(select(t.directive.c.kind)).scalars().all()
    assert "done" in fired
    assert "priority_queue" in kinds


def test_a_clock_in_trouble_says_so_and_goes_on(installation, monkeypatch):
    def broken(*_args, **_kwargs):
        raise StoreUnusable("away")

    monkeypatch.setattr(scheduler, "leads", broken)

    scheduler.fire(installation)
    scheduler.attend(Minute(of=installation, leads=broken))
    scheduler.deliver(installation)


def test_a_scheduler_ticks_by_itself(installation):
    clock = scheduler.Clock(installation)
    clock.start()

    assert {job.trigger.interval for job in clock.ticks.get_jobs()} == {
        timedelta(seconds=0.5), timedelta(seconds=5), timedelta(minutes=1),
    }  # fmt: skip
    clock.stop()


@pytest.mark.parametrize(
    ("lane", "secrets", "expected"),
    [
        pytest.param("twilio", {}, "outbox", id="no credentials: the outbox"),
        pytest.param(
            "twilio", {"twilio": {"account_sid": "AC1", "auth_token": "x"}}, "twilio", id="twilio"
        ),
        pytest.param("sendgrid", {"sendgrid": {"api_key": "SG.x"}}, "sendgrid", id="sendgrid"),
        pytest.param("smtp", {"smtp": {"host": "127.0.0.1", "tls": "none"}}, "smtp", id="smtp"),
        pytest.param("x", {"x": {"access_token": "x"}}, "x", id="x"),
    ],
)
def test_a_lane_is_carried_by_its_provider_or_by_the_outbox(
    database, tmp_path, lane, secrets, expected
):
    one = town.LANES[0].model_copy(update={"provider": lane})
    base = town.workspace(tmp_path, lanes=(one,))
    settings = type(base)(
        workspace=tmp_path, lanes=(one,), delivery=Delivery(only_loopback=True), **secrets
    )

    async def made() -> str:
        installation = Installation(settings=settings, database=database, keyring=make.KEYRING)
        channel = type(installation.channel(one)).__module__
        await installation.close()
        return channel

    assert wiring.provider(one, settings) == expected
    assert expected in asyncio.run(made())
