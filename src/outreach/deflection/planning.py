"""What a campaign could show before it is sent: the smallest effect that its calls can tell."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

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
