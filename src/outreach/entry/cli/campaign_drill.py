"""`outreach campaign drill`: the whole of a night, with marked texts, and nobody is reached."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from outreach.campaigns import drill as rehearsing, pins
from outreach.entry.cli import identity, scopes, stated, told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.output import coloured
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.model.occasion import NewOccasion, Revision, Scope
from outreach.model.words import OccasionKind
from outreach.outages import guards, revise

_ADVISORY_FOR = timedelta(hours=2)


@command(
    "drill",
    N_("Rehearse a campaign with real rows: texts are marked, and only the outbox takes them."),
    example="outreach campaign drill unplanned-outage --node ALM-F12 --yes",
    asks=True,
    sends=True,
)
@argument("name")
@scopes.where
@option("--etr", help=N_("Estimated restoration: 05:30, +2h; nothing: not known yet."))
def drill(context: Context, name: str, *, place: scopes.Typed, etr: str | None) -> None:
    serves = pins.read(context.settings, name).campaign.serves
    scope = scopes.scope(context, place)
    guards.scope_named(scope)
    new = NewOccasion(
        kind=serves,
        service=context.settings.company.service,
        name=_("DRILL {place}").format(place=scopes.named_by(context, scope)),
        zone=context.zone.key,
        drill=True,
    )
    revision = _revision(context, serves, scope, etr)
    if not context.dry_run:
        context.confirm(_("Open a drill? Nobody is reached."))
    with told.engine(context) as engine:
        applied = rehearsing.drill(
            engine, name, new, revision, actor=identity.account(), now=context.now
        )
        done = told.outcome(context, engine.database, applied)
    record = told.facts(done) | {"campaign": name, "drill": True}
    ends = _("to end it: outreach outage restore {id}").format(id=done.shown_id)
    told.answer(context, record, [banner(), told.head(done), *told.leaving(done), ends])


def _revision(context: Context, kind: OccasionKind, scope: Scope, etr: str | None) -> Revision:
    now, origin = context.now, stated.origin()
    match kind:
        case OccasionKind.OUTAGE:
            change = stated.change(
                context, etr=etr, following=None, cause=None, zone=context.zone,
                cadence=stated.cadence(context),
            )  # fmt: skip
            return revise.opened(scope, start_at=now, change=change, now=now, origin=origin)
        case OccasionKind.ADVISORY:
            text, ends_at = _("this is an exercise"), _ends_at(now)
            return revise.advised(scope, text, start_at=now, end_at=ends_at, now=now, origin=origin)
        case OccasionKind.PLANNED:
            raise InputRefused(
                _("a drill rehearses what happens at once; a planned work is announced days ahead")
            )


def _ends_at(now: datetime) -> datetime:
    return now + _ADVISORY_FOR


def banner() -> str:
    """Yellow on a terminal; plain where there is none."""
    said = _("DRILL: texts are marked, nobody is reached")
    return click.style(f" {said} ", bg="yellow", fg="black", bold=True) if coloured() else said
