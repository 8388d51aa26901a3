"""Agents of a quarter-hour and the waits to expect: redials, limits, and queues that move."""

from __future__ import annotations

import math

import pytest

from outreach.deflection.agents import (
    MOST_WAIT_S,
    Desk,
    Need,
    by_skill,
    expected_wait,
    needed,
    plan,
    with_handling,
)
from outreach.deflection.staffing import Goal, Load, erlang_a, still_waiting

DESK = Desk()
CALM = Desk(redials=0.0)


def wait(need: Need) -> float:
    assert need.waits is not None
    return need.waits.p80


def test_staffing_for_the_reference_load_needs_its_agents():
    """600 an hour, AHT 4, patience 2, at most 5 % give up, 90 % busy: 43 without redials."""
    assert needed(150, CALM) == 43
    assert needed(150, DESK) == 44


def test_nobody_is_needed_for_no_calls():
    assert needed(0, DESK) == 0


@pytest.mark.parametrize(("lam", "mu", "patience", "agents"), [(10, 0.25, 2, 36), (48, 1, 2, 50)])
def test_the_distribution_of_the_wait_gives_erlang_a_its_mean_wait(lam, mu, patience, agents):
    """E[min(wait, patience)] = the integral of P(wait > t) e^(-t / patience)."""
    load = Load(arrivals=lam, handling=1 / mu, patience=patience)
    longer, step = still_waiting(load, agents), 0.01

    mean = sum(
        longer((each + 0.5) * step) * math.exp(-(each + 0.5) * step / patience) * step
        for each in range(2_000)
    )

    assert mean == pytest.approx(erlang_a(load, agents).wait, rel=2e-3)


def test_patient_callers_wait_as_erlang_c_says():
    """lam 48, mu 1, n 50: p90 58.1387 s."""
    waits = expected_wait(Load(arrivals=48, handling=1), 50)

    assert waits.p90 == pytest.approx(58.1387, abs=0.5)


def test_where_four_of_five_find_an_agent_the_p80_wait_is_nothing():
    assert expected_wait(Load(arrivals=1, handling=4, patience=2), 20).p80 == 0


def test_without_anybody_on_queue_the_wait_is_the_longest_that_we_say():
    assert expected_wait(Load(arrivals=1, handling=4, patience=2), 0).p80 == MOST_WAIT_S
    assert expected_wait(Load(arrivals=20, handling=4), 10).p80 == MOST_WAIT_S


def test_too_few_agents_mean_longer_waits_and_more_of_them_are_asked_for():
    short, enough = (plan([150] * 4, [agents] * 4, DESK) for agents in (20, 44))

    assert short[0].agents == enough[0].agents == 44
    assert wait(short[0]) > 120
    assert wait(enough[0]) < 10


def test_where_nobody_said_who_is_there_no_wait_is_told():
    assert [each.waits for each in plan([150, 150], [None, None], DESK)] == [None, None]


def test_callers_who_wait_already_are_seen_in_the_wait_and_in_the_agents():
    calm = plan([60], [20], DESK, before=60)[0]
    crowded = plan([60], [20], DESK, before=60, waiting=60)[0]

    assert wait(crowded) > wait(calm)
    assert crowded.agents >= calm.agents


def test_after_a_peak_the_queue_it_left_is_still_in_the_wait():
    """Patient callers: a steady queue of the calm quarter-hour would say next to nothing."""
    patient = Desk(patience=60, redials=0.0)

    peak_then_calm = plan([300, 75], [30, 30], patient, before=300)
    calm = plan([75], [30], patient, before=75)

    assert wait(peak_then_calm[1]) > 60 > wait(calm[0])


def test_each_skill_is_staffed_on_its_own():
    found = by_skill(150, {"es": 0.9, "calm": 0.1}, DESK)

    assert found["es"] + found["calm"] > needed(150, DESK)
    assert found["calm"] < found["es"]


def test_longer_calls_need_more_agents():
    assert needed(150, with_handling(DESK, 8)) > needed(150, with_handling(DESK, None))


def test_a_goal_without_limits_needs_fewer():
    assert needed(150, Desk(redials=0.0, goal=Goal())) == 41
