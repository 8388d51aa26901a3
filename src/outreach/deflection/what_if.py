"""What breaks the estimate, and by how much: one change at a time to the reference world."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from outreach.deflection import array_sums, storms
from outreach.deflection.episodes import GAP_MINUTES, LEAST_GRACE
from outreach.deflection.estimate import from_sums, pooled
from outreach.deflection.storms import World
from outreach.model.deflection import Sums

HOUSEHOLDS = 4_000_000
PIECE = 500_000
"""Households in memory at once; sums of pieces are added, as those of campaigns are."""
_TRUE = 0.40
_ERRORS = 3.0
_USUAL_ERROR = 0.012


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One departure from the reference world or from the rules of counting."""

    name: str
    world: World
    reference: float | None
    """What it was found to give; None: a number without meaning."""
    reference_error: float = _USUAL_ERROR
    grace: float = LEAST_GRACE
    gap: float = GAP_MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The estimate under a change, with its Monte-Carlo standard error."""

    change: Change
    share: float
    error: float

    @property
    def agrees(self) -> bool:
        """Within three standard errors of both; without a reference, far from what is true."""
        if self.change.reference is None:
            return abs(self.share - self.change.world.deflection) > 1
        apart = abs(self.share - self.change.reference)
        return apart <= _ERRORS * math.hypot(self.error, self.change.reference_error)


_BASE = World(deflection=_TRUE)
CHANGES = (
    Change(name="base", world=_BASE, reference=0.409),
    Change(
        name="rollout-10", world=replace(_BASE, rollout_minutes=10), reference=0.396,
        reference_error=0.031,
    ),
    Change(name="rollout-180", world=replace(_BASE, rollout_minutes=180), reference=0.386),
    Change(name="latency", world=replace(_BASE, latency_minutes=5), reference=0.323),
    Change(name="fade", world=replace(_BASE, fade_minutes=120), reference=0.360),
    Change(name="fade-30", world=replace(_BASE, fade_minutes=30), reference=0.274),
    Change(name="bump", world=replace(_BASE, bump=1.5), reference=0.305),
    Change(name="frailty", world=replace(_BASE, frailty=2.0), reference=0.384),
    Change(name="propensity", world=replace(_BASE, calls_each=0.60), reference=0.383),
    Change(name="repeats", world=replace(_BASE, repeats=0.50), reference=0.393),
    Change(
        name="undelivered", world=replace(_BASE, deliverable=0.60, undeliverable_multiplier=2.0),
        reference=0.372, reference_error=0.022,
    ),
    Change(name="adds", world=replace(_BASE, deflection=-0.14), reference=-0.129),
    Change(name="identified", world=replace(_BASE, identified_told=0.80), reference=0.310),
    Change(
        name="identified-0", world=replace(_BASE, deflection=0.0, identified_told=0.80),
        reference=-0.108, reference_error=0.020,
    ),
    Change(name="heavy-first", world=replace(_BASE, heavy_first=True), reference=None),
    Change(name="feeder", world=replace(_BASE, deflection=0.0, feeders=60), reference=0.007),
    Change(name="contacts", world=replace(_BASE, paired=0.70 / 1.35), reference=0.356),
    Change(name="all-calls", world=_BASE, gap=0.0, reference=0.340),
    Change(name="no-grace", world=_BASE, grace=0.0, reference=0.372),
    Change(
        name="no-grace-10", world=replace(_BASE, rollout_minutes=10), grace=0.0, reference=0.317,
        reference_error=0.031,
    ),
)  # fmt: skip
"""Figures of the specification, in its order; the share in pairs is of contacts: 35 % of households."""


def tried(change: Change, *, households: int = HOUSEHOLDS, seed: int) -> Found:
    """The estimate over so many households."""
    pieces = [
        _piece(change, min(households, PIECE), seed=seed, number=number)
        for number in range(max(1, households // PIECE))
    ]
    measured = from_sums(pooled(pieces))
    if measured.theta_msg is None or measured.variance is None:
        return Found(change=change, share=math.nan, error=math.nan)
    error = measured.theta_msg * math.sqrt(measured.variance)
    return Found(change=change, share=1 - measured.theta_msg, error=error)


def _piece(change: Change, households: int, *, seed: int, number: int) -> Sums:
    world = replace(change.world, households=households)
    place = [each.name for each in CHANGES].index(change.name)
    storm = storms.draw(world, storms.generator(seed, households, place, number))
    log = array_sums.of_storm(storm, grace=change.grace)
    return array_sums.summed(log, array_sums.episodes(log, gap=change.gap))
