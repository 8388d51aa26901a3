"""A recorded storm as it comes: at its own times, in its own order, in a record that stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests import make, town

from outreach.campaigns import simulating
from outreach.campaigns.simulated import figures, open_at
from outreach.deflection.calls_expected import CallModel, Dark, Desk, expected
from outreach.model.errors import InputRefused
from outreach.model.intake import MessageKind, OutageMessage, Unreadable
from outreach.store import simulated, tables as t
from outreach.store.session import Database

TEN = datetime(2026, 7, 12, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CALM = Desk(handling=4, patience=2, hourly=10)


def message(at: datetime | None, *, received_at: datetime | None = None) -> OutageMessage:
    return OutageMessage(event_key="1", kind=MessageKind.CREATED, at=at, received_at=received_at)


def test_a_message_comes_when_the_recorder_got_it_and_never_before_the_one_above_it():
    said: list[simulating.Said] = [
        message(TEN, received_at=TEN + 2 * MINUTE),
        Unreadable(place="line 2", reason="malformed_line"),
        message(TEN + 5 * MINUTE),
        message(TEN + 3 * MINUTE),
    ]

    coming = simulating.arrivals(said)

    assert [each.at - TEN for each in coming] == [2 * MINUTE, 2 * MINUTE, 5 * MINUTE, 5 * MINUTE]
    assert [each.message for each in coming] == said


def test_a_storm_without_times_is_refused():
    with pytest.raises(InputRefused, match="bears a time"):
        simulating.arrivals([message(None)])


def test_a_file_of_another_form_is_refused_with_the_way_out(tmp_path: Path):
    file = tmp_path / "storm.jsonl"
    file.write_text("no json\n", encoding="utf-8")

    with pytest.raises(InputRefused, match="--mapping"):
        simulating.read_storm(file, kind="jsonl", mapping=None)


def test_the_copy_has_the_record_and_nothing_that_happened(database: Database, tmp_path: Path):
    with database.write() as session:
        town.build(session)
        make.make_occasion(session)
    with database.read() as session:
        wanted = {each.name: session.execute(select(each)).all() for each in simulated.RECORD}

    copy = simulated.record_copied(database, tmp_path / "copy.db")

    with copy.read() as session:
        found = {each.name: session.execute(select(each)).all() for each in simulated.RECORD}
        others = [
            session.scalar(select(func.count()).select_from(each))
            for each in t.metadata.sorted_tables
            if each not in simulated.RECORD
        ]
    copy.close()
    assert {name: sorted(map(repr, rows)) for name, rows in found.items()} == {
        name: sorted(map(repr, rows)) for name, rows in wanted.items()
    }
    assert wanted["reach"]
    assert not any(others)


def test_a_storm_in_which_nothing_left_has_empty_figures(database: Database):
    found = figures(database, {}, now=TEN)

    assert (found.messages, found.cost, found.wrong, found.heard) == (0, 0, {}, ())
    assert found.most_open() == 0


def test_how_many_stand_is_read_between_the_changes():
    steps = [(TEN, 2), (TEN + 10 * MINUTE, 5)]

    counts = [open_at(steps, TEN + each * MINUTE) for each in (-1, 0, 9, 10, 99)]

    assert counts == [0, 2, 2, 5, 5]


# ── the calls that are expected ─────────────────────────────────────────────────────────────────


def dark(*, told: int = 0, told_at: datetime = TEN, end: timedelta = 360 * MINUTE) -> Dark:
    return Dark(
        start_at=TEN, out=((TEN, 1_000), (TEN + end, 0)), told=((told_at, told),) if told else ()
    )


def calls(one: Dark, *, hours: int = 8, **given: float) -> tuple[float, float]:
    found = expected([one], CallModel(**given), CALM, start=TEN, end=TEN + timedelta(hours=hours))
    return sum(each.calls_without for each in found), sum(each.calls_with for each in found)


def test_in_six_hours_a_thousand_customers_call_as_often_as_the_model_says():
    without, told = calls(dark(), each=0.15, repeats=0.2)

    assert without == pytest.approx(1_000 * 0.15 * 1.2)
    assert told == without


def test_who_is_told_at_once_calls_less_by_the_share_that_is_assumed():
    without, told = calls(dark(told=1_000), deflection=0.4)

    assert told == pytest.approx(0.6 * without)


def test_a_message_saves_nothing_of_the_calls_before_it():
    _without, at_once = calls(dark(told=1_000), deflection=0.4)
    without, late = calls(dark(told=1_000, told_at=TEN + 60 * MINUTE), deflection=0.4)

    assert at_once < late < without


def test_half_of_them_told_saves_half():
    without, told = calls(dark(told=500), deflection=0.4)

    assert told == pytest.approx(0.8 * without)


def test_nobody_calls_after_the_light_is_back():
    early, _told = calls(dark(end=30 * MINUTE), repeats=0)
    whole, _told = calls(dark(), repeats=0)

    assert 0 < early < whole / 2


def test_every_half_hour_is_staffed_and_paid_for_what_comes_in_it():
    quiet, busy = (
        expected([], CallModel(other=0), CALM, start=TEN, end=TEN + 60 * MINUTE)[0],
        expected([], CallModel(other=300), CALM, start=TEN, end=TEN + 60 * MINUTE)[0],
    )

    assert (quiet.agents_without, quiet.cost_without) == (0, 0)
    assert busy.agents_without == busy.agents_with == 43  # 600 an hour, as in the reference
    assert busy.cost_without == pytest.approx(43 * 10 / 2)
