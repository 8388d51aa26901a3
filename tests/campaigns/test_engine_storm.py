"""The engine in a storm: merged, split, nested, reopened, discarded; each person hears what is true, once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests import town
from tests.campaigns.opened import (
    NOW,
    OUTAGE,
    UNPLANNED,
    launched,
    make_engine,
    open_outage,
    restore,
    steps,
    told,
    update,
)

from outreach.campaigns import merging, reopening
from outreach.campaigns.engine import Applied, Backing, Engine
from outreach.campaigns.reopening import Report
from outreach.model.errors import GuardRefused
from outreach.model.occasion import Occasion, Scope
from outreach.model.words import OccasionState
from outreach.outages import revise
from outreach.outages.revise import Change, Origin
from outreach.store import audit, occasions, promises, tables as t
from outreach.store.session import Database

ANA = Origin(author="ana")
HOUR = timedelta(hours=1)


@pytest.fixture
def engine(database: Database, tmp_path: Path) -> Engine:
    return make_engine(database, tmp_path)


def launched_at(engine: Engine, node: str, **change) -> Applied:
    applied = open_outage(engine, node=node, **change)
    engine.launch(applied.occasion.id, UNPLANNED, actor="ana", now=NOW)
    return applied


def queued(engine) -> dict[str, int]:
    """step -> messages that are about to leave."""
    return {step: states["queued"] for step, states in steps(engine).items() if "queued" in states}


def known(engine: Engine, applied: Applied) -> Occasion:
    with engine.database.read() as session:
        return occasions.get(session, applied.occasion.id)


# ── merged ───────────────────────────────────────────────────────────────────────────────────


def test_people_of_a_merged_outage_hear_of_the_survivor_from_then_on(engine):
    south = launched_at(engine, town.SOUTH)
    told(engine)
    north = open_outage(engine, node=town.NORTH)

    ended, whole = merging.merge(
        engine, south.occasion.id, north.occasion.id, now=NOW + HOUR, origin=ANA
    )

    assert (ended.occasion.revision.state, ended.occasion.merged_into) == (
        OccasionState.MERGED,
        north.occasion.id,
    )
    assert whole.counts.premises == 7
    assert queued(engine) == {"joined_priority": 1, "joined": 3}, "the south heard it already"
    told(engine)
    restore(engine, north, after=2 * HOUR)
    assert queued(engine) == {"restored": 7}


def test_people_of_a_merged_outage_hear_the_survivor_s_estimate_where_it_is_news(engine):
    south = launched_at(engine, town.SOUTH)
    north = launched_at(engine, town.NORTH, etr_at=NOW + 3 * HOUR)
    told(engine)

    merging.merge(engine, south.occasion.id, north.occasion.id, now=NOW + HOUR, origin=ANA)

    assert queued(engine) == {"joined_with_etr": 3}


def test_nothing_unsent_of_a_merged_outage_leaves(engine):
    south = launched_at(engine, town.SOUTH)
    north = launched_at(engine, town.NORTH)
    told_before = queued(engine)

    ended, _whole = merging.merge(
        engine, south.occasion.id, north.occasion.id, now=NOW + HOUR, origin=ANA
    )

    assert sum(told_before.values()) == 7
    assert ended.superseded == 3
    assert queued(engine) == {"joined_priority": 1, "joined": 6}


def test_an_outage_is_not_merged_into_itself_nor_twice(engine):
    south, north = open_outage(engine, node=town.SOUTH), open_outage(engine, node=town.NORTH)
    merging.merge(engine, south.occasion.id, north.occasion.id, now=NOW, origin=ANA)

    with pytest.raises(GuardRefused, match="name two"):
        merging.merge(engine, north.occasion.id, north.occasion.id, now=NOW, origin=ANA)
    with pytest.raises(GuardRefused, match="merged into another"):
        merging.merge(engine, south.occasion.id, north.occasion.id, now=NOW, origin=ANA)
    assert known(engine, north).revision.version == 2


# ── split, re-predicted ──────────────────────────────────────────────────────────────────────


def test_who_moves_to_an_outage_of_its_own_hears_nothing_new_and_each_end_once(engine):
    whole = launched(engine)
    told(engine)
    rest, own = revise.split(
        known(engine, whole).revision, Scope(nodes=(town.SOUTH,)), now=NOW + HOUR, origin=ANA
    )

    left, part = merging.split(engine, whole.occasion.id, (rest, own), new=OUTAGE, now=NOW + HOUR)

    assert (left.counts.premises, part.counts.premises) == (4, 3)
    assert (part.occasion.parent_id, own.start_at) == (whole.occasion.id, NOW)
    assert queued(engine) == {}
    restore(engine, part, after=2 * HOUR)
    assert queued(engine) == {"restored": 3}
    told(engine)
    restore(engine, left, after=3 * HOUR)
    assert queued(engine) == {"restored": 4}


def test_a_smaller_prediction_tells_who_left_and_a_larger_one_who_joined(engine):
    applied = launched_at(engine, town.SOUTH)
    told(engine)

    update(engine, applied, after=HOUR, scope=Scope(nodes=(town.NORTH,)))

    assert queued(engine) == {"joined_priority": 1, "joined": 3, "left": 3}


def test_whose_part_is_back_is_not_told_that_it_never_was_out(engine):
    applied = launched(engine)
    told(engine)
    restore(engine, applied, after=HOUR, part=Scope(nodes=(town.SOUTH,)))

    update(engine, applied, after=HOUR + timedelta(minutes=1), cause="rama")

    assert "left" not in queued(engine)


# ── reopened ─────────────────────────────────────────────────────────────────────────────────


def test_a_false_restoration_is_taken_back_from_exactly_those_who_heard_of_it(engine):
    applied = launched(engine, etr_at=NOW + 2 * HOUR)
    told(engine)
    restore(engine, applied, after=HOUR, part=Scope(nodes=(town.SOUTH,)))
    told(engine)

    again = revise.reopened(known(engine, applied).revision, now=NOW + HOUR, origin=ANA)
    reopened = engine.revise(applied.occasion.id, again, now=NOW + HOUR)

    assert reopened.counts.premises == 7
    assert queued(engine) == {"not_back": 3}, "the north never heard that it was back"


def test_a_promise_that_a_false_restoration_kept_is_open_again(engine):
    applied = launched(engine, etr_at=NOW + 2 * HOUR)
    told(engine)
    restore(engine, applied, after=HOUR)
    told(engine)

    again = revise.reopened(known(engine, applied).revision, now=NOW + HOUR * 1.5, origin=ANA)
    engine.revise(applied.occasion.id, again, now=NOW + HOUR * 1.5)

    assert queued(engine) == {"not_back_priority": 1, "not_back": 6}
    with engine.database.read() as session:
        made = promises.of(session, applied.occasion.id)
    assert [each.kept for each in made] == [None]


def test_reports_take_a_restoration_back_for_their_premises_alone(engine):
    applied = launched(engine)
    told(engine)
    restore(engine, applied, after=HOUR)
    told(engine)
    phone = "+56970000002"
    reports = [
        Report(who="S-0001"),
        Report(who="C-0005"),
        Report(who=phone),
        Report(who="S-0003", at=NOW),
        Report(who="nobody"),
    ]

    def again(minutes: int) -> reopening.Reopened:
        return reopening.by_reports(
            engine, applied.occasion.id, reports,
            change=Change(), origin=ANA, now=NOW + timedelta(minutes=minutes),
        )  # fmt: skip

    found = again(70)

    assert [each.premises for each, _applied in found.clusters] == [
        ("S-0001", "S-0002"),
        ("S-0005",),
    ]
    assert (found.premises, found.too_old, found.unknown) == (3, 1, (5,))
    assert found.start_at == NOW
    assert queued(engine) == {"not_back_priority": 1, "not_back": 2}
    assert known(engine, applied).revision.state is OccasionState.RESTORED
    repeated = again(80)
    assert (repeated.clusters, repeated.known_already) == ((), 3)
    told(engine)
    restore(engine, found.clusters[1][1], after=2 * HOUR)
    assert queued(engine) == {"restored": 1}


def test_reports_reopen_nothing_of_which_nothing_was_said_to_be_back(engine):
    applied = open_outage(engine)

    with pytest.raises(GuardRefused, match="reopen it by reports"):
        reopening.by_reports(
            engine, applied.occasion.id, [Report(who="S-0001")],
            change=Change(), origin=ANA, now=NOW,
        )  # fmt: skip


# ── discarded ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("heard", [True, False])
def test_a_discarded_outage_is_corrected_to_those_who_were_told(engine, heard):
    applied = launched(engine)
    if heard:
        told(engine)

    gone = revise.discarded(known(engine, applied).revision, now=NOW + HOUR, origin=ANA)
    engine.revise(applied.occasion.id, gone, now=NOW + HOUR, backing=Backing(reason="F21"))

    assert queued(engine) == ({"correction": 7} if heard else {})
    with engine.database.read() as session:
        assert audit.newest(session, limit=1)[0].detail["reason"] == "F21"


# ── the second slip ──────────────────────────────────────────────────────────────────────────


def test_after_two_missed_estimates_one_person_gives_no_exact_time(engine: Engine) -> None:
    applied = launched(engine, etr_at=NOW + HOUR)
    update(engine, applied, after=timedelta(minutes=50), etr_at=NOW + 2 * HOUR)
    late = NOW + timedelta(minutes=110)

    def say(approver: str = "", **change: Any) -> Applied:
        current = known(engine, applied).revision
        revision = revise.updated(current, Change(**change), now=late, origin=ANA)
        assert revision is not None
        backing = Backing(approved_by=approver)
        return engine.revise(applied.occasion.id, revision, now=late, backing=backing)

    exact: dict[str, Any] = {"etr_at": NOW + 4 * HOUR}
    with pytest.raises(GuardRefused, match=r"second slip.*--window 08:00-10:00"):
        say(**exact)
    with pytest.raises(GuardRefused, match="second person"):
        say(approver=" ANA", **exact)
    assert known(engine, applied).revision.version == 2

    assert say(etr_from=NOW + 3 * HOUR, **exact).occasion.revision.etr_from is not None
    assert say(approver="beto", etr_at=NOW + 5 * HOUR).occasion.revision.version == 4
    with engine.database.read() as session:
        assert audit.newest(session, limit=1)[0].detail["approved_by"] == "beto"


def test_a_feed_is_not_argued_with_about_its_estimates(engine):
    applied = launched(engine, etr_at=NOW + HOUR)
    for number in (2, 3, 4):
        revision = revise.updated(
            known(engine, applied).revision,
            Change(etr_at=NOW + number * HOUR),
            now=NOW,
            origin=Origin(author="oms", source="oms", source_seq=number),
        )
        engine.revise(applied.occasion.id, revision, now=NOW)

    assert known(engine, applied).revision.version == 4


def test_a_past_estimate_of_a_feed_is_told_to_nobody(engine):
    applied = launched(engine)
    told(engine)
    revision = revise.updated(
        known(engine, applied).revision,
        Change(etr_at=NOW - HOUR),
        now=NOW + HOUR,
        origin=Origin(author="oms", source="oms", source_seq=1),
    )

    engine.revise(applied.occasion.id, revision, now=NOW + HOUR)

    assert queued(engine) == {}
    with engine.database.read() as session:
        assert session.execute(select(t.promise)).first() is None
