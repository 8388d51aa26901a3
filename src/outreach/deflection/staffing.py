"""How many agents a number of calls needs: Erlang C and Erlang A, with their limits.

Rates are per minute: `arrivals` lam, `handling` 1/mu and `patience` 1/theta in minutes, `within` the target wait in
minutes. Erlang C lets nobody hang up; Erlang A (M/M/n+M) lets callers leave after an exponential patience. The sums
run in logarithms or over inverses, so that thousands of agents neither overflow nor lose digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

_NEGLIGIBLE = math.log(1e-14)
"""Waiting places whose probability is so small beside the largest are left out."""
WITHIN = 20 / 60
"""Minutes within which most calls shall be answered: the 20 of 80/20."""
_DAMPING = 0.5
_ROUNDS = 500
_SETTLED = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The calls of a stretch of time, as queues see them."""

    arrivals: float
    """Calls a minute."""
    handling: float
    """Minutes an agent is taken by a call, wrap-up included."""
    patience: float = math.inf
    """Mean minutes until a waiting caller hangs up; infinite: nobody does."""

    @property
    def erlangs(self) -> float:
        """Agents that would be busy all the time."""
        return self.arrivals * self.handling


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What callers and agents get with so many agents."""

    agents: int
    waits: float
    """Probability that a caller waits at all."""
    wait: float
    """Mean wait in minutes over all callers; infinite where the queue only grows."""
    queue: float
    """Mean number of callers who wait."""
    served_in_time: float
    """Share of all calls that is answered within the target."""
    served_in_time_of_rest: float
    """The same, of the calls that were not given up before the target."""
    abandoned: float
    occupancy: float
    """Share of their time that agents are busy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a contact center promises itself: 80 % in 20 seconds, and its limits."""

    served: float = 0.8
    within: float = WITHIN
    most_abandoned: float = 1.0
    most_occupied: float = 1.0

    def met_by(self, quality: Quality) -> bool:
        return (
            quality.served_in_time >= self.served
            and quality.abandoned <= self.most_abandoned
            and quality.occupancy <= self.most_occupied
        )


LIMITED = Goal(most_abandoned=0.05, most_occupied=0.90)
"""With the limits that keep callers and agents: at most 5 % give up, agents busy at most 90 %."""


@lru_cache(maxsize=4096)
def inverse_blocking(erlangs: float, agents: int) -> float:
    """1/B of Erlang's loss formula: 1/B(0) = 1, 1/B(n) = 1 + n/a * 1/B(n-1); infinite where B is nothing."""
    if erlangs <= 0:
        return math.inf if agents else 1.0
    inverse = 1.0
    for each in range(1, agents + 1):
        inverse = 1.0 + each / erlangs * inverse
    return inverse


def erlang_b(erlangs: float, agents: int) -> float:
    """Share of calls that find every agent busy, where none may wait."""
    return 1 / inverse_blocking(erlangs, agents)


def waiting_c(erlangs: float, agents: int) -> float:
    """Erlang's C: probability of waiting where nobody hangs up; 1 where the queue only grows."""
    if agents <= erlangs:
        return 1.0
    blocked = erlang_b(erlangs, agents)
    return blocked / (1 - erlangs / agents * (1 - blocked))


def erlang_c(load: Load, agents: int, *, within: float = WITHIN) -> Quality:
    """Nobody hangs up. With fewer agents than erlangs everybody waits for ever."""
    if agents <= load.erlangs:
        lost = load.arrivals > 0
        return _idle(agents) if not lost else _swamped(agents)
    waits = waiting_c(load.erlangs, agents)
    spare = agents / load.handling - load.arrivals
    wait = waits / spare
    served = 1 - waits * math.exp(-spare * within)
    return Quality(
        agents=agents,
        waits=waits,
        wait=wait,
        queue=load.arrivals * wait,
        served_in_time=served,
        served_in_time_of_rest=served,
        abandoned=0.0,
        occupancy=load.erlangs / agents,
    )


def erlang_a(load: Load, agents: int, *, within: float = WITHIN) -> Quality:
    """Callers hang up after an exponential patience; stable with any number of agents from 1."""
    if load.arrivals <= 0:
        return _idle(agents)
    if math.isinf(load.patience):
        return erlang_c(load, agents, within=within)
    places = _waiting_places(load, agents)
    waits = math.fsum(places)
    queue = math.fsum(place * each for place, each in enumerate(places))
    abandoned = queue / load.patience / load.arrivals
    late, given_up = _too_late(load, agents, places, within)
    served = 1 - waits + late
    return Quality(
        agents=agents,
        waits=waits,
        wait=queue / load.arrivals,
        queue=queue,
        served_in_time=served,
        served_in_time_of_rest=served / (1 - given_up),
        abandoned=abandoned,
        occupancy=load.erlangs * (1 - abandoned) / agents,
    )


def _waiting_places(load: Load, agents: int) -> list[float]:
    """p_j: probability that every agent is busy and j callers wait."""
    below = inverse_blocking(load.erlangs, agents) - 1.0
    if math.isinf(below):
        return [0.0]
    logs = [0.0]
    highest = 0.0
    while logs[-1] >= highest + _NEGLIGIBLE:
        leaving = agents / load.handling + len(logs) / load.patience
        logs.append(logs[-1] + math.log(load.arrivals / leaving))
        highest = max(highest, logs[-1])
    weights = [math.exp(each - highest) for each in logs]
    total = math.fsum(weights) + below * math.exp(-highest)
    return [each / total for each in weights]


def _too_late(load: Load, agents: int, places: list[float], within: float) -> tuple[float, float]:
    """Of who waits: the share that is served within the target, and the share that gives up before it."""
    rate = agents / load.handling * load.patience
    gone = -math.expm1(-within / load.patience)
    stays = 1 - gone
    upper = _betas(gone, rate + 1, len(places))
    lower = _betas(gone, rate, len(places))
    served = [rate / (rate + j + 1) * upper[j] for j in range(len(places))]
    left = [1 - stays * (1 - lower[j]) - served[j] for j in range(len(places))]
    return (
        math.fsum(p * each for p, each in zip(places, served, strict=True)),
        math.fsum(p * each for p, each in zip(places, left, strict=True)),
    )


def still_waiting(load: Load, agents: int) -> Callable[[float], float]:
    """Minutes -> share of callers who would wait longer, if they did not hang up themselves.

    Who finds j waiting is served after j + 1 have left the queue: the time has the distribution I_x(j+1, c).
    """
    if math.isinf(load.patience) or agents <= 0:
        waits = waiting_c(load.erlangs, agents)
        spare = max(0.0, agents / load.handling - load.arrivals)
        return lambda minutes: waits * math.exp(-spare * minutes)
    places = _waiting_places(load, agents)
    rate = agents / load.handling * load.patience

    def share(minutes: float) -> float:
        through = _betas(-math.expm1(-minutes / load.patience), rate, len(places))
        return math.fsum(p * (1 - each) for p, each in zip(places, through, strict=True))

    return share


def _betas(x: float, b: float, count: int) -> list[float]:
    """Regularised incomplete beta I_x(j+1, b) for j = 0, 1, …: each from the one before, in logarithms."""
    if x <= 0:
        return [0.0] * count
    stays = math.log1p(-x)
    found = [-math.expm1(b * stays)]
    step = math.log(x) + b * stays + math.log(b)
    for j in range(count - 1):
        found.append(max(0.0, found[-1] - math.exp(step)))
        step += math.log(x * (b + j + 1) / (j + 2))
    return found


def agents_needed(load: Load, goal: Goal = LIMITED) -> int:
    """The fewest agents that meet the goal; Erlang A, or C where nobody hangs up. 0 without calls."""
    if load.arrivals <= 0:
        return 0
    most = max(1, math.ceil(load.erlangs))
    while not _meets(load, most, goal):
        most *= 2
    least = 0
    while most - least > 1:
        middle = (least + most) // 2
        if _meets(load, middle, goal):
            most = middle
        else:
            least = middle
    return most


def _meets(load: Load, agents: int, goal: Goal) -> bool:
    return goal.met_by(erlang_a(load, agents, within=goal.within))


def with_redials(load: Load, agents: int, share: float) -> Load:
    """The load once a share of those who gave up call again: the fixed point, found with damping."""
    arrivals = load.arrivals
    for _round in range(_ROUNDS):
        tried = Load(arrivals=arrivals, handling=load.handling, patience=load.patience)
        wanted = load.arrivals + share * erlang_a(tried, agents).abandoned * arrivals
        if abs(wanted - arrivals) < _SETTLED * max(1.0, wanted):
            break
        arrivals += _DAMPING * (wanted - arrivals)
    return Load(arrivals=arrivals, handling=load.handling, patience=load.patience)


def _idle(agents: int) -> Quality:
    return Quality(
        agents=agents, waits=0.0, wait=0.0, queue=0.0, served_in_time=1.0,
        served_in_time_of_rest=1.0, abandoned=0.0, occupancy=0.0,
    )  # fmt: skip


def _swamped(agents: int) -> Quality:
    return Quality(
        agents=agents, waits=1.0, wait=math.inf, queue=math.inf, served_in_time=0.0,
        served_in_time_of_rest=0.0, abandoned=0.0, occupancy=1.0,
    )  # fmt: skip
