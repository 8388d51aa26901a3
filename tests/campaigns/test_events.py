"""A storm has one statement, one clock and one cadence for all its outages."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests import make, town
from tests.campaigns import opened as outages
from tests.campaigns.tell import moved

from outreach.campaigns import due, events
from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.event_status import status
from outreach.campaigns.events import Opening, Saying, inherit, next_news
from outreach.model.errors import GuardRefused
from outreach.model.storm import Statement, Storm
from outreach.model.words import MessageState, OccasionState
from outreach.outages.clocks import ClockKind, ClockState
from outreach.outages.revise import Change
from outreach.store import events as store, occasions

NOW = make.NOW
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def storm(**changes: Any) -> Storm:
    said = Statement(
        version=1, text="Wind", next_update_at=NOW + HOUR, author="ana", recorded_at=NOW
    )
    values: dict[str, Any] = {
        "id": 1, "name": "Storm", "zone": make.ZONE, "opened_at": NOW, "closed_at": None,
        "cadence": HOUR, "daily_cap": None, "version": 1, "statement": said,
    }  # fmt: skip
    return Storm(**(values | changes))


# ── deciding ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("minutes", "expected"), [(0, 60), (59, 60), (60, 120), (61, 120), (185, 240)]
)
def test_the_events_news_comes_at_its_statements_time_and_then_every_cadence(minutes, expected):
    assert next_news(storm(), now=NOW + minutes * MINUTE) == NOW + expected * MINUTE


def test_an_event_that_said_nothing_promises_nothing():
    assert next_news(storm(statement=None), now=NOW) is None


INHERITED = {
    "nothing of its own": (Change(), NOW + HOUR),
    "an estimate": (Change(etr_at=NOW + 3 * HOUR), None),
    "its own next news": (Change(next_update_at=NOW + 5 * MINUTE), NOW + 5 * MINUTE),
}


@pytest.mark.parametrize(("change", "expected"), INHERITED.values(), ids=INHERITED)
def test_an_outage_without_news_of_its_own_takes_the_events(change, expected):
    taken = inherit(change, storm(cadence=30 * MINUTE), now=NOW)

    assert (taken.next_update_at, taken.cadence) == (expected, 30 * MINUTE)


# ── acting ──────────────────────────────────────────────────────────────────────────────────────


on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What the engine does is the same on both; what the store answers is asked on both."""


@pytest.fixture
def engine(database, tmp_path: Path) -> Engine:
    return outages.make_engine(database, tmp_path)


def start(engine: Engine, *members: Applied) -> int:
    opening = Opening(name="Storm", zone=make.ZONE, author="ana")
    made = events.start(engine.database, opening, now=NOW)
    events.join(
        engine.database, made.id, [one.occasion.id for one in members], author="ana", now=NOW
    )
    return made.id


def current(engine: Engine, applied: Applied):
    with engine.database.read() as session:
        return occasions.get(session, applied.occasion.id).revision


@on_sqlite
def test_a_statement_reaches_every_outage_without_an_estimate_and_leaves_the_others_alone(engine):
    dark, known = (
        outages.launched(engine),
        outages.open_outage(engine, node=town.SOUTH, etr_at=NOW + 2 * HOUR),
    )
    event = start(engine, dark, known)
    moved(engine, MessageState.DELIVERED, only=2)
    saying = Saying(text="Wind", next_update_at=NOW + 45 * MINUTE, author="ana")

    said = events.say(engine, event, saying, now=NOW + MINUTE)

    assert [one.occasion.id for one in said.applied] == [dark.occasion.id]
    assert [one.id for one in said.own] == [known.occasion.id]
    assert current(engine, dark).next_update_at == NOW + 45 * MINUTE
    assert current(engine, known).version == 1
    assert said.applied[0].superseded > 0, "unsent notices of the older version must not leave"
    assert "still_unknown" in outages.steps(engine), "who was told hears the new promise"


@on_sqlite
def test_the_same_next_news_said_twice_changes_no_outage(engine):
    event = start(engine, outages.launched(engine))
    saying = Saying(text="Wind", next_update_at=NOW + 45 * MINUTE, author="ana")

    passes = [
        len(events.say(engine, event, saying, now=NOW + MINUTE).applied) for _again in range(2)
    ]

    assert passes == [1, 0]


@on_sqlite
def test_news_is_promised_a_cadence_ahead_where_nobody_says_when(engine):
    event = start(engine)

    said = events.say(engine, event, Saying(cadence=90 * MINUTE), now=NOW)

    assert (said.storm.next_update_at, said.storm.cadence) == (NOW + 90 * MINUTE, 90 * MINUTE)


@on_sqlite
def test_where_nobody_acts_the_clock_speaks_at_the_cadence_of_the_storm(engine):
    applied = outages.open_outage(engine, next_update_at=NOW + 30 * MINUTE)
    event = start(engine, applied)
    events.say(engine, event, Saying(cadence=90 * MINUTE), now=NOW)

    due.tick(engine, now=NOW + 91 * MINUTE)

    assert current(engine, applied).next_update_at == NOW + 180 * MINUTE


@on_sqlite
def test_news_in_the_past_is_no_promise(engine):
    event = start(engine)

    with pytest.raises(GuardRefused, match="in the past"):
        events.say(engine, event, Saying(next_update_at=NOW), now=NOW + MINUTE)

    with engine.database.read() as session:
        assert store.get(session, event).statement is None


@on_sqlite
def test_an_event_closes_only_when_all_of_it_is_over_and_then_takes_nothing(engine):
    applied = outages.launched(engine)
    event = start(engine, applied)

    with pytest.raises(GuardRefused, match=town.FEEDER):
        events.close(engine.database, event, author="ana", now=NOW)
    outages.restore(engine, applied, after=HOUR)
    closed = events.close(engine.database, event, author="ana", now=NOW + HOUR)

    assert not closed.is_open
    with pytest.raises(GuardRefused, match="closed"):
        events.join(engine.database, event, [applied.occasion.id], author="ana", now=NOW)


# ── what staff see ──────────────────────────────────────────────────────────────────────────────


def test_the_most_overdue_promise_stands_on_top(engine):
    late, fine, promised = (
        outages.open_outage(engine, node=town.NORTH, next_update_at=NOW + 10 * MINUTE),
        outages.open_outage(engine, node=town.SOUTH, next_update_at=NOW + 90 * MINUTE),
        outages.open_outage(engine, etr_at=NOW + 20 * MINUTE),
    )
    event = start(engine, fine, promised, late)

    found = status(engine.database, event, now=NOW + 30 * MINUTE)

    order = [(line.occasion.id, line.overdue) for line in found.lines]
    assert order == [
        (late.occasion.id, 20 * MINUTE),
        (promised.occasion.id, 10 * MINUTE),
        (fine.occasion.id, None),
    ]
    assert (found.overdue, found.open_lines) == (2, found.lines)
    assert [line.customers for line in found.lines] == [4, 7, 3]


def test_the_status_counts_class_a_errors_clocks_and_promises(engine):
    applied = outages.launched(engine, etr_at=NOW + HOUR, cause="a tree on the line")
    event = start(engine, applied)
    moved(engine, MessageState.DELIVERED, at=NOW + 5 * MINUTE, only=3)
    moved(engine, MessageState.FAILED, at=NOW + 5 * MINUTE, accepted_at=None, only=1)
    outages.restore(engine, applied, after=2 * HOUR)

    found = status(engine.database, event, now=NOW + 2 * HOUR, closed=True)

    [line] = found.lines
    assert line.revision.state is OccasionState.RESTORED
    assert (line.errors, line.class_a.customers, line.class_a.unconfirmed) == (1, 1, 1)
    assert (line.reached.addressed, line.reached.told, line.reached.unreached) == (7, 3, 4)
    assert found.promises == (1, 0, 1)
    assert found.clocks == {
        (ClockKind.EVENT, ClockState.KEPT): 1,
        (ClockKind.CAUSE, ClockState.KEPT): 1,
    }
