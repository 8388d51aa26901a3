"""Claiming in order, and what stands in the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, event, func, insert, select, update
from tests import make

from outreach.model.message import Recipient
from outreach.model.words import MessageState, PriorityClass, RunState, StepRunState, Tier
from outreach.store import claims, ledger, tables as t
from outreach.store.claims import Claim
from outreach.store.session import Database

MINUTE = timedelta(minutes=1)


def wanted(limit: int = 10, **changes: Any) -> Claim:
    values: dict[str, Any] = {
        "lane": "sms",
        "pool": "sms:CL",
        "owner": "w1",
        "now": make.NOW,
        "limit": limit,
    }
    return Claim(**(values | {"lease": timedelta(seconds=30)} | changes))


def claim(database: Database, **changes: Any) -> list[Recipient]:
    with database.write() as session:
        return claims.claim(session, wanted(**changes))


def state(database: Database, message: int) -> MessageState:
    with database.read() as session:
        return make.state_of(session, message)


def test_a_claim_takes_in_the_order_of_tier_then_class_then_rank(database: Database):
    with database.write() as session:
        bulk = make.make_step_run(session)
        safety = make.make_step_run(session, tier=Tier.SAFETY)
        third = make.make_message(session, step_run=bulk, priority=PriorityClass.A, rank=5)
        last = make.make_message(session, step_run=bulk, priority=PriorityClass.C, rank=1)
        second = make.make_message(session, step_run=safety, priority=PriorityClass.C, rank=9)
        first = make.make_message(session, step_run=safety, priority=PriorityClass.C, rank=2)

    claimed = claim(database)

    assert [one.id for one in claimed] == [first, second, third, last]


def test_a_claim_marks_the_messages_and_leaves_the_queue_to_the_others(database: Database):
    with database.write() as session:
        ids = make.make_messages(session, 5)

    claimed = claim(database, limit=3)

    with database.read() as session:
        row = make.row_of(session, ids[0])
        assert [one.id for one in claimed] == ids[:3]
        assert (row.state, row.owner, row.lane, row._mapping["try"]) == ("sending", "w1", "sms", 1)
        assert row.lease_until == make.NOW + timedelta(seconds=30)
        assert row.slot_at == row.claimed_at == make.NOW
        assert {*session.scalars(select(t.queue.c.message_id))} == {*ids[3:]}
        assert ledger.adds_up(session)


def test_a_claim_walks_the_queue_and_never_sorts_it(database: Database):
    """A million rows sorted at each claim would be seconds of it; what a server knows of a new queue is nothing."""
    with database.write() as session:
        make.make_messages(session, 500)
    plans: list[str] = []

    def look(_connection: Any, cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if "FROM queue JOIN message" not in statement:
            return
        how = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        asking = cursor.connection.cursor()
        asking.execute(how + statement, parameters)
        plans.append(" ".join(str(row) for row in asking.fetchall()))

    event.listen(database.engine, "before_cursor_execute", look)
    assert len(claim(database, limit=20)) == 20

    (plan,) = plans
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan
    assert "pk_queue" in plan or "USING PRIMARY KEY" in plan


def test_a_claimed_recipient_carries_what_rendering_needs(database: Database):
    with database.write() as session:
        occasion = make.make_occasion(session, version=3)
        run = make.make_run(session, occasion=occasion, campaign="unplanned-outage", pinned="abc")
        wave = make.make_step_run(session, run=run, step="opened", version=3)
        make.make_message(session, step_run=wave, premises=2, locality="Ñuñoa")

    (one,) = claim(database)

    assert (one.occasion, one.version, one.step, one.template) == (occasion, 3, "opened", "opened")
    assert (one.campaign, one.pinned, one.run, one.step_run) == (
        "unplanned-outage",
        "abc",
        run,
        wave,
    )
    assert (one.premises, one.locality, one.zone, one.try_) == (2, "Ñuñoa", make.ZONE, 1)
    assert make.KEYRING.hash(make.KEYRING.open(one.address_sealed)) == one.address_hash


def test_a_second_try_keeps_the_slot_of_the_first(database: Database):
    earlier = make.NOW - MINUTE
    with database.write() as session:
        message = make.make_message(session, slot_at=earlier)

    (one,) = claim(database)

    assert one.try_ == 1
    with database.read() as session:
        assert make.row_of(session, message).slot_at == earlier


@pytest.mark.parametrize("hold", ["later", "paused", "freezing", "other pool"])
def test_what_may_not_leave_yet_stays_queued(database: Database, hold: str):
    with database.write() as session:
        run = make.make_run(session, state=RunState.PAUSED if hold == "paused" else RunState.ACTIVE)
        frozen = StepRunState.FREEZING if hold == "freezing" else StepRunState.FROZEN
        message = make.make_message(
            session,
            step_run=make.make_step_run(session, run=run, state=frozen),
            not_before=make.NOW + MINUTE if hold == "later" else None,
            pool="sms:PE" if hold == "other pool" else "sms:CL",
        )

    assert claim(database) == []
    assert state(database, message) is MessageState.QUEUED


@pytest.mark.parametrize(
    ("why", "becomes"),
    [
        ("opted out", MessageState.SUPPRESSED),
        ("opted out of sms", MessageState.SUPPRESSED),
        ("too late", MessageState.EXPIRED),
        ("superseded", MessageState.SUPERSEDED),
        ("cancelled run", MessageState.CANCELLED),
        ("cancelled class", MessageState.CANCELLED),
    ],
)
def test_what_may_not_leave_any_more_is_settled_on_the_way(database: Database, why, becomes):
    with database.write() as session:
        run = make.make_run(session, state="cancelled" if why == "cancelled run" else "active")
        wave = make.make_step_run(session, run=run)
        gone = make.make_message(
            session, step_run=wave, not_after=make.NOW if why == "too late" else None
        )
        if why.startswith("opted"):
            channel = "sms" if why.endswith("sms") else "*"
            address = make.address_hash_of(session, gone)
            make.make_suppression(session, address_hash=address, channel=channel)
        changes: dict[str, dict[str, Any]] = {"superseded": {"superseded_at": make.NOW}}
        changes["cancelled class"] = {"cancelled_classes": "BC"}
        if why in changes:
            session.execute(update(t.step_run).values(**changes[why]))
        good = make.make_message(session, rank=99)

    claimed = claim(database, limit=1)

    with database.read() as session:
        assert [one.id for one in claimed] == [good]
        assert make.state_of(session, gone) is becomes
        assert make.row_of(session, gone).reason == becomes
        assert ledger.adds_up(session)


@pytest.mark.parametrize(("channel", "purpose"), [("email", "*"), ("sms", "commercial")])
def test_an_opt_out_of_something_else_stops_nothing(database: Database, channel, purpose):
    with database.write() as session:
        message = make.make_message(session)
        address = make.address_hash_of(session, message)
        make.make_suppression(session, address_hash=address, channel=channel, purpose=purpose)

    assert [one.id for one in claim(database)] == [message]


def test_a_spared_class_still_leaves_from_a_cancelled_wave(database: Database):
    with database.write() as session:
        wave = make.make_step_run(session, cancelled_classes="BC")
        message = make.make_message(session, step_run=wave, priority=PriorityClass.A)

    assert [one.id for one in claim(database)] == [message]


def test_a_queue_row_whose_message_has_moved_on_is_only_cleared_away(database: Database):
    with database.write() as session:
        message = make.make_message(session)
        session.execute(update(t.message).values(state=MessageState.DELIVERED))

    assert claim(database) == []
    assert state(database, message) is MessageState.DELIVERED
    with database.read() as session:
        assert session.execute(select(func.count()).select_from(t.queue)).scalar_one() == 0


def test_a_claim_gives_up_after_so_many_stopped_chunks_and_goes_on_at_the_next(database: Database):
    with database.write() as session:
        wave = make.make_step_run(session, superseded_at=make.NOW)
        make.make_messages(session, 25, step_run=wave)
        good = make.make_message(session, rank=1_000)

    first, second = claim(database, limit=1), claim(database, limit=1)

    assert [first, [one.id for one in second]] == [[], [good]]


def test_two_claimers_on_postgresql_pass_each_other_by(database: Database):
    if database.is_sqlite:
        return  # one writer at a time: there is nobody to pass
    with database.write() as session:
        ids = make.make_messages(session, 4)

    with database.write() as one, database.write() as other:
        first = claims.claim(one, wanted(2))
        second = claims.claim(other, wanted(2, owner="w2"))

    assert [each.id for each in first + second] == ids


def test_a_message_taken_back_between_look_and_write_is_not_claimed(
    database: Database, monkeypatch
):
    with database.write() as session:
        ids = make.make_messages(session, 2)
    unqueue = claims._unqueue

    def and_cancel(session, *args):
        unqueue(session, *args)
        session.execute(update(t.message).where(t.message.c.id == ids[0]).values(state="cancelled"))

    monkeypatch.setattr(claims, "_unqueue", and_cancel)

    assert [one.id for one in claim(database)] == ids[1:]


def test_nothing_is_claimed_twice(database: Database):
    with database.write() as session:
        ids = make.make_messages(session, 3)
        row = (
            session.execute(select(t.queue).where(t.queue.c.message_id == ids[0])).mappings().one()
        )
    claim(database)
    with database.write() as session:
        session.execute(delete(t.queue))
        session.execute(insert(t.queue).values(**row))

    assert claim(database) == []


def test_an_opt_out_of_commerce_leaves_service_notices_alone(database):
    with database.write() as session:
        run = make.make_run(session)
        wave = make.make_step_run(session, run=run)
        message = make.make_message(session, step_run=wave)
        address = make.address_hash_of(session, message)
        make.make_suppression(session, address_hash=address, purpose="commercial")

    with database.write() as session:
        claimed = claims.claim(session, wanted())

    assert [one.id for one in claimed] == [message]


def test_an_opt_out_of_commerce_stops_a_commercial_run(database):
    with database.write() as session:
        run = make.make_run(session, purpose="commercial")
        wave = make.make_step_run(session, run=run)
        message = make.make_message(session, step_run=wave)
        address = make.address_hash_of(session, message)
        make.make_suppression(session, address_hash=address, purpose="commercial")

    with database.write() as session:
        claimed = claims.claim(session, wanted())

    assert claimed == []
    with database.read() as session:
        assert make.state_of(session, message) is MessageState.SUPPRESSED


def test_a_number_that_does_not_exist_is_not_written_to_again(database):
    with database.write() as session:
        message = make.make_message(session)
        session.execute(t.contact_point.update().values(bad_since=make.NOW))

    with database.write() as session:
        claimed = claims.claim(session, wanted())

    assert claimed == []
    with database.read() as session:
        assert make.state_of(session, message) is MessageState.SUPPRESSED
