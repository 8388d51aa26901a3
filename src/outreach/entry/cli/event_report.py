"""`outreach event report`: for the regulator's call: who was told when, what was promised, who was not reached."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from outreach.campaigns.event_status import Line, Standing, status
from outreach.entry.cli import storms_named, times, told
from outreach.entry.cli.command import Context, argument, command
from outreach.entry.cli.durations import spelled
from outreach.entry.cli.event_status import STATES, clock_lines, hour
from outreach.entry.cli.naming import LAST
from outreach.entry.cli.occasions_named import in_words
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.outages.clocks import Clock, ClockKind
from outreach.store.promises import Promise


@command(
    "report",
    N_("Report a storm: who was told when, clocks and promises kept, who was not reached."),
    example="outreach event report last\noutreach event report last --format csv",
)
@argument("which", default=LAST)
def reported(context: Context, which: str) -> None:
    storm = storms_named.found(context, which)
    found = status(context.database, storm.id, now=context.now, closed=True)
    lines = sorted(found.lines, key=lambda line: line.known.recognised_at)
    match context.format:
        case Format.TABLE:
            _page(context, found, lines)
        case Format.CSV:
            context.out.rows([_facts(context, line) for line in lines], headings=_COLUMNS)
        case Format.JSON | Format.JSONL:
            context.out.record(
                _totals(found) | {"outages": [_facts(context, line) for line in lines]}
            )


_COLUMNS = {
    "name": N_("outage"),
    "state": N_("state"),
    "recognised": N_("known"),
    "told": N_("told"),
    "clocks": N_("event · cause"),
    "promises": N_("promises"),
    "restored": N_("restored"),
    "reached": N_("told of"),
    "class_a": N_("class A"),
}


def _page(context: Context, found: Standing, lines: list[Line]) -> None:
    for text in _head(context, found):
        context.out.text(text)
    zone = storms_named.zone_of(found.storm)
    context.out.rows(
        [_row(context, line, zone) for line in lines],
        headings=_COLUMNS,
        empty=_("no outage joined it"),
    )
    context.out.text(
        _("told of: customers told of those whom a notice was for; class A: confirmed of all")
    )


def _head(context: Context, found: Standing) -> Iterator[str]:
    storm, count = found.storm, context.out.count
    zone = storms_named.zone_of(storm)
    opened = times.wall(storm.opened_at, now=found.at, zone=zone)
    ended = times.wall(storm.closed_at, now=found.at, zone=zone) if storm.closed_at else _("open")
    yield " · ".join((storm.name, f"{opened} - {ended}", storm.zone))
    made, kept, missed = found.promises
    yield " · ".join(
        (
            _("outages: {count}, open {still}").format(
                count=count(len(found.lines)), still=count(len(found.open_lines))
            ),
            _("promises: {made}, kept {kept}, missed {missed}").format(
                made=made, kept=kept, missed=missed
            ),
        )
    )
    yield _("customers: {count}, told {told}, not reached {unreached}").format(
        count=count(found.reached.addressed),
        told=count(found.reached.told),
        unreached=count(found.reached.unreached),
    )
    yield _("class A: {count}, not confirmed {unconfirmed}, open tasks {tasks}").format(
        count=count(found.class_a.customers),
        unconfirmed=count(found.class_a.unconfirmed),
        tasks=count(found.tasks),
    )
    yield from clock_lines(found)
    if found.states:
        yield _("messages: {states}").format(states=in_words(context, found.states))
    for said in found.statements:
        at = hour(said.recorded_at, now=found.at, zone=zone)
        following = hour(said.next_update_at, now=found.at, zone=zone)
        yield _("{time} {who}: {text} · next news {next}").format(
            time=at, who=said.author, text=said.text or "-", next=following or "-"
        )


def _row(context: Context, line: Line, zone: ZoneInfo) -> dict[str, object]:
    count = context.out.count
    return {
        "name": line.occasion.name,
        "state": _(told.STATES[line.revision.state]),
        "recognised": hour(line.known.recognised_at, now=line.at, zone=zone),
        "told": hour(_told_at(line), now=line.at, zone=zone),
        "clocks": " · ".join(_clock(clock, line.at) for clock in line.clocks),
        "promises": _promises(line.promises),
        "restored": hour(line.revision.restored_at, now=line.at, zone=zone),
        "reached": f"{count(line.reached.told)} / {count(line.reached.addressed)}",
        "class_a": f"{line.class_a.customers - line.class_a.unconfirmed} / {line.class_a.customers}",
    }


def _clock(clock: Clock, now: datetime) -> str:
    """`kept 4 min`, `BROKEN 72 min`: how long it took, in minutes as the rule counts them."""
    state = _(STATES[clock.state(now)])
    if clock.told_at is None:
        return state
    return f"{state} {_minutes(clock.told_at - clock.started_at)} min"


def _minutes(span: timedelta) -> int:
    return int(span / timedelta(minutes=1))


def _promises(made: tuple[Promise, ...]) -> str:
    """`kept 1 · missed 1 (1 h 15 min)`."""
    kept = sum(one.kept is True for one in made)
    missed = [one for one in made if one.kept is False]
    parts = [_("kept {count}").format(count=kept)] if kept else []
    if missed:
        worst = max((one.missed_by_s or 0 for one in missed), default=0)
        by = f" ({spelled(timedelta(seconds=worst))})" if worst else ""
        parts.append(_("missed {count}").format(count=len(missed)) + by)
    waiting = len(made) - kept - len(missed)
    return " · ".join([*parts, _("open {count}").format(count=waiting)] if waiting else parts)


def _told_at(line: Line) -> datetime | None:
    return min((one.at for one in line.first if one.at is not None), default=None)


def _facts(context: Context, line: Line) -> dict[str, object]:
    """One outage for machines: every instant, and the clocks by name."""
    revision = line.revision
    facts: dict[str, object] = {
        "id": shown_id(context.keyring, line.occasion),
        "name": line.occasion.name,
        "state": revision.state,
        "start_at": revision.start_at,
        "recognised_at": line.known.recognised_at,
        "cause": revision.cause,
        "cause_known_at": line.known.cause_known_at,
        "customers_told_at": _first(one.customers_at for one in line.first),
        "posted_at": _first(one.posts_at for one in line.first),
        "stakeholders_told_at": _first(one.stakeholders_at for one in line.first),
        "restored_at": revision.restored_at,
        "known_how": revision.known_how,
        "customers": line.reached.addressed,
        "told": line.reached.told,
        "unreached": line.reached.unreached,
        "class_a": line.class_a.customers,
        "class_a_unconfirmed": line.class_a.unconfirmed,
        "tasks": line.tasks,
    }
    by_kind = {clock.kind: clock for clock in line.clocks}
    for kind in ClockKind:
        clock = by_kind.get(kind)
        facts[f"{kind}_clock"] = clock.state(line.at).value if clock else ""
        facts[f"{kind}_clock_due_at"] = clock.due_at if clock else None
    return facts | {
        "promises": len(line.promises),
        "promises_kept": sum(one.kept is True for one in line.promises),
        "promises_missed": sum(one.kept is False for one in line.promises),
        "missed_by_s": max((one.missed_by_s or 0 for one in line.promises), default=0),
        "messages": {state.value: count for state, count in line.states.items()},
    }


def _first(instants: Iterator[datetime | None]) -> datetime | None:
    return min((at for at in instants if at is not None), default=None)


def _totals(found: Standing) -> dict[str, object]:
    storm = found.storm
    made, kept, missed = found.promises
    return {
        "name": storm.name,
        "at": found.at,
        "opened_at": storm.opened_at,
        "closed_at": storm.closed_at,
        "customers": found.reached.addressed,
        "told": found.reached.told,
        "unreached": found.reached.unreached,
        "class_a": found.class_a.customers,
        "class_a_unconfirmed": found.class_a.unconfirmed,
        "promises": made,
        "promises_kept": kept,
        "promises_missed": missed,
        "clocks": {
            kind.value: {
                state.value: count for (each, state), count in found.clocks.items() if each is kind
            }
            for kind in ClockKind
        },
        "statements": [
            {
                "version": said.version,
                "at": said.recorded_at,
                "author": said.author,
                "text": said.text,
                "next_update_at": said.next_update_at,
            }
            for said in found.statements
        ],
    }
