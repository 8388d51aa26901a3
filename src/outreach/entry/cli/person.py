"""`outreach person`: what a person may ask of their data: a copy, the end of it, or to be left alone."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import click

from outreach.campaigns import explain, person, person_files
from outreach.campaigns.person import Asked
from outreach.entry.cli import person_export, told, whose
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.naming import operator
from outreach.entry.languages import N_, _
from outreach.model.errors import GuardRefused, InputRefused
from outreach.store import person_requests, person_rows
from outreach.store.person_requests import PersonRequest

group = Group("person")

_KINDS = {
    "export": N_("a copy of the data"),
    "erase": N_("erasure"),
    "restrict": N_("restriction"),
    "lift": N_("end of a restriction"),
}
_REASON = option(
    "--reason", default="", help=N_("Why, such as the number of the letter; name nobody in it.")
)


@command(
    "list",
    N_("List what people asked of their data, by when it is owed; oldest first."),
    within=group,
    example="outreach person list\noutreach person list --all",
)
@option("--all", "closed", is_flag=True, help=N_("Those that are done, too."))
def listed(context: Context, *, closed: bool) -> None:
    with context.database.read() as session:
        found = person_requests.every(session, closed=closed)
    context.out.rows(
        (_row(context, one) for one in found),
        headings=_COLUMNS,
        empty=_("nobody waits for anything"),
    )


_COLUMNS = {
    "id": N_("id"),
    "person": N_("person"),
    "asks": N_("asks for"),
    "asked_at": N_("asked"),
    "owed_by": N_("owed by"),
    "state": N_("state"),
}


def _row(context: Context, one: PersonRequest) -> dict[str, object]:
    owed = one.asked_at + person.OWED_WITHIN
    if one.came_back is not None:
        state = _("the source names them again: correct it there, then erase again")
    elif one.done_at is not None:
        state = _("done")
    else:
        state = _("overdue") if context.now > owed else _("open")
    return {
        "id": one.id,
        "person": one.ref,
        "asks": _(_KINDS[one.kind]),
        "kind": one.kind,
        "asked_at": one.asked_at,
        "owed_by": owed,
        "state": state,
        "asked_by": one.asked_by,
        "reason": one.reason,
        "done_at": one.done_at,
        "came_back_at": one.came_back,
    }


@command(
    "ask",
    N_("Note what a person asks, so that it is not forgotten; 30 days run from now."),
    within=group,
    example="outreach person ask C-0000017 --kind erase --reason 'letter 2026-114'",
)
@argument("ref")
@option(
    "--kind", required=True, type=click.Choice(person.KINDS), help=N_("What the person asks for.")
)
@_REASON
def ask(context: Context, ref: str, *, kind: str, reason: str) -> None:
    customer = _one(context, ref)
    asked = Asked(by=operator(), reason=reason, now=context.now)
    number = person.ask(context.database, context.keyring, customer, kind, asked)
    owed = context.now + person.OWED_WITHIN
    record = {"id": number, "kind": kind, "owed_by": owed}
    shown = _("noted; owed by {day}").format(day=f"{owed.astimezone(context.zone):%Y-%m-%d}")
    told.answer(context, record, [shown, _("next: outreach person {kind} REF").format(kind=kind)])


@command(
    "export",
    N_("Write everything held on a person, opened, with source, time and basis."),
    within=group,
    example="outreach person export C-0000017 --to exports/C-0000017.json",
    answers=False,
)
@argument("ref")
@option(
    "--format",
    "form",
    type=click.Choice(["json", "csv"]),
    default="json",
    show_default=True,
    help=N_("One document, or one line a fact."),
)
@option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    help=N_("File to write, readable by you alone; by default it goes to stdout."),
)
@_REASON
def export(context: Context, ref: str, *, form: str, to: Path | None, reason: str) -> None:
    customer = _one(context, ref)
    asked = Asked(by=operator(), reason=reason, now=context.now)
    if to is not None and to.exists():
        raise InputRefused(_("{path}: is there already; name another file").format(path=to))
    held = person.export(context.database, context.settings, context.keyring, customer, asked)
    text = person_export.written(held, form)
    if to is None:
        click.echo(text, nl=False)
        return
    person_export.keep(text, to)
    context.say(
        _("written to {path}; hand it over, then delete it").format(path=to), essential=True
    )


@command(
    "erase",
    N_("Take a person out of the database and of our files; opt-outs outlive them. Asks."),
    within=group,
    example="outreach person erase C-0000017 --reason 'letter 2026-114'",
)
@argument("ref")
@option(
    "--reason",
    required=True,
    help=N_("Why, such as the number of the letter; name nobody in it."),
)
@option(
    "--confirm", default="", help=N_("The customer's ref typed again, where nobody can be asked.")
)
def erase(context: Context, ref: str, *, reason: str, confirm: str) -> None:
    customer = _one(context, ref)
    said = _said(context, customer)
    _typed(context, said[0], confirm)
    asked = Asked(by=operator(), reason=reason, now=context.now)
    erased = person.erase(
        context.database, context.keyring, customer, asked, draw=secrets.token_bytes
    )
    cleaned = person_files.clean(context.settings.workspace, said)
    record = {
        "erased": True,
        "counts": erased.counts,
        "rows_of_files": cleaned.rows,
        "files_to_look_at": [str(path) for path in cleaned.still],
    }
    told.answer(context, record, [*_told_of(erased.counts, cleaned), _next()])


def _told_of(counts: dict[str, int], cleaned: person_files.Cleaned) -> list[str]:
    form = _(
        "erased: {accounts} accounts, {addresses} addresses, {messages} messages, {replies} replies, {calls} calls"
    )
    names = ("accounts", "addresses", "messages", "replies", "calls")
    lines = [form.format(**{name: counts.get(name, 0) for name in names})]
    if counts.get("shared_addresses"):
        shared = _("{count} shared with somebody else stay theirs")
        lines.append(shared.format(count=counts["shared_addresses"]))
    lines += [
        _("look at {path}: it still names them, and is not ours to change").format(path=path)
        for path in cleaned.still
    ]
    return lines


def _next() -> str:
    return _(
        "next: have them erased at the source too; `outreach person list` says if it brings them back"
    )


def _typed(context: Context, ref: str, confirm: str) -> None:
    """The ref typed again: a yes is too easily said to what nobody can take back."""
    typed = confirm
    if not typed and context.interactive:
        question = _("This cannot be undone. Type {ref} to erase").format(ref=ref)
        typed = str(click.prompt(question, default="", show_default=False, err=True))
    if typed.strip() != ref:
        raise GuardRefused(
            _("nothing was erased: type the customer's ref again, or give it with --confirm")
        )


@command(
    "restrict",
    N_("Keep a person's data but write to them only in an emergency; --lift ends it."),
    within=group,
    example="outreach person restrict C-0000017 --reason 'disputes the address'\noutreach person restrict C-0000017 --lift",
)
@argument("ref")
@option("--lift", is_flag=True, help=N_("End the restriction; the person's own opt-outs stay."))
@_REASON
def restrict(context: Context, ref: str, *, lift: bool, reason: str) -> None:
    customer = _one(context, ref)
    asked = Asked(by=operator(), reason=reason, now=context.now)
    if lift:
        count = person.lift(context.database, context.keyring, customer, asked)
        line = _("{count} addresses may be written to again").format(count=count)
        told.answer(context, {"restricted": False, "addresses": count}, [line])
        return
    stopped, shared = person.restrict(context.database, context.keyring, customer, asked)
    lines = [
        _("{count} addresses stopped within a second, but for emergencies").format(count=stopped)
    ]
    if shared:
        form = _("{count} more are others' too and go on: move this person off them in the record")
        lines.append(form.format(count=shared))
    lines.append(_("end it: outreach person restrict REF --lift"))
    record = {"restricted": True, "addresses": stopped, "shared_addresses": shared}
    told.answer(context, record, lines)


def _one(context: Context, typed: str) -> int:
    """The one person meant; what was typed never stands in a message: it may be a phone number."""
    text = typed.strip()
    with context.database.read() as session:
        people = explain.customers(session, (text,), whose.hashes(context, text))
        if not people:
            raise InputRefused(
                _("nobody in the record goes by that customer, account, phone or e-mail")
            )
        if len(people) > 1:
            raise InputRefused(
                _("{count} customers hold it; name one by customer or account").format(
                    count=len(people)
                )
            )
    return people[0]


def _said(context: Context, customer: int) -> list[str]:
    """The customer's ref, then names, addresses and account refs, as a file may have them."""
    with context.database.read() as session:
        points = person_rows.hashes(session, customer)
        rows = person_rows.everything(session, customer, [])
    (mine,) = rows["customer"]
    opened = context.keyring.open
    said = [mine["ref"], opened(mine["name_sealed"]), *(opened(each) for _hash, each in points)]
    for account in rows["accounts"]:
        said.append(account["ref"])
        if account["body_sealed"]:
            body = json.loads(opened(account["body_sealed"]))
            said += [body[0], *(contact[1] for contact in body[4])]
    return [text for text in dict.fromkeys(said) if text]
