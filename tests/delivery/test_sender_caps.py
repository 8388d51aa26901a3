"""What a lane's caps and its weight do to a drive, and what one slow provider does to the others."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from tests import make
from tests.delivery.driven import drive, given, row, states
from tests.fakes.lane import Carrier, Clock, make_driver
from tests.fakes.loop import LeapingLoop, run

from outreach.delivery import failover, sender
from outreach.delivery.hands import Limits
from outreach.delivery.pace import Pace
from outreach.model.message import Accepted, Content, Delayed, InDoubt, Outcome, Outgoing
from outreach.model.words import Channel, MessageState as S, Tier
from outreach.store import claims, lane_health, lanes, spent, tables as t
from outreach.store.lanes import Lane
from outreach.store.session import Database
from outreach.store.spent import Caps

HOMES = {"sms": 100, "backup": 0, "email": 100}


def the_lane(database: Database, name: str = "sms") -> Lane:
    with database.read() as session:
        return next(lane for lane in lanes.every(session) if lane.name == name)


def capped(**changes: Any) -> Caps:
    return Caps(**({"zone": make.ZONE, "country": "CL", "prices": {"*": 0.05}} | changes))


def today(database: Database) -> spent.Spent:
    with database.read() as session:
        return spent.today(session, "sms", capped(), now=make.NOW)


def test_a_daily_cap_lets_the_rest_wait_and_fails_nothing(database: Database):
    given(database, 30)
    carrier = Carrier()

    driven = drive(database, carrier, caps=capped(daily=20))

    assert states(database) == {S.ACCEPTED: 20, S.QUEUED: 10}
    assert driven.halted == "daily_cap: 20 of 20 messages today"
    assert the_lane(database).cooled_until == carrier.clock.now() + timedelta(seconds=60)
    with database.read() as session:
        assert lanes.idle_with_work(session, now=carrier.clock.now()) == []


def test_a_cap_that_was_raised_lets_the_lane_go_on_after_one_message(database: Database):
    given(database, 30)
    later = Clock()
    drive(database, Carrier(clock=later), caps=capped(daily=20))
    later.seconds += 61

    drive(database, Carrier(clock=later), caps=capped(daily=25))

    assert states(database) == {S.ACCEPTED: 25, S.QUEUED: 5}


def test_texts_of_three_segments_pass_a_spend_cap_by_one_message_at_most(database: Database):
    given(database, 30)
    carrier = Carrier()

    driven = drive(
        database, carrier, caps=capped(spend=1.0),
        render=lambda _one, _address: Content(text="largo", segments=3),
    )  # fmt: skip

    assert states(database) == {S.ACCEPTED: 7, S.QUEUED: 23}
    now = today(database)
    assert (now.messages, now.segments) == (7, 21)
    assert now.cost == pytest.approx(1.05)
    assert driven.halted.startswith("spend_cap")


def test_what_was_put_back_or_refused_costs_nothing(database: Database):
    given(database, 3)
    wait = timedelta(seconds=9)
    answers: list[Outcome | None] = [
        Delayed(id=0, code="429", reason="", retry_after=wait, throttled=True),
        Delayed(id=0, code="503", reason="", retry_after=wait),
        InDoubt(id=0, reason="no answer"),
    ]

    def answer(one: Outgoing) -> Outcome | None:
        given_ = answers.pop() if answers else None
        return given_ and type(given_)(**(_fields(given_) | {"id": one.id}))

    drive(database, Carrier(answer))

    assert today(database).messages == 1
    with database.read() as session:
        seen = lane_health.totals(lane_health.recent(session, now=make.NOW), "sms", now=make.NOW)
    assert (seen.calls, seen.errors, seen.throttles, seen.doubts) == (3, 2, 1, 1)


def _fields(outcome: Outcome) -> dict[str, Any]:
    return {name: getattr(outcome, name) for name in outcome.__dataclass_fields__}


def test_a_runaway_prefix_waits_for_the_next_hour_while_others_leave(database: Database):
    ids = given(database, 30)
    with database.write() as session:
        pumped = select(t.message.c.contact_point_id).where(t.message.c.id.in_(ids[:20]))
        session.execute(update(t.contact_point).values(prefix="+5691"))
        session.execute(
            update(t.contact_point).where(t.contact_point.c.id.in_(pumped)).values(prefix="+88213")
        )
    carrier = Carrier()

    drive(database, carrier, caps=capped(prefix=12))

    assert carrier.ids == [*ids[:12], *ids[20:]]
    assert states(database) == {S.ACCEPTED: 22, S.QUEUED: 8}
    assert row(database, ids[12]).not_before == make.NOW.replace(minute=0) + timedelta(hours=1)


def test_a_chunk_of_nothing_but_a_full_prefix_does_not_end_the_claim(database: Database):
    ids = given(database, 12)
    with database.write() as session:
        session.execute(update(t.contact_point).values(prefix="+88213"))
        last = select(t.message.c.contact_point_id).where(t.message.c.id == ids[-1])
        session.execute(
            update(t.contact_point).where(t.contact_point.c.id.in_(last)).values(prefix="+5691")
        )
    carrier = Carrier()

    drive(database, carrier, caps=capped(prefix=1), limits=Limits(chunk=2, in_flight=2))

    assert carrier.ids == [ids[0], ids[-1]]


def test_a_country_that_is_not_allowed_is_never_called(database: Database):
    ids = given(database, 2)
    with database.write() as session:
        abroad = select(t.message.c.contact_point_id).where(t.message.c.id == ids[0])
        session.execute(
            update(t.contact_point).where(t.contact_point.c.id.in_(abroad)).values(country="SO")
        )
    carrier = Carrier()

    drive(database, carrier, caps=capped(countries=("CL",)))

    assert carrier.ids == [ids[1]]
    assert row(database, ids[0]).reason == spent.COUNTRY_NOT_ALLOWED
    assert states(database) == {S.ACCEPTED: 1, S.FAILED: 1}


def test_a_lane_at_a_fifth_of_its_weight_sends_a_fifth_as_fast(database: Database):
    given(database, 60)
    with database.write() as session:
        lane_health.weigh(session, "sms", 20, cooled_until=None, now=make.NOW)
    carrier = Carrier()

    drive(database, carrier)

    took = carrier.calls[-1][0] - carrier.calls[0][0]
    assert took == pytest.approx(59 / 20, rel=0.05)


def test_no_second_holds_more_than_the_rate_and_the_burst_of_the_lane(database: Database):
    given(database, 250)
    carrier = Carrier()
    pace = Pace(100, monotonic=carrier.clock.monotonic, sleep=carrier.clock.sleep, burst=20)

    drive(database, carrier, pace=pace)

    at = [each for each, _one in carrier.calls]
    assert max(sum(one <= each < one + 1 for each in at) for one in at) <= 120


def test_a_cooled_lane_probes_with_one_message_and_comes_back_when_it_is_good(database: Database):
    given(database, 10)
    with database.write() as session:
        lane_health.weigh(session, "sms", 0, cooled_until=make.NOW, now=make.NOW)
    carrier = Carrier()

    drive(database, carrier)

    lane = the_lane(database)
    assert (lane.weight, lane.cooled_until) == (20, None)
    assert states(database) == {S.ACCEPTED: 10}


@pytest.mark.parametrize("reply", ["doubt", "503"])
def test_a_probe_that_fails_costs_one_message_a_minute(database: Database, reply: str):
    given(database, 10)
    with database.write() as session:
        lane_health.weigh(session, "sms", 0, cooled_until=make.NOW, now=make.NOW)

    def answer(one: Outgoing) -> Outcome:
        if reply == "doubt":
            return InDoubt(id=one.id, reason="no answer")
        return Delayed(id=one.id, code="503", reason="", retry_after=timedelta(0))

    carrier = Carrier(answer)

    drive(database, carrier, linger=5)

    lane = the_lane(database)
    assert len(carrier.calls) == 1
    assert lane.weight == 0
    assert lane.cooled_until is not None
    assert 60 <= (lane.cooled_until - make.NOW).total_seconds() < 61


class Leaping(Clock):
    """The loop's own clock: several lanes at once, each with threads of its own."""

    def __init__(self, loop: LeapingLoop) -> None:
        self._loop = loop

    @property
    def seconds(self) -> float:  # type: ignore[override]  # what the other clock keeps
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Hanging(Carrier):
    """Answers nothing, till the deadline is over: half-open, or 60 s a call."""

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        self.calls += [(self.clock.seconds, each) for each in batch]
        await self.clock.sleep(deadline)
        return [InDoubt(id=each.id, reason="no answer in time") for each in batch]


def test_a_provider_that_hangs_loses_its_load_within_a_minute_and_mail_never_waits(
    database: Database,
):
    """G17 on one clock: SMS hangs at 10 s a call, a standby takes over, e-mail goes on."""
    with database.write() as session:
        make.make_lane(session, rate=10.0)
        make.make_lane(session, name="backup", rate=100.0, weight=0)
        make.make_lane(session, name="email", pool="email:CL", channel=Channel.EMAIL, rate=100.0)
        wave = make.make_step_run(session)
        make.make_messages(session, 100, step_run=wave)
        make.make_messages(session, 100, step_run=wave, channel=Channel.EMAIL)
    loop = LeapingLoop(begins=1_000)
    running = Leaping(loop)
    hung, backup, mail = Hanging(clock=running), Carrier(clock=running), Carrier(clock=running)
    switched_at: list[float] = []

    async def tick() -> None:
        while running.seconds < 1_045:
            changes = await asyncio.to_thread(
                failover.weigh, database, HOMES, owner="w1", now=running.now()
            )
            switched_at.extend(running.seconds - 1_000 for each in changes if each.lane == "sms")
            await running.sleep(1)

    async def all_of_it() -> None:
        lanes_ = {"sms": hung, "backup": backup, "email": mail}
        await asyncio.gather(
            tick(),
            *(
                sender.drive_lane(
                    database, name, channel, make_driver(running), duration=45, linger=45
                )
                for name, channel in lanes_.items()
            ),
        )

    run(all_of_it(), loop)

    assert len(mail.calls) == 100
    assert mail.calls[94][0] - 1_000 <= 10
    assert len(switched_at) == 1
    assert switched_at[0] <= 60
    assert len(backup.calls) + len(hung.calls) >= 100
    assert len(hung.calls) <= 40
    with database.read() as session:
        assert session.scalars(select(t.run.c.state)).one() == "active"


def test_a_restoration_passes_a_bulk_of_any_size_after_one_claim(database: Database):
    """A hundred times as many would wait as long: the claim is what is in hand, whatever is queued."""
    given(database, 2_000, rate=100.0)
    night = Clock()
    opened: list[int] = []

    def open_restoration(_batch: list[Outgoing]) -> None:
        if night.seconds >= 1_003 and not opened:
            with database.write() as session:
                wave = make.make_step_run(session, tier=Tier.RESTORATION)
                opened.extend(make.make_messages(session, 20, step_run=wave))

    carrier = Carrier(clock=night)
    carrier.before = open_restoration

    drive(database, carrier, limits=Limits(chunk=200, in_flight=10))

    at = {outgoing.id: seconds for seconds, outgoing in carrier.calls}
    assert min(at[one] for one in opened) - 1_003 <= sender.CLAIM_S + 0.1
    assert max(at[one] for one in opened) - 1_003 <= sender.CLAIM_S + 0.4


def test_two_bulk_waves_share_a_lane_by_their_keyed_ranks(database: Database):
    with database.write() as session:
        make.make_lane(session)
        first, second = make.make_step_run(session), make.make_step_run(session)
        for number in range(200):
            # As a freeze draws them: ranks are keyed hashes, uniform whatever the wave.
            wave, rank = ((first, second)[number % 2], hash((number, 7)) & 0x7FFFFFFF)
            make.make_message(session, step_run=wave, rank=rank)
        half = claims.claim(
            session,
            claims.Claim(
                lane="sms", pool="sms:CL", owner="w1", now=make.NOW,
                lease=timedelta(seconds=30), limit=100,
            ),
        )  # fmt: skip

    of_first = sum(one.step_run == first for one in half)
    assert 30 <= of_first <= 70
    assert {one.step_run for one in half[:10]} == {first, second}


def test_accepted_is_the_usual(database: Database):
    given(database)

    drive(database, Carrier(lambda one: Accepted(id=one.id, provider_ref="SM1")))

    assert today(database) == spent.Spent(messages=1, segments=1, cost=0.0)
