"""`outreach case`: replies that no rule could read, for a person to read and close."""

from __future__ import annotations

from outreach.campaigns import desk_cases
from outreach.entry.cli import times
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.naming import LAST, operator
from outreach.entry.cli.output import Format
from outreach.entry.cli.replied import CASE, done, masked, text_of
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.store import cases as store
from outreach.store.cases import Case

group = Group("case")

KINDS = {
    store.URGENT: N_("DANGER: read it now"),
    "unsure": N_("unclear words"),
    "unknown_sender": N_("unknown sender"),
    "opt_in": N_("wants messages, another block stands"),
    store.NOT_PROVEN: N_("the e-mail is not proven to be from this address"),
    store.PRIORITY: N_("priority customer stopped a channel"),
}


@command(
    "list",
    N_("List the open cases, dangers and priority customers first; numbers are masked."),
    within=group,
    example="outreach case list\noutreach case list --all",
)
@option("--all", "closed", is_flag=True, help=N_("The closed ones too."))
def listed(context: Context, *, closed: bool) -> None:
    with context.database.read() as session:
        found = store.every(session, closed=closed)
    context.out.rows(
        (_row(context, one) for one in found), headings=_COLUMNS, empty=_("no case is open")
    )


_COLUMNS = {
    "id": N_("id"),
    "kind": N_("case"),
    "customer": N_("customer"),
    "from": N_("from"),
    "opened_at": N_("since"),
    "outcome": N_("outcome"),
}


def _row(context: Context, one: Case) -> dict[str, object]:
    facts: dict[str, object] = {
        "id": context.keyring.public_id(CASE, one.id),
        "kind": one.kind,
        "channel": one.channel,
        "customer": one.customer_ref or "",
        "from": masked(context, one.channel, one.address_sealed),
        "opened_at": one.opened_at,
        "closed_at": one.closed_at,
        "closed_by": one.closed_by,
        "outcome": one.outcome,
    }
    if context.format is not Format.TABLE:
        return facts
    return facts | {
        "kind": _(KINDS.get(one.kind, one.kind)),
        "opened_at": times.wall(one.opened_at, now=context.now, zone=context.zone),
    }


@command(
    "show",
    N_(
        "Show a case with the words of the reply and the number to answer; the audit keeps that it did."
    ),
    within=group,
    example="outreach case show cas_7kq2m4xa\noutreach case show last",
)
@argument("which", default=LAST)
def show(context: Context, which: str) -> None:
    one = desk_cases.shown(
        context.database, context.keyring, _named(context, which), who=operator(), now=context.now
    )
    facts = _row(context, one)
    address, text = context.keyring.open(one.address_sealed), text_of(context, one.body_sealed)
    if context.format is not Format.TABLE:
        given = {"address": address, "text": text, "done": one.done, "answered": one.answered}
        context.out.record(facts | given, headings=_COLUMNS)
        return
    context.out.text(
        " · ".join(str(facts[name]) for name in ("id", "kind", "opened_at", "customer"))
    )
    for line in text.splitlines():
        context.out.text(f"    > {line}")
    context.out.text("  " + done(one.done, one.answered))
    context.out.text(_("answer them at {address}").format(address=address))
    context.out.text(_("then: outreach case close {id} --outcome …").format(id=facts["id"]))


@command(
    "close",
    N_("Close a case with what came of it; the audit keeps who did."),
    within=group,
    example="outreach case close cas_7kq2m4xa --outcome 'called back, has service again'",
)
@argument("which")
@option("--outcome", required=True, help=N_("What came of it, in a few words and without names."))
@option(
    "--opt-out",
    "opt_out",
    is_flag=True,
    help=N_("They asked for no more messages on this channel."),
)
def close(context: Context, which: str, *, outcome: str, opt_out: bool) -> None:
    number = _named(context, which)
    closing = desk_cases.Closing(who=operator(), outcome=outcome, opt_out=opt_out)
    one = desk_cases.close(context.database, context.keyring, number, closing, now=context.now)
    row = _row(context, one)
    if context.format is not Format.TABLE:
        context.out.record(row, headings=_COLUMNS)
        return
    context.out.text(f"{row['id']} · {row['kind']} → {one.outcome}")


def _named(context: Context, which: str) -> int:
    """A case by its id, or `last`: the first of the list."""
    text = which.strip().casefold()
    if text == LAST:
        with context.database.read() as session:
            found = store.every(session, limit=1)
        if not found:
            raise InputRefused(
                _("no case is open; `outreach case list --all` shows the closed ones")
            )
        return found[0].id
    number = context.keyring.read_public_id(CASE, text)
    if number is None:
        raise InputRefused(
            _("{which}: not a case; `outreach case list` shows their ids").format(which=which)
        )
    return number
