"""`outreach event`: leads a storm: one statement, one clock and one cadence for many outages."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from outreach.campaigns import events as storms
from outreach.campaigns.engine import Engine
from outreach.campaigns.events import CADENCE, Opening, Said, Saying
from outreach.entry.cli import event_report, event_status, storms_named, times, told
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.durations import duration, spelled
from outreach.entry.cli.naming import LAST, found, operator
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _, ngettext
from outreach.model.errors import DoneInPart, InputRefused
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.storm import Storm
from outreach.model.words import OccasionKind
from outreach.store import events, occasions

group = Group("event")

ALL = N_("all")
FROM = N_("An open outage that joins: an id, a name, `last` or `all`; can be repeated.")
CADENCE_HELP = N_("How often people are promised news: 45m, 1h30.")
CAP = N_(
    "Messages of the event that a person may get in a day; restored and corrections count not."
)
TEXT = N_("What is said of the storm as a whole.")
NEXT = N_("When people hear again, by default one cadence from now: +45m, 05:30.")
SHORTEST = timedelta(minutes=5)
_SHOWN = 5


@command(
    "open",
    N_("Open an event for a storm; outages join it, here or as they are opened."),
    within=group,
    example="outreach event open 'Temporal de julio' --from all --text 'Viento en la costa' --next +45m\n"
    "outreach event open 'Temporal de julio' --cadence 90m --daily-cap 4",
    sends=True,
)
@argument("name")
@option("--cadence", help=CADENCE_HELP)
@option("--daily-cap", type=click.IntRange(min=1), help=CAP)
@option("--from", "joining", multiple=True, metavar="ID", help=FROM)
@option("--text", help=TEXT)
@option("--next", "following", help=NEXT)
def opened(
    context: Context,
    name: str,
    *,
    cadence: str | None,
    daily_cap: int | None,
    joining: tuple[str, ...],
    text: str | None,
    following: str | None,
) -> None:
    members = _members(context, joining)
    saying = Saying(
        text=text,
        next_update_at=context.at(following) if following else None,
        author=operator(),
    )
    opening = Opening(
        name=name,
        zone=context.zone.key,
        cadence=_cadence(cadence) or CADENCE,
        daily_cap=daily_cap,
        author=operator(),
    )
    with told.engine(context) as engine:
        storm = storms.start(engine.database, opening, now=context.now)
        joined = _join(engine, storm, members, now=context.now)
        speaks = text is not None or following is not None
        said = storms.say(engine, storm.id, saying, now=context.now) if speaks else None
    _answer(context, said or Said(storm=storm), joined=joined)


@command(
    "update",
    N_("Say the next statement of an event; every outage without an own estimate follows."),
    within=group,
    example="outreach event update last --text 'Sigue el viento, hay 40 equipos' --next +45m",
    sends=True,
)
@argument("which", default=LAST)
@option("--text", help=TEXT)
@option("--next", "following", help=NEXT)
@option("--cadence", help=CADENCE_HELP)
@option("--daily-cap", type=click.IntRange(min=1), help=CAP)
@option("--from", "joining", multiple=True, metavar="ID", help=FROM)
def updated(
    context: Context,
    which: str,
    *,
    text: str | None,
    following: str | None,
    cadence: str | None,
    daily_cap: int | None,
    joining: tuple[str, ...],
) -> None:
    storm = storms_named.found(context, which)
    if not any((text, following, cadence, daily_cap, joining)):
        raise InputRefused(_("nothing new is said; give --text, --next, --cadence or --from"))
    members = _members(context, joining)
    zone = storms_named.zone_of(storm)
    saying = Saying(
        text=text,
        next_update_at=context.at(following, zone=zone) if following else None,
        cadence=_cadence(cadence),
        daily_cap=daily_cap,
        author=operator(),
    )
    with told.engine(context) as engine:
        joined = _join(engine, storm, members, now=context.now)
        said = storms.say(engine, storm.id, saying, now=context.now)
    _answer(context, said, joined=joined)
    if said.missed:
        names = ", ".join(one.name for one in said.missed)
        raise DoneInPart(
            _("{names}: changed by somebody else at that moment; say it again").format(names=names)
        )


@command(
    "close",
    N_("Close an event once all its outages are over."),
    within=group,
    example="outreach event close last",
)
@argument("which", default=LAST)
def closed(context: Context, which: str) -> None:
    storm = storms_named.found(context, which)
    over = storms.close(context.database, storm.id, author=operator(), now=context.now)
    told.answer(
        context,
        _facts(over),
        [
            _("{name}: closed").format(name=over.name),
            _("for the file: outreach event report '{name}'").format(name=over.name),
        ],
    )


@command(
    "list",
    N_("List the open events."),
    within=group,
    example="outreach event list --all",
)
@option("--all", "every", is_flag=True, help=N_("The closed ones too, newest first."))
def listed(context: Context, *, every: bool) -> None:
    with context.database.read() as session:
        chosen = events.every(session) if every else events.open_ones(session)
        counts = {one.id: len(events.open_occasions(session, one.id)) for one in chosen}
    context.out.rows(
        (_facts(storm) | {"outages": counts[storm.id]} for storm in chosen),
        headings={
            "name": N_("name"),
            "opened_at": N_("since"),
            "outages": N_("open outages"),
            "next_update_at": N_("next news"),
            "text": N_("statement"),
        },
        empty=_("no event is open; `outreach event open` opens one"),
    )


def _members(context: Context, typed: tuple[str, ...]) -> list[Occasion]:
    """Each once; `all` is every open outage that is in no event yet."""
    chosen: dict[OccasionId, Occasion] = {}
    for which in typed:
        if which.strip().casefold() in {ALL, _(ALL)}:
            chosen |= {one.id: one for one in _free(context)}
        else:
            one = found(context, which, OccasionKind.OUTAGE)
            chosen[one.id] = one
    return list(chosen.values())


def _free(context: Context) -> list[Occasion]:
    with context.database.read() as session:
        known = occasions.open_ones(session)
    return [
        one
        for one in known
        if one.kind is OccasionKind.OUTAGE and one.event_id is None and not one.drill
    ]


def _join(engine: Engine, storm: Storm, members: list[Occasion], *, now: datetime) -> int:
    if not members:
        return 0
    return storms.join(
        engine.database, storm.id, [one.id for one in members], author=operator(), now=now
    )


def _cadence(typed: str | None) -> timedelta | None:
    if typed is None:
        return None
    cadence = duration(typed)
    if cadence < SHORTEST:
        raise InputRefused(_("cadence: {typed!r} is shorter than 5 min").format(typed=typed))
    return cadence


def _answer(context: Context, said: Said, *, joined: int) -> None:
    storm = said.storm
    record = _facts(storm) | {
        "joined": joined,
        "updated": len(said.applied),
        "superseded": sum(one.superseded for one in said.applied),
        "own_estimate": [one.name for one in said.own],
        "missed": [one.name for one in said.missed],
    }
    told.answer(context, record, list(_lines(context, said, joined)))


def _lines(context: Context, said: Said, joined: int) -> list[str]:
    storm, count = said.storm, context.out.count
    lines = [_head(storm), *_statement(context, storm)]
    if joined:
        lines.append(
            ngettext("{count} outage joined", "{count} outages joined", joined).format(
                count=count(joined)
            )
        )
    if storm.statement:
        superseded = sum(one.superseded for one in said.applied)
        lines.append(
            ngettext(
                "{count} outage follows · superseded unsent: {superseded}",
                "{count} outages follow · superseded unsent: {superseded}",
                len(said.applied),
            ).format(count=count(len(said.applied)), superseded=count(superseded))
        )
    if said.own:
        names = ", ".join(one.name for one in said.own[:_SHOWN])
        more = ", …" if len(said.own) > _SHOWN else ""
        lines.append(
            _("left alone, with an estimate of their own: {names}").format(names=names + more)
        )
    lines.append(_("to see it: outreach event status '{name}'").format(name=storm.name))
    if context.format is Format.TABLE and not storm.statement:
        lines.append(_("nothing is said yet; outreach event update --text … --next +45m"))
    return lines


def _head(storm: Storm) -> str:
    parts = [storm.name, _("news every {length}").format(length=spelled(storm.cadence))]
    if storm.daily_cap is not None:
        parts.append(
            ngettext(
                "at most {count} message a person and day",
                "at most {count} messages a person and day",
                storm.daily_cap,
            ).format(count=storm.daily_cap)
        )
    return " · ".join(parts)


def _statement(context: Context, storm: Storm) -> list[str]:
    said = storm.statement
    if said is None:
        return []
    version = _("statement {number}").format(number=said.version)
    parts = [version, said.text] if said.text else [version]
    if said.next_update_at is not None:
        wall = times.wall(said.next_update_at, now=context.now, zone=storms_named.zone_of(storm))
        parts.append(_("next news {time}").format(time=wall))
    return [" · ".join(parts)]


def _facts(storm: Storm) -> dict[str, object]:
    return {
        "name": storm.name,
        "zone": storm.zone,
        "opened_at": storm.opened_at,
        "closed_at": storm.closed_at,
        "cadence": storm.cadence,
        "daily_cap": storm.daily_cap,
        "version": storm.version,
        "text": storm.statement.text if storm.statement else "",
        "next_update_at": storm.next_update_at,
    }


group.add_command(event_status.shown)
group.add_command(event_report.reported)
