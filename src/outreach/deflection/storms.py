"""Draws whole outages of known deflection as arrays: 50,000 households in some ten milliseconds.

Households are exchangeable inside a class, so their number is their rank: nothing is sorted.
Times are minutes since the outage began; infinity is never.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from outreach.deflection.numerics import Array, numpy

HORIZON = 360.0
LAUNCH = 10.0
GRID = 0.25
CLASSES = ("A", "B", "C")
_SHARES = (0.02, 0.18, 0.80)
_MULTIPLIERS = (1.5, 2.0, 1.0)
_EARLY = 0.35
"""Share of households restored in 60 to 200 minutes; the others in 240 to 360."""
_AGAIN_MINUTES = 20.0
"""Mean time from a call to its repeat."""
_BUMP_MINUTES = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What is true in a simulated outage; the defaults are the reference world."""

    households: int = 5_000
    deflection: float = 0.0
    """Share of its calls that a delivered message prevents; negative adds calls."""
    rollout_minutes: float = 60.0
    deliverable: float = 0.85
    undeliverable_multiplier: float = 1.5
    identified: float = 0.70
    identified_told: float = 0.0
    """Share that is recognised once told, where the record is kept up meanwhile; 0: no change."""
    repeats: float = 0.20
    calls_each: float = 0.15
    """Expected first calls of an average household over the horizon."""
    frailty: float = 0.5
    """Variance of the gamma propensity to call, mean 1."""
    latency_minutes: float = 0.5
    """Mean time from slot to receipt, exponential."""
    fade_minutes: float = 0.0
    """The effect falls to a third in this time; 0: it lasts."""
    bump: float = 1.0
    """Calls in the first five minutes after the message, times this."""
    tail_share: float = 0.0
    tail_minutes: float = 60.0
    holdout_share: float = 0.0
    feeders: int = 0
    """Slots and restoration feeder by feeder instead of at random; 0: at random."""
    paired: float = 0.0
    """Share of the units that are one of a household's two contacts, each with a slot of its own."""
    talk: float = 0.8
    """Share of such pairs where who is told tells the other."""
    heavy_first: bool = False
    """Inside a class those who call most get the first slots."""

    @property
    def end_of_rollout(self) -> float:
        return LAUNCH + self.rollout_minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """One outage: arrays over households, and over the calls of identified ones, in their order."""

    stratum: Array
    """0, 1, 2 for the classes A, B, C."""
    slot: Array
    until: Array
    heard: Array
    """When a delivered message was received."""
    delivered: Array
    tail: Array
    caller: Array
    """Household of each call, ascending; its calls in the order of time."""
    at: Array


def draw(world: World, random: Any) -> Storm:
    """One outage; `random` is a numpy Generator."""
    np = numpy()
    counts = random.multinomial(world.households, _SHARES)
    stratum = np.repeat(np.arange(len(CLASSES)), counts)
    delivered = random.random(world.households) < world.deliverable
    propensity = _propensity(world, random, stratum, delivered)
    until = _restored(world, random, counts)
    slot, tail = _slots(world, random, stratum)
    latency = random.standard_exponential(world.households) * world.latency_minutes
    heard = np.where(delivered, slot + latency, np.inf)
    if world.paired:
        until, heard = _talked(world, random, stratum, until, heard)
    caller, at = _calls(world, random, propensity, until, heard)
    return Storm(
        stratum=stratum, slot=slot, until=until, heard=heard, delivered=delivered, tail=tail,
        caller=caller, at=at,
    )  # fmt: skip


def generator(seed: int, *path: int) -> Any:
    """A generator of its own for each place of a run, whatever process draws it."""
    np = numpy()
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, *path])))


def _propensity(world: World, random: Any, stratum: Array, delivered: Array) -> Array:
    np = numpy()
    mean = np.take(_MULTIPLIERS, stratum)
    mean[~delivered] *= world.undeliverable_multiplier
    drawn = mean * (_frailty(world, random) / mean.mean())
    if not world.heavy_first:
        return drawn
    return drawn[np.lexsort((-drawn, stratum))]


def _frailty(world: World, random: Any) -> Array:
    shape = 1 / world.frailty
    return random.standard_gamma(shape, world.households) / shape


def _restored(world: World, random: Any, counts: Array) -> Array:
    if not world.feeders:
        return _instants(random.random(world.households))
    np = numpy()
    of_feeder = _instants(random.random(world.feeders))
    place = np.concatenate([np.arange(count) * world.feeders // max(1, count) for count in counts])
    return of_feeder[place]


def _instants(share: Array) -> Array:
    """Restoration by its quantile: one draw decides the mixture and the place in it."""
    np = numpy()
    early = 60 + share * (140 / _EARLY)
    return np.where(share < _EARLY, early, 240 + (share - _EARLY) * (120 / (1 - _EARLY)))


def _slots(world: World, random: Any, stratum: Array) -> tuple[Array, Array]:
    """Slot of each household, and who is in the late tail; the held-out never get one."""
    np = numpy()
    apart = world.tail_share or world.holdout_share
    aside = np.zeros(world.households, dtype=bool)
    if apart:
        aside = (random.random(world.households) < apart) & (stratum > 0)
    place = np.cumsum(~aside) - 0.5
    slot = LAUNCH + world.rollout_minutes / max(1, place[-1] + 0.5) * place
    slot[aside] = world.end_of_rollout + world.tail_minutes if world.tail_share else np.inf
    return slot, aside if world.tail_share else np.zeros_like(aside)


def _talked(
    world: World, random: Any, stratum: Array, until: Array, heard: Array
) -> tuple[Array, Array]:
    """Restoration and news shared by the two contacts of a household, drawn from one class."""
    np = numpy()
    shuffled = np.lexsort((random.random(len(stratum)), stratum))
    pairs = shuffled[: len(shuffled) // 2 * 2].reshape(-1, 2)
    pairs = pairs[random.random(len(pairs)) < world.paired]
    until, heard = until.copy(), heard.copy()
    until[pairs[:, 1]] = until[pairs[:, 0]]
    talking = pairs[random.random(len(pairs)) < world.talk]
    heard[talking] = heard[talking].min(axis=1, keepdims=True)
    return until, heard


def _calls(
    world: World, random: Any, propensity: Array, until: Array, heard: Array
) -> tuple[Array, Array]:
    """Calls of identified households: drawn at the highest rate, then thinned by the message."""
    np = numpy()
    known = random.random(world.households)
    listed = np.flatnonzero(known < max(world.identified, world.identified_told))
    most = max(1.0, 1 - world.deflection) * max(1.0, world.bump)
    hazard = _hazard_until(until[listed], world.calls_each)
    caller, at = _first(random, listed, propensity[listed] * most, hazard, world.calls_each)
    stays = random.random(len(at)) * most < _kept(world, at - heard[caller])
    if world.identified_told > world.identified:
        stays &= (known[caller] < world.identified) | (at > heard[caller])
    caller, at = _with_repeats(world, random, caller[stays], at[stays], until)
    order = np.lexsort((at, caller))
    return caller[order], at[order]


def _first(
    random: Any, listed: Array, rate: Array, hazard: Array, each: float
) -> tuple[Array, Array]:
    """Poisson calls of all households at once: how many, whose, and when."""
    np = numpy()
    reached = np.cumsum(rate * hazard)
    points = random.random(random.poisson(reached[-1])) * reached[-1]
    place = np.minimum(np.searchsorted(reached, points, side="right"), len(listed) - 1)
    at = _time_of(random.random(len(points)) * hazard[place], each)
    return listed[place], at


def _kept(world: World, lag: Array) -> Array:
    """Call rate at this time after the message, against the rate without one."""
    np = numpy()
    told = lag > 0
    effect = world.deflection
    if world.fade_minutes:
        effect = effect * np.exp(-np.clip(lag, 0, None) / world.fade_minutes)
    rate = np.where(told, 1 - effect, 1.0)
    return np.where(told & (lag < _BUMP_MINUTES), rate * world.bump, rate)


def _with_repeats(
    world: World, random: Any, caller: Array, at: Array, until: Array
) -> tuple[Array, Array]:
    np = numpy()
    callers, times = [caller], [at]
    while len(callers[-1]):
        again = random.random(len(callers[-1])) < world.repeats
        household = callers[-1][again]
        later = times[-1][again] + random.standard_exponential(len(household)) * _AGAIN_MINUTES
        before = later < until[household]
        callers.append(household[before])
        times.append(later[before])
    return np.concatenate(callers), np.concatenate(times)


@lru_cache(maxsize=1)
def _curve() -> tuple[Array, Array]:
    """(minutes, share of the horizon's calls until then) on the grid."""
    np = numpy()
    times = np.arange(int(HORIZON / GRID) + 1) * GRID
    rates = np.exp(-times / 45) * (1 - np.exp(-times / 4)) + 0.15 * np.exp(-times / 600)
    sums = np.concatenate([[0.0], np.cumsum((rates[1:] + rates[:-1]) / 2 * GRID)])
    return times, sums / sums[-1]


def _hazard_until(minute: Array, each: float) -> Array:
    np = numpy()
    _times, shares = _curve()
    place = np.minimum((minute / GRID).astype(np.intp), len(shares) - 2)
    below = shares[place]
    return each * (below + (shares[place + 1] - below) * (minute / GRID - place))


def _time_of(hazard: Array, each: float) -> Array:
    times, shares = _curve()
    return numpy().interp(hazard / each, shares, times)
