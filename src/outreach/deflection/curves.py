"""How customers call once their supply is gone: the shipped family of twelve curves, and those of past outages.

The shipped family is the shape `deflection.simulate` draws by, e^(-t/tau) (1 - e^(-t/4)) + floor e^(-t/600), scaled to
0.15 calls a customer in six hours: four values of tau around 45 minutes and three floors around 0.15, at the middles of
equally likely strata of log-normals with sd 0.35 and 0.4. How severe an outage is, is no matter of the curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

from outreach.model.forecast import Curve

LENGTH = 720
"""Minutes of a curve; after them the last rate stays."""
SIX_HOURS = 360
CALLS_EACH = 0.15
"""Expected calls of an average customer who is told nothing, in six hours and without repeats."""
_RISE, _SLOW = 4.0, 600.0
_TAU, _TAU_SD = 45.0, 0.35
_FLOOR, _FLOOR_SD = 0.15, 0.4
BIN = 5
_KEPT_CALLS = 10.0
"""How many expected calls of the shipped shape a learned bin is mixed with: few calls say little."""


def curve(name: str, *, tau: float, floor: float, each: float = CALLS_EACH) -> Curve:
    """One curve of the family: tau in minutes, `each` calls a customer in six hours."""
    rates = [_shape(minute + 0.5, tau, floor) for minute in range(LENGTH)]
    scale = each / math.fsum(rates[:SIX_HOURS])
    return Curve(name=name, rates=tuple(rate * scale for rate in rates), source="shipped")


@lru_cache(maxsize=1)
def shipped() -> tuple[Curve, ...]:
    """The twelve that come with the product."""
    taus, floors = _strata(_TAU, _TAU_SD, 4), _strata(_FLOOR, _FLOOR_SD, 3)
    return tuple(
        curve(f"shipped-{round(tau)}-{floor:.2f}", tau=tau, floor=floor)
        for tau in taus
        for floor in floors
    )


def _strata(median: float, sd: float, count: int) -> list[float]:
    """The middles of `count` equally likely strata of a log-normal."""
    normal = NormalDist()
    return [median * math.exp(sd * normal.inv_cdf((each + 0.5) / count)) for each in range(count)]


def _shape(minute: float, tau: float, floor: float) -> float:
    rising = -math.expm1(-minute / _RISE)
    return math.exp(-minute / tau) * rising + floor * math.exp(-minute / _SLOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """An outage that is over, or several that began together, minute by minute from its start."""

    name: str
    customers: int
    """At its largest."""
    calls: Sequence[float]
    """Less those about other things; below 0 where fewer came than usual."""
    exposure: Sequence[float]
    """Customers out, those told counted by their lower rate: N0 + kappa N1."""
    is_storm: bool = False


LEAST_CUSTOMERS = 100
LEAST_CALLS = 40
LEAST_MINUTES = 45


def why_not(past: Past) -> str:
    """Why an outage teaches nothing, as a key of `WHY`; empty: it does."""
    if past.customers < LEAST_CUSTOMERS:
        return "small"
    if len(past.calls) < LEAST_MINUTES:
        return "short"
    if sum(past.calls) < LEAST_CALLS:
        return "few calls"
    return ""


def learned(past: Past, *, repeats: float) -> Curve:
    """Its curve: calls over exposure in 5-minute bins, each drawn towards the middle shipped curve.

    repeats: share of calls that are repeated; they are taken out, for the forecast adds them. Where the outage was
    over, the shipped shape goes on at the height of the whole.
    """
    middle = curve("", tau=_TAU, floor=_FLOOR)
    usual = math.fsum(
        rate * (1 + repeats) * out for rate, out in zip(middle.rates, past.exposure, strict=False)
    )
    height = max(0.0, sum(past.calls)) / usual if usual else 1.0
    rates: list[float] = []
    for begin in range(0, LENGTH, BIN):
        rates += _bin(past, middle.rates[begin : begin + BIN], begin, height, repeats)
    source = "learned storm" if past.is_storm else "learned"
    return Curve(name=past.name, rates=tuple(rates), source=source, customers=past.customers)


def _bin(
    past: Past, usual: Sequence[float], begin: int, height: float, repeats: float
) -> list[float]:
    """Rates of five minutes: the gamma posterior mean of what this bin is to the usual shape."""
    exposure = past.exposure[begin : begin + BIN]
    came = max(0.0, math.fsum(past.calls[begin : begin + BIN]))
    expected = math.fsum(
        rate * height * (1 + repeats) * out for rate, out in zip(usual, exposure, strict=False)
    )
    factor = (_KEPT_CALLS + came) / (_KEPT_CALLS + expected)
    return [rate * height * factor for rate in usual]
