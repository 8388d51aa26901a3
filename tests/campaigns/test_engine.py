"""The engine: one revision of the truth becomes exactly the messages it should."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select
from tests import make, town

from outreach.campaigns import due, pins
from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.undo import undo
from outreach.model.errors import GuardRefused
from outreach.model.occasion import NewOccasion, Scope
from outreach.model.words import MessageState, OccasionKind, OccasionState, RunState, Service
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.store import freeze, ledger, occasions, promises, runs, tables as t

NOW = make.NOW
UNPLANNED = "unplanned-outage"
OUTAGE = NewOccasion(
    kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=town.FEEDER, zone=make.ZONE
)


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    with database.write() as session:
        town.build(session)
    return town.engine(database, town.workspace(tmp_path))


def open_outage(engine: Engine, *, node: str = town.FEEDER, **change) -> Applied:
    revision = revise.opened(Scope(nodes=(node,)), start_at=NOW, change=Change(**change), now=NOW)
    return engine.open(OUTAGE, revision, now=NOW)


def launched(engine: Engine, **change) -> Applied:
    applied = open_outage(engine, **change)
    return engine.launch(applied.occasion.id, UNPLANNED, actor="ana", now=NOW)


def update(engine: Engine, applied: Applied, *, after: timedelta, **change) -> Applied:
    now = NOW + after
    with engine.database.read() as session:
        current = occasions.get(session, applied.occasion.id).revision
    revision = revise.updated(current, Change(**change), now=now)
    assert revision is not None
    return engine.revise(applied.occasion.id, revision, now=now)


def told(engine: Engine) -> None:
    """Everything queued reaches the carrier."""
    with engine.database.write() as session:
        session.execute(
            t.message.update().where(t.message.c.state == "queued").values(state="accepted")
        )
        session.execute(t.queue.delete())


def steps(engine: Engine) -> dict[str, dict[str, int]]:
    """step -> state -> messages."""
    with engine.database.read() as session:
        rows = session.execute(
            select(t.step_run.c.step, t.message.c.state).join(
                t.message, t.message.c.step_run_id == t.step_run.c.id
            )
        ).all()
    found: dict[str, Counter[str]] = {}
    for step, state in rows:
        found.setdefault(step, Counter())[state] += 1
    return {step: dict(states) for step, states in found.items()}


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


def restore(
    engine: Engine, applied: Applied, *, after: timedelta, part: Scope | None = None
) -> Applied:
    now = NOW + after
    with engine.database.read() as session:
        current = occasions.get(session, applied.occasion.id).revision
    revision = revise.restored(current, part=part, known_how="crew", now=now)
    assert revision is not None
    return engine.revise(applied.occasion.id, revision, now=now)


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


def arm(engine: Engine) -> None:
    pinned = pins.read(engine.settings, UNPLANNED)
    with engine.database.write() as session:
        runs.pin(session, pinned.digest, pinned.body, now=NOW)
        armed = runs.Armed(
            campaign=UNPLANNED,
            pinned=pinned.digest,
            author="ana",
            approver="beto",
            at=NOW,
            until=None,
        )
        runs.arm(session, armed)


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
        if len(calls) == 3:
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


def test_our_own_account_posts_once_and_the_post_is_corrected_with_the_rest(database, tmp_path):
    with database.write() as session:
        town.build(session)
    engine = town.engine(database, town.workspace(tmp_path, lanes=(*town.LANES, town.SOCIAL)))
    applied = launched(engine)
    told(engine)

    update(engine, applied, after=timedelta(minutes=20), etr_at=NOW + timedelta(hours=3))

    with engine.database.read() as session:
        posts = session.execute(
            select(t.step_run.c.step, t.message.c.customer_id)
            .join(t.message, t.message.c.step_run_id == t.step_run.c.id)
            .where(t.message.c.channel == "social")
            .order_by(t.message.c.id)
        ).all()
    assert [tuple(post) for post in posts] == [("opened", 0), ("etr_set", 0)]


def test_a_post_does_not_tell_that_power_is_back_while_part_of_the_area_is_out(database, tmp_path):
    with database.write() as session:
        town.build(session)
    engine = town.engine(database, town.workspace(tmp_path, lanes=(*town.LANES, town.SOCIAL)))
    applied = launched(engine)
    told(engine)

    restore(engine, applied, after=timedelta(hours=1), part=Scope(nodes=(town.SOUTH,)))

    assert steps(engine)["partial_restored"] == {"queued": 3}
    assert steps(engine)["still_out"] == {"queued": 5}


def test_undo_takes_back_what_has_not_left_and_the_truth_with_it(engine):
    applied = launched(engine)
    told(engine)
    update(engine, applied, after=timedelta(minutes=20), etr_at=NOW + timedelta(hours=3))

    taken = undo(engine, actor="ana", now=NOW + timedelta(minutes=20, seconds=10))

    assert (taken.stopped, taken.left_already) == (7, 0)
    assert steps(engine)["etr_set"] == {"cancelled": 7}
    assert taken.occasion.revision.public_etr is None


def test_undo_of_an_opening_discards_the_outage(engine):
    arm(engine)
    open_outage(engine)

    taken = undo(engine, actor="ana", now=NOW + timedelta(seconds=10))

    assert taken.stopped == 7
    assert taken.occasion.revision.state is OccasionState.DISCARDED


def test_undo_of_a_launch_cancels_the_run_and_leaves_the_truth(engine):
    launched(engine)

    taken = undo(engine, actor="ana", now=NOW + timedelta(seconds=10))

    assert taken.occasion.revision.state is OccasionState.ACTIVE
    with engine.database.read() as session:
        assert [run.state for run in runs.every(session)] == [RunState.CANCELLED]


def test_nothing_is_undone_twice_or_after_ten_minutes(engine):
    launched(engine)
    with pytest.raises(GuardRefused, match="nothing to undo"):
        undo(engine, actor="ana", now=NOW + timedelta(minutes=11))
    undo(engine, actor="ana", now=NOW + timedelta(seconds=10))

    with pytest.raises(GuardRefused, match="nothing to undo"):
        undo(engine, actor="ana", now=NOW + timedelta(seconds=20))


def test_a_replaced_estimate_is_a_promise_missed_at_once(engine):
    applied = launched(engine, etr_at=NOW + timedelta(hours=3))
    told(engine)

    update(engine, applied, after=timedelta(minutes=5), etr_at=NOW + timedelta(hours=4, minutes=10))

    with engine.database.read() as session:
        first = promises.of(session, applied.occasion.id)[0]
    assert (first.kept, first.missed_by_s) == (False, 75 * 60)


def test_an_estimate_taken_back_before_anybody_heard_it_was_never_promised(engine):
    applied = launched(engine, etr_at=NOW + timedelta(hours=3))
    told(engine)
    update(engine, applied, after=timedelta(minutes=5), etr_at=NOW + timedelta(hours=5))

    undo(engine, actor="ana", now=NOW + timedelta(minutes=5, seconds=10))

    with engine.database.read() as session:
        kept = promises.of(session, applied.occasion.id)
    assert [(one.etr_at, one.settled_at) for one in kept] == [
        (NOW + timedelta(hours=3, minutes=5), None)
    ]


def test_the_same_estimate_told_again_is_one_promise(engine):
    applied = launched(engine, etr_at=NOW + timedelta(hours=3))
    told(engine)

    restore(engine, applied, after=timedelta(hours=1), part=Scope(nodes=(town.SOUTH,)))

    with engine.database.read() as session:
        assert len(promises.of(session, applied.occasion.id)) == 1


def test_a_post_wakes_nobody_and_does_not_wait_for_the_morning(database, tmp_path):
    with database.write() as session:
        town.build(session)
    settings = town.workspace(tmp_path, lanes=(*town.LANES, town.SOCIAL))
    file = settings.workspace / "campaigns" / f"{UNPLANNED}.toml"
    file.write_text(file.read_text().replace('at_night = "send"', 'at_night = "class_a_only"'))
    engine = town.engine(database, settings)

    launched(engine)

    with database.read() as session:
        rows = session.execute(
            select(t.queue.c.pool, t.queue.c.priority, t.queue.c.not_before)
        ).all()
    waits = {(row.pool, row.priority): row.not_before for row in rows}
    assert waits["social:*", "C"] == NOW + timedelta(minutes=5)
    assert waits["sms:*", "C"] > NOW + timedelta(hours=3)
