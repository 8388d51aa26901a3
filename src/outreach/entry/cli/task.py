"""`outreach task`: what only a person can do for a priority customer, from the call to the word that ends it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import click

from outreach.campaigns import tasks
from outreach.campaigns.tasks import PREFIX, Closing
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.naming import LAST, operator
from outreach.entry.cli.occasions_named import any_kind, shown_address
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.model.task import Outcome, Task, TaskKind
from outreach.model.words import LeftOut
from outreach.store import tasks as store
from outreach.store.tasks import NOT_SENT, REFUSED, Reached

group = Group("task")

KINDS = {
    TaskKind.UNANSWERED: N_("no answer"),
    TaskKind.NEEDS_HELP: N_("needs help"),
    TaskKind.UNREACHABLE: N_("not reached"),
}
_WHY = {
    REFUSED: N_("all refused"),
    NOT_SENT: N_("nothing left yet"),
    LeftOut.NO_CONTACT: N_("no address"),
    LeftOut.NO_CONSENT: N_("no consent"),
    LeftOut.OPTED_OUT: N_("opted out"),
    LeftOut.SHARED_ADDRESS: N_("shared address"),
    LeftOut.OTHER_CHANNELS_ONLY: N_("on other channels only"),
}
_OUTCOMES = {
    Outcome.HEARD: N_("heard"),
    Outcome.NEEDS_HELP: N_("gets help"),
    Outcome.NOT_REACHED: N_("nobody reached"),
    Outcome.ANSWERED: N_("answered by themselves"),
}
_CLOSES = (Outcome.HEARD, Outcome.NEEDS_HELP, Outcome.NOT_REACHED)


@command(
    "list",
    N_("List the open tasks, cries for help first; telephones are masked."),
    within=group,
    example="outreach task list\noutreach task list --which last --all",
)
@option("--which", help=N_("Only of this occasion: last, a name or an id."))
@option("--all", "closed", is_flag=True, help=N_("The closed ones too."))
def listed(context: Context, *, which: str | None, closed: bool) -> None:
    occasion = any_kind(context, which).id if which else None
    with context.database.read() as session:
        found = store.every(session, occasion=occasion, closed=closed)
        phones = {one.id: tuple(store.reach(session, one.customer)) for one in found}
    context.out.rows(
        (_row(context, one, phones[one.id]) for one in found),
        headings=_COLUMNS,
        empty=_("no task is open"),
    )


_COLUMNS = {
    "id": N_("id"),
    "kind": N_("task"),
    "customer": N_("customer"),
    "occasion": N_("occasion"),
    "phones": N_("phones"),
    "opened_at": N_("since"),
    "taken_by": N_("taken by"),
}


def _row(context: Context, task: Task, phones: tuple[Reached, ...]) -> dict[str, object]:
    masked = [shown_address(context, phone.channel, phone.address_sealed) for phone in phones]
    facts: dict[str, object] = {
        "id": context.keyring.public_id(PREFIX, task.id),
        "kind": task.kind.value,
        "occasion": task.occasion_name,
        "customer": task.customer_ref,
        "why": task.why,
        "phones": list(dict.fromkeys(masked)),
        "opened_at": task.opened_at,
        "taken_by": task.taken_by,
    }
    if context.format is not Format.TABLE:
        return facts | {
            "taken_at": task.taken_at,
            "closed_at": task.closed_at,
            "closed_by": task.closed_by,
            "outcome": task.outcome.value if task.outcome else "",
            "pushes": task.pushes,
        }
    since = task.opened_at.astimezone(ZoneInfo(task.zone))
    return facts | {
        "kind": _in_words(task),
        "phones": ", ".join(dict.fromkeys(masked)) or "—",
        "opened_at": f"{since:%H:%M}",
    }


def _in_words(task: Task) -> str:
    """`no answer`, `not reached: no address`, `needs help → heard`."""
    why = f": {_(_WHY[task.why])}" if task.why in _WHY else ""
    ended = f" → {_(_OUTCOMES[task.outcome])}" if task.outcome else ""
    return f"{_(KINDS[task.kind])}{why}{ended}"


@command(
    "take",
    N_("Take a task; it shows you the telephones, and the audit keeps that it did."),
    within=group,
    example="outreach task take tsk_7kq2m4xa\noutreach task take last",
)
@argument("which", default=LAST)
@option("--over", is_flag=True, help=N_("Take it over from whoever holds it."))
def take(context: Context, which: str, *, over: bool) -> None:
    number = _named(context, which)
    given = tasks.take(
        context.database,
        context.keyring,
        number,
        who=operator(),
        over=_holder(context, number) if over else "",
        now=context.now,
    )
    phones = [context.keyring.open(phone.address_sealed) for phone in given.phones]
    shown = _row(context, given.task, ())
    known = list(dict.fromkeys(phones))
    if context.format is not Format.TABLE:
        context.out.record(shown | {"phones": known}, headings=_COLUMNS)
        return
    context.out.text(
        f"{shown['id']} · {shown['kind']} · {given.task.customer_ref} · {shown['why']}"
    )
    context.out.text(_("call {phones}").format(phones=", ".join(known) or "—"))
    context.out.text(
        _("then: outreach task close {id} --outcome heard|needs_help|not_reached").format(
            id=shown["id"]
        )
    )


def _holder(context: Context, number: int) -> str:
    with context.database.read() as session:
        task = store.get(session, number)
    return task.taken_by if task else ""


@command(
    "close",
    N_("Close a task with what came of it; what the customer said counts as their answer."),
    within=group,
    example="outreach task close tsk_7kq2m4xa --outcome heard --note 'has a generator until noon'",
)
@argument("which")
@option(
    "--outcome",
    required=True,
    type=click.Choice([str(each) for each in _CLOSES]),
    help=N_("What came of it; not_reached leaves the customer unconfirmed."),
)
@option("--note", default="", help=N_("What whoever comes next should know; kept encrypted."))
def close(context: Context, which: str, *, outcome: str, note: str) -> None:
    closing = Closing(who=operator(), outcome=Outcome(outcome), note=note)
    task = tasks.close(
        context.database, context.keyring, _named(context, which), closing, now=context.now
    )
    row = _row(context, task, ())
    if context.format is not Format.TABLE:
        context.out.record(row, headings=_COLUMNS)
        return
    context.out.text(f"{row['id']} · {row['kind']}")


def _named(context: Context, which: str) -> int:
    """A task by its id, or `last`: the first of the list that nobody has taken."""
    text = which.strip().casefold()
    if text == LAST:
        with context.database.read() as session:
            free = [one for one in store.every(session) if not one.taken_by]
        if not free:
            raise InputRefused(_("no task waits; `outreach task list` shows those taken"))
        return free[0].id
    number = context.keyring.read_public_id(PREFIX, text)
    if number is None:
        raise InputRefused(
            _("{which}: not a task; `outreach task list` shows their ids").format(which=which)
        )
    return number
