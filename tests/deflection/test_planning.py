"""What a run could show is said before it is sent, as the simulation found it."""

from __future__ import annotations

import pytest

from outreach.deflection.planning import (
    Rollout,
    calls_until,
    minimum_detectable,
    planned_minutes,
    still_out,
    tail_price,
)


def rollout(households: int, *, tail_share: float = 0.0, tail_minutes: float = 60) -> Rollout:
    by_class = {"A": households * 2 // 100, "B": households * 18 // 100}
    by_class["C"] = households - sum(by_class.values())
    return Rollout(
        households=by_class, starts=10, lasts=60, tail_share=tail_share, tail_minutes=tail_minutes
    )


@pytest.mark.parametrize(
    ("households", "tail", "info", "se_itt", "se_msg", "smallest"),
    [
        pytest.param(5_000, 0.0, 15.9, 0.251, 0.317, 0.59, id="5k-free"),
        pytest.param(50_000, 0.0, 164, 0.078, 0.099, 0.24, id="50k-free"),
        pytest.param(50_000, 0.2, 372, 0.052, 0.066, 0.17, id="50k-tail"),
    ],
)
def test_the_planned_precision_is_that_of_the_table(
    households, tail, info, se_itt, se_msg, smallest
):
    """Specification, section 4; within the spread between its own two sizes."""
    planned = rollout(households, tail_share=tail, tail_minutes=60)

    found = minimum_detectable(planned_minutes(planned), reachable_share=0.791)

    assert found is not None
    assert found.info == pytest.approx(info, rel=0.04)
    assert found.se_itt == pytest.approx(se_itt, rel=0.02)
    assert found.se_msg == pytest.approx(se_msg, rel=0.02)
    assert found.deflection == pytest.approx(smallest, abs=0.01)


def test_what_is_sent_at_once_can_show_nothing():
    at_once = Rollout(households={"C": 5_000}, starts=10, lasts=0, grace=1)

    assert minimum_detectable(planned_minutes(at_once), reachable_share=0.8) is None


def test_nobody_to_send_to_plans_nothing():
    assert list(planned_minutes(Rollout(households={}, starts=10, lasts=60))) == []


def test_a_tail_costs_the_calls_of_those_it_keeps_back_while_it_does():
    planned = rollout(50_000, tail_share=0.2, tail_minutes=60)

    price = tail_price(planned, deflection=0.25)

    assert price == pytest.approx(49_000 * 0.2 * 0.25 * (calls_until(130) - calls_until(70)))


def test_class_a_is_in_no_tail():
    class_a = Rollout(households={"A": 1_000}, starts=10, lasts=60, tail_share=0.5, tail_minutes=60)

    assert tail_price(class_a, deflection=1.0) == 0.0


def test_an_ordinary_outage_brings_its_calls_and_ends():
    assert calls_until(-5) == 0.0
    assert calls_until(360) == pytest.approx(0.15)
    assert (still_out(0), still_out(360)) == (1.0, 0.0)
