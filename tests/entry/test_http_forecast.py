"""`/v1/forecast` and the gauges: the newest forecast of each queue, without asking the model again."""

from __future__ import annotations

import pytest
from tests.entry.web import World, browser, make_app

from outreach.model.forecast import QUARTER, Forecast, ForecastStatus, Quarter
from outreach.store import expected
from outreach.store.session import Database


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


def test_the_newest_forecast_is_there_for_machines_and_for_prometheus(
    database: Database, world: World
):
    quarters = tuple(
        Quarter(
            start_at=world.now + place * QUARTER, mean=40, p05=20, p50=40, p80=50, p95=60,
            agents=16, staffed=12, wait_p80_s=95.5,
        )
        for place in range(4)
    )  # fmt: skip
    made = Forecast(
        queue="outages", made_at=world.now, quarters=quarters, status=ForecastStatus.SEEN, out=900
    )
    with database.write() as session:
        expected.put(session, made)
    world.passes(seconds=30)
    asks = browser(make_app(database, world))

    answer = asks.get("/v1/forecast")
    found = answer.json()["forecasts"][0]
    shown = asks.get("/metrics").text

    assert (found["queue"], found["status"], found["out"]) == ("outages", "seen", 900)
    assert [each["agents"] for each in found["quarters"]] == [16] * 4
    assert answer.headers["cache-control"] == "private, max-age=30"
    assert 'outreach_forecast_age_seconds{queue="outages"} 30.0' in shown
    assert 'outreach_forecast_calls{quantile="p80",quarter="1",queue="outages"} 50.0' in shown
    assert 'outreach_forecast_wait_p80_seconds{quarter="4",queue="outages"} 95.5' in shown
    assert asks.get("/v1/forecast", params={"queue": "sales"}).status_code == 404
