"""Methods without a comparison claim what they are known to claim, on outages of known deflection."""

from __future__ import annotations

import math

import pytest

from outreach.deflection.acceptance import LARGE, Cell, Claimed, Design, claimed, trials
from outreach.deflection.naive import Method

TIMES = 12
EXPECTED = {
    (Method.BEFORE_AFTER, 0.0): 0.60,
    (Method.UNDELIVERED, 0.0): 0.31,
    (Method.IMMORTAL, 0.0): 0.80,
    (Method.CRUDE, 0.0): 0.60,
    (Method.DELIVERED, 0.0): 0.27,
    (Method.NO_CLASS, 0.0): -0.50,
    (Method.BEFORE_AFTER, 0.4): 0.69,
    (Method.UNDELIVERED, 0.4): 0.56,
    (Method.IMMORTAL, 0.4): 0.88,
    (Method.CRUDE, 0.4): 0.72,
    (Method.DELIVERED, 0.4): 0.54,
    (Method.NO_CLASS, 0.4): -0.07,
}


@pytest.fixture(scope="module")
def said() -> dict[tuple[Method, float], Claimed]:
    cells = [Cell(design=Design.FREE, households=LARGE, true=true) for true in (0.0, 0.4)]
    rows = [
        row
        for cell in cells
        for row in claimed(cell.true, trials(cell, range(TIMES), seed=5, beside=True))
    ]
    return {(row.method, row.true): row for row in rows}


@pytest.mark.parametrize(("method", "true"), EXPECTED)
def test_the_mean_claim_is_the_known_one(method, true, said):
    row = said[method, true]
    spread = math.sqrt(max(0.0, row.rmse**2 - (row.mean - true) ** 2))

    error = spread / math.sqrt(TIMES)

    assert row.mean == pytest.approx(EXPECTED[method, true], abs=4 * error + 0.006)
    assert row.coverage == 0


def test_a_comparison_with_history_measures_how_severe_the_outage_was(said):
    nothing, much = said[Method.HISTORY, 0.0], said[Method.HISTORY, 0.4]

    assert abs(nothing.median) < 0.45
    assert 0.15 < nothing.rmse < 0.60
    assert nothing.significant >= 0.7
    assert much.coverage <= 0.3
