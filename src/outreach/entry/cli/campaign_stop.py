"""`outreach campaign pause`, `resume` and `cancel`: the brakes, with exact counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from outreach import clock
from outreach.campaigns import stopping
from outreach.campaigns.stopping import Halted, Stopping
from outreach.entry.cli import asked_back, told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import operator
from outreach.entry.cli.occasions_named import RUN_STATES, any_kind
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _, ngettext
from outreach.model.errors import InputRefused
from outreach.model.occasion import OccasionId
from outreach.model.words import RunState
from outreach.store import lanes, occasions
from outreach.store.runs import Run

CAMPAIGN = N_("Only this campaign of the occasion; by default all of them.")
REASON = N_("Why; it stands in the status and in the audit.")


@command(
    "pause",
    N_("Let nothing more leave, within a second; --all is the kill switch."),
    example="outreach campaign pause last\noutreach campaign pause --all",
)
@argument("which", required=False)
@option("--campaign", help=CAMPAIGN)
@option("--all", "every", is_flag=True, help=N_("Every campaign of the installation."))
@option("--reason", default="", help=REASON)
def pause(
    context: Context, *, which: str | None, campaign: str | None, every: bool, reason: str
) -> None:
    chosen = _chosen(context, which, campaign, every=every, state=RunState.ACTIVE)
    done = stopping.pause(
        context.database, chosen, actor=operator(), reason=reason, now=context.now
    )
    _answer(context, _final(done))


@command(
    "resume",
    N_("Let a paused campaign, or a stopped lane, go on; only what is still true leaves."),
    example="outreach campaign resume last\noutreach campaign resume --lane sms",
)
@argument("which", required=False)
@option("--campaign", help=CAMPAIGN)
@option("--all", "every", is_flag=True, help=N_("Every campaign that is paused."))
@option("--lane", help=N_("A lane that stopped itself, once its trouble is mended."))
def resume(
    context: Context,
    *,
    which: str | None,
    campaign: str | None,
    every: bool,
    lane: str | None,
) -> None:
    if lane is not None:
        _resume_lane(context, lane)
        return
    chosen = _chosen(context, which, campaign, every=every, state=RunState.PAUSED)
    done = stopping.resume(context.database, chosen, actor=operator(), now=context.now)
    _answer(context, done.counts())


def _resume_lane(context: Context, name: str) -> None:
    with context.database.write() as session:
        known = [each.name for each in lanes.every(session)]
        was_stopped = lanes.resume(session, name)
    if name not in known:
        raise InputRefused(
            _("{name!r}: no such lane; there are: {known}").format(
                name=name, known=", ".join(known) or _("none")
            )
        )
    form = _("lane {name}: goes on") if was_stopped else _("lane {name}: was not stopped")
    told.answer(context, {"lane": name, "was_stopped": was_stopped}, [form.format(name=name)])


@command(
    "cancel",
    N_("Take back all that has not left, for good: the campaign is not launched again."),
    example="outreach campaign cancel last --yes",
    asks=True,
)
@argument("which")
@option("--campaign", help=CAMPAIGN)
@option("--reason", default="", help=REASON)
def cancel(context: Context, which: str, *, campaign: str | None, reason: str) -> None:
    chosen = _chosen(context, which, campaign, every=False, state=RunState.ACTIVE)
    names = ", ".join(run.campaign for run in chosen)
    context.confirm(_("Cancel {names} for good?").format(names=names))
    done = stopping.cancel(
        context.database, chosen, actor=operator(), reason=reason, now=context.now
    )
    _answer(context, _final(done))


def _final(done: Stopping) -> list[Halted]:
    """Counts that will not change any more, or that say so, two seconds later."""
    return done.final(monotonic=clock.monotonic, sleep=time.sleep)


def _chosen(
    context: Context, which: str | None, campaign: str | None, *, every: bool, state: RunState
) -> list[Run]:
    if every == (which is not None):
        raise InputRefused(_("give an occasion (last, a name, an id), or --all"))
    if which is None:
        return stopping.all_in(context.database, state)
    return stopping.chosen(context.database, any_kind(context, which).id, campaign)


def _answer(context: Context, done: Sequence[Halted]) -> None:
    name = _namer(context)
    if context.format is not Format.TABLE:
        context.out.rows([_facts(each, name(each.run)) for each in done], headings=_FIELDS)
        return
    for each in done:
        context.out.text(_line(context, each, name(each.run)))
        for line in _further(context, each):
            context.out.text(line)
    if not done:
        context.say(_("no campaign to do that to; nothing changed"), essential=True)


_FIELDS = {"occasion": N_("occasion"), "campaign": N_("campaign"), "state": N_("state")}


def _line(context: Context, done: Halted, name: str) -> str:
    """`unplanned-outage for ALM-F12: paused · left 15,900 · stopped 0 · waiting 212 · may have left 3`."""
    count = context.out.count
    return _(
        "{campaign} for {name}: {state} · left {sent} · stopped {stopped} · waiting {waiting} · may have left {unknown}"
    ).format(
        campaign=done.run.campaign,
        name=name,
        state=_(RUN_STATES[done.run.state]),
        sent=count(done.sent),
        stopped=count(done.stopped),
        waiting=count(done.waiting),
        unknown=count(done.unknown),
    )


def _further(context: Context, done: Halted) -> Iterator[str]:
    if done.in_call:
        form = ngettext(
            "not final yet: {count} is in a call at this moment; see `outreach campaign status`",
            "not final yet: {count} are in a call at this moment; see `outreach campaign status`",
            done.in_call,
        )
        yield form.format(count=context.out.count(done.in_call))
    yield from asked_back.lines(context, done.asked_back)


def _facts(done: Halted, name: str) -> dict[str, object]:
    return {
        "occasion": name,
        "campaign": done.run.campaign,
        "state": done.run.state,
        "reason": done.run.reason,
        "sent": done.sent,
        "stopped": done.stopped,
        "waiting": done.waiting,
        "unknown": done.unknown,
        "in_call": done.in_call,
        "asked_back": asked_back.facts(done.asked_back),
    }


def _namer(context: Context) -> Callable[[Run], str]:
    def name(run: Run) -> str:
        with context.database.read() as session:
            return occasions.get(session, OccasionId(run.occasion_id)).name

    return name
