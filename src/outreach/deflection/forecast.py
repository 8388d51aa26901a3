"""Expected calls of the next four quarter-hours, from the calls so far, those without supply, and known curves.

The model is section 9 of the specification: calls of minute t are Poisson-like around

    s * g_j(t) * (N0(t) + kappa * N1(t)) * (1 + rho) + base load

with N0 not yet told and N1 told customers without supply, g_j one of the curves, s the severity of this outage.
Nothing here reads a clock or a store: minutes are relative to now, the past negative.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random
from statistics import NormalDist

from outreach.deflection.exposure import (
    BIN,
    QUARTERS,
    Cohort,
    Outage,
    by_quarter,
    cohorts_of,
    cumulated_calls,
    expected_by_bin,
    stands_at,
)
from outreach.model.forecast import Curve

WINDOW = 240
"""Minutes looked back: what is older weighs less than 3 %."""
BINS_AHEAD = QUARTERS * 15 // BIN
DRAWS = 2_000
DISCOUNT = 0.985
"""A minute."""
PRIOR = 4.0
"""a = b of the Gamma prior of s: its mean is 1."""
LEARNING = 0.35
"""Share of an observed call that counts for s: neighbouring minutes say the same."""
ETR_SD = 0.25
"""Of the logarithm of how much longer restoration takes than estimated."""
KAPPA_MEAN, KAPPA_SD = math.log(0.75), 0.25
BLEND_BEFORE = 20
"""Minutes of an outage during which half of the next quarter-hour is what just came.

Only of the next: further ahead calls have fallen off by then. Half of all four has a WAPE of .46 at +60, not .28.
"""
_STRATA = 25
_LEAST_SCATTER = 0.3
"""Calls: where none are expected, two or three are already news."""
_RECENT = 15 // BIN
"""Bins in which calls are looked for that nothing explains; what is found is expected to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of one queue at an instant."""

    outages: Sequence[Outage]
    calls: Sequence[float] = ()
    """A number a minute, oldest first; the last is the minute that ended `unseen` minutes ago."""
    unseen: int = 0
    """Minutes up to now whose calls are not in yet: a log that is late says nothing about them."""
    base: float = 0.0
    """Calls a minute about other things, until now."""
    base_ahead: Sequence[float] = (0.0,) * QUARTERS
    """The same in each quarter-hour ahead, a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """theta_ITT as measured so far, with the standard error of its logarithm."""

    theta: float
    se: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """What is assumed of all callers, to be calibrated by tenant."""

    repeats: float = 0.20
    """rho."""
    size: float = 20.0
    """Of the negative binomial: how far quarter-hours scatter; larger is less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Calls of one quarter-hour: the mean of the draws, and their quantiles."""

    mean: float
    p05: float
    p50: float
    p80: float
    p95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The four quarter-hours ahead, and what they were drawn from."""

    quarters: tuple[Expected, ...]
    kappa: float
    """Median."""
    weights: dict[str, float]
    """Curve -> how well it explains the calls so far; together 1."""
    seen: float
    """Calls that were compared with the curves."""
    unexplained: float = 0.0
    """Calls of the last 15 minutes that no curve explains: somebody may be out of whom nobody knows yet."""


def effect_on_rate(measured: Effect | None) -> tuple[float, float]:
    """(mean, sd) of log kappa: what was measured, drawn towards log .75; the prior alone without it."""
    if measured is None or measured.se <= 0 or measured.theta <= 0:
        return KAPPA_MEAN, KAPPA_SD
    precision = 1 / measured.se**2 + 1 / KAPPA_SD**2
    mean = (math.log(measured.theta) / measured.se**2 + KAPPA_MEAN / KAPPA_SD**2) / precision
    return mean, math.sqrt(1 / precision)


def forecast(
    evidence: Evidence,
    curves: Sequence[Curve],
    *,
    random: Random,
    measured: Effect | None = None,
    believed: Believed | None = None,
    draws: int = DRAWS,
) -> Outlook:
    """The next four quarter-hours. curves: at least one curve; weights are by what was seen alone."""
    model = _Model(evidence, curves, measured, believed or Believed())
    drawn = [model.draw(random) for _each in range(draws)]
    columns = [list(values) for values in zip(*drawn, strict=True)]
    if (last := _just_came(evidence)) is not None:
        columns[0] = _towards(last, columns[0])
    return Outlook(
        quarters=tuple(_summary(values) for values in columns),
        kappa=math.exp(model.kappa[0]),
        weights={
            fit.curve.name: weight for fit, weight in zip(model.fits, model.weights, strict=True)
        },
        seen=math.fsum(model.observed),
        unexplained=model.unexplained,
    )


def _towards(last: float, values: list[float]) -> list[float]:
    """Half way to what just came, as wide as before: halving each draw's distance would halve the doubt."""
    shift = (last - _summary(values).p50) / 2
    return [max(0.0, value + shift) for value in values]


def persistence(evidence: Evidence) -> float | None:
    """Calls of the last 15 minutes; None while any of them is not known."""
    return None if evidence.unseen or not evidence.calls else math.fsum(evidence.calls[-15:])


def _just_came(evidence: Evidence) -> float | None:
    """The last 15 minutes, while most of those who are out lost supply lately; else None."""
    young = everybody = 0.0
    for outage in evidence.outages:
        count = stands_at(outage.out, 0.0)
        everybody += count
        young += count * (-BLEND_BEFORE < outage.began <= 0)
    return persistence(evidence) if young > everybody / 2 else None


@dataclass(frozen=True, slots=True)
class _Fit:
    """A curve with what the calls so far say of it: the severity's posterior, and how likely they were."""

    curve: Curve
    cumulated: Sequence[float]
    shape: float
    rate: float
    likelihood: float
    recent: float
    """Calls of the last 15 minutes seen, as it explains them."""


@dataclass(slots=True)
class _Model:
    """Everything that draws have in common; sums over curve and stratum are made when first drawn."""

    evidence: Evidence
    curves: Sequence[Curve]
    measured: Effect | None
    believed: Believed
    kappa: tuple[float, float] = field(init=False)
    observed: list[float] = field(init=False)
    fits: list[_Fit] = field(init=False)
    weights: list[float] = field(init=False)
    unexplained: float = field(init=False)
    _chances: list[float] = field(init=False)
    _sums: dict[tuple[int, int], list[tuple[float, float]]] = field(default_factory=dict)
    _cohorts: dict[int, list[Cohort]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.kappa = effect_on_rate(self.measured)
        self.observed = _binned(self.evidence)
        self.fits = self._fitted()
        best = max(fit.likelihood for fit in self.fits)
        raw = [math.exp(fit.likelihood - best) for fit in self.fits]
        self.weights = [each / math.fsum(raw) for each in raw]
        self._chances = list(accumulate(self.weights))
        self.unexplained = self._surplus()

    def _surplus(self) -> float:
        """Calls beyond what the weighed curves explain: none at 2.5 standard deviations, all at 3.5.

        Faded in, for an edge would send agents away and call them back from one minute to the next.
        """
        came = math.fsum(self.observed[-_RECENT:])
        usual = math.fsum(
            fit.recent * weight for fit, weight in zip(self.fits, self.weights, strict=True)
        )
        scatter = max(_LEAST_SCATTER, math.sqrt(usual + usual**2 / self.believed.size))
        deviations = (came - usual - 1) / scatter
        return max(0.0, came - usual) * min(1.0, max(0.0, deviations - 2.5))

    def draw(self, random: Random) -> list[float]:
        """Calls of each quarter-hour in one possible future."""
        place = min(bisect_right(self._chances, random.random()), len(self.fits) - 1)
        fit = self.fits[place]
        severity = random.gammavariate(fit.shape, 1 / fit.rate) * (1 + self.believed.repeats)
        kappa = random.lognormvariate(*self.kappa)
        sums = self._ahead(place, random.randrange(_STRATA))
        size = self.believed.size
        means = [
            severity * (untold + kappa * told) + 15 * base + self.unexplained
            for (untold, told), base in zip(sums, self.evidence.base_ahead, strict=True)
        ]
        return [_negative_binomial(mean, size, random) for mean in means]

    def _fitted(self) -> list[_Fit]:
        """Each curve against the bins that were seen."""
        bins = len(self.observed)
        ends = [float(-self.evidence.unseen - BIN * (bins - 1 - each)) for each in range(bins)]
        cohorts = cohorts_of(self.evidence.outages, ends, stretch=1.0)
        kappa = math.exp(self.kappa[0])
        return [self._fit(curve, cohorts, ends, kappa) for curve in self.curves]

    def _fit(self, curve: Curve, cohorts: list[Cohort], ends: list[float], kappa: float) -> _Fit:
        cumulated = cumulated_calls(curve)
        sums = expected_by_bin(cohorts, ends, cumulated)
        expected = [(1 + self.believed.repeats) * (n0 + kappa * n1) for n0, n1 in sums]
        base = BIN * self.evidence.base
        weights = [DISCOUNT ** (-end) for end in ends]
        seen = math.fsum(
            weight * max(0.0, came - base)
            for weight, came, each in zip(weights, self.observed, expected, strict=True)
            if each > 0
        )
        shape = PRIOR + LEARNING * seen
        rate = PRIOR + LEARNING * math.fsum(
            weight * each for weight, each in zip(weights, expected, strict=True)
        )
        likelihood = math.fsum(
            weight * _log_chance(came, shape / rate * each + base, self.believed.size)
            for weight, came, each in zip(weights, self.observed, expected, strict=True)
            if each > 0
        )
        recent = math.fsum(shape / rate * each + base for each in expected[-_RECENT:])
        return _Fit(curve, cumulated, shape, rate, likelihood, recent)

    def _ahead(self, place: int, stratum: int) -> list[tuple[float, float]]:
        """Customer-rates of each quarter-hour ahead, (untold, told), if restoration takes r times as long."""
        found = self._sums.get((place, stratum))
        if found is None:
            ends = [float(BIN * (each + 1)) for each in range(BINS_AHEAD)]
            if stratum not in self._cohorts:
                self._cohorts[stratum] = cohorts_of(
                    self.evidence.outages, ends, stretch=_STRETCHES[stratum]
                )
            found = by_quarter(
                expected_by_bin(self._cohorts[stratum], ends, self.fits[place].cumulated)
            )
            self._sums[place, stratum] = found
        return found


def _binned(evidence: Evidence) -> list[float]:
    """Calls of whole five-minute bins, oldest first, the last ending with what is known."""
    calls = evidence.calls[-WINDOW:]
    calls = calls[len(calls) % BIN :]
    return [math.fsum(calls[begin : begin + BIN]) for begin in range(0, len(calls), BIN)]


def _log_chance(count: float, mean: float, size: float) -> float:
    """Of the negative binomial with success probability size / (size + mean)."""
    mean = max(mean, 1e-9)
    return (
        math.lgamma(count + size) - math.lgamma(count + 1) - math.lgamma(size)
        + size * math.log(size / (size + mean)) + count * math.log(mean / (size + mean))
    )  # fmt: skip


def _negative_binomial(mean: float, size: float, random: Random) -> float:
    return _poisson(random.gammavariate(size, mean / size), random) if mean > 0 else 0.0


_NORMAL_FROM = 40.0
"""From this mean on a rounded normal is a Poisson to within what 2,000 draws can tell."""


def _poisson(mean: float, random: Random) -> float:
    if mean > _NORMAL_FROM:
        return max(0.0, round(random.normalvariate(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return float(count)


def _summary(values: list[float]) -> Expected:
    ordered = sorted(values)
    last = len(ordered) - 1
    p05, p50, p80, p95 = (ordered[round(share * last)] for share in (0.05, 0.5, 0.8, 0.95))
    return Expected(mean=math.fsum(ordered) / len(ordered), p05=p05, p50=p50, p80=p80, p95=p95)


_STRETCHES = tuple(
    math.exp(ETR_SD * NormalDist().inv_cdf((each + 0.5) / _STRATA)) for each in range(_STRATA)
)
"""r at the middles of equally likely strata, so that the sums ahead are made once a stratum."""
