"""What must hold for the estimator to be accepted, and how many outages it takes to say so.

A limit is as given for a full study. With fewer outages it is wider by three standard errors of the
figure itself, so that a short study fails where the estimator is wrong and not where luck was.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from outreach.deflection.acceptance import (
    LARGE,
    POOL,
    SMALL,
    Accuracy,
    Cell,
    Design,
    Estimator,
)

_ERRORS = 3.0
"""Standard errors by which a short study's limits are wider."""
COVERAGE = (0.92, 0.98)
BIAS = 0.02
FALSE_DEFLECTS = 0.05
_RMSE = {
    Design.FREE: {0.0: 0.11, 0.15: 0.095, 0.40: 0.08},
    Design.TAIL: {0.0: 0.075, 0.15: 0.065, 0.40: 0.055},
}
"""At 50,000 households, by what is true."""
_POWER = {
    (Estimator.MESSAGE, Design.FREE, LARGE, 0.40): 0.95,
    (Estimator.MESSAGE, Design.TAIL, SMALL, 0.40): 0.50,
    (Estimator.MESSAGE, Design.TAIL, LARGE, 0.15): 0.58,
    (Estimator.POOLED, Design.TAIL, SMALL, 0.15): 0.85,
}


class Figure(StrEnum):
    """What a line is about."""

    COVERAGE = "coverage"
    BIAS = "bias"
    RMSE = "rmse"
    FALSE_DEFLECTS = "false deflects"
    POWER = "power"


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """How many outages of each size, and how many pools of small ones."""

    small: int = 1_000
    large: int = 500
    pools: int = 200

    def trials(self, cell: Cell) -> int:
        """Outages to draw: pools are made of the small ones, and of more where these are too few."""
        if cell.households != SMALL:
            return self.large
        pooling = cell.design in {Design.FREE, Design.TAIL}
        return max(self.small, self.pools * POOL) if pooling else self.small

    def shown(self, cell: Cell) -> int:
        """Outages in the row of single ones."""
        return self.small if cell.households == SMALL else self.large


FULL = Study()
QUICK = Study(small=100, large=50, pools=20)


def _needed(row: Accuracy) -> int:
    if row.estimator is Estimator.POOLED:
        return FULL.pools
    return FULL.small if row.households == SMALL else FULL.large


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One condition of acceptance for one row."""

    figure: Figure
    row: Accuracy
    value: float
    least: float = -math.inf
    most: float = math.inf
    slack: float = 0.0
    """What luck may add in a study of few outages."""

    @property
    def holds(self) -> bool:
        return self.beyond <= 0  # not a number holds nothing

    @property
    def beyond(self) -> float:
        """How far outside the nearer limit; below zero inside."""
        return max(self.value - self.most, self.least - self.value) - self.slack


def estimators(cell: Cell) -> tuple[Estimator, ...]:
    """The rows that a cell's outages give."""
    match cell.design, cell.households:
        case ((Design.HOLDOUT_5 | Design.HOLDOUT_10), _size):
            return (Estimator.HOLDOUT,)
        case Design.TAIL, size:
            return (Estimator.MESSAGE,) + (Estimator.POOLED,) * (size == SMALL)
        case Design.FREE, size:
            both = (Estimator.MESSAGE, Estimator.SENT)
            return both + (Estimator.POOLED,) * (size == SMALL)


def lines(rows: Sequence[Accuracy]) -> list[Line]:
    """Every condition that these rows can be held to."""
    return [line for row in rows for line in _of(row)]


def failed(found: Iterable[Line]) -> list[Line]:
    return [line for line in found if not line.holds]


def _of(row: Accuracy) -> Iterator[Line]:
    least, most = COVERAGE
    slack = _luck(row, 0.95)
    yield Line(
        figure=Figure.COVERAGE, row=row, value=row.coverage, least=least, most=most, slack=slack
    )
    if row.households == LARGE:
        yield from _bias_and_error(row)
    if row.true == 0:
        slack = _luck(row, FALSE_DEFLECTS)
        value = row.false_deflects
        yield Line(
            figure=Figure.FALSE_DEFLECTS, row=row, value=value, most=FALSE_DEFLECTS, slack=slack
        )
    power = _POWER.get((row.estimator, row.design, row.households, row.true))
    if power is not None:
        slack = _luck(row, power)
        yield Line(figure=Figure.POWER, row=row, value=row.rejection, least=power, slack=slack)


def _bias_and_error(row: Accuracy) -> Iterator[Line]:
    errors = _ERRORS * _is_short(row) / math.sqrt(max(1, row.trials))
    yield Line(figure=Figure.BIAS, row=row, value=abs(row.bias), most=BIAS, slack=errors * row.rmse)
    limit = _RMSE.get(row.design, {}).get(row.true)
    if row.estimator is Estimator.MESSAGE and limit is not None:
        slack = limit * errors / math.sqrt(2)
        yield Line(figure=Figure.RMSE, row=row, value=row.rmse, most=limit, slack=slack)


def _is_short(row: Accuracy) -> bool:
    return row.trials < _needed(row)


def _luck(row: Accuracy, share: float) -> float:
    """By how much a share of so few may be off; nothing in a full study."""
    if not _is_short(row):
        return 0.0
    return _ERRORS * math.sqrt(share * (1 - share) / max(1, row.trials))
