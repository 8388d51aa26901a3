"""Simulated waits of storm nights, to see what thresholds, confirmations and least times are worth.

A trace is six hours of the p80 wait, minute by minute: 3 s, then from minute 20 to 60 a storm that
takes 18 to 38 minutes to its peak of 5 to 15 minutes (log-uniform) and dies away exponentially with
a time constant of 60 to 75 minutes. What is seen of it is off by a factor exp(0.25 z), z an AR(1)
series of correlation 0.7 and variance 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from statistics import fmean

from outreach.contactcenter.directive_rules import MINUTE, Rules, first, next_state, wish_of
from outreach.model.contactcenter import DirectiveKind

MINUTES = 360
SEED = 2
_QUIET_S = 3.0
_NOISE, _CORRELATION = 0.25, 0.7
_BEGIN = datetime(2026, 7, 12, tzinfo=UTC)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Switching = Callable[[Sequence[float], Rules], list[bool]]
"""Waits as seen, a minute each -> whether a directive is on in that minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One night: what the waits were, and what was seen of them, in seconds."""

    waits: tuple[float, ...]
    seen: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How one way of switching fared, a mean a night."""

    toggles: float
    toggles_p95: int
    missed: float
    """Minutes off while the wait was over the threshold."""
    lag: float
    """Minutes from the wait's first crossing to on."""
    overrun: float
    """Minutes on while the wait was under the threshold: the price."""


def traces(count: int, seed: int = SEED) -> Iterator[Trace]:
    """So many nights; the same seed gives the same ones."""
    random = Random(seed)  # noqa: S311  a simulation
    for _ in range(count):
        waits = _night(random)
        yield Trace(waits=waits, seen=_seen(waits, random))


def _night(random: Random) -> tuple[float, ...]:
    peak = math.exp(random.uniform(math.log(300), math.log(900)))
    begin, rise, fall = random.uniform(20, 60), random.uniform(18, 38), random.uniform(60, 75)

    def at(minute: int) -> float:
        risen = min(1.0, max(0.0, (minute - begin) / rise))
        fallen = math.exp(-max(0.0, minute - begin - rise) / fall)
        return _QUIET_S + (peak - _QUIET_S) * risen * fallen

    return tuple(map(at, range(MINUTES)))


def _seen(waits: Sequence[float], random: Random) -> tuple[float, ...]:
    seen, off = [], random.gauss()
    for wait in waits:
        seen.append(wait * math.exp(_NOISE * off))
        off = _CORRELATION * off + math.sqrt(1 - _CORRELATION**2) * random.gauss()
    return tuple(seen)


def naive(seen: Sequence[float], rules: Rules) -> list[bool]:
    """One threshold, heeded at once."""
    return [wait >= rules.wait_on_s for wait in seen]


def thresholds(seen: Sequence[float], rules: Rules) -> list[bool]:
    """Two thresholds, heeded at once."""
    states, on = [], False
    for wait in seen:
        on = wait > rules.wait_off_s if on else wait >= rules.wait_on_s
        states.append(on)
    return states


def confirmed(seen: Sequence[float], rules: Rules) -> list[bool]:
    """As directives switch: two thresholds, confirmations, least times."""
    state = first(DirectiveKind.WAIT_ANNOUNCEMENT, "simulated", long_ago=_LONG_AGO)
    states = []
    for minute, wait in enumerate(seen):
        now = _BEGIN + minute * MINUTE
        wish = wish_of(wait, on=rules.wait_on_s, off=rules.wait_off_s)
        state = next_state(state, wish, evidence_at=now, now=now, rules=rules)
        states.append(state.on)
    return states


WAYS: dict[str, Switching] = {"naive": naive, "thresholds": thresholds, "all": confirmed}


def judged(way: Switching, nights: Sequence[Trace], rules: Rules | None = None) -> Figures:
    """The figures of one way over these nights."""
    rules = rules or Rules()
    switched = [way(night.seen, rules) for night in nights]
    busy = [[wait >= rules.wait_on_s for wait in night.waits] for night in nights]
    pairs = list(zip(switched, busy, strict=True))
    toggles = sorted(_toggles(on) for on in switched)
    return Figures(
        toggles=fmean(toggles),
        toggles_p95=toggles[math.ceil(0.95 * len(toggles)) - 1],
        missed=fmean(_minutes(pair, on=False) for pair in pairs),
        lag=fmean(_lag(on, needed) for on, needed in pairs),
        overrun=fmean(_minutes(pair, on=True) for pair in pairs),
    )


def _toggles(on: Sequence[bool]) -> int:
    return sum(before != after for before, after in zip([False, *on], on, strict=False))


def _minutes(pair: tuple[Sequence[bool], Sequence[bool]], *, on: bool) -> int:
    """Minutes in which it was on (off) and should not have been."""
    return sum(is_on == on != is_needed for is_on, is_needed in zip(*pair, strict=True))


def _lag(on: Sequence[bool], needed: Sequence[bool]) -> int:
    """Minutes; the rest of the night where it never came on."""
    crossed = needed.index(True)
    return next((late for late, is_on in enumerate(on[crossed:]) if is_on), len(on) - crossed)
