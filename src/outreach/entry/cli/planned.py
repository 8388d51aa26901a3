"""`outreach planned`: works announced ahead, moved and cancelled; the clock sends their notices."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import click

from outreach.campaigns import works
from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.works import Waiver
from outreach.entry.cli import (
    evidence,
    judged,
    planned_import,
    planned_looked,
    planned_rules,
    scopes,
    stated,
    times,
    told,
)
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.durations import spelled
from outreach.entry.cli.judged import Judgement
from outreach.entry.cli.naming import found, zone_of
from outreach.entry.cli.notices import Outlooks, launched, outlooks
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import NewOccasion, Occasion, Revision
from outreach.model.words import OccasionKind, OccasionState, RunState, Service
from outreach.outages import guards, revise_planned
from outreach.outages.revise import Change
from outreach.store import occasions, runs, scopes as store_scopes

group = Group("planned")

START = N_("When it begins: thu 09:00, 16/07 09:00, 2026-07-16 09:00.")
END = N_("When it ends: 13:00 is the first after the start, +4h counts from it.")
LAUNCH = N_("Announce it now: open the run that owns its notices.")


@command(
    "add",
    N_("Add a planned work; its notices go out at their instants once it is launched."),
    within=group,
    example='outreach planned add --node ALM-F12-S2 --start "thu 09:00" --end 13:00 --launch',
    asks=True,
    sends=True,
)
@scopes.where
@option("--start", required=True, help=START)
@option("--end", required=True, help=END)
@option("--cause", default="", help=N_("What is done, as it may be told."))
@option("--name", help=N_("How people call it, such as its folio; by default the first place."))
@option("--zone", help=N_("IANA zone of the area, by default the company's."))
@option(
    "--service",
    type=click.Choice([str(service) for service in Service]),
    help=N_("What will be out, by default the company's service."),
)
@option("--launch", is_flag=True, help=LAUNCH)
@judged.waiving
def added(
    context: Context,
    *,
    place: scopes.Typed,
    start: str,
    end: str,
    cause: str,
    name: str | None,
    zone: str | None,
    service: str | None,
    launch: bool,
    because: str | None,
    approver: str | None,
) -> None:
    given = judged.waiver(context, because, approver)
    scope = scopes.scope(context, place)
    guards.scope_named(scope)
    if name:
        _refuse_twice(context, name)
    area = times.zone_named(zone) if zone else context.zone
    start_at, end_at = _window(context, start, end, area)
    revision = revise_planned.planned(
        scope,
        start_at=start_at,
        end_at=end_at,
        change=Change(cause=cause, confirmed=True),
        now=context.now,
        origin=stated.origin(),
    )
    new = NewOccasion(
        kind=OccasionKind.PLANNED,
        service=Service(service or context.settings.company.service),
        name=name or scopes.named_by(context, scope),
        zone=area.key,
        source_ref=name,
    )
    _add(context, new, _walled(revision, area.key), launch=launch, given=given)


def _refuse_twice(context: Context, name: str) -> None:
    """A folio names one work for ever; a cancelled one keeps its own."""
    with context.database.read() as session:
        known = [each for each in occasions.named(session, name) if each.source_ref]
    if known:
        raise GuardRefused(
            _("{name}: is there already ({id}); move it, or give another name").format(
                name=name, id=shown_id(context.keyring, known[0])
            )
        )


def _walled(revision: Revision, zone: str) -> Revision:
    """With its times as they stand on the wall, from which they are read again if the zone's rules change."""
    start, end = revision.start_at, revision.end_at or revision.start_at
    walls = {"start": revise_planned.wall_of(start, zone), "end": revise_planned.wall_of(end, zone)}
    return revise_planned.walled(revision, **walls) or revision


def _add(
    context: Context,
    new: NewOccasion,
    revision: Revision,
    *,
    launch: bool,
    given: Waiver | None,
) -> None:
    pinned = judged.texts(context)
    ahead = outlooks(context, revision.start_at, pinned)
    with context.database.read() as session:
        work = works.unborn(new, revision)
        where = store_scopes.typed(session, revision.scope)
        seen = judged.judge(context, session, work, where, pinned=pinned)
    if launch and not context.dry_run:
        _ask(context, new.name, ahead, seen, given)
    with told.engine(context) as engine:
        applied = engine.open(new, revision, now=context.now)
        judged.record(engine, applied.occasion, seen.refused, given, context.now)
        applied = _announced(context, engine, applied, seen, given) if launch else applied
        done = told.outcome(context, engine.database, applied)
    record = told.facts(done) | ahead.facts() | seen.facts()
    told.answer(context, record, _lines(done, ahead, seen))


def _ask(
    context: Context, name: str, ahead: Outlooks, seen: Judgement, given: Waiver | None
) -> None:
    """Refuses what breaks a rule of the country; what is only late by the campaign is asked about."""
    if given is None:
        works.refuse(name, seen.refused)
    if ahead.breaches and not seen.refused:
        breach = ahead.breaches[0]
        context.confirm(
            _("{step} is {length} too late already. Announce it all the same?").format(
                step=breach.step, length=spelled(breach.short_by)
            )
        )


def _announced(
    context: Context, engine: Engine, applied: Applied, seen: Judgement, given: Waiver | None
) -> Applied:
    """A trial of what would be refused shows the work without its launch."""
    if seen.refused and given is None:
        return applied
    return launched(engine, applied, now=context.now)


def _lines(done: told.Outcome, ahead: Outlooks, seen: Judgement) -> list[str]:
    return [
        told.head(done),
        window_line(done),
        *told.audience(done),
        *ahead.lines(done),
        *seen.lines(),
        *told.leaving(done),
        *told.take_back(done),
    ]


def window_line(done: told.Outcome) -> str:
    """`Thu 16 Jul 09:00 to Thu 16 Jul 13:00 (4 h), America/Santiago`."""
    revision = done.occasion.revision
    end_at = revision.end_at or revision.start_at
    return _("{start} to {end} ({length}), {zone}").format(
        start=done.wall(revision.start_at),
        end=done.wall(end_at),
        length=spelled(end_at - revision.start_at),
        zone=done.occasion.zone,
    )


def _window(context: Context, start: str, end: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Both ends; the end is read from the start on. Asks where they look like a slip."""
    start_at = context.at(start, zone=zone)
    end_at = _end(context, end, start_at, zone)
    odd = end_at - start_at > guards.LONGEST_WORK or start_at - context.now > guards.FARTHEST_START
    if odd:
        context.confirm(
            _("It begins in {away} and lasts {length}. Is it right?").format(
                away=spelled(start_at - context.now), length=spelled(end_at - start_at)
            )
        )
    return start_at, end_at


def _end(context: Context, typed: str, start_at: datetime, zone: ZoneInfo) -> datetime:
    at = times.at(typed, now=start_at, zone=zone)
    context.say(times.echo(at, now=context.now, zone=zone), essential=True)
    return at


for each in (
    planned_import.imported,
    planned_looked.listed,
    planned_looked.shown,
    planned_rules.rules,
    planned_rules.waived,
    evidence.of_work,
):
    group.add_command(each)


@command(
    "move",
    N_("Move a work to another time; of one that has begun, move the end."),
    within=group,
    example='outreach planned move TP-2026-014 --start "fri 09:00" --end 13:00',
    asks=True,
    sends=True,
)
@argument("which")
@option("--start", help=START)
@option("--end", required=True, help=END)
@judged.waiving
def moved(
    context: Context,
    which: str,
    *,
    start: str | None,
    end: str,
    because: str | None,
    approver: str | None,
) -> None:
    given = judged.waiver(context, because, approver)
    occasion = found(context, which, OccasionKind.PLANNED)
    revision = _moved(context, occasion, start, end)
    if revision is not None and revision.state is OccasionState.SCHEDULED:
        _move(context, occasion, _walled(revision, occasion.zone), given)
        return
    _revise(context, occasion, revision and _walled(revision, occasion.zone))


def _move(context: Context, occasion: Occasion, revision: Revision, given: Waiver | None) -> None:
    """A work that is announced already keeps the rules at its new date too."""
    pinned = judged.texts(context)
    ahead = outlooks(context, revision.start_at, pinned)
    with context.database.read() as session:
        work = replace(occasion, revision=revision)
        where = store_scopes.remaining(session, occasion)
        seen = judged.judge(context, session, work, where, pinned=pinned)
        is_announced = any(
            run.state in {RunState.ACTIVE, RunState.PAUSED} for run in runs.of(session, occasion.id)
        )
    if is_announced and given is None and not context.dry_run:
        works.refuse(occasion.name, seen.refused)
    with told.engine(context) as engine:
        applied = engine.revise(occasion.id, revision, now=context.now)
        judged.record(engine, applied.occasion, seen.refused, given, context.now)
        done = told.outcome(context, engine.database, applied)
    record = told.facts(done) | ahead.facts() | seen.facts()
    told.answer(context, record, _lines(done, ahead, seen))


def _moved(context: Context, occasion: Occasion, start: str | None, end: str) -> Revision | None:
    current, zone = occasion.revision, zone_of(occasion)
    if current.state is OccasionState.SCHEDULED:
        if start is None:
            raise InputRefused(_("--start: missing; this work has not begun"))
        start_at, end_at = _window(context, start, end, zone)
        return revise_planned.moved(
            current,
            start_at=start_at,
            end_at=end_at,
            change=Change(confirmed=True),
            now=context.now,
            origin=stated.origin(),
        )
    if start is not None:
        raise InputRefused(_("--start: this work has begun or is over; only its end can move"))
    end_at = _end(context, end, context.now, zone)
    return revise_planned.delayed(current, end_at=end_at, now=context.now, origin=stated.origin())


@command(
    "cancel",
    N_("Cancel a work that has not begun; those who were told hear it."),
    within=group,
    example="outreach planned cancel TP-2026-014",
    sends=True,
)
@argument("which")
def cancelled(context: Context, which: str) -> None:
    occasion = found(context, which, OccasionKind.PLANNED)
    revision = revise_planned.cancelled(occasion.revision, now=context.now, origin=stated.origin())
    _revise(context, occasion, revision)


def _revise(context: Context, occasion: Occasion, revision: Revision | None) -> None:
    if revision is None:
        told.nothing_new(context, occasion)
        return
    with told.engine(context) as engine:
        applied = engine.revise(occasion.id, revision, now=context.now)
        done = told.outcome(context, engine.database, applied)
    nothing = Judgement(context=context)
    told.answer(context, told.facts(done), _lines(done, Outlooks(), nothing))
