"""Says before a launch what its calls could show, and what a late tail or a holdout costs."""

from __future__ import annotations

from collections.abc import Iterator

from outreach.campaigns.measurable import PRIOR_DEFLECTION, Outlook
from outreach.campaigns.preview import Preview
from outreach.entry.cli import times
from outreach.entry.cli.command import Context
from outreach.entry.cli.naming import zone_of
from outreach.entry.languages import _


def lines(context: Context, shown: Preview) -> Iterator[str]:
    """A line a wave for the precision, and one for whom it keeps back."""
    for step in shown.steps:
        if step.outlook is not None:
            yield _precision(step.step, step.outlook)
            yield from _kept_back(context, shown, step.outlook)


def _precision(step: str, outlook: Outlook) -> str:
    found = outlook.detectable
    if found is None:
        return _("{step}: sent too fast or too late to measure what it does to the calls").format(
            step=step
        )
    form = _(
        "{step}: its calls will show a deflection of {share} or more"
        " (information {info}, SE {se}; for an ordinary outage)"
    )
    return form.format(
        step=step,
        share=f"{found.deflection:.0%}",
        info=f"{found.info:.3g}",
        se=f"{found.se_msg:.2g}",
    )


def _kept_back(context: Context, shown: Preview, outlook: Outlook) -> Iterator[str]:
    if outlook.tail_at is not None:
        form = _(
            "  late tail: about {households} households hear at {time};"
            " that costs about {calls} calls at a deflection of {share}"
        )
        at = times.wall(outlook.tail_at, now=context.now, zone=zone_of(shown.occasion))
        yield form.format(
            households=context.out.count(outlook.tail_households),
            time=at,
            calls=context.out.count(round(outlook.tail_calls)),
            share=f"{PRIOR_DEFLECTION:.0%}",
        )
    if outlook.holdout_share:
        yield _("  holdout: {share} of the households of classes B and C are never told").format(
            share=f"{outlook.holdout_share:.0%}"
        )
    if outlook.tail_at is not None or outlook.holdout_share:
        yield _("  this needs a second person by name: outreach campaign approve")


def facts(outlook: Outlook | None) -> dict[str, object] | None:
    """The same for machines."""
    if outlook is None:
        return None
    found = outlook.detectable
    return {
        "information": found.info if found else None,
        "se_itt": found.se_itt if found else None,
        "se_msg": found.se_msg if found else None,
        "minimum_detectable": found.deflection if found else None,
        "tail_at": outlook.tail_at,
        "tail_households": outlook.tail_households,
        "tail_calls": outlook.tail_calls,
        "holdout_share": outlook.holdout_share,
    }
