"""`outreach audience`: who is touched, and who of them cannot be told by us."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import click

from outreach.entry.cli import scopes, whom
from outreach.entry.cli.command import Context, Group, argument, command, option
from outreach.entry.cli.naming import operator
from outreach.entry.cli.occasions_named import LEFT_OUT, any_kind
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _, ngettext
from outreach.entry.shown import shown_id
from outreach.model.audience import Segment
from outreach.model.errors import InputRefused
from outreach.model.record import AffectedCounts
from outreach.model.words import Channel, LeftOut
from outreach.store import audience, audit, people, scopes as stored, segments
from outreach.store.scopes import Remaining
from outreach.store.session import Session

group = Group("audience")

_WRITTEN = (Channel.SMS, Channel.EMAIL)


class _Place(NamedTuple):
    """A scope with the name under which it is audited, and how it reads."""

    scope: Remaining
    subject: str
    words: str


@command(
    "count",
    N_("Count who an occasion, or a place, touches and how they can be reached."),
    within=group,
    example="outreach audience count last\n"
    "outreach audience count --node ALM-F12 --class A --not-told-for 6h --explain",
)
@argument("which", required=False)
@scopes.where
@whom.whom
@option("--explain", is_flag=True, help=N_("Say in words who is counted, condition by condition."))
def count(
    context: Context,
    *,
    which: str | None,
    place: scopes.Typed,
    segment: Segment,
    explain: bool,
) -> None:
    found = _place(context, which, place)
    with context.database.read() as session:
        known = whom.known(session, segment)
        counts = _counts(session, found.scope, known, context.now)
        messages = _messages(session, found.scope, known, context.now)
        said = list(_explained(session, found, known, context.now)) if explain else []
    counted = _counted(counts, messages)
    if context.format is Format.TABLE:
        for line in said:
            context.out.text(_line(context, line))
        counted |= _in_words(counts, messages)
    elif said:
        counted["explained"] = [{"says": says, "customers": left} for says, left in said]
    context.out.record(counted, headings=_COUNTS)


def _counts(session: Session, scope: Remaining, segment: Segment, now: datetime) -> AffectedCounts:
    if segment.is_everybody:
        return audience.affected(session, scope)
    return segments.counted(session, scope, segment, now=now)


def _messages(
    session: Session, scope: Remaining, segment: Segment, now: datetime
) -> dict[str, int]:
    if segment.is_everybody:
        return audience.messages(session, scope)
    return segments.messages(session, scope, segment, now=now)


def _explained(
    session: Session, place: _Place, segment: Segment, now: datetime
) -> Iterator[tuple[str, int]]:
    """The scope and each condition in words, with how many customers are left after it."""
    everybody = audience.affected(session, place.scope).customers
    yield _("whose supply is in {place}").format(place=place.words), everybody
    for says, so_far in whom.sentences(segment):
        yield says, segments.customers(session, place.scope, so_far, now=now)


def _line(context: Context, said: tuple[str, int]) -> str:
    says, left = said
    customers = ngettext("{count} customer", "{count} customers", left)
    return f"{customers.format(count=context.out.count(left))} · {says}"


def _in_words(counts: AffectedCounts, messages: dict[str, int]) -> dict[str, object]:
    return {
        "reachable": {_(_REACHED[key]): many for key, many in counts.reachable.items()},
        "messages": {_(_REACHED[key]): many for key, many in messages.items()},
    }


_COUNTS = {
    "premises": N_("premises"),
    "accounts": N_("accounts"),
    "customers": N_("customers"),
    "households": N_("households"),
    "priority": N_("priority"),
    "priority_expired": N_("priority, no longer valid"),
    "reachable": N_("reachable"),
    "messages": N_("messages"),
    "localities": N_("localities"),
}


_REACHED = {
    "sms": N_("SMS"),
    "email": N_("e-mail"),
    "voice": N_("voice"),
    "sms_or_email": N_("SMS or e-mail"),
    "none": N_("on no channel"),
}


def _counted(counts: AffectedCounts, messages: dict[str, int]) -> dict[str, object]:
    return {
        "premises": counts.premises,
        "accounts": counts.accounts,
        "customers": counts.customers,
        "households": counts.households,
        "priority": counts.priority_customers,
        "priority_expired": counts.priority_expired_customers,
        "reachable": counts.reachable,
        "messages": messages,
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
@whom.whom
@option("--unreachable", is_flag=True, help=N_("Only those whom no message reaches, and why."))
@option(
    "--reason",
    type=click.Choice([str(reason) for reason in LeftOut]),
    help=N_("Only those unreachable for this reason."),
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
    place: scopes.Typed,
    segment: Segment,
    unreachable: bool,
    reason: str | None,
    with_addresses: bool,
) -> None:
    if reason and not unreachable:
        raise InputRefused(_("--reason tells why somebody is not reached: add --unreachable"))
    found = _place(context, which, place)
    with context.database.read() as session:
        known = whom.known(session, segment)
        if unreachable:
            rows = list(_unreachable(context, session, found.scope, known, reason))
        else:
            rows = list(_affected(context, session, found.scope, known))
    headings = dict(_UNREACHED if unreachable else _AFFECTED)
    if with_addresses:
        rows = _with_streets(context, found, rows)
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
    context: Context, session: Session, scope: Remaining, segment: Segment
) -> Iterator[dict[str, object]]:
    for one in people.affected(session, scope, segment, now=context.now):
        yield {
            "customer": one.ref,
            "locality": one.locality,
            "priority": one.priority.value,
            "channels": [each.value for each in one.channels],
        }


def _unreachable(
    context: Context, session: Session, scope: Remaining, segment: Segment, reason: str | None
) -> Iterator[dict[str, object]]:
    """Whom none of the named channels reaches, SMS and e-mail if none is named."""
    channels = segment.channels or _WRITTEN
    others = replace(segment, channels=())
    wanted = (
        None
        if others.is_everybody
        else {one.ref for one in people.affected(session, scope, others, now=context.now)}
    )
    for ref, locality, priority, why in audience.unreachable(session, scope, channels):
        if (wanted is None or ref in wanted) and (reason is None or why == reason):
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


def _place(context: Context, which: str | None, place: scopes.Typed) -> _Place:
    """What is still out of an occasion, all of it once it is over; or the place as typed."""
    if place.is_empty == (which is None):
        raise InputRefused(
            _(
                "give an occasion (last, a name, an id), or a place: --node, --locality, "
                "--postal-code, --area, --circle, --premises"
            )
        )
    if which is None:
        return _typed(context, place)
    occasion = any_kind(context, which)
    with context.database.read() as session:
        words = scopes.in_words(session, occasion.revision.scope)
        if occasion.revision.state.is_open:
            scope = stored.remaining(session, occasion)
        else:
            scope = stored.whole(session, occasion, occasion.revision)
    return _Place(scope, f"occasion:{shown_id(context.keyring, occasion)}", words)


def _typed(context: Context, place: scopes.Typed) -> _Place:
    named = scopes.scope(context, place)
    with context.database.read() as session:
        return _Place(stored.typed(session, named), "scope", scopes.in_words(session, named))
