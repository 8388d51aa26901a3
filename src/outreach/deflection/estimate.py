"""How many calls a message prevents: Mantel-Haenszel over minutes of a randomised send order.

Formulas: Greenland and Robins 1985 for the rate ratio of sparse strata; variance clustered by
household; the undeliverable stand in for their equals among the unsent, so that what is left are
the reachable, with no model of who is unreachable.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime

from outreach.deflection.episodes import (
    Arm,
    Episode,
    Exposure,
    Weights,
    counted,
    episodes as find_episodes,
    exposure as person_time,
    measured_grace,
)
from outreach.deflection.refusals import Design, refusals, warnings
from outreach.model.deflection import (
    Deflection,
    EpisodeCounts,
    IdentifiedCall,
    Interval,
    Slot,
    Sums,
    Verdict,
)

Z = 1.959963984540054
WIDEST = 0.5
"""Half-width of log theta beyond which nothing is printed."""


def estimate(
    slots: Sequence[Slot],
    calls: Sequence[IdentifiedCall],
    *,
    start: datetime,
    design: Design,
    grace: Mapping[str, float] | None = None,
    identified_share: float | None = None,
) -> Deflection:
    """theta_msg and theta_ITT of one run, or the reasons why there is none.

    slots: one per household and wave. calls: of households of those slots, any order.
    start: of the outage. grace: minutes by channel; None measures it from the receipts.
    identified_share: identified calls / all calls to the outage number, for the scaled count.
    """
    wait = dict(grace) if grace is not None else measured_grace(slots)
    exposure = person_time(slots, start, wait)
    found, repeats = find_episodes(slots, calls, start, wait)
    measured = from_sums(
        summed(exposure, found),
        reasons=refusals(slots, exposure, design),
        warnings=warnings(slots, wait),
        identified_share=identified_share,
    )
    return with_evidence(measured, counted(found, repeats), wait)


def with_evidence(
    measured: Deflection, counts: EpisodeCounts, grace: Mapping[str, float]
) -> Deflection:
    """The same estimate with what it was made from."""
    return replace(measured, counts=counts, grace=tuple(sorted(grace.items())))


def summed(exposure: Exposure, found: Iterable[Episode]) -> Sums:
    """The sufficient statistics of these episodes; a household is one cluster over all waves."""
    tables = {stratum: exposure.table(stratum) for stratum in exposure.unsent}
    return added_up(
        (each.household, each.arm, weight_at(tables.get(each.stratum, ()), each.minute))
        for each in found
    )


def weight_at(table: Sequence[Weights], minute: int) -> Weights:
    """(w0, w1) of a minute; zeros where nobody was at risk."""
    return table[minute] if minute < len(table) else _NOTHING


_NOTHING: Weights = (0.0, 0.0)
_PLACE: dict[str, int] = {Arm.DELIVERED: 0, Arm.UNDELIVERED: 1, Arm.UNSENT: 2}


def added_up(parts: Iterable[tuple[Hashable, str, Weights]]) -> Sums:
    """The same from (household, arm, weights of its minute); about 1 µs each.

    Most calls fall into minutes in which nobody is left to compare with: these only count.
    """
    weight, squares, number = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0, 0, 0]
    cross = 0.0
    homes: dict[Hashable, list[float]] = {}
    for household, arm, (w0, w1) in parts:
        place = _PLACE.get(arm)
        if place is None:
            continue
        number[place] += 1
        own = w1 if place == 2 else w0  # noqa: PLR2004  the unsent
        if own:
            weight[place] += own
            squares[place] += own * own
            cross += w0 * w1
            home = homes.get(household)
            if home is None:
                home = homes[household] = [0.0, 0.0, 0.0]
            home[place] += own
    return Sums(
        delivered_w0=weight[0],
        undelivered_w0=weight[1],
        unsent_w1=weight[2],
        itt_cross=cross,
        plain_xx=squares[0],
        plain_yy=squares[2] + squares[1],
        delivered_episodes=number[0],
        episodes=sum(number),
        **_clustered(homes.values()),
    )


def _clustered(homes: Iterable[Sequence[float]]) -> dict[str, float]:
    sxx = sxy = syy = itt_xx = itt_xy = itt_yy = 0.0
    for delivered, undelivered, unsent in homes:
        y, told = unsent - undelivered, delivered + undelivered
        sxx, sxy, syy = sxx + delivered * delivered, sxy + delivered * y, syy + y * y
        itt_xx, itt_xy, itt_yy = itt_xx + told * told, itt_xy + told * unsent, itt_yy + unsent**2
    return {
        "sxx": sxx, "sxy": sxy, "syy": syy, "itt_xx": itt_xx, "itt_xy": itt_xy, "itt_yy": itt_yy,
    }  # fmt: skip


def pooled(parts: Iterable[Sums]) -> Sums:
    """Sums over campaigns, waves or channels; ratios are never averaged."""
    total = summed(Exposure(unsent={}, told={}), ())
    for part in parts:
        total = Sums(
            **{f.name: getattr(total, f.name) + getattr(part, f.name) for f in fields(Sums)}
        )
    return total


def from_sums(
    sums: Sums,
    *,
    reasons: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
    identified_share: float | None = None,
) -> Deflection:
    """Applies the formulas; any reason, or sums without comparison, make a refusal.

    The numbers of "not enough calls yet" are kept for pooling and must not be printed.
    """
    refused = (*reasons, *_empty(sums))
    if refused:
        return refusal(*refused, sums=sums)
    told, unsent = sums.delivered_w0, sums.unsent_w1 - sums.undelivered_w0
    theta = told / unsent
    variance = _variance(sums.sxx, sums.sxy, sums.syy, told, unsent)
    interval = _interval(theta, variance)
    avoided = sums.delivered_episodes * (1 / theta - 1)
    return replace(
        _with_itt(sums),
        verdict=_verdict(interval, variance),
        reasons=warnings,
        sums=sums,
        theta_msg=theta,
        variance=variance,
        theta_interval=interval,
        plain_variance=_variance(sums.plain_xx, 0.0, sums.plain_yy, told, unsent),
        calls_avoided=avoided,
        calls_avoided_interval=Interval(
            low=sums.delivered_episodes * (1 / interval.high - 1),
            high=sums.delivered_episodes * (1 / interval.low - 1),
        ),
        identified_share=identified_share,
        calls_avoided_scaled=avoided / identified_share if identified_share else None,
    )


def _with_itt(sums: Sums) -> Deflection:
    told, unsent = sums.delivered_w0 + sums.undelivered_w0, sums.unsent_w1
    theta = told / unsent
    clustered = _variance(sums.itt_xx, sums.itt_xy, sums.itt_yy, told, unsent)
    return replace(
        refusal(),
        theta_itt=theta,
        itt_variance=sums.itt_cross / (told * unsent),
        itt_clustered_variance=clustered,
        itt_interval=_interval(theta, clustered),
    )


def refusal(*reasons: str, sums: Sums | None = None) -> Deflection:
    """No number, and why."""
    return Deflection(
        verdict=Verdict.REFUSED,
        reasons=reasons,
        sums=sums,
        theta_msg=None,
        variance=None,
        theta_interval=None,
        theta_itt=None,
        itt_variance=None,
        itt_interval=None,
        calls_avoided=None,
        calls_avoided_interval=None,
        identified_share=None,
        measured_at=None,
    )


def reduction(measured: Deflection) -> tuple[float, Interval] | None:
    """Deflection = 1 - theta_msg with its limits; None where it may not be printed."""
    if not measured.publishable or measured.theta_msg is None or measured.theta_interval is None:
        return None
    limits = measured.theta_interval
    return 1 - measured.theta_msg, Interval(low=1 - limits.high, high=1 - limits.low)


def _empty(sums: Sums) -> Iterable[str]:
    if sums.delivered_w0 <= 0:
        yield "no reached household called while others of its class still waited"
    if sums.unsent_w1 - sums.undelivered_w0 <= 0:
        yield "too few waiting households called to stand for the reached ones"


def _variance(xx: float, xy: float, yy: float, told: float, unsent: float) -> float:
    return max(0.0, xx / told**2 - 2 * xy / (told * unsent) + yy / unsent**2)


def _interval(theta: float, variance: float) -> Interval:
    reach = math.exp(Z * math.sqrt(variance))
    return Interval(low=theta / reach, high=theta * reach)


def _verdict(interval: Interval, variance: float) -> Verdict:
    if Z * math.sqrt(variance) > WIDEST:
        return Verdict.NOT_ENOUGH
    if interval.high < 1:
        return Verdict.DEFLECTS
    return Verdict.ADDS_CALLS if interval.low > 1 else Verdict.NO_DIFFERENCE
