"""Forecasts, plans and readings as they are kept; calls and slots as the forecast counts them."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, insert, select
from tests import make

from outreach.model.forecast import (
    Curve,
    Forecast,
    ForecastStatus,
    Quarter,
    QueueReading,
    Staffed,
)
from outreach.model.words import MessageState, RunState
from outreach.store import arrivals, expected, tables as t
from outreach.store.arrivals import Line
from outreach.store.session import Database, Session

NOW = make.NOW
MINUTE = timedelta(minutes=1)
ANY = Line()


def forecast(made_at: datetime, queue: str = "outages") -> Forecast:
    quarter = Quarter(start_at=made_at, mean=40.5, p05=20, p50=40, p80=50, p95=60, agents=16)
    return Forecast(
        queue=queue, made_at=made_at, quarters=(quarter,), status=ForecastStatus.PRIOR, out=900
    )


def _quarter(at: datetime) -> datetime:
    return at.replace(minute=at.minute // 15 * 15)


def called(session: Session, at: datetime, **changes) -> None:
    row = {
        "call_id": f"c{at.timestamp()}{changes}", "at": at, "known": False, "dnis": "600", "queue": "",
        "contained": False, "abandoned": False, "source": "file",
    }  # fmt: skip
    session.execute(insert(t.call).values(**row | changes))


def test_a_forecast_comes_back_as_it_was_put_with_what_was_counted(database: Database):
    with database.write() as session:
        expected.put(session, forecast(NOW - MINUTE))
        number = expected.put(session, forecast(NOW), counted={"7:1": 900})
        expected.put(session, forecast(NOW + MINUTE, queue="other"), counted={"7:2": 5})

    with database.read() as session:
        found = expected.newest(session, "outages")
        assert found is not None
        assert (found.id, found.made_at, found.out) == (number, NOW, 900)
        assert found.quarters == forecast(NOW).quarters
        assert expected.counted(session) == {"7:2": 5}
        assert expected.queues(session) == ["other", "outages"]
        assert expected.newest(session, "nobody") is None


def test_after_two_hours_one_forecast_a_quarter_hour_stays(database: Database):
    with database.write() as session:
        for each in range(0, 300, 5):
            made_at = NOW + each * MINUTE
            expected.put(session, forecast(made_at))
            expected.prune(session, "outages", now=made_at)
        old = session.execute(
            select(func.count()).where(t.forecast.c.made_at < NOW + 165 * MINUTE)
        ).scalar_one()
        young = session.execute(
            select(func.count()).where(t.forecast.c.made_at >= NOW + 180 * MINUTE)
        ).scalar_one()

    assert (old, young) == (12, 24)


def test_the_last_reading_of_a_queue_counts_and_the_same_instant_replaces_it(database: Database):
    def reading(at: datetime, agents: int) -> QueueReading:
        return QueueReading(
            queue="outages", at=at, waiting=3, agents=agents, wait_p80_s=None, source="genesys"
        )

    with database.write() as session:
        expected.put_reading(session, reading(NOW, 10))
        expected.put_reading(session, reading(NOW, 12))
        expected.put_reading(session, reading(NOW - MINUTE, 99))

    with database.read() as session:
        assert expected.reading(session, "outages") == reading(NOW, 12)
        assert expected.reading(session, "other") is None


def test_a_plan_answers_for_its_quarter_hour_and_no_longer(database: Database):
    planned = [
        Staffed(queue="outages", at=NOW + each * 15 * MINUTE, agents=20 + each, source="csv")
        for each in range(3)
    ]

    with database.write() as session:
        expected.put_staffed(session, planned)
        expected.put_staffed(session, planned[:1])

    with database.read() as session:
        asked = (-1, 0, 14, 15, 44, 45)
        found = [expected.staffed(session, "outages", NOW + each * MINUTE) for each in asked]
        assert found == [None, 20, 20, 21, 22, None]
        whole = expected.plan(session, "outages", since=NOW, until=NOW + 30 * MINUTE)
        assert whole == planned[:2]


def test_learned_curves_are_replaced_by_name_and_come_newest_first(database: Database):
    def curve(name: str, rate: float) -> Curve:
        return Curve(name=name, rates=(rate, rate), source="learned", customers=9)

    with database.write() as session:
        expected.put_curves(session, [curve("a", 0.1), curve("b", 0.2)], now=NOW)
        expected.put_curves(session, [curve("a", 0.3)], now=NOW + MINUTE)

    with database.read() as session:
        assert expected.curves(session, most=9) == [curve("a", 0.3), curve("b", 0.2)]
        assert expected.curves(session, most=1) == [curve("a", 0.3)]


def test_calls_are_counted_by_minute_line_and_kind(database: Database):
    with database.write() as session:
        for second in (0, 30, 61):
            called(session, NOW + timedelta(seconds=second))
        called(session, NOW, dnis="999")
        called(session, NOW, queue="outages-es", dnis="1")
        called(session, NOW, kind="chat")
        called(session, NOW - MINUTE)

    with database.read() as session:
        span = {"since": NOW, "until": NOW + 5 * MINUTE}
        assert arrivals.by_minute(session, ANY, **span) == {NOW: 4, NOW + MINUTE: 1}
        dialled = arrivals.by_minute(session, Line(numbers=("600",)), **span)
        assert dialled == {NOW: 2, NOW + MINUTE: 1}
        queued = arrivals.by_minute(session, Line(queues=("outages-es",)), **span)
        assert queued == {NOW: 1}
        quarters = arrivals.by_quarter(session, ANY, **span)
        assert [(each.at, each.calls, each.handled) for each in quarters] == [(_quarter(NOW), 5, 5)]
        last = arrivals.last_call(session, ANY, **span)
        assert last == NOW + timedelta(seconds=61)


def test_waves_say_who_was_told_when_and_what_still_waits(database: Database):
    with database.write() as session:
        occasion = make.make_occasion(session)
        run = make.make_run(session, occasion=occasion)
        wave = make.make_step_run(session, run=run)
        for second in (5, 59, 60):
            slot_at = NOW + timedelta(seconds=second)
            make.make_message(session, step_run=wave, slot_at=slot_at, state=MessageState.SENT)
        make.make_messages(session, 4, step_run=wave)
        make.make_lane(session, rate=10, weight=50)

    with database.read() as session:
        found = arrivals.waves(session, [occasion], now=NOW)
        pools = arrivals.pools(session, now=NOW)

    assert len(found) == 1
    assert found[0].told == ((NOW, 2), (NOW + MINUTE, 1))
    assert sum(found[0].waiting.values()) == 4
    assert [rate for _count, rate in pools.values()] == [5.0]


def test_what_a_paused_run_holds_is_not_on_its_way(database: Database):
    with database.write() as session:
        occasion = make.make_occasion(session)
        run = make.make_run(session, occasion=occasion, state=RunState.PAUSED)
        make.make_messages(session, 2, step_run=make.make_step_run(session, run=run))

    with database.read() as session:
        assert arrivals.waves(session, [occasion], now=NOW)[0].waiting == {}
