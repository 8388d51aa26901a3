"""Staff hears before a promise is broken, once, and no more once somebody has acted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests import make, town
from tests.campaigns import opened as outages
from tests.campaigns.test_tasks import Phone
from tests.outages.make_revision import NOW as SAID, make_outage

from outreach.campaigns import alarms, due, events
from outreach.campaigns.engine import Engine
from outreach.campaigns.events import Opening, Saying
from outreach.campaigns.tasks import DutyPhone
from outreach.model.alarm import AlarmKind
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.message import Refused
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.words import OccasionKind, Service
from outreach.store import alarms as store, occasions, tables as t

NOW = make.NOW
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ETR = NOW + 125 * MINUTE
"""A whole quarter of an hour, so that it is public as it is."""
NEWS, ESTIMATE = AlarmKind.NEWS_DUE, AlarmKind.ETR_EXPIRING


# ── deciding ────────────────────────────────────────────────────────────────────────────────────


def outage(
    number: int = 7, *, event_id: int | None = None, drill: bool = False, **change: Any
) -> Occasion:
    """An outage as it was said at SAID."""
    return Occasion(
        id=OccasionId(number), kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name="F12",
        source_ref=None, zone=make.ZONE, opened_at=SAID, revision=make_outage(**change),
        event_id=event_id, drill=drill,
    )  # fmt: skip


def due_at(minutes: float, *members: Occasion) -> list[tuple[AlarmKind, str]]:
    found = alarms.news(members, frozenset({1}), now=SAID + minutes * MINUTE)
    return [(one.kind, one.subject) for one in found]


IN_AN_HOUR: dict[str, Any] = {"next_update_at": SAID + HOUR}
TWO = SAID + 122 * MINUTE
"""08:45, a whole quarter of an hour."""
CASES = {
    "news, 16 minutes before": (outage(**IN_AN_HOUR), 44, []),
    "news, 15 minutes before": (outage(**IN_AN_HOUR), 45, [(NEWS, "occasion:7")]),
    "news, long overdue": (outage(**IN_AN_HOUR), 300, [(NEWS, "occasion:7")]),
    "news in 10 minutes, after 4": (outage(next_update_at=SAID + 10 * MINUTE), 4, []),
    "news in 10 minutes, after 5": (
        outage(next_update_at=SAID + 10 * MINUTE),
        5,
        [(NEWS, "occasion:7")],
    ),
    "an estimate, 16 minutes before": (outage(etr_at=TWO), 106, []),
    "an estimate, 15 minutes before": (outage(etr_at=TWO), 107, [(ESTIMATE, "occasion:7")]),
    "an estimate, and news before it": (
        outage(etr_at=TWO, **IN_AN_HOUR),
        107,
        [(ESTIMATE, "occasion:7"), (NEWS, "occasion:7")],
    ),
    "a drill": (outage(drill=True, **IN_AN_HOUR), 300, []),
    "of an open event": (outage(event_id=1, **IN_AN_HOUR), 50, [(NEWS, "event:1")]),
    "of a closed event": (outage(event_id=2, **IN_AN_HOUR), 50, [(NEWS, "occasion:7")]),
    "of an event, with its own estimate": (
        outage(event_id=1, etr_at=TWO),
        110,
        [(ESTIMATE, "occasion:7")],
    ),
}


@pytest.mark.parametrize(("occasion", "minutes", "expected"), CASES.values(), ids=CASES)
def test_staff_is_alarmed_before_a_promise_is_broken(occasion, minutes, expected):
    assert due_at(minutes, occasion) == expected


def test_the_outages_of_a_storm_are_one_alarm_at_the_first_of_their_promises():
    members = [
        outage(number, event_id=1, next_update_at=SAID + minutes * MINUTE)
        for number, minutes in ((7, 60), (8, 55), (9, 58))
    ]

    [found] = alarms.news(members, frozenset({1}), now=SAID + 50 * MINUTE)

    assert (found.subject, found.due_at) == ("event:1", SAID + 55 * MINUTE)


# ── acting ──────────────────────────────────────────────────────────────────────────────────────

on_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""What the engine does is the same on both; what the store answers is asked on both."""


@pytest.fixture
def engine(database, tmp_path: Path) -> Engine:
    return outages.make_engine(database, tmp_path)


def tick(database, minutes: float) -> list[tuple[AlarmKind, str]]:
    """What is open after a look at NOW + minutes."""
    alarms.tick(database, now=NOW + minutes * MINUTE)
    with database.read() as session:
        return [(one.kind, one.subject) for one in store.open_ones(session)]


def cleared_by(database) -> list[str]:
    with database.read() as session:
        return [one.cleared_by for one in store.every(session) if one.cleared_at]


@on_sqlite
def test_if_nobody_acts_the_clock_tells_people_when_the_next_news_comes(engine):
    applied = outages.launched(engine, etr_at=ETR)
    outages.told(engine)
    tick(engine.database, 110)

    due.tick(engine, now=ETR)

    tick(engine.database, 125)
    assert "clock" in cleared_by(engine.database)
    with engine.database.read() as session:
        revision = occasions.get(session, applied.occasion.id).revision
    assert (revision.public_etr, revision.next_update_at) == (None, ETR + HOUR)
    assert outages.steps(engine)["etr_expiring"] == {"queued": 7}


@on_sqlite
def test_a_statement_clears_the_alarm_of_its_storm_in_its_authors_name(engine):
    member = outages.open_outage(engine, node=town.NORTH, next_update_at=NOW + HOUR / 2)
    opening = Opening(name="Storm", zone=make.ZONE, author="ana")
    storm = events.start(engine.database, opening, now=NOW)
    events.join(engine.database, storm.id, [member.occasion.id], author="ana", now=NOW)

    found = tick(engine.database, 20)
    saying = Saying(text="Wind", next_update_at=NOW + 3 * HOUR, author="beto")
    events.say(engine, storm.id, saying, now=NOW + 21 * MINUTE)

    assert found == [(NEWS, f"event:{storm.id}")]
    assert tick(engine.database, 22) == []
    assert cleared_by(engine.database) == ["beto"]


def silent_outage(database, *, version: int = 1) -> tuple[int, int]:
    """An outage with a campaign, and its wave at this version."""
    with database.write() as session:
        occasion = make.make_occasion(session, version=version)
        run = make.make_run(session, occasion=occasion)
        return occasion, make.make_step_run(session, run=run, version=version)


def test_nobody_told_within_three_quarters_of_an_hour_is_an_alarm_that_a_notice_clears(database):
    occasion, wave = silent_outage(database)

    before, late = tick(database, 44), tick(database, 45)
    with database.write() as session:
        make.make_message(session, step_run=wave, state="accepted", accepted_at=NOW + 50 * MINUTE)

    assert (before, late) == ([], [(AlarmKind.EVENT_CLOCK, f"occasion:{occasion}")])
    assert tick(database, 51) == []
    assert cleared_by(database) == ["notice"]


def test_a_cause_that_nobody_was_told_of_alarms_ten_minutes_after_it_is_known(database):
    occasion, wave = silent_outage(database)
    with database.write() as session:
        make.make_message(session, step_run=wave, state="accepted", accepted_at=NOW)
        make.make_revision(
            session, occasion=occasion, version=2, cause="a tree", recorded_at=NOW + 20 * MINUTE
        )
        session.execute(t.occasion.update().values(version=2))

    assert tick(database, 29) == []
    assert tick(database, 30) == [(AlarmKind.CAUSE_CLOCK, f"occasion:{occasion}")]


def test_an_alarm_that_a_person_cleared_does_not_come_back(database, keyring):
    silent_outage(database)
    tick(database, 45)
    with database.read() as session:
        [alarm] = store.open_ones(session)

    alarms.clear(database, keyring, alarm.id, who="ana", now=NOW)

    assert tick(database, 46) == []
    with pytest.raises(GuardRefused, match="by ana"):
        alarms.clear(database, keyring, alarm.id, who="beto", now=NOW)
    with pytest.raises(InputRefused, match="no such alarm"):
        alarms.clear(database, keyring, alarm.id + 1, who="beto", now=NOW)


def test_the_duty_phone_hears_every_five_minutes_until_it_is_cleared(database, keyring):
    silent_outage(database)
    tick(database, 45)
    carrier = Phone(Refused(id=0, code="21211", reason="no"))
    phone = DutyPhone(
        number="+56911111111", sender="+56900000000", channel=carrier,
        words=lambda _push: "", deadline_s=1,
    )  # fmt: skip

    def push(minutes: float) -> str:
        pushed = alarms.push(
            database, keyring, phone,
            lambda due: f"{len(due.alarms)} alarm", now=NOW + minutes * MINUTE,
        )  # fmt: skip
        return type(asyncio.run(pushed)).__name__

    said = [push(minutes) for minutes in (45, 45.5, 46, 50, 51)]

    assert said == ["Refused", "NoneType", "Accepted", "NoneType", "Accepted"]
    assert {one.content.text for one in carrier.sent} == {"1 alarm"}
    with database.read() as session:
        assert alarms.push_trouble(session) is None
