"""`outreach outage update`: what is new about an outage, or about all of a storm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from outreach.campaigns.engine import Applied, Backing
from outreach.entry.cli import outage_typed, promised, stated, told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.durations import spelled
from outreach.entry.cli.naming import LAST, found, zone_of
from outreach.entry.languages import N_, _, ngettext
from outreach.model.errors import DoneInPart, GuardRefused, InputRefused
from outreach.model.occasion import Occasion, Revision
from outreach.model.words import Event, OccasionKind
from outreach.outages import guards, revise
from outreach.outages.revise import Change
from outreach.store import promises
from outreach.store.promises import Promise

NEXT = N_("When people hear again; by default the estimate, or one cadence from now.")
CAUSE = N_("What caused it, as it may be told.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Typed:
    """What the options said, the same for every outage that it is said of."""

    etr: str | None
    window: str | None
    following: str | None
    cause: str | None
    start: str | None
    approver: str


@command(
    "update",
    N_("Say what is new about an outage: estimate, next news, cause, start."),
    example="outreach outage update last --etr 05:30\n"
    "outreach outage update last --window 08:00-10:00\n"
    "outreach outage update last --etr unknown --next +45m",
    asks=True,
    sends=True,
)
@argument("which", required=False)
@option("--event", help=outage_typed.EVENT)
@option("--etr", help=N_("Estimated restoration: 05:30, +2h, or `unknown` to withdraw it."))
@option("--window", help=outage_typed.WINDOW)
@option("--approver", default="", metavar="NAME", help=outage_typed.APPROVER)
@option("--next", "following", help=NEXT)
@option("--cause", help=CAUSE)
@option("--start", help=N_("When it really began: 02:35, -20m."))
def updated(
    context: Context, which: str | None, *, event: str | None, approver: str, **given: str | None
) -> None:
    typed = _Typed(approver=approver, **given)
    if event is None:
        _one(context, found(context, which or LAST, OccasionKind.OUTAGE), typed)
        return
    if which is not None:
        raise InputRefused(_("an outage and --event at once; give one of them"))
    _all_of(context, outage_typed.of_event(context, event), typed)


def _one(context: Context, occasion: Occasion, typed: _Typed) -> None:
    revision = _revision(context, occasion, typed)
    if revision is None:
        told.nothing_new(context, occasion)
        return
    with context.database.read() as session:
        heard = promises.told(session, occasion.id)
    with told.engine(context) as engine:
        applied = engine.revise(
            occasion.id, revision, now=context.now, backing=Backing(approved_by=typed.approver)
        )
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


def _all_of(context: Context, members: list[Occasion], typed: _Typed) -> None:
    """One after the other: what is refused for one is named, and the others are told all the same."""
    applied: list[Applied] = []
    refused: list[str] = []
    with told.engine(context) as engine:
        at_once = replace(engine, freezes=False)
        for occasion in members:
            try:
                revision = _revision(context, occasion, typed)
                if revision is not None:
                    done = at_once.revise(
                        occasion.id,
                        revision,
                        now=context.now,
                        backing=Backing(approved_by=typed.approver),
                    )
                    applied.append(done)
            except GuardRefused as error:
                refused.append(f"{occasion.name}: {error}")
        applied = [engine.frozen(each) for each in applied]
    summary(context, applied, unchanged=len(members) - len(applied) - len(refused), refused=refused)


def summary(
    context: Context, applied: list[Applied], *, unchanged: int, refused: list[str]
) -> None:
    """What one command did to the outages of a storm; DoneInPart where some refused it."""
    count = context.out.count
    waiting = sum(wave.frozen for each in applied for wave in each.waves)
    number = len(applied)
    head = ngettext("{count} outage changed", "{count} outages changed", number)
    lines = [
        head.format(count=count(number)),
        _("messages: {count} · superseded unsent: {stopped}").format(
            count=count(waiting), stopped=count(sum(each.superseded for each in applied))
        ),
    ]
    if unchanged:
        lines.append(_("nothing new for {count}").format(count=count(unchanged)))
    record: dict[str, object] = {
        "changed": [each.occasion.name for each in applied],
        "messages": waiting,
        "unchanged": unchanged,
        "refused": refused,
    }
    told.answer(context, record, lines)
    if refused:
        raise DoneInPart("; ".join(refused))


def _revision(context: Context, occasion: Occasion, typed: _Typed) -> Revision | None:
    zone, current = zone_of(occasion), occasion.revision
    change = stated.change(
        context,
        etr=typed.etr,
        following=typed.following,
        cause=typed.cause,
        zone=zone,
        cadence=stated.cadence(context, occasion),
    )
    change = outage_typed.windowed(context, change, typed.window, zone)
    began = stated.start(context, typed.start, zone) if typed.start else current.start_at
    return _updated(current, change, began, now=context.now)


def _updated(
    current: Revision, change: Change, began: datetime, *, now: datetime
) -> Revision | None:
    if began == current.start_at:
        return revise.updated(current, change, now=now, origin=stated.origin())
    guards.start_allowed(began, now=now, confirmed=True)
    return revise.started_at(current, began, change, now=now, origin=stated.origin())


_RETOLD = {Event.ETR_SET, Event.ETR_LATER, Event.ETR_EARLIER, Event.ETR_WITHDRAWN}


def window_line(done: told.Outcome) -> list[str]:
    """`estimate between Thu 16 Jul 08:00 and Thu 16 Jul 10:00`, where it is a window."""
    revision = done.occasion.revision
    return [_said(done)] if revision.public_etr and revision.etr_from else []


def _said(done: told.Outcome) -> str:
    revision = done.occasion.revision
    if revision.public_etr is None:
        return _("no estimate")
    if revision.etr_from is None:
        return _("estimate {time}").format(time=done.wall(revision.public_etr))
    return _("estimate between {first} and {last}").format(
        first=done.wall(revision.etr_from), last=done.wall(revision.public_etr)
    )


def _estimate(done: told.Outcome, heard: datetime | None, settled: list[Promise]) -> list[str]:
    """`estimate Sun 16 Jul 06:45 · later by 1 h 15 min: tells again · 1 promise missed by 1 h 15 min`."""
    public = done.occasion.revision.public_etr
    parts = [_said(done)]
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
