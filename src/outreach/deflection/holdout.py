"""What a holdout shows: told against never told, by Newcombe's interval and by a ratio of risks.

Newcombe 1998, method 10: the interval of a difference of proportions from Wilson's of each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from outreach.deflection.estimate import Z
from outreach.model.deflection import Called, Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Campaign reduction: calling households without the campaign less those with it; not theta_msg."""

    told: Called
    held_out: Called
    difference: float
    """p0 - p1: share of households that the campaign kept from calling."""
    difference_interval: Interval
    ratio: float
    """p1 / p0."""
    ratio_interval: Interval
    theta: float | None = None
    """The ratio among the reachable; None where receipts do not tell who they are."""
    theta_interval: Interval | None = None


def contrast(
    told: Called,
    held_out: Called,
    *,
    delivered: Called | None = None,
    undelivered: Called | None = None,
) -> Contrast | None:
    """The comparison; None where a side has nobody in it.

    delivered, undelivered: parts of the told, for the ratio among those whom a message reaches.
    """
    if not told.households or not held_out.households:
        return None
    difference, limits = newcombe(held_out, told)
    ratio, ratio_limits = risk_ratio(told, held_out)
    reached = _reached(held_out, delivered, undelivered)
    return Contrast(
        told=told, held_out=held_out, difference=difference, difference_interval=limits,
        ratio=ratio, ratio_interval=ratio_limits,
        theta=reached[0] if reached else None, theta_interval=reached[1] if reached else None,
    )  # fmt: skip


def wilson(group: Called) -> Interval:
    """95 % limits of the share that called."""
    n, p = group.households, group.called / group.households
    middle = p + Z**2 / (2 * n)
    reach = Z * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return Interval(low=(middle - reach) / (1 + Z**2 / n), high=(middle + reach) / (1 + Z**2 / n))


def newcombe(one: Called, other: Called) -> tuple[float, Interval]:
    """Share of `one` less share of `other`, with its 95 % limits."""
    p0, p1 = one.called / one.households, other.called / other.households
    of0, of1 = wilson(one), wilson(other)
    low = math.hypot(p0 - of0.low, of1.high - p1)
    high = math.hypot(of0.high - p0, p1 - of1.low)
    return p0 - p1, Interval(low=p0 - p1 - low, high=p0 - p1 + high)


def risk_ratio(told: Called, held_out: Called) -> tuple[float, Interval]:
    """p1/p0 with its 95 % limits; nobody called counts as half a household."""
    x1, x0 = max(told.called, 0.5), max(held_out.called, 0.5)
    ratio = (x1 / told.households) / (x0 / held_out.households)
    square = max(1 / x1 - 1 / told.households, 0.0) + max(1 / x0 - 1 / held_out.households, 0.0)
    return ratio, _around(ratio, square)


def _reached(
    held_out: Called, delivered: Called | None, undelivered: Called | None
) -> tuple[float, Interval] | None:
    """theta among the reachable: the undelivered stand for their equals among those held out."""
    if delivered is None or undelivered is None or not delivered.called or not held_out.called:
        return None
    r = delivered.households / (delivered.households + undelivered.households)
    p_d, p0 = (each.called / each.households for each in (delivered, held_out))
    p_u = undelivered.called / undelivered.households if undelivered.households else 0.0
    reachable = (p0 - (1 - r) * p_u) / r
    if reachable <= 0:
        return None
    spread = _spread(held_out) + (1 - r) ** 2 * _spread(undelivered)
    square = _spread(delivered) / p_d**2 + spread / (r * reachable) ** 2
    theta = p_d / reachable
    return theta, _around(theta, square)


def _spread(group: Called) -> float:
    if not group.households:
        return 0.0
    p = group.called / group.households
    return p * (1 - p) / group.households


def _around(ratio: float, square: float) -> Interval:
    reach = math.exp(Z * math.sqrt(square))
    return Interval(low=ratio / reach, high=ratio * reach)
