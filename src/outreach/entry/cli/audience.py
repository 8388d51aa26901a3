"""`outreach audience`: who is touched, and who of them cannot be told by us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from outreach.entry.cli import scopes
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.naming import operator
from outreach.entry.cli.occasions_named import LEFT_OUT, any_kind
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.entry.shown import shown_id
from outreach.model.errors import InputRefused
from outreach.model.record import AffectedCounts
from outreach.model.words import Channel, LeftOut
from outreach.store import audience, audit, people, scopes as stored
from outreach.store.scopes import Remaining
from outreach.store.session import Session

group = Group("audience")

_WRITTEN = (Channel.SMS, Channel.EMAIL)


class _Asked(NamedTuple):
    """What a person named: an occasion, or a place of the record."""

    which: str | None
    nodes: tuple[str, ...]
    localities: tuple[str, ...]
    premises: Path | None


class _Place(NamedTuple):
    """A scope with the name under which it is audited."""

    scope: Remaining
    subject: str


@command(
    "count",
    N_("Count who an occasion, or a place, touches and how they can be reached."),
    within=group,
    example="outreach audience count last\noutreach audience count --node ALM-F12",
)
@argument("which", required=False)
@scopes.where
def count(
    context: Context,
    *,
    which: str | None,
    nodes: tuple[str, ...],
    localities: tuple[str, ...],
    premises: Path | None,
) -> None:
    asked = _Asked(which, nodes, localities, premises)
    place = _place(context, asked)
    with context.database.read() as session:
        counts = audience.affected(session, place.scope)
    counted = _counted(counts)
    if context.format is Format.TABLE:
        counted |= {"reachable": {_(_REACHED[key]): many for key, many in counts.reachable.items()}}
    context.out.record(counted, headings=_COUNTS)


_COUNTS = {
    "premises": N_("premises"),
    "accounts": N_("accounts"),
    "customers": N_("customers"),
    "households": N_("households"),
    "priority": N_("priority"),
    "priority_expired": N_("priority, no longer valid"),
    "reachable": N_("reachable"),
    "localities": N_("localities"),
}


_REACHED = {
    "sms": N_("SMS"),
    "email": N_("e-mail"),
    "voice": N_("voice"),
    "sms_or_email": N_("SMS or e-mail"),
    "none": N_("on no channel"),
}


def _counted(counts: AffectedCounts) -> dict[str, object]:
    return {
        "premises": counts.premises,
        "accounts": counts.accounts,
        "customers": counts.customers,
        "households": counts.households,
        "priority": counts.priority_customers,
        "priority_expired": counts.priority_expired_customers,
        "reachable": counts.reachable,
        "localities": counts.localities,
    }


@command(
    "list",
    N_("List the customers; with --unreachable those who need a letter, a call or a visit."),
    within=group,
    example="outreach audience list last --unreachable --format csv > letters.csv",
)
@argument("which", required=False)
@scopes.where
@option("--unreachable", is_flag=True, help=N_("Only those whom no message reaches, and why."))
@option(
    "--reason",
    type=click.Choice([str(reason) for reason in LeftOut]),
    help=N_("Only those unreachable for this reason."),
)
@option(
    "--channel",
    type=click.Choice([str(channel) for channel in _WRITTEN]),
    help=N_("Only by this channel; by default SMS and e-mail together."),
)
@option(
    "--with-addresses",
    is_flag=True,
    help=N_("With name and street, for letters: the list is then personal data."),
)
def listed(
    context: Context,
    *,
    which: str | None,
    nodes: tuple[str, ...],
    localities: tuple[str, ...],
    premises: Path | None,
    unreachable: bool,
    reason: str | None,
    channel: str | None,
    with_addresses: bool,
) -> None:
    if reason and not unreachable:
        raise InputRefused(_("--reason tells why somebody is not reached: add --unreachable"))
    asked = _Asked(which, nodes, localities, premises)
    place = _place(context, asked)
    channels = (Channel(channel),) if channel else _WRITTEN
    with context.database.read() as session:
        if unreachable:
            rows = list(_unreachable(context, session, place.scope, channels, reason))
        else:
            rows = list(_affected(session, place.scope, channel))
    headings = dict(_UNREACHED if unreachable else _AFFECTED)
    if with_addresses:
        rows = _with_streets(context, place, rows)
        headings |= {"name": N_("name"), "street": N_("street")}
    context.out.rows(rows, headings=headings, empty=_("nobody"))


_AFFECTED = {
    "customer": N_("customer"),
    "locality": N_("locality"),
    "priority": N_("class"),
    "channels": N_("channels"),
}
_UNREACHED = {
    "customer": N_("customer"),
    "locality": N_("locality"),
    "priority": N_("class"),
    "reason": N_("reason"),
}


def _affected(
    session: Session, scope: Remaining, channel: str | None
) -> Iterator[dict[str, object]]:
    for one in people.affected(session, scope):
        if channel is None or channel in one.channels:
            yield {
                "customer": one.ref,
                "locality": one.locality,
                "priority": one.priority.value,
                "channels": [each.value for each in one.channels],
            }


def _unreachable(
    context: Context,
    session: Session,
    scope: Remaining,
    channels: tuple[Channel, ...],
    reason: str | None,
) -> Iterator[dict[str, object]]:
    for ref, locality, priority, why in audience.unreachable(session, scope, channels):
        if reason is None or why == reason:
            shown = _(LEFT_OUT[why]) if context.format is Format.TABLE else why.value
            yield {"customer": ref, "locality": locality, "priority": priority, "reason": shown}


def _with_streets(
    context: Context, place: _Place, rows: list[dict[str, object]]
) -> list[dict[str, object]]:
    """A row a supply, its lines opened; that it was done stands in the audit, by whom and how many."""
    by_ref = {str(row["customer"]): row for row in rows}
    with context.database.write() as session:
        letters = people.letters(session, place.scope, by_ref.keys())
        audit.write(
            session,
            operator(),
            "audience.addresses",
            place.subject,
            now=context.now,
            opened=len(letters),
        )
    context.say(
        _(
            "This list holds names and streets: personal data. Keep it out of git, delete it after use."
        ),
        essential=True,
    )
    return [
        by_ref[one.ref]
        | {
            "locality": one.locality,
            "name": context.keyring.open(one.name_sealed),
            "street": context.keyring.open(one.street_sealed),
        }
        for one in letters
    ]


def _place(context: Context, asked: _Asked) -> _Place:
    """What is still out of an occasion, all of it once it is over; or the place as typed."""
    has_place = bool(asked.nodes or asked.localities or asked.premises)
    if has_place == (asked.which is not None):
        raise InputRefused(
            _("give an occasion (last, a name, an id), or a place: --node, --locality, --premises")
        )
    if asked.which is None:
        return _typed(context, asked)
    occasion = any_kind(context, asked.which)
    with context.database.read() as session:
        if occasion.revision.state.is_open:
            scope = stored.remaining(session, occasion)
        else:
            scope = stored.whole(session, occasion, occasion.revision)
    return _Place(scope, f"occasion:{shown_id(context.keyring, occasion)}")


def _typed(context: Context, asked: _Asked) -> _Place:
    scope = scopes.scope(
        context, nodes=asked.nodes, localities=asked.localities, premises=asked.premises
    )
    with context.database.read() as session:
        return _Place(people.typed_scope(session, scope), "scope")
