"""How lanes fare: counted by the minute, written when a probe has answered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests import make

from outreach.store import lane_health, lanes
from outreach.store.lane_health import Minute
from outreach.store.lanes import Lane
from outreach.store.session import Database

NOW = make.NOW
MINUTE = timedelta(minutes=1)


def the_lane(database: Database) -> Lane:
    with database.read() as session:
        return lanes.every(session)[0]


def test_chunks_add_up_to_a_minute(database: Database):
    seen = Minute(minute=NOW, calls=3, errors=2, throttles=1, doubts=1, took_ms=90)
    with database.write() as session:
        lane_health.count(session, "sms", seen)
        lane_health.count(session, "sms", Minute(minute=NOW + MINUTE / 2, calls=1, took_ms=10))
        lane_health.count(session, "sms", Minute(minute=NOW))
        lane_health.count(session, "sms", Minute(minute=NOW + MINUTE, calls=1))

        found = lane_health.recent(session, now=NOW + MINUTE)

    assert found == {
        "sms": (
            Minute(minute=NOW, calls=4, errors=2, throttles=1, doubts=1, took_ms=100),
            Minute(minute=NOW + MINUTE, calls=1),
        )
    }
    total = lane_health.totals(found, "sms", now=NOW)
    assert (total.calls, total.errors, total.took_ms) == (5, 2, 100)
    assert lane_health.totals(found, "email", now=NOW) == Minute(minute=NOW)


def test_minutes_older_than_five_are_not_read_and_after_a_day_forgotten(database: Database):
    with database.write() as session:
        for age in (0, 4, 5, 60 * 25):
            lane_health.count(session, "sms", Minute(minute=NOW - age * MINUTE, calls=1))

        assert [each.minute for each in lane_health.recent(session, now=NOW)["sms"]] == [
            NOW - 4 * MINUTE,
            NOW,
        ]
        lane_health.sweep(session, now=NOW)
        assert "sms" not in lane_health.recent(session, now=NOW - timedelta(hours=25))


@pytest.mark.parametrize(
    ("before", "home", "after"), [(0, 100, 20), (0, 10, 10), (0, 0, 20), (60, 100, 60)]
)
def test_a_good_probe_lets_the_lane_come_back(
    database: Database, before: int, home: int, after: int
):
    with database.write() as session:
        make.make_lane(session)
        lane_health.weigh(session, "sms", before, cooled_until=NOW, now=NOW)
    lane = the_lane(database)
    with database.write() as session:
        lane_health.probed(session, lane, good=True, home=home, now=NOW + MINUTE, wait=MINUTE)

    lane = the_lane(database)
    assert (lane.weight, lane.cooled_until, lane.weighed_at) == (after, None, NOW + MINUTE)


def test_a_bad_probe_waits_once_more(database: Database):
    with database.write() as session:
        make.make_lane(session, weight=0)
        lane_health.cool(session, "sms", until=NOW)
    lane = the_lane(database)
    with database.write() as session:
        lane_health.probed(session, lane, good=False, home=100, now=NOW, wait=MINUTE)

    assert (the_lane(database).weight, the_lane(database).cooled_until) == (0, NOW + MINUTE)


def test_a_probe_of_a_cooling_that_is_over_changes_nothing(database: Database):
    with database.write() as session:
        make.make_lane(session, cooled_until=NOW)
    lane = the_lane(database)
    with database.write() as session:
        lane_health.cool(session, "sms", until=NOW + MINUTE)
        lane_health.probed(session, lane, good=True, home=100, now=NOW, wait=MINUTE)

    assert the_lane(database).cooled_until == NOW + MINUTE
