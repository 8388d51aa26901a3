"""`outreach outage merge` and `cancel`: two outages become one, and one that was none of ours."""

from __future__ import annotations

from outreach.campaigns import merging
from outreach.campaigns.engine import Backing
from outreach.entry.cli import told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import LAST, found
from outreach.entry.cli.stated import origin
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.errors import InputRefused
from outreach.model.words import Audience, OccasionKind
from outreach.outages import revise


@command(
    "merge",
    N_("Merge an outage into another: one fault, one truth from here on."),
    example="outreach outage merge ALM-T7 ALM-F12",
    asks=True,
    sends=True,
)
@argument("gone", metavar="A")
@argument("kept", metavar="B")
def merged(context: Context, gone: str, kept: str) -> None:
    absorbed = found(context, gone, OccasionKind.OUTAGE)
    survivor = found(context, kept, OccasionKind.OUTAGE)
    if not context.dry_run:
        question = _("{gone} goes into {kept} and ends; this is not undone. Go on?")
        context.confirm(question.format(gone=absorbed.name, kept=survivor.name))
    with told.engine(context) as engine:
        ended, whole = merging.merge(
            engine, absorbed.id, survivor.id, now=context.now, origin=origin()
        )
        done = told.outcome(context, engine.database, whole)
    stopped = ended.superseded + whole.superseded
    record = told.facts(done) | {
        "merged": shown_id(context.keyring, ended.occasion),
        "superseded": stopped,
    }
    lines = [
        _("{gone} is part of {kept} now").format(gone=absorbed.name, kept=survivor.name),
        told.head(done),
        *told.audience(done),
        *_stopped(context, ended.superseded),
        *told.leaving(done),
        told.next_news(done),
    ]
    told.answer(context, record, lines)


def _stopped(context: Context, count: int) -> list[str]:
    if not count:
        return []
    return [_("of the one that ended, unsent: {count}").format(count=context.out.count(count))]


@command(
    "cancel",
    N_("Say that an outage never was one of ours; who was told hears it."),
    example="outreach outage cancel last --reason 'wrong feeder typed'",
    sends=True,
)
@argument("which", default=LAST)
@option("--reason", help=N_("Why, for the record of what was done; customers do not read it."))
@option(
    "--fact", default="", help=N_("What is correct, for those told; by default: no outage of ours.")
)
def cancelled(context: Context, which: str, *, reason: str | None, fact: str) -> None:
    occasion = found(context, which, OccasionKind.OUTAGE)
    why = (reason or "").strip() or _reason(context)
    revision = revise.discarded(occasion.revision, fact=fact, now=context.now, origin=origin())
    if revision is None:
        told.nothing_new(context, occasion)
        return
    with told.engine(context) as engine:
        applied = engine.revise(occasion.id, revision, now=context.now, backing=Backing(reason=why))
        done = told.outcome(context, engine.database, applied)
    hear = told.people(done, Audience.TOLD)
    said = _("told before, and hear that it was none of ours: {count}")
    lines = [
        told.head(done),
        said.format(count=context.out.count(hear)) if hear else _("nobody had been told"),
        *told.leaving(done),
        _("the IVR says nothing of it any more"),
        *told.take_back(done),
    ]
    told.answer(context, told.facts(done) | {"reason": why, "told_before": hear}, lines)


def _reason(context: Context) -> str:
    question = _("Why is it none of ours?")
    said = context.ask(question, "").strip() if context.interactive else ""
    if not said:
        raise InputRefused(_("{question} Give --reason").format(question=question))
    return said
