"""`outreach stakeholder`: the contact lists beside the customers: municipalities, regulator, press, hospitals, duty."""

from __future__ import annotations

from pathlib import Path

import click

from outreach.campaigns import stakeholders
from outreach.campaigns.stakeholders import PREFIX
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.naming import operator
from outreach.entry.cli.occasions_named import CHANNELS, shown_address
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.errors import DoneInPart, InputRefused
from outreach.model.record import RowRefused
from outreach.model.stakeholder import ContactList, Stakeholder
from outreach.store import stakeholders as store

group = Group("stakeholder")

LISTS = {
    ContactList.MUNICIPALITY: N_("municipality"),
    ContactList.REGULATOR: N_("regulator"),
    ContactList.EMERGENCY: N_("emergency services"),
    ContactList.HOSPITAL: N_("hospital"),
    ContactList.SCHOOL: N_("school"),
    ContactList.PRESS: N_("press"),
    ContactList.DUTY: N_("duty staff"),
}
_SHOWN = 20


@command(
    "import",
    N_("Import contact lists from a CSV: list, name, locality, channel, address, language."),
    within=group,
    example="outreach stakeholder import stakeholders.csv",
)
@argument("file", type=click.Path(dir_okay=False, path_type=Path))
def imported(context: Context, file: Path) -> None:
    done = stakeholders.take_in(
        context.database,
        context.keyring,
        context.settings,
        file,
        author=operator(),
        now=context.now,
    )
    facts = {
        "read": done.read,
        "kept": done.kept,
        "unchanged": done.unchanged,
        "refused": len(done.refused),
    }
    if context.format is Format.TABLE:
        context.out.record(facts, headings=_FIGURES)
    else:
        rows = [
            {"record": row.record, "reason": row.reason, "detail": row.detail}
            for row in done.refused
        ]
        context.out.record(facts | {"rows": rows})
    if done.refused:
        raise DoneInPart("\n".join(_said(row) for row in done.refused[:_SHOWN]))


_FIGURES = {
    "read": N_("rows"),
    "kept": N_("new or changed"),
    "unchanged": N_("unchanged"),
    "refused": N_("rejected"),
}


def _said(row: RowRefused) -> str:
    said = _("{file}: record {record}: {reason}").format(
        file=row.file, record=row.record, reason=row.reason
    )
    return f"{said}: {row.detail}" if row.detail else said


@command(
    "list",
    N_("List who is on the contact lists; addresses are masked."),
    within=group,
    example="outreach stakeholder list --list press",
)
@option(
    "--list",
    "chosen",
    type=click.Choice([str(each) for each in ContactList]),
    help=N_("Only this list."),
)
def listed(context: Context, *, chosen: str | None) -> None:
    lists = (ContactList(chosen),) if chosen else tuple(ContactList)
    with context.database.read() as session:
        found = store.every(session, lists=lists)
    context.out.rows(
        (_row(context, one) for one in found),
        headings={
            "id": N_("id"),
            "list": N_("list"),
            "name": N_("name"),
            "locality": N_("locality"),
            "channel": N_("channel"),
            "address": N_("address"),
            "language": N_("language"),
        },
        empty=_("nobody is on a contact list; `outreach stakeholder import` reads one"),
    )


def _row(context: Context, one: Stakeholder) -> dict[str, object]:
    is_table = context.format is Format.TABLE
    return {
        "id": context.keyring.public_id(PREFIX, one.id),
        "list": _(LISTS[one.list]) if is_table else one.list.value,
        "name": one.name,
        "locality": one.locality or (_("everywhere") if is_table else ""),
        "channel": _(CHANNELS[one.channel]) if is_table else one.channel.value,
        "address": shown_address(context, one.channel, one.address_sealed),
        "language": one.locale,
    }


@command(
    "remove",
    N_("Take somebody off a contact list; what they were sent stays in the ledger."),
    within=group,
    example="outreach stakeholder remove stk_7kq2m4xa",
)
@argument("which")
def removed(context: Context, which: str) -> None:
    shown = which.strip().casefold()
    number = context.keyring.read_public_id(PREFIX, shown)
    if number is None:
        raise InputRefused(
            _("{which!r}: no id of a contact list; `outreach stakeholder list` shows them").format(
                which=which
            )
        )
    gone = stakeholders.remove(
        context.database, number, author=operator(), shown=shown, now=context.now
    )
    if not gone:
        raise InputRefused(_("{which!r}: nobody of this id is on a list").format(which=which))
    if context.format is Format.TABLE:
        context.out.text(_("{which}: removed").format(which=shown))
    else:
        context.out.record({"id": shown, "removed_at": context.now})
