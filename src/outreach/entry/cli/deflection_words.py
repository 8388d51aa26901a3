"""The measured effect in words: each number with its interval and its method, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Iterator

from outreach.deflection.evidence import Band
from outreach.deflection.holdout import Contrast
from outreach.deflection.planning import POWER, linear_rollout, minimum_detectable
from outreach.deflection.saved import saved
from outreach.entry.cli.command import Context
from outreach.entry.cli.occasions_named import CHANNELS
from outreach.entry.languages import N_, _
from outreach.model.deflection import Deflection, Interval, Verdict
from outreach.model.words import Channel

VERDICTS = {
    Verdict.DEFLECTS: N_("deflects calls"),
    Verdict.ADDS_CALLS: N_("adds calls"),
    Verdict.NO_DIFFERENCE: N_("no difference shown"),
    Verdict.NOT_ENOUGH: N_("not enough calls yet"),
    Verdict.REFUSED: N_("refused"),
}
_METHOD = N_(
    "  method: message deflection, 1 - theta_msg: randomised send order, Mantel-Haenszel by minute,"
    " clustered by household"
)
_LAG = N_(
    "average over exposures inside the rollout; calls of the same outage, told against not yet told"
)


def verdict(found: Deflection) -> Verdict:
    """As it is said: before any call it is too early, whatever cannot be compared yet."""
    return Verdict.NOT_ENOUGH if is_silent(found) else found.verdict


def is_silent(found: Deflection) -> bool:
    """Nobody called so far: that breaks no rule."""
    return found.counts is not None and not found.counts.episodes


def of_run(context: Context, title: str, found: Deflection) -> Iterator[str]:
    """All that is said of one run, or of several pooled."""
    yield f"{title}: {_(VERDICTS[verdict(found)])}"
    if is_silent(found):
        yield _(
            "  no call of these households is on record; `outreach contacts import` brings them"
        )
    elif found.publishable:
        yield from estimates(context, found)
    elif found.verdict is Verdict.NOT_ENOUGH:
        yield from too_few(found)
    yield from evidence(context, found)
    is_refused = verdict(found) is Verdict.REFUSED
    form = _("  refused: {reason}") if is_refused else _("  note: {reason}")
    for reason in found.reasons:
        yield form.format(reason=reason)


def estimates(context: Context, found: Deflection) -> Iterator[str]:
    """theta is a ratio of call rates; what people ask for is one less it."""
    if found.theta_msg is not None and found.theta_interval is not None:
        yield _("  a delivered message saves {share} of the calls (95 %: {low} to {high})").format(
            share=_share(found.theta_msg),
            low=_share(found.theta_interval.high),
            high=_share(found.theta_interval.low),
        )
    if found.theta_itt is not None and found.itt_interval is not None:
        yield _("  sending saves {share} (95 %: {low} to {high}), delivered or not").format(
            share=_share(found.theta_itt),
            low=_share(found.itt_interval.high),
            high=_share(found.itt_interval.low),
        )
    yield from _avoided(context, found)
    yield f"  {_(_LAG)}"
    yield _(_METHOD)


def _avoided(context: Context, found: Deflection) -> Iterator[str]:
    count = context.out.count
    if found.calls_avoided is not None and found.calls_avoided_interval is not None:
        limits = found.calls_avoided_interval
        yield _("  calls avoided: {calls} (95 %: {low} to {high}), of identified callers").format(
            calls=count(round(found.calls_avoided)),
            low=count(round(limits.low)),
            high=count(round(limits.high)),
        )
    if found.calls_avoided_scaled is not None:
        yield _("  if the others behave alike: {calls}").format(
            calls=count(round(found.calls_avoided_scaled))
        )
    money = saved(found, call_cost=context.settings.contactcenter.call_cost)
    if money is not None:
        form = _("  cost saved: {cost} {currency} (95 %: {low} to {high}), of identified callers")
        yield form.format(
            cost=count(round(money.cost)),
            currency=context.settings.company.currency,
            low=count(round(money.interval.low)),
            high=count(round(money.interval.high)),
        )


def too_few(found: Deflection) -> Iterator[str]:
    least = detectable(found)
    if least is not None:
        yield _("  with these calls only a deflection of {share} or more would show").format(
            share=f"{least:.0%}"
        )


def detectable(found: Deflection) -> float | None:
    """The smallest deflection that would be seen four times in five, from what was measured so far.

    Without a variance yet, as an even rollout with that many episodes would have.
    """
    if found.variance is not None:
        return 1 - math.exp(-POWER * math.sqrt(found.variance))
    counts = found.counts
    if counts is None or not counts.episodes:
        return None
    told = counts.delivered + counts.undelivered
    share = counts.delivered / told if told else 1.0
    minutes = linear_rollout(counts.episodes / 10, rollout_minutes=10, grace=0.0)
    planned = minimum_detectable(minutes, reachable_share=share)
    return planned.deflection if planned else None


def evidence(context: Context, found: Deflection) -> Iterator[str]:
    count, counts = context.out.count, found.counts
    if counts is not None:
        yield _(
            "  calls by household: {unsent} not told yet · {delivered} told · {undelivered} undelivered"
        ).format(
            unsent=count(counts.unsent),
            delivered=count(counts.delivered),
            undelivered=count(counts.undelivered),
        )
    if found.identified_share is not None:
        yield _("  identified: {share} of all calls").format(share=f"{found.identified_share:.0%}")
    if found.grace:
        shown = " · ".join(
            f"{_(CHANNELS[Channel(name)])} {minutes:.1f} min" for name, minutes in found.grace
        )
        yield _("  grace after sending: {minutes}").format(minutes=shown)


# ── parts of a run ──────────────────────────────────────────────────────────────────────────────


PART_COLUMNS = {
    "part": N_("part"),
    "episodes": N_("calls"),
    "verdict": N_("verdict"),
    "saves": N_("saves"),
    "interval": N_("95 %"),
}


def part_row(part: str, found: Deflection) -> dict[str, object]:
    """A row of a table of parts; no number that may not be published."""
    limits = found.theta_interval
    is_shown = found.publishable and found.theta_msg is not None and limits is not None
    return {
        "part": part,
        "episodes": found.counts.episodes if found.counts else 0,
        "verdict": _(VERDICTS[verdict(found)]),
        "saves": _share(found.theta_msg) if is_shown and found.theta_msg is not None else "",
        "interval": f"{_share(limits.high)} … {_share(limits.low)}" if is_shown and limits else "",
    }


def band_name(band: Band) -> str:
    """`10 to 30 min after the slot`."""
    if math.isinf(band.high):
        return _("{low} min after the slot and later").format(low=round(band.low))
    if not band.low:
        return _("grace to {high} min after the slot").format(high=round(band.high))
    return _("{low} to {high} min after the slot").format(
        low=round(band.low), high=round(band.high)
    )


# ── a holdout ───────────────────────────────────────────────────────────────────────────────────


def of_holdout(context: Context, found: Contrast) -> Iterator[str]:
    """Campaign reduction, in lines of its own: it is another quantity than theta_msg."""
    count = context.out.count
    yield _("  holdout: {told} households told, {held} never told, classes B and C").format(
        told=count(found.told.households), held=count(found.held_out.households)
    )
    form = _("  of 1,000 households {share} fewer called (95 %: {low} to {high})")
    limits = found.difference_interval
    yield form.format(
        share=f"{1000 * found.difference:.1f}",
        low=f"{1000 * limits.low:.1f}",
        high=f"{1000 * limits.high:.1f}",
    )
    form = _("  calling households: {share} fewer (95 %: {low} to {high})")
    yield form.format(
        share=_share(found.ratio),
        low=_share(found.ratio_interval.high),
        high=_share(found.ratio_interval.low),
    )
    yield _(
        "  method: campaign reduction: told against held out, Newcombe's interval; not theta_msg"
    )


def _share(theta: float) -> str:
    return f"{1 - theta:.0%}"


def pair(limits: Interval | None) -> tuple[float, float] | None:
    return None if limits is None else (limits.low, limits.high)
