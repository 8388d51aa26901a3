"""`outreach message`: the messages of the ledger, and everything one person was sent or not, and why."""

from __future__ import annotations

import click

from outreach.campaigns import explain as telling
from outreach.entry.cli import explained, whose
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.occasions_named import STATES, any_kind, shown_address
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _, ngettext
from outreach.model.errors import InputRefused
from outreach.model.words import Channel, MessageState
from outreach.store import explain as ledger
from outreach.store.explain import Sent, Wanted

group = Group("message")

PREFIX = "msg"
_MOST_PEOPLE = 10


@command(
    "list",
    N_("List the newest messages, by occasion, state or channel; addresses are masked."),
    within=group,
    example="outreach message list --which last --state failed",
)
@option("--which", help=N_("Only of this occasion: last, a name or an id."))
@option(
    "--state",
    type=click.Choice([str(state) for state in MessageState]),
    help=N_("Only in this state."),
)
@option(
    "--channel",
    type=click.Choice([str(channel) for channel in Channel]),
    help=N_("Only on this channel."),
)
@option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help=N_("How many at most, newest first."),
)
def listed(
    context: Context, *, which: str | None, state: str | None, channel: str | None, limit: int
) -> None:
    wanted = Wanted(
        occasion=any_kind(context, which).id if which else None,
        state=MessageState(state) if state else None,
        channel=Channel(channel) if channel else None,
        limit=limit,
    )
    with context.database.read() as session:
        found = ledger.messages(session, wanted)
    context.out.rows((_row(context, one) for one in found), headings=_COLUMNS)


_COLUMNS = {
    "id": N_("id"),
    "occasion": N_("occasion"),
    "step": N_("step"),
    "to": N_("to"),
    "state": N_("state"),
    "at": N_("last moved"),
}


def _row(context: Context, one: Sent) -> dict[str, object]:
    recipient = one.recipient
    row: dict[str, object] = {
        "id": context.keyring.public_id(PREFIX, recipient.id),
        "occasion": one.occasion_name,
        "step": f"{recipient.step}@{recipient.version}",
        "channel": recipient.channel.value,
        "to": shown_address(context, recipient.channel, recipient.address_sealed),
        "state": one.state.value,
        "reason": one.reason,
        "at": one.delivered_at or one.accepted_at or one.claimed_at or one.created_at,
    }
    if context.format is not Format.TABLE:
        return row
    why = explained.short_reason(one)
    return row | {"state": _(STATES[one.state]) + (f": {why}" if why else "")}


@command(
    "explain",
    N_("Say everything a person was sent or not, and why; customer, account, phone or e-mail."),
    within=group,
    example="outreach message explain C-0000017\noutreach message explain +56971234567",
)
@argument("customer")
def explain(context: Context, customer: str) -> None:
    found = _people(context, customer)
    if len(found) > 1:
        said = ngettext("{count} customer holds it", "{count} customers hold it", len(found))
        context.say(said.format(count=len(found)), essential=True)
    explanations = [
        telling.explain(context.database, context.settings, number, keyring=context.keyring)
        for number in found[:_MOST_PEOPLE]
    ]
    if context.format is not Format.TABLE:
        rows = [explained.facts(context, each) for each in explanations]
        context.out.rows(rows, headings={"customer": N_("customer")})
        return
    for each in explanations:
        for line in explained.lines(context, each):
            context.out.text(line)


def _people(context: Context, typed: str) -> list[int]:
    """The customers meant; what was typed never stands in a message: it may be a phone number."""
    text = typed.strip()
    message = context.keyring.read_public_id(PREFIX, text.casefold())
    hashes = whose.hashes(context, text)
    with context.database.read() as session:
        found = telling.customers(session, (text,), hashes)
        if not found and message is not None:
            found = ledger.by_message(session, message)
    if not found:
        raise InputRefused(
            _("nobody in the record goes by that customer, account, phone, e-mail or message id")
        )
    return found
