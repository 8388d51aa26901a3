"""`outreach outage open`: where it is dark; also a part of an outage that turns out to be another one."""

from __future__ import annotations

from dataclasses import replace

import click

from outreach.campaigns import merging
from outreach.entry.cli import (
    outage_typed,
    outage_update,
    scopes,
    stated,
    storms_named,
    times,
    told,
)
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import found
from outreach.entry.cli.outage_update import CAUSE, NEXT
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import NewOccasion, Occasion, Revision, Scope
from outreach.model.words import OccasionKind, Service
from outreach.outages import guards, partial, revise
from outreach.outages.revise import Change
from outreach.store import network, occasions

ETR = N_("Estimated restoration: 05:30, +2h, thu 05:30; nothing: not known yet.")


@command(
    "open",
    N_("Open an outage: say where; everything else can follow."),
    example="outreach outage open --node ALM-F12\n"
    "outreach outage open --node ALM-F12 --start 02:35 --etr +2h\n"
    "outreach outage open --from last --node ALM-F12-S2",
    asks=True,
    sends=True,
)
@argument("node", required=False)
@scopes.where
@option("--cause", help=CAUSE)
@option("--etr", help=ETR)
@option("--window", help=outage_typed.WINDOW)
@option("--start", help=N_("When it began, by default now: 02:35, -20m."))
@option("--next", "following", help=NEXT)
@option(
    "--service",
    type=click.Choice([str(service) for service in Service]),
    help=N_("What is out, by default the company's service; it chooses the words."),
)
@option("--name", help=N_("How people call it, by default the first place."))
@option("--zone", help=N_("IANA zone of the area, by default the company's."))
@option("--event", help=N_("The storm that it belongs to: the name of an open event."))
@option(
    "--from",
    "source",
    metavar="ID",
    help=N_("The outage that these nodes move out of; it began when that one did."),
)
@option("--another", is_flag=True, help=N_("Open it though one is open at the same node."))
def opened(
    context: Context,
    *,
    node: str | None,
    place: scopes.Typed,
    cause: str | None,
    etr: str | None,
    window: str | None,
    start: str | None,
    following: str | None,
    service: str | None,
    name: str | None,
    zone: str | None,
    event: str | None,
    source: str | None,
    another: bool,
) -> None:
    typed = replace(place, nodes=(*([node] if node else []), *place.nodes))
    scope = scopes.scope(context, typed)
    guards.scope_named(scope)
    parent = found(context, source, OccasionKind.OUTAGE) if source else None
    if not another and parent is None:
        _refuse_twice(context, scope)
    area = times.zone_named(zone or (parent.zone if parent else context.zone.key))
    change = stated.change(
        context, etr=etr, following=following, cause=cause, zone=area,
        cadence=stated.cadence(context, parent),
    )  # fmt: skip
    change = outage_typed.windowed(context, change, window, area)
    if parent is not None:
        _refuse_own(service=service, start=start, event=event)
        _split(context, parent, scope, change, name or scopes.named_by(context, scope))
        return
    event_id, change = storms_named.joining(context, event, change)
    new = NewOccasion(
        kind=OccasionKind.OUTAGE,
        service=Service(service or context.settings.company.service),
        name=name or scopes.named_by(context, scope),
        zone=area.key,
        event_id=event_id,
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
    last_trip = (
        _("last trip {time}").format(time=done.wall(tripped)) if tripped else _("no trip before")
    )
    told.answer(
        context,
        told.facts(done) | {"last_trip": tripped},
        [
            told.head(done),
            told.touched(context, applied.counts) + " · " + last_trip,
            told.reachable(context, applied.counts),
            *outage_update.window_line(done),
            *told.leaving(done),
            told.next_news(done),
            *told.take_back(done),
        ],
    )


def _refuse_own(**given: str | None) -> None:
    """What a part takes from the outage that it comes out of."""
    typed = [f"--{name}" for name, value in given.items() if value is not None]
    if typed:
        raise InputRefused(
            _("{options}: taken from the outage named by --from; leave it out").format(
                options=", ".join(typed)
            )
        )


def _split(context: Context, source: Occasion, part: Scope, change: Change, name: str) -> None:
    _refuse_outside(context, source, part)
    rest, own = revise.split(
        source.revision, part, change=change, now=context.now, origin=stated.origin()
    )
    new = NewOccasion(
        kind=source.kind,
        service=source.service,
        name=name,
        zone=source.zone,
        event_id=source.event_id,
        drill=source.drill,
    )
    with told.engine(context) as engine:
        left, opened = merging.split(engine, source.id, (rest, own), new=new, now=context.now)
        done = told.outcome(context, engine.database, opened)
        remains = told.outcome(context, engine.database, left)
    lines = [
        told.head(done),
        *told.audience(done),
        _("out since {time}, moved out of {name}").format(
            time=done.wall(own.start_at), name=source.name
        ),
        *told.leaving(done),
        told.next_news(done),
        told.head(remains),
        *told.audience(remains),
        *told.leaving(remains),
    ]
    told.answer(context, told.facts(done) | {"from": told.facts(remains)}, lines)


def _refuse_outside(context: Context, source: Occasion, part: Scope) -> None:
    """Nodes of an outage by nodes are checked in the tree."""
    scope = source.revision.scope
    if part != Scope(nodes=part.nodes) or scope != Scope(nodes=scope.nodes, less=scope.less):
        return
    with context.database.read() as session:
        tree = network.under(session, (*scope.nodes, *part.nodes))
    strange = partial.outside(scope, part.nodes, tree)
    if strange:
        raise GuardRefused(
            _("{nodes}: not within what is out ({scope})").format(
                nodes=", ".join(strange), scope=", ".join(scope.nodes)
            )
        )


def _refuse_twice(context: Context, scope: Scope) -> None:
    with context.database.read() as session:
        open_ones = occasions.open_ones(session)
    for occasion in open_ones:
        shared = set(scope.nodes) & set(occasion.revision.scope.nodes)
        if occasion.kind is OccasionKind.OUTAGE and shared and not occasion.drill:
            shown = shown_id(context.keyring, occasion)
            raise GuardRefused(
                _(
                    "{node}: an outage is open there already ({id}); `outreach outage update {id}`, or --another"
                ).format(node=min(shared), id=shown)
            )
