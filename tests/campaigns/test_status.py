"""Every message is accounted for at every moment, and what needs a person is said."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update
from tests import make, town
from tests.campaigns.tell import NOW, UNPLANNED, launched, moved, opened, updated

from outreach.campaigns import stopping
from outreach.campaigns.engine import Engine
from outreach.campaigns.status import Status, status
from outreach.campaigns.stopping import Halted, Stopping
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import OccasionId
from outreach.model.words import LeftOut, MessageState, RunState
from outreach.outages import revise
from outreach.store import audit, lanes, occasions, runs, tables as t

S = MessageState
LATER = NOW + timedelta(minutes=7)


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    with database.write() as session:
        town.build(session)
        town.resident(
            session, number=60, order=3, locality="Providencia", priority="A", channel=None
        )
        town.resident(session, number=61, order=7, locality="Ñuñoa", channel=None)
    return town.engine(database, town.workspace(tmp_path))


def look(engine: Engine, occasion: OccasionId, *, at=LATER) -> Status:
    return status(engine.database, engine.settings, occasion, now=at)


def act(engine: Engine, verb, occasion: OccasionId, **more) -> list[Halted]:
    chosen = stopping.chosen(engine.database, occasion, None)
    done: Stopping = verb(engine.database, chosen, actor="ana", now=LATER, **more)
    return done.counts()


def test_the_states_add_up_to_the_audience_and_the_left_out_have_reasons(engine):
    occasion = launched(engine).occasion.id
    moved(engine, S.DELIVERED, only=3)

    found = look(engine, occasion)

    [run] = found.runs
    assert (run.audience, run.adds_up) == (7, True)
    assert dict(found.states) == {S.QUEUED: 4, S.DELIVERED: 3}
    assert run.left_out == {LeftOut.NO_CONTACT: 2}
    assert {wave.wave.step: wave.left_out for wave in run.waves} == {
        "opened_priority": {LeftOut.NO_CONTACT: 1}, "opened": {LeftOut.NO_CONTACT: 1},
    }  # fmt: skip


def test_a_book_that_does_not_balance_needs_a_person(engine):
    occasion = launched(engine).occasion.id
    with engine.database.write() as session:
        session.execute(update(t.step_run).values(frozen=t.step_run.c.frozen + 1))

    found = look(engine, occasion)

    assert (found.runs[0].adds_up, found.needs_a_person) == (False, True)


def test_class_a_counts_as_unconfirmed_whatever_is_delivered_also_those_left_out(engine):
    occasion = launched(engine).occasion.id
    before = look(engine, occasion).priority_unconfirmed

    moved(engine, S.ACCEPTED)
    accepted = look(engine, occasion).priority_unconfirmed
    with engine.database.write() as session:
        session.execute(update(t.message).values(state=S.DELIVERED))
    delivered = look(engine, occasion).priority_unconfirmed

    # Only an answer takes one off: tests/campaigns/test_tasks.py.
    assert (before, accepted, delivered) == (2, 2, 2)


def test_the_last_person_hears_when_the_lane_has_carried_what_is_queued(engine):
    occasion = launched(engine).occasion.id

    found = look(engine, occasion, at=NOW)

    assert found.last_at == NOW + timedelta(minutes=5, seconds=0.06)
    assert (found.to_send, found.is_over) == (7, False)


def test_once_all_has_left_the_last_person_heard(engine):
    occasion = launched(engine).occasion.id
    moved(engine, S.ACCEPTED, at=LATER)

    assert look(engine, occasion, at=LATER + timedelta(hours=1)).last_at == LATER


def test_of_a_paused_run_nobody_knows_when_the_last_person_hears(engine):
    occasion = launched(engine).occasion.id
    act(engine, stopping.pause, occasion)

    assert look(engine, occasion).last_at is None


def test_an_occasion_that_nobody_launched_has_no_runs_and_nothing_to_hear(engine):
    found = look(engine, opened(engine).occasion.id)

    assert (found.runs, found.last_at, found.needs_a_person) == ((), None, False)


@pytest.mark.parametrize("state", [S.IN_DOUBT, S.UNKNOWN])
def test_doubt_needs_a_person(engine, state):
    occasion = launched(engine).occasion.id
    moved(engine, state, only=1)

    assert look(engine, occasion).needs_a_person


def test_a_refused_message_is_an_error_and_no_doubt(engine):
    occasion = launched(engine).occasion.id
    moved(engine, S.FAILED, only=2)

    found = look(engine, occasion)

    assert (found.errors, found.needs_a_person) == (2, False)


def test_a_stopped_lane_needs_a_person(engine):
    occasion = launched(engine).occasion.id
    with engine.database.write() as session:
        make.make_lane(session)
        lanes.stop(session, "sms", "401 bad token", now=NOW)

    found = look(engine, occasion)

    assert ([lane.name for lane in found.stopped_lanes], found.needs_a_person) == (["sms"], True)


def test_a_promise_is_overdue_once_it_has_passed_and_until_the_outage_ends(engine):
    applied = launched(engine, etr_at=NOW + timedelta(hours=2))
    at = NOW + timedelta(hours=3)
    before, after = (
        look(engine, applied.occasion.id).overdue,
        look(engine, applied.occasion.id, at=at),
    )

    assert (before, after.overdue) == (0, 1)


def test_it_is_over_when_the_outage_is_and_nothing_waits(engine):
    applied = launched(engine)
    moved(engine, S.DELIVERED)
    back = revise.restored(applied.occasion.revision, known_how="crew", now=LATER)
    assert back is not None
    engine.revise(applied.occasion.id, back, now=LATER)
    waiting = look(engine, applied.occasion.id).is_over
    moved(engine, S.DELIVERED)

    assert (waiting, look(engine, applied.occasion.id).is_over) == (False, True)


# ── the brakes ───────────────────────────────────────────────────────────────────────────────


def test_a_pause_counts_what_left_what_waits_and_what_may_have_left(engine):
    occasion = launched(engine).occasion.id
    moved(engine, S.DELIVERED, only=3)
    moved(engine, S.IN_DOUBT, only=1)

    [done] = act(engine, stopping.pause, occasion, reason="wrong feeder")

    assert (done.sent, done.stopped, done.waiting, done.unknown) == (3, 0, 3, 1)
    assert (done.run.state, done.run.reason) == (RunState.PAUSED, "paused by ana: wrong feeder")


def test_what_is_resumed_goes_on(engine):
    occasion = launched(engine).occasion.id
    act(engine, stopping.pause, occasion)

    [done] = act(engine, stopping.resume, occasion)

    assert (done.run.state, done.run.reason, done.waiting) == (RunState.ACTIVE, "", 7)


def test_a_cancel_takes_back_all_that_has_not_left_for_good(engine):
    occasion = launched(engine).occasion.id
    moved(engine, S.ACCEPTED, only=2)

    [done] = act(engine, stopping.cancel, occasion)

    assert (done.sent, done.stopped, done.waiting) == (2, 5, 0)
    with pytest.raises(GuardRefused, match="cancelled"):
        act(engine, stopping.resume, occasion)
    with pytest.raises(GuardRefused, match="cancelled"):
        engine.launch(occasion, UNPLANNED, actor="ana", now=LATER)


def test_a_second_pause_changes_and_audits_nothing(engine):
    occasion = launched(engine).occasion.id
    act(engine, stopping.pause, occasion, reason="first")

    [again] = act(engine, stopping.pause, occasion, reason="second")

    assert again.run.reason == "paused by ana: first"
    with engine.database.read() as session:
        actions = [entry.action for entry in audit.newest(session)]
    assert actions.count("campaign.pause") == 1


def test_a_campaign_that_was_not_launched_cannot_be_stopped(engine):
    occasion = launched(engine).occasion.id

    with pytest.raises(InputRefused, match="advisory was launched"):
        stopping.chosen(engine.database, occasion, "advisory")


def test_the_kill_switch_finds_every_active_run(engine):
    first, second = launched(engine).occasion.id, launched(engine).occasion.id
    act(engine, stopping.cancel, second)

    found = stopping.all_in(engine.database, RunState.ACTIVE)

    with engine.database.read() as session:
        assert found == runs.of(session, first)
        assert occasions.get(session, first).revision.state.is_open


def test_a_superseded_wave_stays_in_the_books(engine):
    applied = launched(engine)
    updated(engine, applied, at=LATER, cause="a tree")

    [run] = look(engine, applied.occasion.id).runs

    assert run.states[S.SUPERSEDED] == 7
    assert run.adds_up
