"""`outreach outage promises`: which estimates were kept, which were missed and by how much."""

from __future__ import annotations

from dataclasses import replace

from outreach.campaigns.hit_rate import HitRate, grouped, hit_rate
from outreach.entry.cli import promised as one_promise
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.durations import duration
from outreach.entry.cli.naming import found, zone_of
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.model.spelling import plain
from outreach.model.words import OccasionKind
from outreach.store import promises
from outreach.store.promises import Entry

_GROUPS = {
    "feeder": N_("feeder"),
    "cause": N_("cause"),
    "made": N_("told"),
    "kept": N_("kept"),
    "missed": N_("missed"),
    "waiting": N_("waiting"),
    "hit_rate": N_("hit rate"),
    "late": N_("late by (median)"),
    "latest": N_("at most"),
}
_EACH = {
    "made_at": N_("told at"),
    "etr_at": N_("promised"),
    "outcome": N_("outcome"),
    "settled_at": N_("settled"),
}


@command(
    "promises",
    N_("Show how estimates were kept: of one outage, or per feeder and cause."),
    example="outreach outage promises\n"
    "outreach outage promises last\n"
    "outreach outage promises --feeder ALM-F12 --since 90d --format csv",
)
@argument("which", required=False)
@option("--feeder", help=N_("Only outages on this feeder."))
@option("--cause", help=N_("Only outages whose cause holds this text."))
@option("--since", help=N_("Only what was promised within this time: 30d, 12h."))
def promised(
    context: Context, which: str | None, *, feeder: str | None, cause: str | None, since: str | None
) -> None:
    if which is not None:
        if feeder or cause or since:
            raise InputRefused(_("an outage and a filter at once; give one of them"))
        _of_one(context, which)
        return
    after = context.now - duration(since) if since else None
    with context.database.read() as session:
        entries = promises.ledger(session, since=after)
    _per_group(context, [each for each in entries if _fits(each, feeder, cause)])


def _fits(entry: Entry, feeder: str | None, cause: str | None) -> bool:
    if feeder is not None and plain(feeder) != plain(entry.feeder):
        return False
    return cause is None or plain(cause) in plain(entry.cause)


def _of_one(context: Context, which: str) -> None:
    occasion = found(context, which, OccasionKind.OUTAGE)
    with context.database.read() as session:
        entries = promises.ledger(session, occasion=occasion.id)
    out = replace(context.out, zone=zone_of(occasion))
    rows = [
        one_promise.facts(each.promise) | {"outcome": one_promise.outcome(each.promise)}
        for each in entries
    ]
    out.rows(rows, headings=_EACH, empty=_("no estimate was told yet"))
    if rows:
        out.text(_line(context, hit_rate(each.promise for each in entries)))


def _per_group(context: Context, entries: list[Entry]) -> None:
    groups = grouped(entries, lambda each: (each.feeder, each.cause))
    rows = [
        {"feeder": feeder, "cause": cause} | _row(context, figures)
        for (feeder, cause), figures in groups.items()
    ]
    context.out.rows(rows, headings=_GROUPS, empty=_("no estimate was told yet"))
    if rows:
        context.out.text(_line(context, hit_rate(each.promise for each in entries)))


def _row(context: Context, figures: HitRate) -> dict[str, object]:
    is_table = context.format is Format.TABLE
    share = None if figures.share is None else round(figures.share, 3)
    return {
        "made": figures.made,
        "kept": figures.kept,
        "missed": figures.missed,
        "waiting": figures.waiting,
        "hit_rate": _percent(figures) if is_table else share,
        "late": figures.late,
        "latest": figures.latest,
    }


def _percent(figures: HitRate) -> str:
    return "" if figures.share is None else f"{figures.share:.0%}"


def _line(context: Context, figures: HitRate) -> str:
    """`told 12 · kept 7 · missed 4 · waiting 1 · hit rate 64% · late by 45 min (median)`."""
    out = context.out
    parts = [
        _("told {count}").format(count=out.count(figures.made)),
        _("kept {count}").format(count=out.count(figures.kept)),
        _("missed {count}").format(count=out.count(figures.missed)),
        _("waiting {count}").format(count=out.count(figures.waiting)),
    ]
    if figures.share is not None:
        parts.append(_("hit rate {share}").format(share=_percent(figures)))
    if figures.late is not None:
        parts.append(_("late by {length} (median)").format(length=out.person(figures.late)))
    return " · ".join(parts)
