"""`outreach advisory`: warns an area of weather, due dates or a rush, until a stated time."""

from __future__ import annotations

from datetime import datetime

from outreach.entry.cli import advisory_alerts, looked_at, scopes, stated, times, told
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.naming import LAST, found, zone_of
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.model.occasion import NewOccasion, Occasion, Revision
from outreach.model.words import OccasionKind, Service
from outreach.outages import guards, revise
from outreach.outages.revise import Change

group = Group("advisory")

TEXT = N_("What people should know, in the company's main language.")
UNTIL = N_("Until when it holds: 22:00, +6h, fri 08:00.")


@command(
    "open",
    N_("Open an advisory for an area: a text, and until when it holds."),
    within=group,
    example='outreach advisory open --locality Providencia --text "Viento fuerte" --until "fri 08:00"',
    sends=True,
)
@scopes.where
@option("--text", required=True, help=TEXT)
@option("--until", required=True, help=UNTIL)
@option("--from", "begins", help=N_("From when on, by default now."))
@option("--name", help=N_("How people call it, by default the first words of its text."))
@option("--zone", help=N_("IANA zone of the area, by default the company's."))
def opened(
    context: Context,
    *,
    place: scopes.Typed,
    text: str,
    until: str,
    begins: str | None,
    name: str | None,
    zone: str | None,
) -> None:
    scope = scopes.scope(context, place)
    guards.scope_named(scope)
    area = times.zone_named(zone) if zone else context.zone
    revision = revise.advised(
        scope,
        text,
        start_at=context.at(begins, zone=area) if begins else context.now,
        end_at=context.at(until, zone=area),
        now=context.now,
        origin=stated.origin(),
    )
    new = NewOccasion(
        kind=OccasionKind.ADVISORY,
        service=Service(context.settings.company.service),
        name=name or " ".join(text.split()[:3]),
        zone=area.key,
    )
    with told.engine(context) as engine:
        applied = engine.open(new, revision, now=context.now)
        done = told.outcome(context, engine.database, applied)
    _answer(done)


def _answer(done: told.Outcome) -> None:
    revision = done.occasion.revision
    lines = [told.head(done), f"«{revision.text}»"]
    if revision.state.is_open:
        lines += [_holds(done, revision.end_at), *told.audience(done)]
    lines += [*told.leaving(done), *told.take_back(done)]
    told.answer(done.context, told.facts(done) | {"text": revision.text}, lines)


def _holds(done: told.Outcome, until: datetime | None) -> str:
    return _("holds until {time}").format(time=done.wall(until or done.context.now))


@command(
    "update",
    N_("Change the text of an advisory, or until when it holds."),
    within=group,
    example="outreach advisory update last --until +3h",
    sends=True,
)
@argument("which", default=LAST)
@option("--text", help=TEXT)
@option("--until", help=UNTIL)
def updated(context: Context, which: str, *, text: str | None, until: str | None) -> None:
    if not (text or until):
        raise InputRefused(_("give --text or --until: what is new?"))
    occasion = found(context, which, OccasionKind.ADVISORY)
    end_at = context.at(until, zone=zone_of(occasion)) if until else None
    change = Change(text=text, end_at=end_at, next_update_at=end_at, confirmed=True)
    revision = revise.updated(occasion.revision, change, now=context.now, origin=stated.origin())
    _revise(context, occasion, revision)


@command(
    "close",
    N_("Say that an advisory is over."),
    within=group,
    example="outreach advisory close last",
    sends=True,
)
@argument("which", default=LAST)
def closed(context: Context, which: str) -> None:
    occasion = found(context, which, OccasionKind.ADVISORY)
    revision = revise.ended(occasion.revision, now=context.now, origin=stated.origin())
    _revise(context, occasion, revision)


def _revise(context: Context, occasion: Occasion, revision: Revision | None) -> None:
    if revision is None:
        told.nothing_new(context, occasion)
        return
    with told.engine(context) as engine:
        applied = engine.revise(occasion.id, revision, now=context.now)
        done = told.outcome(context, engine.database, applied)
    _answer(done)


@command(
    "list",
    N_("List the advisories that hold."),
    within=group,
    example="outreach advisory list",
)
@option("--all", "every", is_flag=True, help=N_("The closed ones too, newest first."))
def listed(context: Context, *, every: bool) -> None:
    looked_at.listed(context, OccasionKind.ADVISORY, every=every, empty=_("no advisory holds"))


for _command in (
    advisory_alerts.imported,
    advisory_alerts.listed,
    advisory_alerts.taken,
    advisory_alerts.refused,
):
    group.add_command(_command)
