"""Agents for a quarter-hour of calls, and how long callers wait with those there are: staffing put to use.

Callers who gave up and call again are part of the load; where calls move by more than a fifth in a quarter-hour, a
steady queue says too little, and the fluid queue Q' = lam - mu min(X, n) - theta max(X - n, 0) is looked at too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from outreach.deflection.staffing import (
    LIMITED,
    Goal,
    Load,
    agents_needed,
    still_waiting,
    with_redials,
)

QUARTER_MINUTES = 15.0
MOVED = 0.20
"""From this change in a quarter-hour on the fluid queue is looked at."""
MOST_WAIT_S = 7_200.0
"""Stands for any longer wait, and for one that never ends."""
_STEP = 0.25
_ROUNDS = 20
_EXACT_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long a caller waits who does not hang up, in seconds: longer than it one in five, and one in ten."""

    p80: float
    p90: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Who takes the calls of a queue, and what is promised."""

    handling: float = 4.0
    """Minutes a call takes an agent."""
    patience: float = 2.0
    """Mean minutes until a waiting caller hangs up."""
    redials: float = 0.5
    """Share of those who gave up that calls again."""
    goal: Goal = LIMITED


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One quarter-hour: agents needed, and the wait with those there are (None: nobody said how many)."""

    agents: int
    waits: Waits | None


def needed(calls: float, desk: Desk) -> int:
    """Agents for so many fresh calls in a quarter-hour, redials of those who still give up included."""
    fresh = _load(calls, desk)
    agents = agents_needed(fresh, desk.goal)
    for _round in range(_ROUNDS):
        again = agents_needed(with_redials(fresh, agents, desk.redials), desk.goal)
        if again <= agents:
            return agents
        agents = again
    return agents


def expected_wait(load: Load, agents: int) -> Waits:
    """Quantiles of the wait in a steady queue: Erlang A, or C where nobody hangs up; 0 where four of five find an agent."""
    return Waits(p80=_quantile(load, agents, 0.2), p90=_quantile(load, agents, 0.1))


def plan(
    calls: Sequence[float],
    staffed: Sequence[int | None],
    desk: Desk,
    *,
    before: float | None = None,
    waiting: int = 0,
) -> list[Need]:
    """Each quarter-hour ahead. calls: to be staffed for, mostly p80. before: calls of the last; waiting: callers now."""
    found: list[Need] = []
    last, held = before, float(waiting)
    for count, agents in zip(calls, staffed, strict=True):
        moves = last is not None and abs(count - last) > MOVED * max(last, 1.0)
        need = needed(count, desk)
        if moves or held:
            need = _draining(count, need, held, desk)
        waits = None
        if agents is not None:
            waits, held = _waits(count, agents, held, desk, looks_at_fluid=moves or held > 0)
        else:
            held = 0.0
        found.append(Need(agents=need, waits=waits))
        last = count
    return found


def _draining(calls: float, agents: int, held: float, desk: Desk) -> int:
    """More agents, if with these the callers who wait already are not through after a quarter-hour."""
    while _path(calls, agents, held, desk)[-1] - agents > max(1.0, calls / QUARTER_MINUTES / 3):
        agents += max(1, agents // 50)
    return agents


def _waits(
    calls: float, agents: int, held: float, desk: Desk, *, looks_at_fluid: bool
) -> tuple[Waits, float]:
    """(waits, callers who wait at the end). A moving queue is never shown as better than the steady one."""
    load = _load(calls, desk)
    if agents > 0:
        load = with_redials(load, agents, desk.redials)
    steady = expected_wait(load, agents)
    path = _path(calls, agents, held, desk)
    left = max(0.0, path[-1] - agents)
    if not looks_at_fluid:
        return steady, left
    waits = sorted(_fluid_wait(each, agents, desk) for each in path)
    last = len(waits) - 1
    moving = Waits(p80=waits[round(0.8 * last)], p90=waits[round(0.9 * last)])
    worst = Waits(p80=max(steady.p80, moving.p80), p90=max(steady.p90, moving.p90))
    return worst, left


def _path(calls: float, agents: int, held: float, desk: Desk) -> list[float]:
    """Callers in the fluid queue, served or waiting, over a quarter-hour that begins with `held` waiting."""
    load = _load(calls, desk)
    x = agents + held if held else min(float(agents), load.erlangs)
    path = [x]
    for _step in range(int(QUARTER_MINUTES / _STEP)):
        leaving = min(x, agents) / desk.handling + max(x - agents, 0.0) / desk.patience
        x = max(0.0, x + _STEP * (load.arrivals - leaving))
        path.append(x)
    return path


def _fluid_wait(x: float, agents: int, desk: Desk) -> float:
    """Seconds until those ahead are served or gone."""
    held = max(0.0, x - agents)
    if not held:
        return 0.0
    if not agents:
        return MOST_WAIT_S
    served = agents / desk.handling
    if math.isinf(desk.patience):
        return min(MOST_WAIT_S, 60 * held / served)
    return min(MOST_WAIT_S, 60 * desk.patience * math.log1p(held / desk.patience / served))


def _load(calls: float, desk: Desk) -> Load:
    return Load(arrivals=calls / QUARTER_MINUTES, handling=desk.handling, patience=desk.patience)


def _quantile(load: Load, agents: int, share: float) -> float:
    """Seconds that this share of callers waits longer than; by bisection."""
    if load.arrivals <= 0:
        return 0.0
    if agents <= 0:
        return MOST_WAIT_S
    waits = still_waiting(load, agents)
    if waits(0.0) <= share:
        return 0.0
    low, high = 0.0, 1.0
    while waits(high / 60) > share:
        low, high = high, 2 * high
        if low >= MOST_WAIT_S:
            return MOST_WAIT_S
    while high - low > _EXACT_S:
        middle = (low + high) / 2
        low, high = (middle, high) if waits(middle / 60) > share else (low, middle)
    return min(MOST_WAIT_S, high)


def by_skill(calls: float, shares: dict[str, float], desk: Desk) -> dict[str, int]:
    """Agents of each skill for its share of the calls, each on its own: skills cannot help each other out."""
    return {skill: needed(calls * share, desk) for skill, share in shares.items()}


def with_handling(desk: Desk, minutes: float | None) -> Desk:
    """The same desk where a call takes so long; None: as it is."""
    return desk if minutes is None else replace(desk, handling=minutes)
