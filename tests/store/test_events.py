from __future__ import annotations

from datetime import timedelta

import pytest
from tests.make import NOW, ZONE, make_occasion

from outreach.model.alarm import AlarmKind
from outreach.model.errors import GuardRefused
from outreach.model.occasion import OccasionId
from outreach.store import alarms, events
from outreach.store.session import Database

MINUTES = timedelta(minutes=1)


def test_the_newest_statement_of_an_event_holds_and_a_closed_one_takes_none(
    database: Database,
) -> None:
    with database.write() as session:
        storm = events.add(session, "July storm", zone=ZONE, cadence=60 * MINUTES, now=NOW)
        events.say(session, storm.id, "Wind", next_update_at=None, author="ana", now=NOW)
        events.say(session, storm.id, "Rain", next_update_at=NOW + MINUTES, author="ana", now=NOW)

    with database.write() as session:
        found = events.named(session, "july STORM")[0]
        closed = events.close(session, storm.id, now=NOW)

    assert found.statement is not None
    assert (found.statement.text, found.version, found.is_open) == ("Rain", 2, True)
    assert found.next_update_at == NOW + MINUTES
    assert closed
    with database.write() as session, pytest.raises(GuardRefused, match="closed"):
        events.say(session, storm.id, "Sun", next_update_at=None, author="ana", now=NOW)


def test_an_open_event_keeps_its_name_to_itself(database: Database) -> None:
    with database.write() as session:
        first = events.add(session, "July storm", zone=ZONE, cadence=60 * MINUTES, now=NOW)
        with pytest.raises(GuardRefused, match="is open"):
            events.add(session, "july storm", zone=ZONE, cadence=60 * MINUTES, now=NOW)
        events.close(session, first.id, now=NOW)

        second = events.add(session, "July storm", zone=ZONE, cadence=60 * MINUTES, now=NOW)

        assert [storm.id for storm in events.named(session, "July storm")] == [second.id, first.id]
        assert [storm.id for storm in events.open_ones(session)] == [second.id]


def test_outages_join_an_event_once(database: Database) -> None:
    with database.write() as session:
        storm = events.add(session, "July storm", zone=ZONE, cadence=60 * MINUTES, now=NOW)
        living, over = (
            OccasionId(make_occasion(session, name=name, open=name == "F1"))
            for name in ("F1", "F2")
        )

        joined = [events.join(session, storm.id, [living, over]) for _ in range(2)]

        assert joined == [2, 0]
        assert [one.name for one in events.open_occasions(session, storm.id)] == ["F1"]
        assert [one.name for one in events.all_occasions(session, storm.id)] == ["F1", "F2"]


def test_an_alarm_is_raised_once_for_its_instant_even_after_it_is_cleared(
    database: Database,
) -> None:
    with database.write() as session:
        due_at = NOW + 15 * MINUTES
        raised = [
            alarms.raise_(session, AlarmKind.NEWS_DUE, "event:1", due_at, NOW, name="storm"),
            alarms.raise_(session, AlarmKind.NEWS_DUE, "event:1", due_at, NOW),
            alarms.raise_(session, AlarmKind.NEWS_DUE, "event:2", due_at, NOW),
        ]
        cleared = alarms.clear(session, AlarmKind.NEWS_DUE, "event:1", "ana", NOW)
        again = alarms.raise_(session, AlarmKind.NEWS_DUE, "event:1", due_at, NOW)

        left = alarms.open_ones(session)

    assert raised == [True, False, True]
    assert (cleared, again) == (1, False)
    assert [(one.kind, one.subject) for one in left] == [(AlarmKind.NEWS_DUE, "event:2")]
    assert left[0].due_at == due_at
