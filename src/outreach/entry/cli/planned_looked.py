"""`outreach planned list` and `show`: works with their next notice, who was told, and what they break."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import click

from outreach.campaigns.pins import Pinned
from outreach.entry.cli import judged, looked_at, told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.durations import spelled
from outreach.entry.cli.judged import Judgement
from outreach.entry.cli.naming import LAST, found
from outreach.entry.cli.notices import outlooks
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.occasion import Occasion
from outreach.model.words import Event, OccasionKind, OccasionState
from outreach.outages import ical_out
from outreach.store import conflicts, due, occasions, runs, scopes
from outreach.store.due import Due
from outreach.store.runs import Run, Wave
from outreach.store.session import Session

CALENDAR = "ical"
_LATEST = datetime.max.replace(tzinfo=UTC)
_STATES = {
    "": N_("waiting"),
    "done": N_("done"),
    "expired": N_("expired"),
    "overtaken": N_("overtaken"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the clock and the ledger know of one work."""

    runs: tuple[Run, ...]
    waves: tuple[Wave, ...]
    dues: tuple[Due, ...]
    pinned: Pinned | None
    """The campaign's texts as the workspace has them now."""
    newcomers: int
    """Customers affected today who have no message of it, though its notices began."""

    @property
    def notices(self) -> tuple[Due, ...]:
        return tuple(one for one in self.dues if one.what == Event.NOTICE)

    def next_notice(self) -> Due | None:
        return next((one for one in self.notices if not one.outcome), None)

    def told_at(self) -> datetime | None:
        """When its first notice began to leave; an announced work that waits for it tells in time."""
        waves = [each.created_at for each in self.waves]
        waiting = self.next_notice()
        return min([*waves, *([waiting.at] if waiting and not waves else [])], default=None)


def seen(session: Session, occasion: Occasion, pinned: Pinned | None) -> Seen:
    mine = tuple(runs.of(session, occasion.id))
    waves = tuple(wave for run in mine for wave in runs.waves(session, run.id))
    is_ahead = occasion.revision.state is OccasionState.SCHEDULED
    return Seen(
        runs=mine,
        waves=waves,
        dues=tuple(due.of(session, occasion.id)),
        pinned=pinned,
        newcomers=conflicts.newcomers(session, occasion) if waves and is_ahead else 0,
    )


# ── list ─────────────────────────────────────────────────────────────────────────────────────


@command(
    "list",
    N_("List the works that are not over, the next one first; also as a calendar."),
    example="outreach planned list\noutreach planned list --format ical",
    answers=False,
)
@option("--all", "every", is_flag=True, help=N_("The closed ones too, newest first."))
@option(
    "--format",
    "shape",
    type=click.Choice([*(str(each) for each in Format), CALENDAR]),
    default=str(Format.TABLE),
    envvar="OUTREACH_FORMAT",
    show_default=True,
    help=N_("Form of the answer on stdout; ical is a calendar to subscribe to."),
)
def listed(context: Context, *, every: bool, shape: str) -> None:
    if shape != CALENDAR:
        context.format = Format(shape)
    with context.database.read() as session:
        chosen = _chosen(session, every=every)
        if shape == CALENDAR:
            _calendar(context, chosen)
            return
        pinned = judged.texts(context)
        rows = [_row(context, each, seen(session, each, pinned)) for each in chosen]
    context.out.rows(rows, headings=_LIST, empty=_("no work is planned"))


def _chosen(session: Session, *, every: bool) -> list[Occasion]:
    if every:
        return occasions.every(session, kind=OccasionKind.PLANNED, limit=1000)
    chosen = [each for each in occasions.open_ones(session) if each.kind is OccasionKind.PLANNED]
    return sorted(chosen, key=lambda each: each.revision.next_update_at or _LATEST)


def _calendar(context: Context, chosen: list[Occasion]) -> None:
    ids = {each.id: shown_id(context.keyring, each) for each in chosen}
    name = context.settings.company.name
    written = ical_out.works_calendar(chosen, public_ids=ids, name=name)
    sys.stdout.write(written.decode())


def _row(context: Context, work: Occasion, known: Seen) -> dict[str, object]:
    revision = work.revision
    following = known.next_notice()
    state = revision.state.value
    return {
        "id": shown_id(context.keyring, work),
        "name": work.name,
        "state": _(told.STATES[revision.state]) if context.format is Format.TABLE else state,
        "start_at": revision.start_at,
        "end_at": revision.end_at,
        "next_notice": following.step if following else "",
        "next_notice_at": following.at if following else None,
        "announced": bool(known.runs),
        "breaches": "; ".join(_breaches(context, work, known, short=True)),
        "version": revision.version,
        "zone": work.zone,
    }


# ── show ─────────────────────────────────────────────────────────────────────────────────────


@command(
    "show",
    N_("Show a work: its versions, its notices, who was told, what it breaks."),
    example="outreach planned show TP-2026-014",
)
@argument("which", default=LAST)
def shown(context: Context, which: str) -> None:
    work = found(context, which, OccasionKind.PLANNED)
    with context.database.read() as session:
        known = seen(session, work, judged.texts(context))
        judgement = _judgement(context, session, work, known)
        history = occasions.history(session, work.id)
    windows: list[dict[str, object]] = [
        {
            "version": each.version,
            "start_at": each.start_at,
            "end_at": each.end_at,
            "as_typed": " / ".join(wall for wall in (each.start_wall, each.end_wall) if wall),
        }
        for each in history
    ]
    notices = list(_notices(context, work, known))
    breaches: list[dict[str, object]] = [
        {"what": line} for line in (*_breaches(context, work, known), *judgement.lines())
    ]
    more = {
        "windows": (windows, _WINDOWS),
        "notices": (notices, _NOTICES),
        "breaches": (breaches, _BREACHES),
    }
    looked_at.shown(context, work, more=more)


def _judgement(context: Context, session: Session, work: Occasion, known: Seen) -> Judgement:
    if work.revision.state is not OccasionState.SCHEDULED:
        return Judgement(context=context)
    where = scopes.remaining(session, work)
    return judged.judge(context, session, work, where, pinned=known.pinned, told_at=known.told_at())


def _notices(context: Context, work: Occasion, known: Seen) -> Iterator[dict[str, object]]:
    """Instants of an announced work with what became of them; of another, those its campaign would have."""
    if not known.runs:
        if work.revision.state is OccasionState.SCHEDULED:
            for one in outlooks(context, work.revision.start_at, known.pinned).dues:
                yield _notice(one.step, one.at, _("not announced yet"), 0)
        return
    for each in known.notices:
        waves = [wave for wave in known.waves if wave.step == each.step]
        at_it = [wave.frozen for wave in waves if each.done_at and wave.created_at >= each.at]
        count = at_it[0] if at_it and each.outcome == "done" else 0
        yield _notice(
            each.step, each.at, _(_STATES.get(each.outcome, each.outcome)), count, each.reason
        )


def _notice(
    step: str, at: datetime, state: str, messages: int, reason: str = ""
) -> dict[str, object]:
    return {"step": step, "due_at": at, "state": state, "messages": messages, "reason": reason}


def _breaches(
    context: Context, work: Occasion, known: Seen, *, short: bool = False
) -> Iterator[str]:
    """What of the notice period can no longer be kept, and who came too late to have it."""
    if work.revision.state is not OccasionState.SCHEDULED:
        return
    told_at = known.told_at() or context.now
    ahead = outlooks(context, work.revision.start_at, known.pinned)
    campaign = ahead.dues[0] if ahead.dues else None
    if campaign is not None and told_at > campaign.at:
        length = spelled(told_at - campaign.at)
        form = N_("{step} {length} late") if short else N_("BREACH: {step} {length} too late")
        yield _(form).format(step=campaign.step, length=length)
    if known.newcomers and campaign is not None and context.now > campaign.at:
        count = context.out.count(known.newcomers)
        form = N_("{count} joined late") if short else N_(
            "BREACH: {count} joined after {step}; they hear with less time than is owed"
        )  # fmt: skip
        yield _(form).format(count=count, step=campaign.step)


_LIST = {
    "id": N_("id"),
    "name": N_("name"),
    "state": N_("state"),
    "start_at": N_("from"),
    "end_at": N_("until"),
    "next_notice_at": N_("next notice"),
    "breaches": N_("breaches"),
}
_WINDOWS = {
    "version": N_("version"),
    "start_at": N_("from"),
    "end_at": N_("until"),
    "as_typed": N_("as typed"),
}
_NOTICES = {
    "step": N_("notice"),
    "due_at": N_("due"),
    "state": N_("state"),
    "messages": N_("messages"),
    "reason": N_("reason"),
}
_BREACHES = {"what": N_("breaches and conflicts")}
