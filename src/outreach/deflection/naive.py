"""Seven ways in which deflection is claimed without a comparison that holds: shown beside, not causal.

Each gives what its method would print as "share of calls saved", with the interval it would print.
They count calls, not episodes, as those who use them do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Any

from outreach.deflection import array_sums, storms
from outreach.deflection.array_sums import Episodes, Log
from outreach.deflection.estimate import Z, from_sums
from outreach.deflection.numerics import Array, numpy
from outreach.deflection.storms import Storm, World

HOUR = 60.0
SEVERITY = 0.3
"""Standard deviation of the log of how many calls an outage brings, against the average one."""
_EVERY_CALL = 0.0
"""Gap after which a call counts anew."""
_HISTORY_HOUSEHOLDS = 400_000


class Method(StrEnum):
    """N1 to N7."""

    BEFORE_AFTER = "N1"
    UNDELIVERED = "N2"
    IMMORTAL = "N3"
    HISTORY = "N4"
    CRUDE = "N5"
    DELIVERED = "N6"
    NO_CLASS = "N7"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Share of calls said to be saved, and the standard error of the log of its ratio."""

    share: float
    error: float

    @property
    def limits(self) -> tuple[float, float]:
        reach = math.exp(Z * self.error)
        return 1 - (1 - self.share) * reach, 1 - (1 - self.share) / reach


def claims(storm: Storm, world: World, random: Any) -> dict[Method, Claim]:
    """All seven on the same outage; `random` draws how severe it was."""
    log = array_sums.of_storm(storm)
    return {
        Method.BEFORE_AFTER: _before_after(storm, world),
        Method.UNDELIVERED: _undelivered(storm),
        Method.IMMORTAL: _immortal(storm),
        Method.HISTORY: _history(storm, world, random),
        Method.CRUDE: _crude(log),
        Method.DELIVERED: _stratified(_as_treated(log)),
        Method.NO_CLASS: _stratified(replace(log, stratum=log.stratum * 0)),
    }


def _before_after(storm: Storm, world: World) -> Claim:
    """Calls of the hour after the rollout against those of the outage's first hour."""
    end = world.end_of_rollout
    before = int((storm.at < HOUR).sum())
    after = int(((storm.at >= end) & (storm.at < end + HOUR)).sum())
    return _ratio(after / before, 1 / max(1, after) + 1 / before)


def _undelivered(storm: Storm) -> Claim:
    """Share calling after their slot: those reached against those not, who are other people."""
    called = numpy().zeros(len(storm.slot), dtype=bool)
    called[storm.caller[storm.at >= storm.slot[storm.caller]]] = True
    return _shares(called[storm.delivered], called[~storm.delivered])


def _immortal(storm: Storm) -> Claim:
    """Told before their first call against the rest: who calls early can never be told first."""
    np = numpy()
    first = np.full(len(storm.slot), np.inf)
    np.minimum.at(first, storm.caller, storm.at)
    told_first = storm.heard < first
    return _shares(first[told_first] < np.inf, first[~told_first] < np.inf)


def _history(storm: Storm, world: World, random: Any) -> Claim:
    """Calls per customer against the average outage, as if this one were an average one."""
    severity = math.exp(random.normal(0.0, SEVERITY))
    each = len(storm.at) / len(storm.slot)
    return _ratio(severity * each / calls_each(world), 1 / max(1, len(storm.at)))


@lru_cache(maxsize=8)
def calls_each(world: World) -> float:
    """Identified calls of an average household where nobody is told."""
    silent = replace(world, households=_HISTORY_HOUSEHOLDS, deflection=0.0, bump=1.0)
    drawn = storms.draw(silent, storms.generator(0))
    return len(drawn.at) / _HISTORY_HOUSEHOLDS


def _crude(log: Log) -> Claim:
    """Rates over all person-time told and untold, though calls fade as the outage ages."""
    found = array_sums.episodes(log, gap=_EVERY_CALL)
    unsent_time, told_time = array_sums.exposure(log)
    told, unsent = int(found.told.sum()), int(found.unsent.sum())
    ratio = (told / told_time.sum()) / (unsent / unsent_time.sum())
    return _ratio(float(ratio), 1 / max(1, told) + 1 / max(1, unsent))


def _as_treated(log: Log) -> Log:
    """Delivered is told, everybody else is not: the unreachable, who call more, stand among them."""
    np = numpy()
    slot = np.where(log.delivered, log.slot, np.inf)
    return replace(log, slot=slot, delivered=np.ones_like(log.delivered))


def _stratified(log: Log) -> Claim:
    """The rate ratio by minute strata, told against not."""
    found: Episodes = array_sums.episodes(log, gap=_EVERY_CALL)
    measured = from_sums(array_sums.summed(log, found))
    if measured.theta_itt is None or measured.itt_variance is None:
        return Claim(share=math.nan, error=math.nan)
    return _ratio(measured.theta_itt, measured.itt_variance)


def _shares(told: Array, untold: Array) -> Claim:
    """Risk ratio of two groups of yes and no."""
    x1, n1, x0, n0 = (max(0.5, float(each)) for each in (told.sum(), len(told), untold.sum(), len(untold)))  # fmt: skip
    return _ratio((x1 / n1) / (x0 / n0), 1 / x1 - 1 / n1 + 1 / x0 - 1 / n0)


def _ratio(ratio: float, variance: float) -> Claim:
    return Claim(share=1 - ratio, error=math.sqrt(max(0.0, variance)))
