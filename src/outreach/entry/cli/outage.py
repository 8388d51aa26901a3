"""`outreach outage`: opens, updates and restores; each verb is one new version of the truth."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import click

from outreach.entry.cli import outage_list, outage_restore, promised, scopes, stated, times, told
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.durations import spelled
from outreach.entry.cli.naming import LAST, found, zone_of
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.errors import GuardRefused
from outreach.model.occasion import NewOccasion, Occasion, Revision, Scope
from outreach.model.words import Event, OccasionKind, Service
from outreach.outages import guards, revise
from outreach.store import occasions, promises
from outreach.store.promises import Promise

group = Group("outage")

ETR = N_("Estimated restoration: 05:30, +2h, thu 05:30; nothing: not known yet.")
NEXT = N_("When people hear again; by default the estimate, or one cadence from now.")
CAUSE = N_("What caused it, as it may be told.")


@command(
    "open",
    N_("Open an outage: say where; everything else can follow."),
    within=group,
    example="outreach outage open --node ALM-F12\n"
    "outreach outage open --node ALM-F12 --start 02:35 --etr +2h",
    asks=True,
    sends=True,
)
@argument("node", required=False)
@scopes.where
@option("--cause", help=CAUSE)
@option("--etr", help=ETR)
@option("--start", help=N_("When it began, by default now: 02:35, -20m."))
@option("--next", "following", help=NEXT)
@option(
    "--service",
    type=click.Choice([str(service) for service in Service]),
    help=N_("What is out, by default the company's service; it chooses the words."),
)
@option("--name", help=N_("How people call it, by default the first place."))
@option("--zone", help=N_("IANA zone of the area, by default the company's."))
@option("--another", is_flag=True, help=N_("Open it though one is open at the same node."))
def opened(
    context: Context,
    *,
    node: str | None,
    place: scopes.Typed,
    cause: str | None,
    etr: str | None,
    start: str | None,
    following: str | None,
    service: str | None,
    name: str | None,
    zone: str | None,
    another: bool,
) -> None:
    typed = replace(place, nodes=(*([node] if node else []), *place.nodes))
    scope = scopes.scope(context, typed)
    guards.scope_named(scope)
    if not another:
        _refuse_twice(context, scope)
    area = times.zone_named(zone) if zone else context.zone
    new = NewOccasion(
        kind=OccasionKind.OUTAGE,
        service=Service(service or context.settings.company.service),
        name=name or scopes.named_by(context, scope),
        zone=area.key,
    )
    change = stated.change(
        context,
        etr=etr,
        following=following,
        cause=cause,
        zone=area,
        cadence=stated.cadence(context),
    )
    began = stated.start(context, start, area)
    revision = revise.opened(
        scope, start_at=began, change=change, now=context.now, origin=stated.origin()
    )
    _open(context, new, revision)


def _open(context: Context, new: NewOccasion, revision: Revision) -> None:
    with context.database.read() as session:
        tripped = occasions.previous_trip(session, new.name, context.now)
    with told.engine(context) as engine:
        applied = engine.open(new, revision, now=context.now)
        done = told.outcome(context, engine.database, applied)
    told.answer(
        context,
        told.facts(done) | {"last_trip": tripped},
        [
            told.head(done),
            told.touched(context, applied.counts) + _last_trip(done, tripped),
            told.reachable(context, applied.counts),
            *told.leaving(done),
            told.next_news(done),
            *told.take_back(done),
        ],
    )


def _last_trip(done: told.Outcome, at: datetime | None) -> str:
    if at is None:
        return " · " + _("no trip before")
    return " · " + _("last trip {time}").format(time=done.wall(at))


def _refuse_twice(context: Context, scope: Scope) -> None:
    with context.database.read() as session:
        open_ones = occasions.open_ones(session)
    for occasion in open_ones:
        shared = set(scope.nodes) & set(occasion.revision.scope.nodes)
        if occasion.kind is OccasionKind.OUTAGE and shared:
            shown = shown_id(context.keyring, occasion)
            raise GuardRefused(
                _(
                    "{node}: an outage is open there already ({id}); `outreach outage update {id}`, or --another"
                ).format(node=min(shared), id=shown)
            )


@command(
    "update",
    N_("Say what is new about an outage: estimate, next news, cause, start."),
    within=group,
    example="outreach outage update last --etr 05:30\n"
    "outreach outage update last --etr unknown --next +45m",
    asks=True,
    sends=True,
)
@argument("which", default=LAST)
@option("--etr", help=N_("Estimated restoration: 05:30, +2h, or `unknown` to withdraw it."))
@option("--next", "following", help=NEXT)
@option("--cause", help=CAUSE)
@option("--start", help=N_("When it really began: 02:35, -20m."))
def updated(
    context: Context,
    which: str,
    *,
    etr: str | None,
    following: str | None,
    cause: str | None,
    start: str | None,
) -> None:
    occasion = found(context, which, OccasionKind.OUTAGE)
    zone, current = zone_of(occasion), occasion.revision
    change = stated.change(
        context,
        etr=etr,
        following=following,
        cause=cause,
        zone=zone,
        cadence=stated.cadence(context, occasion),
    )
    began = stated.start(context, start, zone) if start else current.start_at
    revision = _updated(current, change, began, now=context.now)
    if revision is None:
        told.nothing_new(context, occasion)
        return
    _update(context, occasion, revision)


def _updated(
    current: Revision, change: revise.Change, began: datetime, *, now: datetime
) -> Revision | None:
    guards.start_allowed(began, now=now, confirmed=True)
    origin = stated.origin()
    base = replace(current, start_at=began)
    revision = revise.updated(base, change, now=now, origin=origin)
    if revision is None and began != current.start_at:
        return revise.following(current, now, origin, start_at=began)
    return revision


def _update(context: Context, occasion: Occasion, revision: Revision) -> None:
    with context.database.read() as session:
        heard = promises.told(session, occasion.id)
    with told.engine(context) as engine:
        applied = engine.revise(occasion.id, revision, now=context.now)
        done = told.outcome(context, engine.database, applied)
        settled = promised.settled_now(engine.database, applied.occasion, context.now)
    told.answer(
        context,
        told.facts(done) | {"promises": [promised.facts(each) for each in settled]},
        [
            told.head(done),
            *_estimate(done, heard.etr_at if heard else None, settled),
            *told.leaving(done),
            told.next_news(done),
            *told.take_back(done),
        ],
    )


_RETOLD = {Event.ETR_SET, Event.ETR_LATER, Event.ETR_EARLIER, Event.ETR_WITHDRAWN}


def _estimate(done: told.Outcome, heard: datetime | None, settled: list[Promise]) -> list[str]:
    """`estimate Sun 16 Jul 06:45 · later by 1 h 15 min: tells again · 1 promise missed by 1 h 15 min`."""
    public = done.occasion.revision.public_etr
    said = _("estimate {time}").format(time=done.wall(public)) if public else _("no estimate")
    parts = [said]
    if public and heard and public != heard:
        form = _("later by {length}") if public > heard else _("earlier by {length}")
        parts.append(form.format(length=spelled(public - heard)))
    if done.runs:
        tells = _RETOLD.intersection(done.applied.events)
        parts.append(_("tells again") if tells else _("not told again to those who heard"))
    return [
        " · ".join(parts),
        *promised.lines(settled, wall=[done.wall(each.etr_at) for each in settled]),
    ]


group.add_command(outage_restore.restored)
group.add_command(outage_list.listed)
group.add_command(outage_list.shown)
