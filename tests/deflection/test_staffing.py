"""Agents by Erlang C and A, against published and independently computed values."""

from __future__ import annotations

import math

import pytest

from outreach.deflection.staffing import (
    LIMITED,
    Goal,
    Load,
    agents_needed,
    erlang_a,
    erlang_b,
    erlang_c,
    waiting_c,
    with_redials,
)

EXACT = 1e-5
GOAL = 0.8


@pytest.mark.parametrize(
    ("erlangs", "agents", "blocked"),
    [
        pytest.param(10, 10, 0.214582, id="as many as erlangs"),
        pytest.param(5, 10, 0.018385, id="half"),
        pytest.param(20, 30, 0.008457, id="thirty"),
        pytest.param(100, 117, 0.009790, id="a hundred"),
        pytest.param(180, 200, 0.010325, id="often quoted as .012"),
    ],
)
def test_erlang_b_gives_the_tables_values(erlangs: float, agents: int, blocked: float):
    assert erlang_b(erlangs, agents) == pytest.approx(blocked, abs=EXACT)


@pytest.mark.parametrize(
    ("erlangs", "agents", "waits"),
    [(20, 25, 0.209103), (8, 10, 0.409180), (10, 14, 0.174132)],
)
def test_erlang_c_gives_the_tables_values(erlangs: float, agents: int, waits: float):
    assert waiting_c(erlangs, agents) == pytest.approx(waits, abs=EXACT)


def test_ten_erlangs_with_fourteen_agents_are_served_as_other_libraries_say():
    quality = erlang_c(Load(arrivals=100 / 30, handling=3), 14, within=20 / 60)

    assert quality.waits == pytest.approx(0.1741, abs=5e-5)
    assert quality.served_in_time == pytest.approx(0.8884, abs=5e-5)
    assert quality.wait * 60 == pytest.approx(7.84, abs=5e-3)


def test_without_abandonment_the_queue_is_that_of_erlang_c():
    quality = erlang_c(Load(arrivals=48, handling=1), 50)

    assert quality.wait * 60 == pytest.approx(20.8337, abs=1e-4)
    assert quality.queue == pytest.approx(16.6669, abs=1e-4)


def test_with_abandonment_the_queue_is_that_of_the_reference():
    quality = erlang_a(Load(arrivals=48, handling=1, patience=2), 50, within=20 / 60)

    assert quality.abandoned == pytest.approx(0.030912, abs=EXACT)
    assert quality.wait * 60 == pytest.approx(3.70947, abs=1e-4)
    assert quality.queue == pytest.approx(2.96758, abs=EXACT)
    assert quality.occupancy == pytest.approx(0.930324, abs=EXACT)
    assert quality.waits == pytest.approx(0.467774, abs=EXACT)
    assert quality.served_in_time == pytest.approx(0.943019, abs=EXACT)


def test_both_readings_of_the_service_level_are_those_of_the_reference():
    quality = erlang_a(Load(arrivals=100 / 30, handling=3, patience=5), 13, within=20 / 60)

    assert quality.served_in_time == pytest.approx(0.858178, abs=EXACT)
    assert quality.served_in_time_of_rest == pytest.approx(0.868275, abs=EXACT)
    assert quality.occupancy == pytest.approx(0.750028, abs=EXACT)
    assert quality.abandoned == pytest.approx(0.024963, abs=EXACT)
    assert quality.waits == pytest.approx(0.225797, abs=EXACT)
    assert quality.wait == pytest.approx(0.124817, abs=EXACT)


@pytest.mark.parametrize(
    ("agents", "abandoned", "served"), [(36, 0.135129, 0.583258), (30, 0.258374, 0.282388)]
)
def test_an_overloaded_center_loses_as_many_as_the_reference(
    agents: int, abandoned: float, served: float
):
    quality = erlang_a(Load(arrivals=10, handling=4, patience=2), agents, within=20 / 60)

    assert quality.abandoned == pytest.approx(abandoned, abs=EXACT)
    assert quality.served_in_time == pytest.approx(served, abs=EXACT)


@pytest.mark.parametrize(
    ("hourly", "pure", "patient", "limited"),
    [(200, 16, 17, 17), (600, 41, 46, 43), (2400, 152, 169, 177), (6000, 368, 411, 445)],
)
def test_agents_for_80_20_are_those_of_the_reference(
    hourly: int, pure: int, patient: int, limited: int
):
    leaving = Load(arrivals=hourly / 60, handling=4, patience=2)
    staying = Load(arrivals=hourly / 60, handling=4)

    found = (
        agents_needed(leaving, Goal()),
        agents_needed(staying, Goal()),
        agents_needed(leaving, LIMITED),
    )

    assert found == (pure, patient, limited)


@pytest.mark.parametrize(
    ("agents", "hourly", "abandoned"),
    [(20, 900, 0.667), (30, 751, 0.40), (40, 632, 0.10), (45, 610, 0.031)],
)
def test_who_gives_up_calls_again_as_the_reference_says(agents: int, hourly: int, abandoned: float):
    load = with_redials(Load(arrivals=10, handling=4, patience=2), agents, 0.5)

    assert load.arrivals * 60 == pytest.approx(hourly, abs=1)
    assert erlang_a(load, agents).abandoned == pytest.approx(abandoned, abs=5e-3)


@pytest.mark.parametrize("patience", [2.0, math.inf], ids=["A", "C"])
def test_twenty_thousand_calls_in_half_an_hour_are_staffed(patience: float):
    load = Load(arrivals=20_000 / 30, handling=4, patience=patience)

    agents = agents_needed(load, Goal())

    met, short = (erlang_a(load, each) for each in (agents, agents - 1))
    assert met.served_in_time >= GOAL > short.served_in_time
    assert 0.85 * load.erlangs < agents < 1.05 * load.erlangs


def test_a_swamped_center_neither_overflows_nor_leaves_the_unit_interval():
    quality = erlang_a(Load(arrivals=1_000, handling=4, patience=5), 10)

    assert quality.abandoned == pytest.approx(1 - 10 / 4_000, abs=1e-9)
    assert 0 <= quality.served_in_time < 1e-6
    assert quality.occupancy == pytest.approx(1)


def test_with_more_agents_than_anybody_needs_nobody_waits():
    quality = erlang_a(Load(arrivals=1, handling=1, patience=2), 400)

    assert (quality.waits, quality.served_in_time) == (0, 1)


def test_too_few_agents_for_patient_callers_never_catch_up():
    quality = erlang_c(Load(arrivals=10, handling=4), 40)

    assert quality.wait == math.inf
    assert quality.served_in_time == 0


def test_without_calls_nobody_is_needed():
    quiet = Load(arrivals=0, handling=4, patience=2)

    assert agents_needed(quiet) == 0
    assert erlang_a(quiet, 0) == erlang_c(quiet, 0)
    assert erlang_a(quiet, 0).served_in_time == 1
