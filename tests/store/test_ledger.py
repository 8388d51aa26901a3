"""The ledger's housekeeping, its fences, and that its states always add up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from tests import make
from tests.store.test_claims import claim

from outreach.model.words import TRANSITIONS, Channel, MessageState as S, PriorityClass
from outreach.store import lanes, ledger, overdue, settle, stop, tables as t
from outreach.store.ledger import Stopped
from outreach.store.session import Database
from outreach.store.settle import Settled

HOUR = timedelta(hours=1)
LEASE = timedelta(seconds=30)


def states(database: Database) -> dict[S, int]:
    with database.read() as session:
        assert ledger.adds_up(session)
        return {state: count for state, count in ledger.counts(session).items() if count}


def settled(database: Database, *results: Settled, owner: str = "w1") -> settle.Settlement:
    with database.write() as session:
        return settle.settle(session, owner, results, provider="carrier", now=make.NOW)


def accepted(message: int, try_: int = 1, ref: str = "SM1") -> Settled:
    return Settled(id=message, try_=try_, state=S.ACCEPTED, provider_ref=ref)


def test_a_settle_under_another_owner_or_try_changes_nothing(database: Database):
    with database.write() as session:
        ids = make.make_messages(session, 2)
    claim(database)

    other = settled(database, accepted(ids[0]), owner="w2")
    older = settled(database, accepted(ids[1], try_=0))

    assert (other.stale, older.stale) == ((ids[0],), (ids[1],))
    assert states(database) == {S.SENDING: 2}


def test_a_second_copy_at_the_provider_is_flagged(database: Database):
    with database.write() as session:
        message = make.make_message(session, state=S.DELIVERED, provider_ref="SM1", **{"try": 2})

    written = settled(database, accepted(message, try_=1, ref="SM0"))

    assert written.duplicates == (message,)
    with database.read() as session:
        assert make.row_of(session, message).reason == settle.DUPLICATE


def test_a_lapsed_claim_is_in_doubt_and_never_in_the_queue(database: Database):
    with database.write() as session:
        make.make_messages(session, 3)
    claim(database, limit=2)

    with database.write() as session:
        early = ledger.lapse(session, now=make.NOW + LEASE)
        late = ledger.lapse(session, now=make.NOW + LEASE * 2)

    assert (early, late) == (0, 2)
    assert states(database) == {S.QUEUED: 1, S.IN_DOUBT: 2}
    with database.read() as session:
        attempts = session.execute(select(t.attempt)).all()
    assert [(one.lane, one.outcome, one.started_at) for one in attempts] == [("sms", "in_doubt", make.NOW)] * 2  # fmt: skip


@pytest.mark.parametrize("when", ["claimed", "called", "settled"])
def test_a_crash_at_any_point_loses_nothing_and_doubles_nothing(database: Database, when: str):
    with database.write() as session:
        ids = make.make_messages(session, 4)
    called: list[int] = []
    crashed = claim(database, limit=2)
    if when != "claimed":
        called += [one.id for one in crashed]
    if when == "settled":
        settled(database, *(accepted(one.id) for one in crashed))

    with database.write() as session:
        ledger.lapse(session, now=make.NOW + HOUR)
    while rest := claim(database, owner="w2", now=make.NOW + HOUR):
        called += [one.id for one in rest]
        settled(database, *(accepted(one.id) for one in rest), owner="w2")

    assert len(called) == len(set(called))
    expected = {S.ACCEPTED: 4} if when == "settled" else {S.ACCEPTED: 2, S.IN_DOUBT: 2}
    assert states(database) == expected
    assert set(called) == set(ids if when != "claimed" else ids[2:])


def test_a_newer_revision_overtakes_what_older_ones_had_to_say(database: Database):
    with database.write() as session:
        occasion = make.make_occasion(session, version=2)
        run = make.make_run(session, occasion=occasion)
        old = make.make_step_run(session, run=run, version=1, step="opened")
        new = make.make_step_run(session, run=run, version=2, step="etr_set")
        make.make_messages(session, 4, step_run=old)
        make.make_messages(session, 2, step_run=new)
        make.make_message(session)
    claim(database, limit=1)

    with database.write() as session:
        first = ledger.supersede(session, occasion=occasion, version=2, now=make.NOW)
        again = ledger.supersede(session, occasion=occasion, version=2, now=make.NOW)

    assert first == Stopped(stopped=3, claimed=1, asked_back=1)
    assert again == Stopped()
    assert states(database) == {S.SENDING: 1, S.SUPERSEDED: 3, S.QUEUED: 3}


def test_only_the_named_steps_are_overtaken(database: Database):
    with database.write() as session:
        occasion = make.make_occasion(session, version=2)
        run = make.make_run(session, occasion=occasion)
        for step in ("opened", "restored"):
            make.make_message(session, step_run=make.make_step_run(session, run=run, step=step))

        ledger.supersede(session, occasion=occasion, version=2, now=make.NOW, steps=["opened"])

    assert states(database) == {S.SUPERSEDED: 1, S.QUEUED: 1}


@pytest.mark.parametrize("spare", [True, False])
def test_an_undo_takes_back_what_has_not_left(database: Database, spare):
    with database.write() as session:
        wave = make.make_step_run(session)
        make.make_message(session, step_run=wave, priority=PriorityClass.A)
        make.make_messages(session, 2, step_run=wave)

        done = ledger.cancel(session, step_runs=[wave], now=make.NOW, spare_class_a=spare)

    assert done.stopped == 3 - spare
    expected = {S.QUEUED: 1, S.CANCELLED: 2} if spare else {S.CANCELLED: 3}
    assert states(database) == expected


def test_queued_texts_past_their_time_expire(database: Database):
    with database.write() as session:
        make.make_message(session, not_after=make.NOW)
        make.make_message(session, not_after=make.NOW + HOUR)
        make.make_message(session)

    assert overdue.expire(database, now=make.NOW) == 1

    assert states(database) == {S.EXPIRED: 1, S.QUEUED: 2}


def test_without_a_last_word_for_three_days_a_message_is_unknown(database: Database):
    old: dict[str, Any] = {"accepted_at": make.NOW - 72 * HOUR, "provider": "twilio"}
    with database.write() as session:
        make.make_message(session, state=S.ACCEPTED, **old)
        make.make_message(session, state=S.SENT, **old)
        make.make_message(session, state=S.DELIVERED, **old)
        make.make_message(session, state=S.SENT, **(old | {"provider": "smtp"}))
        make.make_message(session, state=S.ACCEPTED, accepted_at=make.NOW)

    gone = overdue.unknown_after(database, now=make.NOW, after=72 * HOUR, silent=["smtp"])

    assert gone == 2
    assert states(database) == {S.UNKNOWN: 2, S.DELIVERED: 1, S.SENT: 1, S.ACCEPTED: 1}


def test_counts_are_of_a_run_or_a_wave_and_name_every_state(database: Database):
    with database.write() as session:
        run = make.make_run(session)
        wave = make.make_step_run(session, run=run)
        make.make_messages(session, 2, step_run=wave)
        make.make_message(session)

    with database.read() as session:
        of_run, of_wave = ledger.counts(session, run=run), ledger.counts(session, step_run=wave)
        assert ledger.adds_up(session, run=run)
        assert ledger.adds_up(session, step_run=wave)
    assert of_run == of_wave
    assert list(of_run) == list(S)
    assert of_run[S.QUEUED] == 2


def test_a_sum_that_is_wrong_is_seen(database: Database):
    with database.write() as session:
        make.make_message(session)
        session.execute(t.queue.delete())

        assert not ledger.adds_up(session)


@pytest.mark.parametrize("state", list(S))
def test_every_settled_state_is_one_that_sending_may_become(database: Database, state: S):
    settles = {S.ACCEPTED, S.SENT, S.QUEUED, S.FAILED, S.IN_DOUBT, S.SUPPRESSED, S.SUPERSEDED}
    settles |= {S.EXPIRED, S.CANCELLED}

    assert state not in settles or state in TRANSITIONS[S.SENDING]


def test_a_pause_by_itself_leaves_a_cancelled_run_cancelled(database: Database):
    with database.write() as session:
        run = make.make_run(session, state="cancelled")
        stop.pause_run(session, run, "errors", now=make.NOW)

        assert session.scalars(select(t.run.c.state)).one() == "cancelled"


# ── Lanes ────────────────────────────────────────────────────────────────────────────────────


def lane(**changes: Any) -> lanes.Lane:
    values: dict[str, Any] = {"name": "sms", "pool": "sms:CL", "sender": "+569", "rate": 10.0}
    return lanes.Lane(**(values | {"channel": Channel.SMS} | changes))


def test_declaring_again_changes_the_rate_and_keeps_the_lease(database: Database):
    with database.write() as session:
        lanes.declare(session, [lane()])
        taken = lanes.acquire(session, "sms", "w1", now=make.NOW, lease=LEASE)
        lanes.declare(session, [lane(rate=99.0)])

        (one,) = lanes.every(session)
    assert taken is not None
    assert (one.rate, one.owner, one.fence) == (99.0, "w1", 1)


def test_a_lane_is_taken_over_only_when_its_lease_ran_out(database: Database):
    with database.write() as session:
        lanes.declare(session, [lane()])
        first = lanes.acquire(session, "sms", "w1", now=make.NOW, lease=LEASE)
        early = lanes.acquire(session, "sms", "w2", now=make.NOW + LEASE, lease=LEASE)
        late = lanes.acquire(session, "sms", "w2", now=make.NOW + 2 * LEASE, lease=LEASE)
        assert first is not None
        renewed = lanes.renew(session, first, now=make.NOW, lease=LEASE)
        lanes.release(session, first)

        (one,) = lanes.every(session)
    assert early is None
    assert renewed is None
    assert late is not None
    assert (one.owner, one.fence) == ("w2", 2)


def test_a_stopped_lane_is_not_taken_until_a_person_resumes_it(database: Database):
    with database.write() as session:
        lanes.declare(session, [lane()])
        lanes.stop(session, "sms", "401", now=make.NOW)
        stopped = lanes.acquire(session, "sms", "w1", now=make.NOW, lease=LEASE)
        first, second = lanes.resume(session, "sms"), lanes.resume(session, "sms")
        resumed = lanes.acquire(session, "sms", "w1", now=make.NOW, lease=LEASE)

    assert stopped is None
    assert (first, second) == (True, False)
    assert resumed is not None


def test_a_lane_with_work_that_nobody_drives_is_named(database: Database):
    with database.write() as session:
        lanes.declare(session, [lane(), lane(name="other", pool="sms:PE")])
        none = lanes.idle_with_work(session, now=make.NOW)
        make.make_message(session)
        some = lanes.idle_with_work(session, now=make.NOW)
        lanes.acquire(session, "sms", "w1", now=make.NOW, lease=LEASE)
        driven = lanes.idle_with_work(session, now=make.NOW)

    assert (none, some, driven) == ([], ["sms"], [])
