"""`outreach campaign approve` and `refuse`: the second person looks, and says yes or no."""

from __future__ import annotations

from collections.abc import Iterator

import click

from outreach.campaigns import approving
from outreach.campaigns.approving import Asked
from outreach.campaigns.engine import Engine
from outreach.campaigns.preview import Preview, preview
from outreach.entry import wiring
from outreach.entry.cli import identity, sizes, times, told
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import zone_of
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.occasion import Occasion
from outreach.store import runs
from outreach.store.approvals import Approval


@command(
    "approve",
    N_("Say yes to a launch that somebody else asked for, and launch it."),
    example="outreach campaign approve 12",
    asks=True,
)
@argument("number", type=click.IntRange(min=1))
@option("--yes-to", type=click.IntRange(min=0), help=sizes.YES_TO)
@option("--as", "signed", metavar="NAME", help=identity.AS)
def approve(context: Context, number: int, *, yes_to: int | None, signed: str | None) -> None:
    engine = wiring.engine(context.database, context.settings, context.keyring)
    approver = identity.person(context, signed)
    asked = approving.look(engine, number)
    seen = _confirmed(context, engine, asked, yes_to)
    applied = approving.approve(engine, number, approver=approver, now=context.now, seen=seen)
    done = told.outcome(context, engine.database, applied)
    record = told.facts(done) | {
        "approval": number,
        "campaign": asked.campaign.name,
        "author": asked.approval.author,
        "approver": approver,
        "asked_for": asked.approval.audience,
        "moved": round(asked.moved, 4),
    }
    by = _("{campaign}: asked for by {author}, approved by {approver}")
    head = by.format(campaign=asked.campaign.name, author=asked.approval.author, approver=approver)
    told.answer(context, record, [told.head(done), head, *told.leaving(done)])


def _confirmed(context: Context, engine: Engine, asked: Asked, yes_to: int | None) -> int | None:
    """The number that was read and typed, where one has to be; else a yes is enough."""
    for line in _shown(context, asked):
        context.say(line, essential=not context.yes)
    if asked.approval.used_at or asked.approval.void_at:
        return None  # refused in a moment, with the reason
    shown = _preview(engine, context, asked)
    for line in _samples(shown):
        context.say(line, essential=not context.yes)
    large = sizes.blast(context, shown) if shown else None
    if asked.has_moved and large is None:
        large = sizes.of_moved(asked.customers, asked.moved)
    sizes.confirm(context, _("Launch it?"), large, yes_to)
    return asked.customers if large else None


def _shown(context: Context, asked: Asked) -> Iterator[str]:
    """`12 · unplanned-outage for ALM-F12 · asked for by ana Thu 16 Jul 02:43`, and how the audience moved."""
    approval, occasion = asked.approval, asked.occasion
    at = times.wall(approval.asked_at, now=context.now, zone=zone_of(occasion))
    yield _("{number} · {campaign} for {name} · {id} · asked for by {author} {time}").format(
        number=approval.id,
        campaign=asked.campaign.name,
        name=occasion.name,
        id=shown_id(context.keyring, occasion),
        author=approval.author,
        time=at,
    )
    yield _("{customers} customers · moved by {share} since · text {digest}").format(
        customers=context.out.count(asked.customers),
        share=f"{asked.moved:.1%}",
        digest=approval.pinned[:12],
    )


def _preview(engine: Engine, context: Context, asked: Asked) -> Preview | None:
    """What would leave; None where the run goes on already, or the file no longer reads."""
    with context.database.read() as session:
        if runs.of(session, asked.occasion.id, campaign=asked.campaign.name):
            return None
    if not asked.occasion.revision.state.is_open or not approving.is_as_asked(engine, asked):
        return None  # void: said when it is approved
    return preview(engine, asked.occasion.id, asked.campaign.name, now=context.now)


def _samples(shown: Preview | None) -> Iterator[str]:
    """A text a step and language: the approver reads what leaves."""
    for step in shown.steps if shown else ():
        for sample in step.samples:
            yield f"{sample.step} · {sample.channel} · {sample.locale}"
            yield f"  {sample.content.text.splitlines()[0] if sample.content.text else ''}"


@command(
    "refuse",
    N_("Say no to a launch that waits for a second person; it cannot be approved any more."),
    example='outreach campaign refuse 12 --reason "wrong feeder"',
)
@argument("number", type=click.IntRange(min=1))
@option("--reason", default="", help=N_("Why; it stands in the audit."))
@option("--as", "signed", metavar="NAME", help=identity.AS)
def refuse(context: Context, number: int, *, reason: str, signed: str | None) -> None:
    engine = wiring.engine(context.database, context.settings, context.keyring)
    by = identity.person(context, signed)
    is_done = approving.refuse(engine, number, by=by, reason=reason, now=context.now)
    form = (
        _("{number}: refused") if is_done else _("{number}: was answered before; nothing changed")
    )
    told.answer(context, {"approval": number, "refused": is_done}, [form.format(number=number)])


def waits(context: Context, approval: Approval, occasion: Occasion) -> None:
    """What a launch says that waits for a second person."""
    record = {
        "id": shown_id(context.keyring, occasion),
        "name": occasion.name,
        "campaign": approval.campaign,
        "approval": approval.id,
        "author": approval.author,
        "audience": approval.audience,
        "is_new": False,
    }
    told.answer(
        context,
        record,
        [
            _(
                "{campaign} for {name}: {customers} customers are more than one person launches for"
            ).format(
                campaign=approval.campaign,
                name=occasion.name,
                customers=context.out.count(approval.audience),
            ),
            _(
                "nobody is told yet; somebody other than {author}: outreach campaign approve {number}"
            ).format(author=approval.author, number=approval.id),
        ],
    )
