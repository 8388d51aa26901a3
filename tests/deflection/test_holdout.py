"""Told against held out gives Newcombe's interval and a ratio of risks, worked by hand."""

from __future__ import annotations

import math

import pytest

from outreach.deflection.holdout import contrast, newcombe
from outreach.model.deflection import Called

TOLD = Called(households=1_000, called=80)
HELD = Called(households=200, called=20)


def test_newcombes_own_example():
    difference, limits = newcombe(
        Called(households=70, called=56), Called(households=80, called=48)
    )

    assert difference == pytest.approx(0.2)
    assert (limits.low, limits.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_the_ratio_of_risks_has_the_usual_interval():
    found = contrast(TOLD, HELD)

    assert found is not None
    se = math.sqrt(1 / 80 - 1 / 1_000 + 1 / 20 - 1 / 200)
    assert found.ratio == pytest.approx(0.8)
    assert found.ratio_interval.high == pytest.approx(0.8 * math.exp(1.959963984540054 * se))
    assert found.theta is None


def test_nobody_calling_among_the_held_out_counts_as_half_a_household():
    found = contrast(TOLD, Called(households=200, called=0))

    assert found is not None
    assert found.ratio == pytest.approx(0.08 / (0.5 / 200))


def test_among_the_reachable_the_undelivered_stand_for_their_equals():
    delivered = Called(households=800, called=48)
    undelivered = Called(households=200, called=32)

    found = contrast(TOLD, HELD, delivered=delivered, undelivered=undelivered)

    assert found is not None
    reachable = (0.1 - 0.2 * 0.16) / 0.8
    assert found.theta == pytest.approx(0.06 / reachable)
    spread = 0.1 * 0.9 / 200 + 0.2**2 * 0.16 * 0.84 / 200
    se = math.sqrt(0.06 * 0.94 / 800 / 0.06**2 + spread / (0.8 * reachable) ** 2)
    assert found.theta_interval is not None
    expected = 0.06 / reachable * math.exp(-1.959963984540054 * se)
    assert found.theta_interval.low == pytest.approx(expected)


@pytest.mark.parametrize(
    ("delivered", "undelivered"),
    [
        pytest.param((0, 0), (10, 1), id="nobody reached"),
        pytest.param((100, 5), (900, 900), id="the undelivered call more than all held out"),
    ],
)
def test_where_the_reachable_cannot_be_told_apart_there_is_no_theta(delivered, undelivered):
    parts = [Called(households=n, called=x) for n, x in (delivered, undelivered)]

    found = contrast(TOLD, HELD, delivered=parts[0], undelivered=parts[1])

    assert found is not None
    assert found.theta is None


def test_an_empty_side_compares_nothing():
    assert contrast(TOLD, Called(households=0, called=0)) is None
