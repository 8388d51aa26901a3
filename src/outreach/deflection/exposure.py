"""Who is without supply when, told or not, and the calls that a curve expects of them: sums over outages.

Minutes are relative to now, the past negative. Time is cut into bins of five minutes, each named by its end.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from outreach.model.forecast import Curve

BIN = 5
"""Minutes over which calls are compared with a curve, and in which the hour ahead is cut."""
QUARTERS = 4

Steps = Sequence[tuple[float, float]]
"""(from which minute, how many), in order of time; nobody before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """One outage as callers feel it, past and ahead."""

    began: float
    """Minutes from now; mostly negative."""
    out: Steps
    """Customers without supply; what lies ahead is as the estimates say."""
    told: Steps = ()
    """Share of them whose turn to be told has come, 0 to 1; ahead as the lanes will get there."""


@dataclass(slots=True)
class Cohort:
    """Outages that began within the same five minutes, bin by bin: customers not told, and told."""

    began: float
    untold: list[float]
    told: list[float]


def cohorts_of(outages: Sequence[Outage], ends: Sequence[float], *, stretch: float) -> list[Cohort]:
    """Those out in the bins that end at `ends`; ahead, restoration is read as if `stretch` times later."""
    found: dict[int, Cohort] = {}
    began: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for outage in outages:
        key = math.floor(outage.began / BIN)
        cohort = found.setdefault(key, Cohort(outage.began, [0.0] * len(ends), [0.0] * len(ends)))
        most = 0.0
        for place, end in enumerate(ends):
            at = max(end - BIN / 2, min(end, outage.began))
            count = (
                stands_at(outage.out, at / stretch if at > 0 else at) if end > outage.began else 0.0
            )
            share = min(1.0, max(0.0, stands_at(outage.told, at)))
            cohort.untold[place] += count * (1 - share)
            cohort.told[place] += count * share
            most = max(most, count)
        began[key].append((outage.began, most))
    for key, cohort in found.items():
        weight = math.fsum(count for _began, count in began[key])
        if weight:
            cohort.began = math.fsum(each * count for each, count in began[key]) / weight
    return list(found.values())


def expected_by_bin(
    cohorts: Sequence[Cohort], ends: Sequence[float], cumulated: Sequence[float]
) -> list[tuple[float, float]]:
    """By bin: the sum over those out, (untold, told), of one customer's expected calls."""
    untold, told = [0.0] * len(ends), [0.0] * len(ends)
    for cohort in cohorts:
        for place, end in enumerate(ends):
            age = end - cohort.began
            if age > 0 and (cohort.untold[place] or cohort.told[place]):
                calls = _calls_until(cumulated, age) - _calls_until(cumulated, age - BIN)
                untold[place] += cohort.untold[place] * calls
                told[place] += cohort.told[place] * calls
    return list(zip(untold, told, strict=True))


def by_quarter(bins: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Bins of the hour ahead added up by quarter-hour."""
    each = len(bins) // QUARTERS
    return [
        (
            math.fsum(bins[place][0] for place in range(begin, begin + each)),
            math.fsum(bins[place][1] for place in range(begin, begin + each)),
        )
        for begin in range(0, len(bins), each)
    ]


def stands_at(steps: Steps, minute: float) -> float:
    """The value that holds at a minute; 0 before the first."""
    place = bisect_right(steps, minute, key=lambda step: step[0])
    return steps[place - 1][1] if place else 0.0


def cumulated_calls(curve: Curve) -> list[float]:
    """Calls of one customer until each whole minute of a curve."""
    return list(accumulate(curve.rates, initial=0.0))


def _calls_until(cumulated: Sequence[float], age: float) -> float:
    """Calls of one customer until `age` minutes; beyond the curve at its last rate."""
    if age <= 0:
        return 0.0
    whole = int(age)
    last = len(cumulated) - 1
    if whole >= last:
        return cumulated[-1] + (age - last) * (cumulated[-1] - cumulated[-2])
    return cumulated[whole] + (age - whole) * (cumulated[whole + 1] - cumulated[whole])
