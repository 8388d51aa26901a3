"""What is taken back, and which promises that keeps or breaks; and what our own account posts."""

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

from outreach.campaigns.engine import Engine
from outreach.campaigns.undo import undo
from outreach.model.errors import GuardRefused
from outreach.model.occasion import Scope
from outreach.model.words import OccasionState, RunState
from outreach.store import promises, runs, tables as t


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    return make_engine(database, tmp_path)


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
