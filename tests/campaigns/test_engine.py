"""The engine: one revision of the truth becomes exactly the messages it should."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from tests import town
from tests.campaigns.opened import (
    NOW,
    UNPLANNED,
    arm,
    launched,
    make_engine,
    open_outage,
    restore,
    steps,
    told,
    update,
)

from outreach.campaigns import due
from outreach.campaigns.engine import Engine
from outreach.model.errors import GuardRefused
from outreach.model.occasion import Scope
from outreach.model.words import MessageState, RunState
from outreach.store import freeze, ledger, occasions, promises, runs, tables as t


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    return make_engine(database, tmp_path)


def test_an_outage_counts_who_it_touches(engine):
    applied = open_outage(engine)

    assert (
        applied.counts.premises,
        applied.counts.customers,
        applied.counts.priority_customers,
    ) == (7, 7, 1)
    assert applied.counts.localities == ("Providencia", "Ñuñoa")
    assert applied.counts.reachable == {
        "sms": 7,
        "email": 0,
        "voice": 0,
        "sms_or_email": 7,
        "none": 0,
    }


def test_a_launch_tells_class_a_at_once_and_the_rest_when_the_outage_is_old_enough(engine):
    launched(engine)

    assert steps(engine) == {"opened_priority": {"queued": 1}, "opened": {"queued": 6}}
    with engine.database.read() as session:
        rows = session.execute(select(t.queue.c.priority, t.queue.c.not_before)).all()
    assert {row.priority: row.not_before for row in rows} == {
        "A": None, "B": NOW + timedelta(minutes=5), "C": NOW + timedelta(minutes=5),
    }  # fmt: skip


def test_launching_again_is_a_no_op(engine):
    applied = launched(engine)

    again = engine.launch(
        applied.occasion.id, UNPLANNED, actor="ana", now=NOW + timedelta(minutes=1)
    )

    assert (again.launched, again.waves) == ((), ())
    assert steps(engine) == {"opened_priority": {"queued": 1}, "opened": {"queued": 6}}


def test_a_cancelled_run_is_not_launched_again(engine):
    applied = launched(engine)
    with engine.database.write() as session:
        run = runs.of(session, applied.occasion.id)[0]
        runs.set_state(session, run.id, RunState.CANCELLED, "wrong feeder", now=NOW)

    with pytest.raises(GuardRefused, match="cancelled"):
        engine.launch(applied.occasion.id, UNPLANNED, actor="ana", now=NOW)


def test_a_campaign_for_planned_works_is_refused_for_an_outage(engine):
    applied = open_outage(engine)

    with pytest.raises(GuardRefused, match="serves planned"):
        engine.launch(applied.occasion.id, "planned-outage", actor="ana", now=NOW)


def test_an_estimate_supersedes_what_is_unsent_and_tells_everybody_the_whole(engine):
    applied = launched(engine)

    updated = update(engine, applied, after=timedelta(minutes=2), etr_at=NOW + timedelta(hours=3))

    assert updated.superseded == 7
    assert steps(engine) == {
        "opened_priority": {"superseded": 1}, "opened": {"superseded": 6},
        "joined_priority": {"queued": 1}, "joined_with_etr": {"queued": 6},
    }  # fmt: skip


def test_who_was_told_hears_the_change_and_each_person_one_notice(engine):
    applied = launched(engine)
    told(engine)

    update(engine, applied, after=timedelta(minutes=20), etr_at=NOW + timedelta(hours=3))

    assert steps(engine)["etr_set"] == {"queued": 7}
    assert not {"joined", "joined_with_etr", "joined_priority"} & set(steps(engine))


def test_a_small_change_of_the_estimate_is_not_told_again(engine):
    applied = launched(engine, etr_at=NOW + timedelta(hours=3))
    told(engine)

    updated = update(
        engine, applied, after=timedelta(minutes=5), etr_at=NOW + timedelta(hours=3, minutes=10)
    )

    assert [wave.frozen for wave in updated.waves] == [0] * len(updated.waves)


def test_a_later_estimate_is_told_and_its_promise_kept_in_the_ledger(engine):
    applied = launched(engine, etr_at=NOW + timedelta(hours=3))
    told(engine)

    update(engine, applied, after=timedelta(minutes=5), etr_at=NOW + timedelta(hours=4, minutes=10))

    assert steps(engine)["etr_later"] == {"queued": 7}
    with engine.database.read() as session:
        made = [promise.etr_at for promise in promises.of(session, applied.occasion.id)]
    assert made == [NOW + timedelta(hours=3, minutes=5), NOW + timedelta(hours=4, minutes=20)]


def test_partial_restoration_tells_the_restored_and_the_rest_apart(engine):
    applied = launched(engine)
    told(engine)

    partial = restore(engine, applied, after=timedelta(hours=1), part=Scope(nodes=(town.SOUTH,)))

    assert partial.counts.premises == 4
    assert steps(engine)["partial_restored"] == {"queued": 3}
    assert steps(engine)["still_out"] == {"queued": 4}


def test_who_heard_of_the_partial_return_does_not_hear_of_the_last_one(engine):
    applied = launched(engine)
    told(engine)
    restore(engine, applied, after=timedelta(hours=1), part=Scope(nodes=(town.SOUTH,)))
    told(engine)

    restore(engine, applied, after=timedelta(hours=2))

    assert steps(engine)["restored"] == {"queued": 4}


def test_who_was_never_told_of_the_outage_does_not_hear_of_its_end(engine):
    applied = launched(engine)

    restored = restore(engine, applied, after=timedelta(minutes=3))

    assert restored.superseded == 7
    assert steps(engine) == {"opened_priority": {"superseded": 1}, "opened": {"superseded": 6}}


def test_an_armed_campaign_launches_by_itself_below_its_ceiling(engine):
    arm(engine)

    applied = open_outage(engine)

    assert applied.launched == (UNPLANNED,)
    assert sum(wave.frozen for wave in applied.waves) == 7


def test_an_armed_campaign_above_its_ceiling_stays_and_says_why(engine):
    file = engine.settings.workspace / "campaigns" / f"{UNPLANNED}.toml"
    file.write_text(file.read_text().replace("# max_audience = 50000", "max_audience = 5"))
    arm(engine)

    applied = open_outage(engine)

    assert (applied.launched, applied.waves) == ((), ())
    assert applied.stayed == ("unplanned-outage: 7 customers are more than its ceiling of 5",)


def test_silence_is_a_step_the_clock_promises_the_next_news(engine):
    applied = launched(engine)
    told(engine)

    fired = due.tick(engine, now=NOW + timedelta(minutes=61))

    assert fired == {"done": 1}
    assert steps(engine)["still_unknown"] == {"queued": 7}
    with engine.database.read() as session:
        current = occasions.get(session, applied.occasion.id).revision
    assert (current.version, current.next_update_at) == (2, NOW + timedelta(minutes=121))


def test_a_reached_estimate_is_withdrawn_and_the_next_news_promised(engine):
    applied = launched(engine, etr_at=NOW + timedelta(hours=1))
    told(engine)

    due.tick(engine, now=NOW + timedelta(hours=1, minutes=10))

    assert steps(engine)["etr_expiring"] == {"queued": 7}
    with engine.database.read() as session:
        assert occasions.get(session, applied.occasion.id).revision.public_etr is None


def test_the_clock_fires_an_instant_once(engine):
    launched(engine)
    due.tick(engine, now=NOW + timedelta(minutes=61))

    assert due.tick(engine, now=NOW + timedelta(minutes=61)) == {}


def test_the_states_add_up_to_the_audience_at_every_step(engine):
    applied = launched(engine)
    update(engine, applied, after=timedelta(minutes=2), etr_at=NOW + timedelta(hours=3))
    told(engine)
    restore(engine, applied, after=timedelta(hours=1))

    with engine.database.read() as session:
        run = runs.of(session, applied.occasion.id)[0]
        assert ledger.adds_up(session, run=run.id)
        assert ledger.counts(session, run=run.id)[MessageState.SUPERSEDED] == 7


def test_a_crash_while_freezing_is_gone_on_with_and_doubles_nobody(engine, monkeypatch):
    monkeypatch.setattr(freeze, "SLICE_ROWS", 1)
    calls = []
    real = freeze.freeze_slice

    def crash_once(session, plan):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(session, plan)

    monkeypatch.setattr(freeze, "freeze_slice", crash_once)
    with pytest.raises(KeyboardInterrupt):
        launched(engine)

    assert engine.freeze_pending() > 0
    assert steps(engine) == {"opened_priority": {"queued": 1}, "opened": {"queued": 6}}
    with engine.database.read() as session:
        assert ledger.adds_up(session)


def test_who_cannot_be_written_to_is_left_out_with_the_reason(engine):
    with engine.database.write() as session:
        town.resident(session, number=99, order=3, locality="Providencia", channel=None)

    launched(engine)

    with engine.database.read() as session:
        rows = session.execute(select(t.left_out.c.reason)).scalars().all()
    assert rows == ["no_contact"]
