"""The proof of the estimator: thousands of outages of known deflection, and how well it is found.

A trial is one outage; what it gives are the estimator's sums, so that campaigns pool as in the
product, and the product's own formulas make every estimate of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from outreach.deflection import array_sums, naive, storms
from outreach.deflection.estimate import from_sums, pooled
from outreach.deflection.holdout import contrast
from outreach.deflection.naive import Claim, Method
from outreach.deflection.numerics import Array
from outreach.deflection.storms import LAUNCH, Storm, World
from outreach.model.deflection import Called, Interval, Sums

SMALL, LARGE = 5_000, 50_000
POOL = 20
"""Campaigns that are measured together."""
TRUTHS = (0.0, 0.15, 0.40)
_REACHABLE = 0.85 / (0.85 + 0.15 * 1.5)
"""Share of calls that come from households which a message reaches."""
_HOLDOUT_SLOPE, _HOLDOUT_CURVE = 0.4953, 0.0313
"""Fewer households calling after launch = deflection * (slope + curve * deflection): .075 and .203."""


class Design(StrEnum):
    """How the order of sending is varied."""

    FREE = "free"
    TAIL = "tail"
    HOLDOUT_5 = "holdout-5"
    HOLDOUT_10 = "holdout-10"


_TAIL_SHARE = 0.20
_HELD_OUT = {Design.HOLDOUT_5: 0.05, Design.HOLDOUT_10: 0.10}


class Estimator(StrEnum):
    """What is estimated."""

    MESSAGE = "theta_msg"
    SENT = "theta_ITT"
    POOLED = "pooled"
    HOLDOUT = "risk ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One world of the table: what is varied, how large, and what is true."""

    design: Design
    households: int
    true: float

    @property
    def world(self) -> World:
        return World(
            households=self.households,
            deflection=self.true,
            tail_share=_TAIL_SHARE if self.design is Design.TAIL else 0.0,
            holdout_share=_HELD_OUT.get(self.design, 0.0),
        )

    @property
    def path(self) -> tuple[int, ...]:
        """Where its random numbers come from: no two cells share an outage."""
        return (
            list(Design).index(self.design),
            self.households,
            round(self.true * 1000) + 1_000_000,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one outage gave."""

    sums: Sums | None = None
    told: Called | None = None
    held_out: Called | None = None
    """Households of the classes B and C, with those that called after launch."""
    claims: dict[Method, Claim] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A deflection with its 95 % interval."""

    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How well a truth was found over many outages; None where no outage gave a number."""

    estimator: Estimator
    design: Design
    households: int
    true: float
    target: float
    """What this estimator is after, when that is true."""
    trials: int
    silent: int
    """Outages that gave no number."""
    mean: float
    bias: float
    rmse: float
    coverage: float
    rejection: float
    """Share of intervals that exclude 0: false alarm when nothing is true, power otherwise."""
    false_deflects: float
    """Share of intervals wholly above 0."""


def trials(cell: Cell, numbers: Iterable[int], *, seed: int, beside: bool = False) -> list[Trial]:
    """The outages with these numbers, the same in whatever process; `beside`: naive claims too."""
    return [_trial(cell, number, seed=seed, beside=beside) for number in numbers]


def _trial(cell: Cell, number: int, *, seed: int, beside: bool) -> Trial:
    random = storms.generator(seed, *cell.path, number)
    storm = storms.draw(cell.world, random)
    if cell.design in _HELD_OUT:
        told, held_out = called_after_launch(storm)
        return Trial(told=told, held_out=held_out)
    return Trial(
        sums=array_sums.summed(array_sums.of_storm(storm)),
        claims=naive.claims(storm, cell.world, random) if beside else None,
    )


def called_after_launch(storm: Storm) -> tuple[Called, Called]:
    """Of the told and of the held out."""
    called = storm.stratum < 0
    called[storm.caller[storm.at > LAUNCH]] = True
    held = storm.slot == math.inf
    return _called(called, ~held & (storm.stratum > 0)), _called(called, held)


def _called(called: Array, who: Array) -> Called:
    return Called(called=int(called[who].sum()), households=int(who.sum()))


def message_effect(sums: Sums) -> Estimate | None:
    measured = from_sums(sums)
    return _deflection(measured.theta_msg, measured.theta_interval)


def sent_effect(sums: Sums) -> Estimate | None:
    measured = from_sums(sums)
    return _deflection(measured.theta_itt, measured.itt_interval)


def held_out_effect(found: Trial) -> Estimate | None:
    """1 - the ratio of the shares that called; none where no household was held out."""
    if found.told is None or found.held_out is None:
        return None
    shown = contrast(found.told, found.held_out)
    return None if shown is None else _deflection(shown.ratio, shown.ratio_interval)


def _deflection(theta: float | None, limits: Interval | None) -> Estimate | None:
    if theta is None or limits is None:
        return None
    return Estimate(share=1 - theta, low=1 - limits.high, high=1 - limits.low)


def target(estimator: Estimator, true: float) -> float:
    """What an estimator is after when messages prevent this share of calls."""
    match estimator:
        case Estimator.MESSAGE | Estimator.POOLED:
            return true
        case Estimator.SENT:
            return true * _REACHABLE
        case Estimator.HOLDOUT:
            return true * (_HOLDOUT_SLOPE + _HOLDOUT_CURVE * true)


def estimates(estimator: Estimator, found: Sequence[Trial]) -> list[Estimate | None]:
    """One for each outage; pooled, one for each whole pool of campaigns."""
    sums = [each.sums for each in found if each.sums]
    match estimator:
        case Estimator.MESSAGE:
            return [message_effect(each) for each in sums]
        case Estimator.SENT:
            return [sent_effect(each) for each in sums]
        case Estimator.POOLED:
            ends = range(POOL, len(sums) + 1, POOL)
            return [message_effect(pooled(sums[end - POOL : end])) for end in ends]
        case Estimator.HOLDOUT:
            return [held_out_effect(each) for each in found]


def accuracy(cell: Cell, estimator: Estimator, found: Sequence[Estimate | None]) -> Accuracy:
    """Bias, root mean squared error and coverage of one cell's estimates."""
    seen = [each for each in found if each is not None]
    after = target(estimator, cell.true)
    return Accuracy(
        estimator=estimator,
        design=cell.design,
        households=cell.households,
        true=cell.true,
        target=after,
        trials=len(found),
        silent=len(found) - len(seen),
        mean=_mean(each.share for each in seen),
        bias=_mean(each.share - after for each in seen),
        rmse=math.sqrt(_mean((each.share - after) ** 2 for each in seen)),
        coverage=_mean(each.low <= after <= each.high for each in seen),
        rejection=_mean(not each.low <= 0 <= each.high for each in seen),
        false_deflects=_mean(each.low > 0 for each in seen),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What a method without a valid comparison says, over the same outages."""

    method: Method
    true: float
    trials: int
    mean: float
    median: float
    rmse: float
    coverage: float
    significant: float


def claimed(true: float, found: Sequence[Trial]) -> list[Claimed]:
    """The naive methods of one truth, in their order."""
    rows = [each.claims for each in found if each.claims]
    return [_claimed(method, true, [row[method] for row in rows]) for method in Method if rows]


def _claimed(method: Method, true: float, said: Sequence[Claim]) -> Claimed:
    shares = sorted(each.share for each in said)
    limits = [each.limits for each in said]
    return Claimed(
        method=method,
        true=true,
        trials=len(said),
        mean=_mean(shares),
        median=shares[len(shares) // 2],
        rmse=math.sqrt(_mean((share - true) ** 2 for share in shares)),
        coverage=_mean(low <= true <= high for low, high in limits),
        significant=_mean(not low <= 0 <= high for low, high in limits),
    )


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return fmean(listed) if listed else math.nan
