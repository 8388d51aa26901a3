"""`outreach deflection`: how many calls the messages saved, with its interval, or why that is not said."""

from __future__ import annotations

import math
from collections.abc import Iterator

from outreach.deflection.measure import measure
from outreach.deflection.planning import POWER, linear_rollout, minimum_detectable
from outreach.entry.cli.command import Context, Group, argument, command
from outreach.entry.cli.occasions_named import CHANNELS, any_kind
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.deflection import Deflection, Interval, Verdict
from outreach.model.occasion import OccasionId
from outreach.model.words import Channel
from outreach.store import occasions, runs
from outreach.store.runs import Run

group = Group("deflection")

VERDICTS = {
    Verdict.DEFLECTS: N_("deflects calls"),
    Verdict.ADDS_CALLS: N_("adds calls"),
    Verdict.NO_DIFFERENCE: N_("no difference shown"),
    Verdict.NOT_ENOUGH: N_("not enough calls yet"),
    Verdict.REFUSED: N_("refused"),
}
_NEWEST = 10
_LAG = N_(
    "average over exposures inside the rollout; calls of the same outage, told against not yet told"
)


@command(
    "show",
    N_("Show how many calls the messages saved, with the interval; or that it cannot be said yet."),
    within=group,
    example="outreach deflection show last\noutreach deflection show --format json",
)
@argument("which", required=False)
def show(context: Context, *, which: str | None) -> None:
    numbers = context.settings.contactcenter.outage_numbers
    with context.database.read() as session:
        if which:
            chosen = runs.of(session, any_kind(context, which).id)
        else:
            chosen = runs.every(session, limit=_NEWEST)
        measured = [
            (run, measure(session, run.id, now=context.now, outage_numbers=numbers))
            for run in chosen
        ]
    if context.format is not Format.TABLE:
        rows = [_facts(context, run, found) for run, found in measured]
        context.out.rows(rows, headings={"id": N_("id"), "campaign": N_("campaign")})
        return
    if not measured:
        context.say(_("no campaign was launched: there is nothing to measure"), essential=True)
    for run, found in measured:
        for line in _lines(context, run, found):
            context.out.text(line)


def _lines(context: Context, run: Run, found: Deflection) -> Iterator[str]:
    name = _name(context, run)
    verdict = Verdict.NOT_ENOUGH if _is_silent(found) else found.verdict
    yield f"{run.campaign} · {name}: {_(VERDICTS[verdict])}"
    if _is_silent(found):
        yield _(
            "  no call of these households is on record; `outreach contacts import` brings them"
        )
    elif found.publishable:
        yield from _estimates(context, found)
    elif found.verdict is Verdict.NOT_ENOUGH:
        yield from _too_few(found)
    yield from _evidence(context, found)
    form = _("  refused: {reason}") if verdict is Verdict.REFUSED else _("  note: {reason}")
    for reason in found.reasons:
        yield form.format(reason=reason)


def _is_silent(found: Deflection) -> bool:
    """Nobody called so far: that breaks no rule, whatever cannot be compared."""
    return found.counts is not None and not found.counts.episodes


def _estimates(context: Context, found: Deflection) -> Iterator[str]:
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
    if found.calls_avoided is not None and found.calls_avoided_interval is not None:
        limits, count = found.calls_avoided_interval, context.out.count
        yield _("  calls avoided: {calls} (95 %: {low} to {high}), of identified callers").format(
            calls=count(round(found.calls_avoided)),
            low=count(round(limits.low)),
            high=count(round(limits.high)),
        )
    if found.calls_avoided_scaled is not None:
        yield _("  if the others behave alike: {calls}").format(
            calls=context.out.count(round(found.calls_avoided_scaled))
        )
    yield f"  {_(_LAG)}"


def _too_few(found: Deflection) -> Iterator[str]:
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


def _evidence(context: Context, found: Deflection) -> Iterator[str]:
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


def _share(theta: float) -> str:
    return f"{1 - theta:.0%}"


def _name(context: Context, run: Run) -> str:
    with context.database.read() as session:
        return occasions.get(session, OccasionId(run.occasion_id)).name


def _facts(context: Context, run: Run, found: Deflection) -> dict[str, object]:
    """Numbers only where they may be published."""
    with context.database.read() as session:
        occasion = occasions.get(session, OccasionId(run.occasion_id))
    head: dict[str, object] = {
        "id": shown_id(context.keyring, occasion),
        "name": occasion.name,
        "campaign": run.campaign,
        "verdict": Verdict.NOT_ENOUGH if _is_silent(found) else found.verdict,
        "episodes": found.counts.episodes if found.counts else None,
        "reasons": found.reasons,
        "identified_share": found.identified_share,
        "measured_at": found.measured_at,
        "minimum_detectable": detectable(found) if found.verdict is Verdict.NOT_ENOUGH else None,
    }
    numbers = ("theta_msg", "theta_itt", "calls_avoided", "calls_avoided_scaled")
    intervals = ("theta_interval", "itt_interval", "calls_avoided_interval")
    shown = found.publishable
    head |= {name: getattr(found, name) if shown else None for name in numbers}
    return head | {name: _pair(getattr(found, name)) if shown else None for name in intervals}


def _pair(limits: Interval | None) -> tuple[float, float] | None:
    return None if limits is None else (limits.low, limits.high)
