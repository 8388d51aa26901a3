"""What a campaign could show before it is sent: the smallest effect that its calls can tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate

POWER = 2.8
"""Normal quantiles of 97.5 % and 80 % together: 5 % two-sided, 80 % power."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detectable:
    """Planned precision; the standard errors are of log theta."""

    info: float
    se_itt: float
    se_msg: float
    deflection: float
    """The smallest that would be seen four times in five."""


def minimum_detectable(
    minutes: Iterable[tuple[float, float]], *, reachable_share: float
) -> Detectable | None:
    """Minimum detectable deflection of a planned run, or None where it could show nothing.

    minutes: per minute, expected identified episodes and the share of those at risk who are past
    slot + grace. reachable_share: of identified calls, those from households that a message
    reaches, in (0, 1].
    """
    info = sum(episodes * told * (1 - told) for episodes, told in minutes)
    if info <= 0 or reachable_share <= 0:
        return None
    se_itt = 1 / math.sqrt(info)
    se_msg = se_itt / reachable_share
    return Detectable(
        info=info, se_itt=se_itt, se_msg=se_msg, deflection=1 - math.exp(-POWER * se_msg)
    )


def linear_rollout(
    episodes_a_minute: float, *, rollout_minutes: int, grace: float = 2.0
) -> list[tuple[float, float]]:
    """Minutes of an even rollout under a steady call rate, for a first plan without a forecast."""
    return [
        (episodes_a_minute, min(1.0, max(0.0, (minute + 0.5 - grace) / rollout_minutes)))
        for minute in range(math.ceil(rollout_minutes + grace))
    ]


# ── a run that is planned ───────────────────────────────────────────────────────────────────────

HORIZON = 360
"""Minutes of an outage that are planned for."""
CALLS_EACH = 0.15
"""Expected calls of an average household over the horizon, where nothing better is known."""
MULTIPLIERS: Mapping[str, float] = {"A": 1.5, "B": 2.0, "C": 1.0}
"""How much more a class calls."""
IDENTIFIED = 0.70
EPISODES = 0.937
"""Share of first calls that begin an episode; the others follow within the hour (simulated)."""
REACHABLE = 0.791
"""Share of identified calls from households whom a message reaches."""


def _rate(minute: float) -> float:
    """Calls a minute of those without supply, not scaled: a rise, a peak, and a long floor."""
    rise = math.exp(-minute / 45) * (1 - math.exp(-minute / 4))
    return rise + 0.15 * math.exp(-minute / 600)


_MIDDLES = [_rate(minute + 0.5) for minute in range(HORIZON)]
_CURVE = [CALLS_EACH * rate / sum(_MIDDLES) for rate in _MIDDLES]
_UNTIL = [0.0, *accumulate(_CURVE)]


def calls_until(minute: float) -> float:
    """H: expected calls of an average household by this minute of an outage that lasts."""
    held = min(max(minute, 0.0), HORIZON - 1e-9)
    whole = int(held)
    return _UNTIL[whole] + (held - whole) * _CURVE[whole]


def still_out(minute: float) -> float:
    """Share of the households still without supply: a third comes back within 200 minutes, the rest after 240."""
    early = min(1.0, max(0.0, (minute - 60) / 140))
    late = min(1.0, max(0.0, (minute - 240) / 120))
    return 1 - 0.35 * early - 0.65 * late


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """A send order as planned; minutes since the outage began."""

    households: Mapping[str, int]
    """By class; they leave in the order of their letters."""
    starts: float
    lasts: float
    """Until the last regular slot."""
    tail_share: float = 0.0
    """Of classes B and C."""
    tail_minutes: float = 0.0
    """After the last regular slot."""
    grace: float = 2.15
    identified: float = IDENTIFIED
    multipliers: Mapping[str, float] = field(default_factory=lambda: MULTIPLIERS)


def planned_minutes(rollout: Rollout) -> Iterator[tuple[float, float]]:
    """Per class and minute: expected identified episodes, and the share of those at risk past slot + grace."""
    everybody = sum(rollout.households.values())
    weighed = sum(n * rollout.multipliers[c] for c, n in rollout.households.items())
    if not everybody:
        return
    regular = {c: n * (1 - _tail_of(rollout, c)) for c, n in rollout.households.items()}
    all_regular = sum(regular.values())
    before = 0.0
    for name, count in sorted(rollout.households.items()):
        of_mean = rollout.multipliers[name] * everybody / weighed
        first = rollout.starts + rollout.lasts * before / all_regular
        span = max(rollout.lasts * regular[name] / all_regular, 1e-9)
        before += regular[name]
        for minute in range(HORIZON):
            middle = minute + 0.5
            waiting = 1 - _sent(rollout, name, middle, (first, span))
            told = _sent(rollout, name, middle - rollout.grace, (first, span))
            calls = count * of_mean * rollout.identified * EPISODES * _CURVE[minute]
            calls *= still_out(middle)
            # Who is between slot and grace counts nowhere.
            if waiting + told > 0:
                yield calls * (waiting + told), told / (waiting + told)


def _sent(rollout: Rollout, name: str, minute: float, slots: tuple[float, float]) -> float:
    """Share of a class whose slot has passed; slots: the first regular one, and over how long they spread."""
    tail = _tail_of(rollout, name)
    at = rollout.starts + rollout.lasts + rollout.tail_minutes
    return (1 - tail) * _share(minute - slots[0], slots[1]) + tail * (minute >= at)


def _tail_of(rollout: Rollout, name: str) -> float:
    return 0.0 if name == "A" else rollout.tail_share


def _share(passed: float, span: float) -> float:
    return min(1.0, max(0.0, passed / span))


def tail_price(rollout: Rollout, *, deflection: float) -> float:
    """Calls that a late tail costs: q*N*deflection*(H(t_end + D) - H(t_end))."""
    end = rollout.starts + rollout.lasts
    kept_back = sum(n * _tail_of(rollout, c) for c, n in rollout.households.items())
    return kept_back * deflection * (calls_until(end + rollout.tail_minutes) - calls_until(end))
