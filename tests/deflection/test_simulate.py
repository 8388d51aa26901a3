"""On outages of known deflection the estimator finds it, as often as its interval promises."""

from __future__ import annotations

from statistics import fmean, median

import pytest

from outreach.deflection import simulate
from outreach.deflection.estimate import estimate
from outreach.deflection.refusals import Design
from outreach.model.deflection import Deflection, Verdict

TIMES = 20


def measure(world: simulate.World, number: int) -> Deflection:
    drawn = simulate.draw(world, number)
    design = Design(seed=drawn.seed, seed_stored_at=simulate.START, first_sent_at=simulate.START)
    return estimate(drawn.slots, drawn.calls, start=simulate.START, design=design)


@pytest.mark.parametrize("true", [0.0, 0.4])
def test_twenty_outages_scatter_around_the_truth(true):
    world = simulate.World(households=5_000, deflection=true, tail_share=0.2)

    measured = [measure(world, number) for number in range(TIMES)]

    thetas = [each.theta_msg for each in measured if each.theta_msg is not None]
    covered = [
        each.theta_interval.low <= 1 - true <= each.theta_interval.high
        for each in measured
        if each.theta_interval
    ]
    assert len(thetas) == TIMES
    assert abs(median(thetas) - (1 - true)) < 0.12
    assert fmean(covered) >= 0.8


def test_a_strong_effect_is_seen_and_a_message_that_adds_calls_too():
    fewer = measure(simulate.World(households=30_000, deflection=0.6, tail_share=0.2), 1)
    more = measure(simulate.World(households=30_000, deflection=-1.0, tail_share=0.2), 1)

    assert fewer.verdict is Verdict.DEFLECTS
    assert more.verdict is Verdict.ADDS_CALLS


def test_the_same_number_draws_the_same_outage():
    world = simulate.World(households=200)

    assert simulate.draw(world, 3) == simulate.draw(world, 3)
    assert simulate.draw(world, 3) != simulate.draw(world, 4)


def test_an_average_household_calls_as_often_as_the_model_says():
    world = simulate.World(households=20_000, identified=1.0, repeats=0.0)

    drawn = simulate.draw(world, 5)

    assert 0.10 < len(drawn.calls) / 20_000 < 0.16


def test_class_a_is_never_in_the_late_tail():
    drawn = simulate.draw(simulate.World(households=3_000, tail_share=0.5), 2)

    assert {slot.priority for slot in drawn.slots if slot.queue == "tail"} == {"B", "C"}
