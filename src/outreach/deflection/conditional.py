"""The conditional likelihood's theta_ITT: a second way to the same number, to check the first.

Given the episodes of a minute, those sent are binomial; Newton's method on log theta.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from outreach.deflection.episodes import Arm, Episode, Exposure, Stratum

_STEPS = 50
_NEAR = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeliest:
    """theta_ITT and the standard error of its logarithm."""

    theta: float
    se: float


@dataclass(frozen=True, slots=True)
class _Minute:
    sent: int
    both: int
    t0: float
    t1: float


def likeliest(exposure: Exposure, found: Iterable[Episode]) -> Likeliest | None:
    """The maximum; None where no minute compares, or all episodes lie on one side."""
    minutes = list(_minutes(exposure, found))
    sent, both = sum(each.sent for each in minutes), sum(each.both for each in minutes)
    if not 0 < sent < both:
        return None
    log, info = 0.0, 1.0
    for _step in range(_STEPS):
        shares = [(each, _share(each, log)) for each in minutes]
        score = sum(each.sent - each.both * p for each, p in shares)
        info = sum(each.both * p * (1 - p) for each, p in shares)
        # Far from the maximum a whole step may leap over it.
        step = max(-2.0, min(2.0, score / info))
        log += step
        if abs(step) < _NEAR:
            break
    return Likeliest(theta=math.exp(log), se=1 / math.sqrt(info))


def _share(minute: _Minute, log: float) -> float:
    told = math.exp(log) * minute.t1
    return told / (told + minute.t0)


def _minutes(exposure: Exposure, found: Iterable[Episode]) -> Iterable[_Minute]:
    counts: dict[tuple[Stratum, int], list[int]] = {}
    for each in found:
        if each.arm is not Arm.IN_GRACE:
            count = counts.setdefault((each.stratum, each.minute), [0, 0])
            count[0] += each.arm is not Arm.UNSENT
            count[1] += 1
    for (stratum, minute), (sent, both) in counts.items():
        w0, w1 = exposure.weights(stratum, minute)
        if w0 > 0 and w1 > 0:
            yield _Minute(sent, both, w0, w1)
