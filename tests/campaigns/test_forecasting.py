"""The minute's forecast: its evidence from truth, ledger and calls, and what it leaves behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from tests import make, town

from outreach.campaigns import forecast_evidence, forecasting
from outreach.campaigns.forecast_evidence import told_share
from outreach.campaigns.forecast_learning import learn
from outreach.deflection import curves
from outreach.deflection.forecast import Effect
from outreach.model.deflection import Deflection, Sums, Verdict
from outreach.model.forecast import Forecast, ForecastStatus, QueueReading, Staffed
from outreach.model.words import MessageState
from outreach.settings import Settings
from outreach.settings_contactcenter import ContactCenter, Forecasting, ForecastQueue
from outreach.store import expected, tables as t
from outreach.store.arrivals import Line, Wave
from outreach.store.session import Database, Session

NOW = make.NOW.replace(minute=7)
"""Within a quarter-hour: without an outage nothing is due."""
MINUTE = timedelta(minutes=1)
BEGAN = NOW - 60 * MINUTE
SETTINGS = Settings(contactcenter=ContactCenter(outage_numbers=("600 200 1111",)))
ANY = Line()


def outage(session: Session, *, etr: datetime | None = None, **changes) -> int:
    """A town of seven customers, out for an hour."""
    town.build(session)
    number = make.make_occasion(session, opened_at=BEGAN, version=0, **changes)
    session.execute(t.occasion.update().where(t.occasion.c.id == number).values(version=1))
    make.make_revision(
        session, occasion=number, version=1, start_at=BEGAN, recorded_at=BEGAN,
        scope={"nodes": [town.FEEDER], "localities": [], "premises": []}, public_etr=etr, etr_at=etr,
    )  # fmt: skip
    return number


def calls(session: Session, minutes: range, *, each: int = 1) -> None:
    rows = [
        {
            "call_id": f"{minute}.{number}", "at": NOW - minute * MINUTE, "known": False,
            "dnis": "6002001111", "queue": "", "contained": False, "abandoned": False, "source": "file",
        }
        for minute in minutes
        for number in range(each)
    ]  # fmt: skip
    session.execute(insert(t.call), rows)


def test_an_outage_without_calls_is_a_prior_with_its_customers(database: Database):
    with database.write() as session:
        outage(session)

    found = forecasting.minute(database, SETTINGS, now=NOW)

    assert [(each.queue, each.status, each.out) for each in found] == [
        ("outages", ForecastStatus.PRIOR, 7)
    ]
    with database.read() as session:
        assert expected.newest(session, "outages") == found[0]
        assert set(expected.counted(session).values()) == {7}


def test_calls_of_the_outage_are_seen_and_raise_the_forecast(database: Database):
    with database.write() as session:
        outage(session)
        calls(session, range(1, 60), each=8)

    found = forecasting.minute(database, SETTINGS, now=NOW)[0]

    assert (found.status, found.calls_seen) == (ForecastStatus.SEEN, 8 * 59)
    assert found.quarters[0].p50 > 5


def test_without_an_outage_there_is_a_forecast_each_quarter_hour_of_the_base_load(
    database: Database,
):
    with database.write() as session:
        week = timedelta(weeks=1) // MINUTE
        calls(session, range(week - 60, week + 60), each=2)

    between = forecasting.minute(database, SETTINGS, now=NOW)
    at_the_quarter = forecasting.minute(database, SETTINGS, now=NOW.replace(minute=0))

    assert between == []
    assert at_the_quarter[0].status is ForecastStatus.QUIET
    assert at_the_quarter[0].quarters[0].p50 == pytest.approx(30, abs=3)


def test_planned_works_and_exercises_bring_no_calls(database: Database):
    with database.write() as session:
        outage(session, drill=True)
        make.make_occasion(session, kind="planned", opened_at=BEGAN)

    with database.read() as session:
        found = forecast_evidence.dark(session, now=NOW, before={})

    assert (found.outages, found.out) == ((), 0)


def test_what_was_counted_a_minute_ago_is_not_counted_again(database: Database):
    with database.write() as session:
        number = outage(session)

    with database.read() as session:
        found = forecast_evidence.dark(session, now=NOW, before={f"{number}:1": 5_000})

    assert found.out == 5_000


def test_the_estimate_ahead_ends_the_outage_and_one_that_passed_does_not(database: Database):
    with database.write() as session:
        outage(session, etr=NOW + 30 * MINUTE)

    with database.read() as session:
        ahead = forecast_evidence.dark(session, now=NOW, before={})
        passed = forecast_evidence.dark(session, now=NOW + 31 * MINUTE, before={})

    assert list(ahead.outages[0].out) == [(-60, 7), (30, 0)]
    assert list(passed.outages[0].out) == [(-91, 7)]


def test_who_was_told_and_who_will_be_follows_the_ledger_and_the_lanes(database: Database):
    with database.write() as session:
        wave = make.make_step_run(session, run=make.make_run(session, occasion=outage(session)))
        make.make_messages(
            session, 3, step_run=wave, state=MessageState.SENT, slot_at=NOW - 10 * MINUTE
        )
        make.make_messages(session, 4, step_run=wave)
        make.make_lane(session, rate=2 / 300)

    with database.read() as session:
        told = dict(forecast_evidence.dark(session, now=NOW, before={}).outages[0].told)

    assert told[-10] == pytest.approx(3 / 7)
    assert told[5] == pytest.approx(5 / 7)
    assert told[10] == told[75] == 1


def test_waves_of_one_outage_are_not_added_up():
    """A new version tells the same people in the same order: who goes furthest tells how far all are."""
    first = Wave(id=1, occasion=1, told=((NOW - 20 * MINUTE, 40),), waiting={})
    second = Wave(id=2, occasion=1, told=((NOW - 5 * MINUTE, 30),), waiting={"sms": 70})

    told = dict(told_share([first, second], {"sms": (70, 70 / 600)}, most=100, now=NOW))

    assert (told[-20], told[-5], told[5], told[10]) == (0.4, 0.4, 0.65, 1.0)


def test_a_log_that_fell_silent_is_believed_until_its_last_call(database: Database):
    with database.write() as session:
        outage(session)
        calls(session, range(30, 60))

    with database.read() as session:
        found = forecast_evidence.dark(session, now=NOW, before={})
        evidence = forecast_evidence.evidence(session, ANY, found, now=NOW)

    assert (len(evidence.calls), evidence.unseen) == (31, 29)
    assert sum(evidence.calls) == 30


def test_the_base_load_is_the_median_of_the_last_weeks_and_no_storm_among_them(
    database: Database,
):
    week = timedelta(weeks=1) // MINUTE
    with database.write() as session:
        for back, each in ((1, 2), (2, 50), (3, 2)):
            calls(session, range(back * week - 70, back * week + 60), each=each)

    with database.read() as session:
        found = forecast_evidence.base_load(session, ANY, now=NOW)

    assert found == pytest.approx([2.0] * 5, rel=0.02)


def test_live_agents_count_now_and_the_plan_later(database: Database):
    with database.write() as session:
        outage(session)
        reading = QueueReading(
            queue="outages", at=NOW - MINUTE, waiting=0, agents=9, wait_p80_s=None, source="fake"
        )
        expected.put_reading(session, reading)
        plan = Staffed(queue="outages", at=NOW + 15 * MINUTE, agents=30, source="csv")
        expected.put_staffed(session, [plan])

    quarters = forecasting.minute(database, SETTINGS, now=NOW)[0].quarters
    stale = forecasting.minute(database, SETTINGS, now=NOW + 10 * MINUTE)[0].quarters

    assert [each.staffed for each in quarters] == [9, 30, 9, 9]
    assert all(each.wait_p80_s is not None for each in quarters)
    assert [each.staffed for each in stale] == [None, 30, None, None]


def test_each_queue_has_its_line_its_share_and_its_handling_time(database: Database):
    queues = (
        ForecastQueue(name="outages", share=0.9),
        ForecastQueue(name="priority", share=0.1, numbers=("800 1",), handling_minutes=8),
    )
    given = SETTINGS.contactcenter.model_copy(update={"forecast": Forecasting(queues=queues)})
    settings = SETTINGS.model_copy(update={"contactcenter": given})
    with database.write() as session:
        number = outage(session)
        expected.put(session, replace(_forecast(), made_at=BEGAN), counted={f"{number}:1": 90_000})

    first, second = forecasting.minute(database, settings, now=NOW)

    assert first.quarters[0].mean == pytest.approx(9 * second.quarters[0].mean, rel=0.2)
    assert (first.handling_s, second.handling_s) == (240, 480)
    assert forecasting.line(settings, queues[1]).numbers == ("8001",)


def _forecast() -> Forecast:
    return Forecast(queue="outages", made_at=BEGAN, quarters=(), status=ForecastStatus.PRIOR)


@pytest.fixture
def of_a_small_town(monkeypatch):
    """Seven customers are enough to learn from."""
    monkeypatch.setattr(curves, "LEAST_CUSTOMERS", 5)


def restored(session: Session, number: int) -> None:
    make.make_revision(
        session, occasion=number, version=2, state="restored", start_at=BEGAN,
        recorded_at=NOW, restored_at=NOW,
    )  # fmt: skip
    session.execute(
        t.occasion.update().where(t.occasion.c.id == number).values(version=2, open=False)
    )


@pytest.mark.usefixtures("of_a_small_town")
def test_what_past_outages_taught_stands_in_the_library(database: Database):
    with database.write() as session:
        restored(session, outage(session))
        calls(session, range(1, 60), each=2)

    tried = learn(database, SETTINGS, now=NOW, since=BEGAN, keep=False)
    lessons = learn(database, SETTINGS, now=NOW, since=BEGAN)

    assert [(each.customers, each.calls, each.why_not) for each in lessons] == [(7, 118, "")]
    assert tried == lessons
    with database.read() as session:
        kept = expected.curves(session, most=9)
    assert kept == [lessons[0].curve]
    assert sum(kept[0].rates[:60]) * 7 * 1.2 == pytest.approx(118, rel=0.1)


@pytest.mark.usefixtures("of_a_small_town")
def test_an_outage_among_others_teaches_nothing(database: Database):
    with database.write() as session:
        first = outage(session)
        second = make.make_occasion(session, opened_at=BEGAN, version=0)
        whole = {"nodes": [town.FEEDER], "localities": [], "premises": []}
        make.make_revision(
            session, occasion=second, version=1, start_at=BEGAN, recorded_at=BEGAN, scope=whole
        )
        restored(session, first)
        restored(session, second)
        calls(session, range(1, 60), each=2)

    lessons = learn(database, SETTINGS, now=NOW, since=BEGAN)

    assert [each.why_not for each in lessons] == ["among others"] * 2


SUMS = Sums(
    delivered_w0=5, undelivered_w0=1, unsent_w1=10, sxx=0, sxy=0, syy=0, itt_cross=2.4,
    delivered_episodes=9, episodes=30,
)  # fmt: skip


def deflection(**changes) -> Deflection:
    values: dict[str, Any] = dict.fromkeys(Deflection.__dataclass_fields__)
    values |= {"verdict": Verdict.NOT_ENOUGH, "reasons": (), "grace": (), "measured_at": NOW}
    return Deflection(**values | {"sums": SUMS} | changes)


@pytest.mark.parametrize(
    ("changes", "effect"),
    [
        pytest.param({}, Effect(theta=0.6, se=0.2), id="too wide to print still counts"),
        pytest.param({"verdict": Verdict.REFUSED}, None, id="refused"),
        pytest.param({"sums": None}, None, id="nothing yet"),
        pytest.param({"sums": replace(SUMS, unsent_w1=0.0)}, None, id="nothing to compare with"),
        pytest.param({"measured_at": NOW - timedelta(hours=2)}, None, id="nobody renews it"),
    ],
)
def test_kappa_is_believed_of_what_is_measured_now(changes, effect):
    assert forecasting.effect_of([deflection(**changes)], now=NOW) == effect


def test_the_runs_of_a_storm_are_pooled_by_their_sums():
    found = forecasting.effect_of([deflection()] * 4, now=NOW)

    assert found == Effect(theta=0.6, se=0.1)
