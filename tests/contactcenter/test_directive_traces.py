"""What hysteresis is worth: the figures of the specification, over 400 simulated nights."""

from __future__ import annotations

import pytest

from outreach.contactcenter.directive_traces import MINUTES, WAYS, Figures, judged, traces

EXPECTED = {
    "naive": Figures(toggles=12.4, toggles_p95=20, missed=8.0, lag=0.6, overrun=7),
    "thresholds": Figures(toggles=3.7, toggles_p95=6, missed=1.5, lag=0.5, overrun=17),
    "all": Figures(toggles=2.1, toggles_p95=4, missed=1.5, lag=1.4, overrun=29),
}
ERRORS = {"toggles": 0.5, "toggles_p95": 2, "missed": 0.6, "lag": 0.2, "overrun": 1.5}
"""Three standard errors of 400 nights, of the noisiest way."""


@pytest.fixture(scope="module")
def nights():
    return list(traces(400))


@pytest.mark.parametrize("name", EXPECTED)
def test_each_way_of_switching_has_the_figures_of_the_specification(nights, name):
    found = judged(WAYS[name], nights)

    for figure, error in ERRORS.items():
        expected = getattr(EXPECTED[name], figure)
        assert getattr(found, figure) == pytest.approx(expected, abs=error), figure


def test_the_same_seed_gives_the_same_nights():
    assert list(traces(2, 3)) == list(traces(2, 3))
    assert list(traces(1, 3)) != list(traces(1, 4))
    assert len(next(traces(1)).seen) == MINUTES
