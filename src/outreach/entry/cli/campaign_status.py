"""`outreach campaign status` and `watch`: how telling goes, in tables, or in one line that keeps itself true."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime

import click

from outreach import clock
from outreach.campaigns.status import RunStatus, Status, status as read_status
from outreach.entry.cli import asked_back, campaign_canary, campaign_drill, promised, times, told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import LAST, zone_of
from outreach.entry.cli.occasions_named import (
    RUN_STATES,
    any_kind,
    in_words,
    left_out_in_words,
)
from outreach.entry.cli.output import Format, width
from outreach.entry.cli.task import KINDS
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.errors import DoneInPart
from outreach.model.occasion import Occasion
from outreach.model.words import MessageState, StepRunState
from outreach.store import occasions, runs
from outreach.store.status import WaveStanding

EVERY_S = 1.0


@command(
    "status",
    N_("Show where every message stands; exit 4 while something needs a person."),
    example="outreach campaign status last",
)
@argument("which", required=False)
def status(context: Context, *, which: str | None) -> None:
    chosen = [any_kind(context, which)] if which else _living(context)
    found = [
        read_status(context.database, context.settings, each.id, now=context.now) for each in chosen
    ]
    if context.format is not Format.TABLE:
        context.out.rows([facts(context, each) for each in found], headings=_FIELDS)
    elif not found:
        context.say(_("no campaign goes on; `outreach campaign launch` starts one"), essential=True)
    for each in found if context.format is Format.TABLE else ():
        _shown(context, each)
    trouble = list(dict.fromkeys(line for each in found for line in _trouble(context, each)))
    if trouble:
        raise DoneInPart("\n".join(trouble))


_FIELDS = {"id": N_("id"), "name": N_("name")}


def _living(context: Context) -> list[Occasion]:
    """Open occasions that some campaign tells."""
    with context.database.read() as session:
        return [each for each in occasions.open_ones(session) if runs.of(session, each.id)]


def _shown(context: Context, found: Status) -> None:
    occasion, out = found.occasion, context.out
    if occasion.drill:
        out.text(campaign_drill.banner())
    out.text(
        f"{occasion.name} · {shown_id(context.keyring, occasion)} · {_(told.STATES[occasion.revision.state])}"
    )
    out.text(headline(context, found))
    if not found.runs:
        out.text(_("no campaign was launched for it"))
    for run in found.runs:
        out.text(_of_run(context, found, run))
        if run.canary is not None and run.canary.waiting:
            out.text(campaign_canary.waits(context, run.canary))
        rows = [_row(context, wave, climbed=run.climbed) for wave in run.waves]
        out.rows(rows, headings=_COLUMNS)
        if run.left_out:
            reasons = left_out_in_words(context, run.left_out)
            out.text(_("not reached: {reasons}").format(reasons=reasons))
    for line in asked_back.lines(context, asked_back.of_occasion(context, occasion.id)):
        out.text(line)
    for promise in found.promises:
        at = times.wall(promise.etr_at, now=context.now, zone=zone_of(occasion))
        out.text(_("promise {time}: {outcome}").format(time=at, outcome=promised.outcome(promise)))


_COLUMNS = {
    "step": N_("step"),
    "version": N_("version"),
    "messages": N_("messages"),
    "states": N_("states"),
    "note": N_("note"),
}


def _row(context: Context, standing: WaveStanding, *, climbed: dict[int, int]) -> dict[str, object]:
    return {
        "step": standing.wave.step,
        "version": standing.wave.version,
        "messages": standing.wave.frozen,
        "states": in_words(context, standing.states),
        "note": _note(context, standing, climbed.get(standing.wave.id, 0)),
    }


def _note(context: Context, standing: WaveStanding, climbed: int) -> str:
    if standing.wave.state is StepRunState.FREEZING:
        return _("being written")
    parts = [_("superseded")] if standing.wave.superseded_at else []
    if climbed:
        parts.append(_("{count} on a further channel too").format(count=context.out.count(climbed)))
    return " · ".join(parts)


def _of_run(context: Context, found: Status, run: RunStatus) -> str:
    parts = [run.run.campaign, _(RUN_STATES[run.run.state])]
    parts += [run.run.reason] if run.run.reason else []
    parts.append(
        _("launched {time} by {who}").format(
            time=times.wall(run.run.launched_at, now=context.now, zone=zone_of(found.occasion)),
            who=run.run.launched_by,
        )
    )
    if run.run.approved_by:
        parts.append(_("approved by {who}").format(who=run.run.approved_by))
    return " · ".join(parts)


def headline(context: Context, found: Status) -> str:
    """`priority not confirmed: 6 · promises overdue: 0 · errors: 0 · last person hears 02:58`."""
    count = context.out.count
    parts = [
        _("priority not confirmed: {count}").format(count=count(found.priority_unconfirmed)),
        *_tasks(context, found),
        _("promises overdue: {count}").format(count=count(found.overdue)),
        _("errors: {count}").format(count=count(found.errors)),
        *_doubts(context, found),
        _last(found),
    ]
    return " · ".join(parts)


def _tasks(context: Context, found: Status) -> Iterator[str]:
    """Only when there are some, as doubts."""
    if found.tasks:
        yield _("tasks: {count}").format(count=context.out.count(sum(found.tasks.values())))


def _doubts(context: Context, found: Status) -> Iterator[str]:
    """Only when there are some: a zero says nothing at three in the morning."""
    count, states = context.out.count, found.states
    if states[MessageState.IN_DOUBT]:
        yield _("in doubt: {count}").format(count=count(states[MessageState.IN_DOUBT]))
    if states[MessageState.UNKNOWN]:
        yield _("unknown: {count}").format(count=count(states[MessageState.UNKNOWN]))
    for lane in found.stopped_lanes:
        yield _("lane {name} STOPPED").format(name=lane.name)


def _last(found: Status) -> str:
    if found.last_at is None:
        return _("nobody hears yet")
    zone = zone_of(found.occasion)
    is_today = found.last_at.astimezone(zone).date() == found.at.astimezone(zone).date()
    shown = (
        f"{found.last_at.astimezone(zone):%H:%M}"
        if is_today
        else times.wall(found.last_at, now=found.at, zone=zone)
    )
    form = _("last person hears {time}") if found.to_send else _("last person heard {time}")
    return form.format(time=shown)


def _trouble(context: Context, found: Status) -> Iterator[str]:
    """What needs a person, each with what to do."""
    states, count = found.states, context.out.count
    name = found.occasion.name
    if found.tasks:
        kinds = " · ".join(f"{_(KINDS[kind])} {count(n)}" for kind, n in found.tasks.items())
        yield _("{name}: open tasks: {kinds}; `outreach task take` gives you the next").format(
            name=name, kinds=kinds
        )
    for run in found.runs:
        if run.canary is not None and run.canary.waiting:
            yield f"{name}: {campaign_canary.waits(context, run.canary)}"
    if states[MessageState.IN_DOUBT]:
        yield _("{name}: {count} in doubt: looked up at the provider, never resent blindly").format(
            name=name, count=count(states[MessageState.IN_DOUBT])
        )
    if states[MessageState.UNKNOWN]:
        yield _("{name}: {count} unknown: no last word came; they count as told").format(
            name=name, count=count(states[MessageState.UNKNOWN])
        )
    for lane in found.stopped_lanes:
        yield _(
            "lane {lane} is stopped: {reason}; then `outreach campaign resume --lane {lane}`"
        ).format(lane=lane.name, reason=lane.stopped_reason or _("no reason was kept"))
    if not all(run.adds_up for run in found.runs):
        yield _("{name}: the states do not add up to the audience; run `outreach doctor`").format(
            name=name
        )


def facts(context: Context, found: Status) -> dict[str, object]:
    """The same for machines."""
    return {
        "id": shown_id(context.keyring, found.occasion),
        "name": found.occasion.name,
        "state": found.occasion.revision.state,
        "version": found.occasion.revision.version,
        "at": found.at,
        "priority_unconfirmed": found.priority_unconfirmed,
        "tasks": dict(found.tasks),
        "promises_overdue": found.overdue,
        "errors": found.errors,
        "last_at": found.last_at,
        "needs_a_person": found.needs_a_person,
        "states": dict(found.states),
        "runs": [_run_facts(run) for run in found.runs],
        "promises": [promised.facts(each) for each in found.promises],
        "asked_back": asked_back.facts(asked_back.of_occasion(context, found.occasion.id)),
        "stopped_lanes": {lane.name: lane.stopped_reason for lane in found.stopped_lanes},
    }


def _run_facts(run: RunStatus) -> dict[str, object]:
    return {
        "campaign": run.run.campaign,
        "state": run.run.state,
        "reason": run.run.reason,
        "launched_at": run.run.launched_at,
        "launched_by": run.run.launched_by,
        "approved_by": run.run.approved_by,
        "drill": run.run.drill,
        "canary": {"left": run.canary.left, "waiting": run.canary.waiting} if run.canary else None,
        "audience": run.audience,
        "adds_up": run.adds_up,
        "left_out": run.left_out,
        "last_at": run.last_at,
        "waves": [
            {
                "step": each.wave.step,
                "version": each.wave.version,
                "state": each.wave.state,
                "superseded": each.wave.superseded_at is not None,
                "messages": each.wave.frozen,
                "states": each.states,
                "left_out": each.left_out,
                "on_a_further_channel": run.climbed.get(each.wave.id, 0),
            }
            for each in run.waves
        ],
    }


@command(
    "watch",
    N_("Watch it go out, anew every second, until it is over or Ctrl-C."),
    example="outreach campaign watch last\noutreach campaign watch last --once",
)
@argument("which", default=LAST)
@option("--once", is_flag=True, help=N_("Look once, as where nobody watches a terminal."))
def watch(context: Context, which: str, *, once: bool) -> None:
    occasion = any_kind(context, which)

    def look(now: datetime) -> Status:
        return read_status(context.database, context.settings, occasion.id, now=now)

    if context.format is not Format.TABLE:
        context.out.record(facts(context, look(context.now)))
    elif once or not context.interactive:
        context.out.text(headline(context, look(context.now)))
    else:
        now = (lambda: context.now) if context.given.now else clock.now
        followed(context, look, now=now, sleep=time.sleep, draw=_redrawn())


def followed(
    context: Context,
    look: Callable[[datetime], Status],
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
    draw: Callable[[list[str]], None],
) -> None:
    """Draws a look a second until nothing more can happen; Ctrl-C ends it and stops nothing."""
    try:
        while True:
            found = look(now())
            draw(frame(context, found))
            if found.is_over:
                return
            sleep(EVERY_S)
    except KeyboardInterrupt:
        context.say(_("no longer watched; it goes on"))


def frame(context: Context, found: Status) -> list[str]:
    """The headline, then a line a wave that still counts."""
    waves = [wave for run in found.runs for wave in run.waves]
    return [
        headline(context, found),
        *(
            f"  {each.wave.step}@{each.wave.version}  {in_words(context, each.states)}"
            for each in waves
            if each.wave.superseded_at is None and each.states
        ),
    ]


def _redrawn() -> Callable[[list[str]], None]:
    """Draws over what it drew before; lines are cut, for a wrapped one would not be drawn over."""
    drawn = 0

    def draw(lines: list[str]) -> None:
        nonlocal drawn
        back = f"\x1b[{drawn}A\x1b[J" if drawn else ""
        shown = [line if len(line) < width() else f"{line[: width() - 2]}…" for line in lines]
        click.echo(back + "\n".join(shown))
        drawn = len(shown)

    return draw
