"""`outreach webhook`: the endpoints that are told what happens, what did not reach them, and sending it again."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import click

from outreach.campaigns import webhooks
from outreach.entry import posting
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.naming import operator
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _, ngettext
from outreach.model.errors import DoneInPart, InputRefused
from outreach.settings_contactcenter import Endpoint
from outreach.store import audit, endpoints, outgoing
from outreach.store.endpoints import Health, Paused
from outreach.store.outgoing import Parcel

group = Group("webhook")

_NONE = N_("no [[endpoints]] in outreach.toml; docs/webhooks.md shows one")


@command(
    "list",
    N_("List the endpoints: what each wants, whether it answers, what waits."),
    within=group,
    example="outreach webhook list",
)
def listed(context: Context) -> None:
    with context.database.read() as session:
        health, held = endpoints.health(session), endpoints.paused(session)
    rows = [
        _row(one, health.get(one.name, Health()), held.get(one.name))
        for one in context.settings.endpoints
    ]
    context.out.rows(rows, headings=_COLUMNS, empty=_(_NONE))
    if any(row["paused_at"] for row in rows):
        context.say(_("paused: it said 410 Gone; once it is mended: outreach webhook test NAME"))
    if any(row["dead"] for row in rows):
        context.say(_("dead letters: outreach webhook dead"))


_COLUMNS = {
    "endpoint": N_("endpoint"),
    "host": N_("host"),
    "kinds": N_("wants"),
    "state": N_("state"),
    "waiting": N_("waiting"),
    "dead": N_("dead"),
    "sent": N_("sent in 2 days"),
    "sent_at": N_("last"),
}


def _row(one: Endpoint, health: Health, held: Paused | None) -> dict[str, object]:
    """Of the address the host alone: a path may hold a secret."""
    return {
        "endpoint": one.name,
        "host": urlsplit(one.url).hostname,
        "kinds": one.kinds,
        "state": _state(health, held),
        "waiting": health.waiting,
        "failing": health.failing,
        "dead": health.dead,
        "sent": health.sent,
        "sent_at": health.sent_at,
        "oldest_at": health.oldest_at,
        "paused_at": held.at if held else None,
        "secrets": len(one.keys),
    }


def _state(health: Health, held: Paused | None) -> str:
    if held:
        return _("paused")
    if health.failing:
        return _("failing")
    return _("answers") if health.sent else _("never asked")


@command(
    "test",
    N_("Send a test event to one endpoint now, and say what it answers."),
    within=group,
    sends=True,
    example="outreach webhook test crm",
)
@argument("name")
def tested(context: Context, name: str) -> None:
    endpoint = webhooks.named(context.settings, name)
    if context.dry_run:
        context.out.record({"to": name, "host": urlsplit(endpoint.url).hostname, "dry_run": True})
        context.say(_("nothing was sent; leave --dry-run out to send it"))
        return
    post = posting.poster(context.settings, time.monotonic)
    answer = webhooks.send_one(
        context.database, context.settings, context.keyring, name, now=context.now, http=post
    )
    context.out.record(
        {"to": name, "answered": answer.shown, "taken": answer.is_taken}, headings=_ANSWERED
    )
    if not answer.is_taken:
        raise DoneInPart(
            _("{name} did not take it; look there, then at `outreach webhook log {name}`").format(
                name=name
            )
        )


_ANSWERED = {"to": N_("to"), "answered": N_("answered"), "taken": N_("arrived")}


@command(
    "dead",
    N_("List the dead letters: what no try could deliver."),
    within=group,
    example="outreach webhook dead\noutreach webhook dead crm",
)
@argument("name", required=False, default="")
def dead(context: Context, name: str) -> None:
    letters = _kept(context, name, states=(outgoing.DEAD,), limit=1_000)
    context.out.rows(
        [_letter(context, each) for each in letters], headings=_LETTERS, empty=_("no dead letter")
    )
    if letters:
        context.say(_("to send them again: outreach webhook replay ID, or --all"))


@command(
    "log",
    N_("Show the newest webhooks and what became of each."),
    within=group,
    example="outreach webhook log\noutreach webhook log crm --limit 100",
)
@argument("name", required=False, default="")
@option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True,
    help=N_("Newest so many."),
)  # fmt: skip
def log(context: Context, name: str, *, limit: int) -> None:
    letters = _kept(context, name, states=(), limit=limit)
    rows = [_letter(context, each) for each in letters]
    context.out.rows(rows, headings=_LOG, empty=_("nothing was sent in the last two days"))


_LETTERS = {
    "id": N_("id"),
    "endpoint": N_("endpoint"),
    "kind": N_("what"),
    "created_at": N_("queued at"),
    "tries": N_("tries"),
    "answered": N_("answered"),
}
_LOG = {**_LETTERS, "state": N_("state"), "next_at": N_("next try")}
_STATES = {
    outgoing.WAITING: N_("waits"),
    outgoing.SENT: N_("sent"),
    outgoing.DEAD: N_("dead letter"),
    outgoing.SUPERSEDED: N_("replaced by a newer one"),
    outgoing.EXPIRED: N_("over"),
}


def _kept(context: Context, name: str, *, states: tuple[str, ...], limit: int) -> list[Parcel]:
    if name:
        webhooks.named(context.settings, name)
    with context.database.read() as session:
        return outgoing.newest(session, endpoint=name, states=states, limit=limit)


def _letter(context: Context, each: Parcel) -> dict[str, object]:
    is_table = context.format is Format.TABLE
    return {
        "id": webhooks.shown_id(each),
        "endpoint": each.endpoint,
        "kind": each.kind,
        "event": _event(each),
        "created_at": each.created_at,
        "tries": _tries(each),
        "answered": each.last_status,
        "state": _(_STATES[each.state]) if is_table else each.state,
        "next_at": each.next_at,
    }


def _tries(each: Parcel) -> int:
    return each.failures + (each.state == outgoing.SENT)


def _event(each: Parcel) -> str:
    """The id of the event, by which a receiver finds it again."""
    return each.subject if each.kind != webhooks.DIRECTIVES else ""


@command(
    "replay",
    N_("Send dead letters again: one, those of an endpoint, or all."),
    within=group,
    sends=True,
    example="outreach webhook replay msg_12_6955b900\noutreach webhook replay --endpoint crm\n"
    "outreach webhook replay --all",
)
@argument("which", required=False, default="")
@option("--endpoint", default="", help=N_("All dead letters of this endpoint."))
@option("--all", "every", is_flag=True, help=N_("All dead letters."))
def replay(context: Context, which: str, *, endpoint: str, every: bool) -> None:
    number = _asked_for(context, which, endpoint, every=every)
    letters = _of_these(_kept(context, endpoint, states=(outgoing.DEAD,), limit=10_000), number)
    if not letters:
        raise InputRefused(_("no such dead letter; `outreach webhook dead` shows them"))
    revived = letters if context.dry_run else _revived(context, endpoint, number)
    _tell(context, revived, left=len(letters) - len(revived))


def _asked_for(context: Context, which: str, endpoint: str, *, every: bool) -> int | None:
    if sum(map(bool, (which, endpoint, every))) != 1:
        raise InputRefused(_("say which: an ID, --endpoint NAME, or --all"))
    if endpoint:
        webhooks.named(context.settings, endpoint)
    if not which:
        return None
    number = webhooks.read_id(which)
    if number is None:
        raise InputRefused(
            _("{which!r}: no id of a webhook; `outreach webhook dead` shows them").format(
                which=which
            )
        )
    return number


def _of_these(letters: list[Parcel], number: int | None) -> list[Parcel]:
    return [one for one in letters if number is None or one.id == number]


def _revived(context: Context, endpoint: str, number: int | None) -> list[Parcel]:
    with context.database.write() as session:
        revived = outgoing.revive(session, now=context.now, endpoint=endpoint, number=number)
        audit.write(
            session, operator(), "webhook.replay", endpoint or "webhooks", now=context.now,
            letters=len(revived),
        )  # fmt: skip
    return revived


def _tell(context: Context, revived: list[Parcel], *, left: int) -> None:
    by_endpoint = Counter(one.endpoint for one in revived)
    record: dict[str, Any] = {"replayed": len(revived), "left": left, "endpoints": by_endpoint}
    if context.format is not Format.TABLE:
        context.out.record(record | {"dry_run": context.dry_run})
        return
    if context.dry_run:
        context.out.text(_("TRIAL: nothing is written, nobody is told"))
    said = ngettext(
        "{count} webhook waits again: {where}", "{count} webhooks wait again: {where}", len(revived)
    )
    context.out.text(said.format(count=len(revived), where=context.out.person(by_endpoint)))
    if left:
        context.out.text(_("left: {count}, over or replaced by newer ones").format(count=left))
    context.say(_("`outreach serve` sends them within seconds; see: outreach webhook log"))
