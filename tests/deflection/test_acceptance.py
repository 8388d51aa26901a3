"""The table of accuracy counts what it says, and its conditions can fail."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outreach.deflection import acceptance, acceptance_lines as conditions
from outreach.deflection.acceptance import (
    LARGE,
    SMALL,
    Accuracy,
    Cell,
    Design,
    Estimate,
    Estimator,
    Trial,
    accuracy,
    estimates,
    held_out_effect,
    trials,
)
from outreach.deflection.acceptance_lines import FULL, QUICK, Figure, Study, estimators, lines
from outreach.model.deflection import Called

FREE = Cell(design=Design.FREE, households=SMALL, true=0.40)

GOOD = Accuracy(
    estimator=Estimator.MESSAGE, design=Design.FREE, households=LARGE, true=0.40, target=0.40,
    trials=500, silent=0, mean=0.39, bias=-0.01, rmse=0.074, coverage=0.95, rejection=0.99,
    false_deflects=0.99,
)  # fmt: skip


def test_an_outage_is_the_same_in_whatever_piece_of_work_it_is_drawn():
    together = trials(FREE, range(4), seed=9)

    apart = trials(FREE, [2], seed=9)

    assert apart == [together[2]]
    assert together[1] != together[2]


def test_no_two_cells_and_no_two_seeds_share_an_outage():
    tail = replace(FREE, design=Design.TAIL)

    assert trials(FREE, [0], seed=1) != trials(tail, [0], seed=1)
    assert trials(FREE, [0], seed=1) != trials(FREE, [0], seed=2)


def test_bias_error_and_coverage_are_those_of_the_estimates():
    found = [
        Estimate(share=0.5, low=0.3, high=0.7),
        Estimate(share=0.2, low=-0.1, high=0.3),
        None,
    ]

    row = accuracy(FREE, Estimator.MESSAGE, found)

    assert (row.trials, row.silent) == (3, 1)
    assert row.bias == pytest.approx(-0.05)
    assert row.rmse == pytest.approx(((0.1**2 + 0.2**2) / 2) ** 0.5)
    assert (row.coverage, row.rejection, row.false_deflects) == (0.5, 0.5, 0.5)


def test_a_pool_is_narrower_than_its_campaigns():
    found = trials(replace(FREE, design=Design.TAIL), range(40), seed=3)

    alone = [each for each in estimates(Estimator.MESSAGE, found) if each]
    pools = [each for each in estimates(Estimator.POOLED, found) if each]

    assert len(pools) == 2
    widths = [sorted(each.high - each.low for each in some) for some in (alone, pools)]
    assert max(widths[1]) < widths[0][len(alone) // 2] / 3


def test_the_holdout_ratio_is_that_of_the_shares_that_called():
    told, held_out = Called(called=56, households=700), Called(called=20, households=100)

    found = held_out_effect(Trial(told=told, held_out=held_out))

    assert found is not None
    assert found.share == pytest.approx(1 - 0.08 / 0.20)
    assert found.low == pytest.approx(0.362, abs=0.05)


def test_where_nobody_is_held_out_there_is_no_ratio():
    told, nobody = Called(called=5, households=10), Called(called=0, households=0)

    assert held_out_effect(Trial(told=told, held_out=nobody)) is None
    assert held_out_effect(Trial()) is None


@pytest.mark.parametrize(
    ("true", "sent", "holdout"),
    [
        pytest.param(0.0, 0.0, 0.0, id="nothing"),
        pytest.param(0.15, 0.120, 0.075, id="weak"),
        pytest.param(0.40, 0.318, 0.203, id="strong"),
    ],
)
def test_what_each_estimator_is_after_is_the_known_truth(true, sent, holdout):
    assert acceptance.target(Estimator.MESSAGE, true) == true
    assert acceptance.target(Estimator.SENT, true) == pytest.approx(sent, abs=0.003)
    assert acceptance.target(Estimator.HOLDOUT, true) == pytest.approx(holdout, abs=0.001)


@pytest.mark.parametrize(
    ("figure", "changes"),
    [
        pytest.param(Figure.COVERAGE, {"coverage": 0.91}, id="covers too little"),
        pytest.param(Figure.COVERAGE, {"coverage": 0.985}, id="covers too much"),
        pytest.param(Figure.BIAS, {"bias": 0.021}, id="bias up"),
        pytest.param(Figure.BIAS, {"bias": -0.021}, id="bias down"),
        pytest.param(Figure.RMSE, {"rmse": 0.081}, id="scatter"),
        pytest.param(Figure.POWER, {"rejection": 0.94}, id="power"),
        pytest.param(
            Figure.FALSE_DEFLECTS, {"true": 0.0, "false_deflects": 0.06}, id="false claims"
        ),
        pytest.param(Figure.COVERAGE, {"coverage": float("nan")}, id="nothing known"),
    ],
)
def test_each_condition_fails_alone(figure, changes):
    good = lines([replace(GOOD, true=changes.get("true", 0.40), false_deflects=0.03)])

    found = lines([replace(GOOD, **{"false_deflects": 0.03, **changes})])

    assert conditions.failed(good) == []
    assert [line.figure for line in conditions.failed(found)] == [figure]


def test_a_short_study_forgives_luck_and_no_more():
    row = replace(GOOD, trials=50, coverage=0.88)

    assert conditions.failed(lines([row])) == []
    assert conditions.failed(lines([replace(row, coverage=0.80)])) != []
    assert conditions.failed(lines([replace(row, trials=500)])) != []


def test_pools_take_more_small_outages_than_the_row_of_single_ones_shows():
    assert FULL.trials(FREE) == 4_000
    assert FULL.shown(FREE) == 1_000
    assert FULL.trials(replace(FREE, households=LARGE)) == 500
    assert QUICK.trials(replace(FREE, design=Design.HOLDOUT_5)) == 100
    assert Study(small=10, large=10, pools=2).trials(FREE) == 40


def test_every_row_of_the_table_has_its_place():
    rows = {
        (estimator, design)
        for design in Design
        for size in (SMALL, LARGE)
        for estimator in estimators(Cell(design=design, households=size, true=0.0))
    }

    assert len(rows) == 7
    assert (Estimator.POOLED, Design.TAIL) in rows
