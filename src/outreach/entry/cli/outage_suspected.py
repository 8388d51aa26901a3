"""`outreach outage reports`, `suspected` and `confirm`: what people report, what it points at, and a person's word on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta

from outreach.entry.cli import outage_typed, outage_update, scopes as named, stated, told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.durations import duration
from outreach.entry.cli.naming import LAST, found
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.errors import InputRefused
from outreach.model.occasion import Occasion
from outreach.model.words import OccasionKind
from outreach.outages import revise_suspected
from outreach.store import occasions, reports, suspected
from outreach.store.session import Session
from outreach.store.suspected import Evidence

_HEADINGS = {
    "id": N_("id"),
    "name": N_("name"),
    "where": N_("where"),
    "start_at": N_("since"),
    "premises": N_("premises"),
    "reports": N_("reports"),
    "lapses_at": N_("lapses"),
}
REPORTS_HEADINGS = {
    "meaning": N_("people say"),
    "premises": N_("premises"),
    "reports": N_("reports"),
    "last_at": N_("last report"),
}

MEANINGS = {
    reports.OUT: N_("no service"),
    reports.PARTLY: N_("a phase or the voltage is missing"),
    reports.FINE: N_("it is back"),
}
_UNEXPLAINED = {
    "premise": N_("premise"),
    "locality": N_("locality"),
    "transformer": N_("transformer"),
    "meaning": N_("people say"),
    "via": N_("via"),
    "first_at": N_("since"),
    "last_at": N_("last report"),
}
_LOOKS_BACK = timedelta(hours=24)


@command(
    "suspected",
    N_("List the outages that reports of customers point at and nobody has confirmed."),
    example="outreach outage suspected --format csv",
)
def listed(context: Context) -> None:
    with context.database.read() as session:
        rows = list(_rows(context, session))
    context.out.rows(rows, headings=_HEADINGS, empty=_("nothing is suspected"))
    if rows:
        context.say(
            _("Confirm one: outreach outage confirm ID · none of ours: outreach outage cancel ID")
        )


def _rows(context: Context, session: Session) -> Iterator[dict[str, object]]:
    stands = occasions.suspected(session)
    known = suspected.evidence(session, [int(each.id) for each in stands])
    for each in stands:
        evidence = known.get(int(each.id))
        yield {
            "id": shown_id(context.keyring, each),
            "name": each.name,
            "where": named.in_words(session, each.revision.scope),
            "start_at": each.revision.start_at,
            "premises": evidence.premises if evidence else 0,
            "reports": evidence.reports if evidence else 0,
            "last_report_at": evidence.last_at if evidence else None,
            "lapses_at": _lapses_at(context, each, evidence),
            "zone": each.zone,
        }


def _lapses_at(context: Context, occasion: Occasion, evidence: Evidence | None) -> datetime:
    return revise_suspected.lapses_at(
        occasion.revision,
        last_report_at=evidence.last_at if evidence else None,
        after=timedelta(hours=context.settings.reports.lapse_hours),
    )


@command(
    "reports",
    N_("List what people report that no outage explains, one line a premise."),
    example="outreach outage reports --since 12h --format csv",
)
@option("--since", help=N_("Only what was reported within this time: 30m, 12h; by default a day."))
def unexplained(context: Context, *, since: str | None) -> None:
    back = duration(since) if since else _LOOKS_BACK
    with context.database.read() as session:
        found = reports.unexplained(session, since=context.now - back)
    is_table = context.format is Format.TABLE
    context.out.rows(
        (
            asdict(each) | {"meaning": _(MEANINGS[each.meaning]) if is_table else each.meaning}
            for each in found
        ),
        headings=_UNEXPLAINED,
        empty=_("nobody reports what no outage explains"),
    )


@command(
    "confirm",
    N_("Confirm a suspected outage: from here on it is told like any other."),
    example="outreach outage confirm last --cause 'tree on the line'",
    asks=True,
    sends=True,
)
@argument("which", default=LAST)
@option("--cause", help=N_("What broke, in words that customers may read."))
@option("--etr", help=N_("Estimated restoration: 05:30, +2h, or `unknown`."))
@option("--window", help=outage_typed.WINDOW)
@option("--next", "following", help=N_("When people hear again."))
def confirmed(
    context: Context,
    which: str,
    *,
    cause: str | None,
    etr: str | None,
    window: str | None,
    following: str | None,
) -> None:
    occasion = _found(context, which)
    change = outage_typed.told_of(
        context, occasion, cause=cause, etr=etr, window=window, following=following
    )
    revision = revise_suspected.confirmed(
        occasion.revision, change=change, now=context.now, origin=stated.origin()
    )
    with told.engine(context) as engine:
        applied = engine.revise(occasion.id, revision, now=context.now)
        done = told.outcome(context, engine.database, applied)
    lines = [
        told.head(done),
        told.touched(context, applied.counts),
        told.reachable(context, applied.counts),
        _("out since {time}, by the first report").format(time=done.wall(revision.start_at)),
        *outage_update.window_line(done),
        *told.leaving(done),
        told.next_news(done),
        *told.take_back(done),
    ]
    told.answer(context, told.facts(done), lines)


def _found(context: Context, which: str) -> Occasion:
    """`last` is the newest suspicion; a name is a suspicion's before it is another outage's."""
    wanted = which.strip().casefold()
    with context.database.read() as session:
        stands = occasions.suspected(session)
    chosen = stands if wanted == LAST else [one for one in stands if one.name.casefold() == wanted]
    if chosen:
        return chosen[-1]
    if wanted == LAST:
        raise InputRefused(_("nothing is suspected; `outreach outage list` shows what is open"))
    return found(context, which, OccasionKind.OUTAGE)
