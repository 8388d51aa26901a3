"""`outreach event status`: one screen for a storm, the most overdue promise on top."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from outreach.campaigns.event_status import Line, Standing, status
from outreach.entry.cli import storms_named, times
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import LAST
from outreach.entry.cli.occasions_named import in_words
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _, ngettext
from outreach.entry.shown import shown_id
from outreach.model.errors import DoneInPart
from outreach.outages.clocks import ClockKind, ClockState

ON_ONE_SCREEN = 20
KINDS = {ClockKind.EVENT: N_("event + 60 min"), ClockKind.CAUSE: N_("cause + 15 min")}
STATES = {
    ClockState.RUNNING: N_("running"),
    ClockState.KEPT: N_("kept"),
    ClockState.BROKEN: N_("BROKEN"),
    ClockState.OVER: N_("over before"),
}


@command(
    "status",
    N_("Show a storm on one screen; exit 4 while a priority task or an alarm is open."),
    example="outreach event status last",
)
@argument("which", default=LAST)
@option("--all", "every", is_flag=True, help=N_("Every open outage, not the first 20."))
def shown(context: Context, which: str, *, every: bool) -> None:
    storm = storms_named.found(context, which)
    found = status(context.database, storm.id, now=context.now)
    if context.format is Format.TABLE:
        _screen(context, found, every=every)
    elif context.format is Format.CSV:
        context.out.rows([_facts(context, line) for line in found.lines], headings=_COLUMNS)
    else:
        context.out.record(facts(context, found))
    trouble = list(_trouble(context, found))
    if trouble:
        raise DoneInPart("\n".join(trouble))


_COLUMNS = {
    "name": N_("outage"),
    "overdue": N_("overdue"),
    "promised": N_("promised"),
    "next": N_("next news"),
    "customers": N_("customers"),
    "class_a": N_("class A unconfirmed"),
    "errors": N_("errors"),
}


def _screen(context: Context, found: Standing, *, every: bool) -> None:
    for line in _head(context, found):
        context.out.text(line)
    lines = found.lines if every else found.lines[:ON_ONE_SCREEN]
    context.out.rows(
        [_row(line, storms_named.zone_of(found.storm)) for line in lines],
        headings=_COLUMNS,
        empty=_("no outage of it is open"),
    )
    more = len(found.lines) - len(lines)
    if more:
        context.out.text(
            ngettext("… and {count} more: --all", "… and {count} more: --all", more).format(
                count=context.out.count(more)
            )
        )


def _head(context: Context, found: Standing) -> Iterator[str]:
    storm, count = found.storm, context.out.count
    yield " · ".join(
        (
            storm.name,
            _("open outages: {count}").format(count=count(len(found.lines))),
            _("customers: {count}").format(
                count=count(sum(line.customers for line in found.lines))
            ),
            _("promises overdue: {count}").format(count=count(found.overdue)),
        )
    )
    yield " · ".join(
        (
            _("priority not confirmed: {count}").format(count=count(found.class_a.unconfirmed)),
            _("tasks: {count}").format(count=count(found.tasks)),
            _("alarms: {count}").format(count=count(len(found.alarms))),
        )
    )
    if storm.statement:
        yield _statement(found)
    yield from clock_lines(found)
    if found.states:
        yield _("messages: {states}").format(states=in_words(context, found.states))


def _statement(found: Standing) -> str:
    said = found.storm.statement
    if said is None:
        return ""
    zone = storms_named.zone_of(found.storm)
    parts = [_("said {time}").format(time=hour(said.recorded_at, now=found.at, zone=zone))]
    parts += [said.text] if said.text else []
    if said.next_update_at is not None:
        shown_at = hour(said.next_update_at, now=found.at, zone=zone)
        parts.append(_("next news {time}").format(time=shown_at))
    return " · ".join(parts)


def clock_lines(found: Standing) -> Iterator[str]:
    """`clock event + 60 min: kept 12 · BROKEN 1`, one a kind."""
    for kind in ClockKind:
        parts = [
            f"{_(STATES[state])} {found.clocks[kind, state]}"
            for state in ClockState
            if found.clocks.get((kind, state))
        ]
        if parts:
            yield _("clock {kind}: {states}").format(kind=_(KINDS[kind]), states=" · ".join(parts))


def hour(at: datetime | None, *, now: datetime, zone: ZoneInfo) -> str:
    """`05:30`, or with its day where that is another one than now's."""
    if at is None:
        return ""
    is_today = at.astimezone(zone).date() == now.astimezone(zone).date()
    return f"{at.astimezone(zone):%H:%M}" if is_today else times.wall(at, now=now, zone=zone)


def _row(line: Line, zone: ZoneInfo) -> dict[str, object]:
    return {
        "name": line.occasion.name,
        "overdue": line.overdue,
        "promised": hour(line.promised, now=line.at, zone=zone),
        "next": hour(line.revision.next_update_at, now=line.at, zone=zone),
        "customers": line.customers,
        "class_a": line.class_a.unconfirmed,
        "errors": line.errors,
    }


def _facts(context: Context, line: Line) -> dict[str, object]:
    return {
        "id": shown_id(context.keyring, line.occasion),
        "name": line.occasion.name,
        "state": line.revision.state,
        "version": line.revision.version,
        "overdue": line.overdue,
        "promised_at": line.promised,
        "next_update_at": line.revision.next_update_at,
        "customers": line.customers,
        "class_a": line.class_a.customers,
        "class_a_unconfirmed": line.class_a.unconfirmed,
        "tasks": line.tasks,
        "errors": line.errors,
        "clocks": {clock.kind.value: clock.state(line.at).value for clock in line.clocks},
    }


def facts(context: Context, found: Standing) -> dict[str, object]:
    """All of it for machines."""
    storm = found.storm
    return {
        "name": storm.name,
        "at": found.at,
        "opened_at": storm.opened_at,
        "closed_at": storm.closed_at,
        "cadence": storm.cadence,
        "daily_cap": storm.daily_cap,
        "text": storm.statement.text if storm.statement else "",
        "next_update_at": storm.next_update_at,
        "overdue": found.overdue,
        "customers": sum(line.customers for line in found.lines),
        "class_a_unconfirmed": found.class_a.unconfirmed,
        "tasks": found.tasks,
        "alarms": len(found.alarms),
        "messages": {state.value: count for state, count in found.states.items()},
        "clocks": {
            kind.value: {
                state.value: found.clocks[kind, state]
                for state in ClockState
                if (kind, state) in found.clocks
            }
            for kind in ClockKind
        },
        "outages": [_facts(context, line) for line in found.lines],
    }


def _trouble(context: Context, found: Standing) -> Iterator[str]:
    count = context.out.count
    if found.tasks:
        yield ngettext(
            "{count} priority customer waits for a person; `outreach task take`",
            "{count} priority customers wait for a person; `outreach task take`",
            found.tasks,
        ).format(count=count(found.tasks))
    if found.alarms:
        number = len(found.alarms)
        yield ngettext(
            "{count} alarm is open; `outreach alarm list`",
            "{count} alarms are open; `outreach alarm list`",
            number,
        ).format(count=count(number))
