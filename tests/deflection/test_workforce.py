"""Forecast and past calls in the platforms' own shapes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from outreach.deflection import workforce
from outreach.deflection.workforce import Interval
from outreach.model.forecast import QUARTER, Forecast, ForecastStatus, Quarter

AT = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)
"""A Sunday, five minutes before a quarter-hour on the clock."""


def forecast(made_at: datetime, *p80: float) -> Forecast:
    return Forecast(
        queue="outages",
        made_at=made_at,
        quarters=tuple(
            Quarter(
                start_at=made_at + place * QUARTER, mean=count / 2, p05=0, p50=count, p80=count,
                p95=count, agents=10 + place,
            )
            for place, count in enumerate(p80)
        ),
        status=ForecastStatus.SEEN,
    )  # fmt: skip


def test_intervals_stand_on_the_clock_and_take_their_share_of_each_quarter():
    found = workforce.intervals(forecast(AT, 90, 60, 30, 30))

    assert [each.at for each in found] == [AT.replace(minute=45), *_hours(7, 0), *_hours(7, 15)]
    assert [each.calls for each in found] == pytest.approx([80, 50, 30])
    assert [each.agents for each in found] == [11, 12, 13]


def test_the_mean_is_exported_where_it_is_asked_for():
    found = workforce.intervals(forecast(AT.replace(minute=45), 90, 60), mean=True)

    assert [each.calls for each in found] == [45, 30]


def test_a_forecast_without_quarters_has_no_intervals():
    assert workforce.intervals(forecast(AT)) == []


def test_connect_gets_an_override_and_history_says_what_was_handled():
    ahead = Interval(
        queue="Outages ES", at=AT.replace(minute=45), calls=80.4, handling_s=240, platform_id="q-1"
    )
    past = Interval(queue="Outages ES", at=AT, calls=12, handling_s=231.4, handled=9)

    override, history = workforce.connect_rows([ahead, past])

    assert override == {
        "QueueName": "Outages ES", "QueueId": "q-1", "ChannelType": "VOICE",
        "TimeStamp": "2026-07-12T06:45:00Z", "IntervalDuration": "15mins",
        "IncomingContactVolume": 80, "AverageHandleTime": 240,
    }  # fmt: skip
    assert history["ContactsHandled"] == 9


def test_genesys_history_has_the_columns_of_its_import():
    past = Interval(queue="Outages ES", at=AT, calls=12, handling_s=200, handled=9)

    row = workforce.genesys_history([past])[0]

    assert tuple(row) == workforce.GENESYS_COLUMNS
    assert list(row.values()) == [
        "2026-07-12T06:40:00Z",
        "Outages ES",
        "Voice",
        "",
        "",
        12,
        9,
        1800,
    ]


def test_genesys_takes_a_whole_week_in_which_only_the_forecast_hour_differs_from_the_usual():
    monday = datetime(2026, 7, 6, 4, tzinfo=UTC)
    found = workforce.intervals(forecast(AT.replace(minute=45), 90), platform_id="pg-1")
    usual = {"outages": dict.fromkeys(range(672), 3.0)}

    body = workforce.genesys_week(found, usual, begins_at=monday, description="storm")
    group = body["planningGroups"][0]

    assert (body["weekCount"], group["planningGroupId"]) == (1, "pg-1")
    assert len(group["offeredPerInterval"]) == 8 * 96
    place = (AT.replace(minute=45) - monday) // QUARTER
    assert group["offeredPerInterval"][place] == 90
    assert sum(group["offeredPerInterval"]) == 3 * (8 * 96 - 1) + 90
    assert set(group["averageHandleTimeSecondsPerInterval"]) == {240.0}


def test_the_week_begins_on_monday_in_utc():
    assert workforce.quarter_of_week(datetime(2026, 7, 6, tzinfo=UTC)) == 0
    assert workforce.quarter_of_week(datetime(2026, 7, 12, 23, 45, tzinfo=UTC)) == 671
    assert workforce.quarter_of(AT + timedelta(minutes=4)) == AT - timedelta(minutes=10)


def _hours(hour: int, minute: int) -> list[datetime]:
    return [AT.replace(hour=hour, minute=minute)]
