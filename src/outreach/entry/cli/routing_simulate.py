"""`outreach routing simulate`: what thresholds, confirmations and least times are worth, over simulated nights."""

from __future__ import annotations

from dataclasses import asdict

import click

from outreach.contactcenter import directive_traces
from outreach.entry.cli.command import Context, command, option
from outreach.entry.languages import N_, _

_WAYS = {
    "naive": N_("one threshold"),
    "thresholds": N_("two thresholds"),
    "all": N_("as directives switch"),
}
_COLUMNS = {
    "way": N_("switched by"),
    "toggles": N_("toggles"),
    "toggles_p95": N_("p95"),
    "missed": N_("missed min"),
    "lag": N_("lag min"),
    "overrun": N_("overrun min"),
}


@command(
    "simulate",
    N_("Show over simulated storm nights how seldom directives toggle, and at what price."),
    example="outreach routing simulate\noutreach routing simulate --nights 100 --seed 2",
)
@option(
    "--nights",
    type=click.IntRange(1, 100_000),
    default=400,
    show_default=True,
    help=N_("Nights of six hours, minute by minute."),
)
@option(
    "--seed",
    type=int,
    default=directive_traces.SEED,
    show_default=True,
    help=N_("The same number gives the same nights."),
)
def simulate(context: Context, *, nights: int, seed: int) -> None:
    traces = list(directive_traces.traces(nights, seed))
    rows = [
        {"way": _(_WAYS[name])} | _rounded(directive_traces.judged(way, traces))
        for name, way in directive_traces.WAYS.items()
    ]
    context.out.rows(rows, headings=_COLUMNS)
    context.out.text(
        _("minutes and toggles are a mean a night; missed: over 120 s and off; overrun: the price")
    )


def _rounded(figures: directive_traces.Figures) -> dict[str, object]:
    return {name: round(value, 1) for name, value in asdict(figures).items()}
