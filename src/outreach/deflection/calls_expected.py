"""How many calls outages bring, half-hour by half-hour, without messages and with them: a model, not a measurement.

A customer without supply calls at the rate h(t) of the minutes since it began; a message lowers the rate by the share
`deflection` from then on; each call is repeated with probability `repeats`. The shape of h is the one by which
`deflection.simulate` draws: e^(-t/45) (1 - e^(-t/4)) + 0.15 e^(-t/600), scaled to `each` calls in the first six hours.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.deflection.staffing import LIMITED, Goal, Load, agents_needed

HALF_HOUR = timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
_SIX_HOURS = 360.0
_FAST, _RISE, _SLOW, _FLOOR = 45.0, 4.0, 600.0, 0.15
_BOTH = 1 / (1 / _FAST + 1 / _RISE)

Steps = Sequence[tuple[datetime, int]]
"""(from when, how many), in order of time; nobody before the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallModel:
    """What is assumed of callers. None of it is measured here."""

    each: float = 0.15
    """Calls of an average customer in the first six hours of an outage."""
    repeats: float = 0.20
    deflection: float = 0.25
    """Share of its calls that a message prevents; the middle of what the forecast believes beforehand."""
    other: float = 0.0
    """Calls about other things, in half an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What is assumed of the contact center."""

    handling: float = 4.0
    """Minutes a call takes an agent."""
    patience: float = 2.0
    """Mean minutes until a waiting caller hangs up."""
    hourly: float = 6.0
    """Cost of an agent's hour."""
    goal: Goal = LIMITED


@dataclass(frozen=True, slots=True, kw_only=True)
class Dark:
    """One outage as the callers feel it."""

    start_at: datetime
    out: Steps
    """Customers without supply; a last entry of 0 ends it."""
    told: Steps
    """Customers who have had a message, all together by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfHour:
    """Calls, agents and their cost of half an hour, without messages and with them."""

    at: datetime
    calls_without: float
    calls_with: float
    agents_without: int
    agents_with: int
    cost_without: float
    cost_with: float


def expected(
    outages: Iterable[Dark],
    model: CallModel,
    desk: Desk,
    *,
    start: datetime,
    end: datetime,
) -> list[HalfHour]:
    """The half-hours from `start` to `end`; who is in two outages at once counts in both."""
    count = max(1, math.ceil((end - start) / HALF_HOUR))
    without, told = [model.other] * count, [model.other] * count
    for dark in outages:
        for at, calls, share in _minutes(dark, model, until=end):
            place = (at - start) // HALF_HOUR
            if 0 <= place < count:
                without[place] += calls
                told[place] += calls * (1 - model.deflection * share)
    return [
        _half_hour(start + place * HALF_HOUR, before, after, desk)
        for place, (before, after) in enumerate(zip(without, told, strict=True))
    ]


def _minutes(
    dark: Dark, model: CallModel, *, until: datetime
) -> Iterator[tuple[datetime, float, float]]:
    """(minute, calls without messages, share of those out who have been told)."""
    most, at = 0, dark.start_at
    out_at, told_at = [each for each, _count in dark.out], [each for each, _count in dark.told]
    for minute in range(max(0, (until - dark.start_at) // MINUTE)):
        at = dark.start_at + minute * MINUTE
        out = _count(dark.out, out_at, at)
        most = max(most, out)
        if out:
            share = min(1.0, _count(dark.told, told_at, at) / most)
            calls = out * (_calls_until(minute + 1.0) - _calls_until(float(minute)))
            yield at, calls * model.each * (1 + model.repeats), share


def _count(steps: Steps, instants: list[datetime], at: datetime) -> int:
    place = bisect_right(instants, at)
    return steps[place - 1][1] if place else 0


def _calls_until(minute: float) -> float:
    """Share of the first six hours' calls that come by a minute; above 1 after them."""
    return _shape(minute) / _shape(_SIX_HOURS)


def _shape(minute: float) -> float:
    """The integral of h from 0, in closed form."""
    early = _FAST * -math.expm1(-minute / _FAST) - _BOTH * -math.expm1(-minute / _BOTH)
    return early + _FLOOR * _SLOW * -math.expm1(-minute / _SLOW)


def _half_hour(at: datetime, without: float, told: float, desk: Desk) -> HalfHour:
    agents_without, agents_with = _agents(without, desk), _agents(told, desk)
    hourly = desk.hourly * (HALF_HOUR / timedelta(hours=1))
    return HalfHour(
        at=at,
        calls_without=without,
        calls_with=told,
        agents_without=agents_without,
        agents_with=agents_with,
        cost_without=agents_without * hourly,
        cost_with=agents_with * hourly,
    )


def _agents(calls: float, desk: Desk) -> int:
    arrivals = calls / (HALF_HOUR / MINUTE)
    load = Load(arrivals=arrivals, handling=desk.handling, patience=desk.patience)
    return agents_needed(load, desk.goal)
