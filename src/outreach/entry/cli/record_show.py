"""`outreach record show`: what the record knows of somebody or of a place, from where and since when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from outreach.channels.outbox import masked
from outreach.entry.cli import whose
from outreach.entry.cli.command import Context, argument, command, option
from outreach.entry.cli.naming import operator
from outreach.entry.cli.output import Format
from outreach.entry.languages import N_, _
from outreach.model.errors import InputRefused
from outreach.model.words import LifeSupportState
from outreach.store import audit, provenance
from outreach.store.provenance import AccountKnown, CustomerKnown, Origin, PointKnown, PremiseKnown
from outreach.store.session import Session
from outreach.store.suppressions import ANY, Suppression


@command(
    "show",
    N_("Show what the record knows of a customer, an account, a premise, a phone or an e-mail."),
    example="outreach record show 10001\noutreach record show P-500001 --format json",
)
@argument("who")
@option(
    "--with-addresses",
    is_flag=True,
    help=N_("With name, street, phones and e-mails in clear: personal data, and audited."),
)
def show(context: Context, who: str, *, with_addresses: bool) -> None:
    with context.database.read() as session:
        people = provenance.known(session, _found(context, session, who))
    if with_addresses:
        _audit(context, people)
    shown = [_customer(context, one, opened=with_addresses) for one in people]
    if context.format is not Format.TABLE:
        context.out.rows(shown, headings=_CUSTOMER)
        return
    for one in shown:
        _tell(context, one)
    if len(people) == provenance.MOST:
        said = _("these are the first {count}; there are more")
        context.say(said.format(count=len(people)), essential=True)


def _found(context: Context, session: Session, who: str) -> list[int]:
    """By a ref as written, else as a phone or an e-mail in whatever spelling."""
    if found := provenance.customers_named(session, who.strip()):
        return found
    if found := provenance.customers_at(session, whose.hashes(context, who)):
        return found
    # What was typed may be somebody's number: it is not repeated.
    raise InputRefused(
        _(
            "nobody in the record by that; give a customer, an account, a premise, a phone or an e-mail"
        )
    )


def _audit(context: Context, people: Sequence[CustomerKnown]) -> None:
    with context.database.write() as session:
        for one in people:
            audit.write(
                session,
                operator(),
                "record.addresses",
                f"customer:{context.keyring.public_id('cus', one.id)}",
                now=context.now,
            )
    context.say(_("This holds names and addresses: personal data."), essential=True)


def _customer(context: Context, one: CustomerKnown, *, opened: bool) -> dict[str, object]:
    name = {"name": context.keyring.open(one.name_sealed)} if opened else {}
    return {
        "customer": one.ref,
        **name,
        "household": one.household,
        "household_members": list(one.members),
        "locale": one.locale,
        "zone": one.zone,
        "preferred": one.preferred,
        "tags": list(one.tags),
        "loaded_at": one.loaded_at,
        "closed_at": one.closed_at,
        "accounts": [_account(each) for each in one.accounts],
        "premises": [_premise(context, each, opened=opened) for each in one.premises],
        "contacts": [_point(context, each, opened=opened) for each in one.points],
    }


def _account(one: AccountKnown) -> dict[str, object]:
    return {
        "account": one.ref,
        "type": one.customer_type,
        "class": one.priority,
        "why": _why(one),
        "closed_at": one.closed_at,
        **_origin(one.origin),
    }


def _why(one: AccountKnown) -> str:
    if one.life_support == LifeSupportState.VALID:
        if one.life_support_until is None:
            return _("on the life-support register")
        return _("on the life-support register until {day}").format(day=one.life_support_until)
    if one.life_support:
        return _("its entry in the life-support register no longer holds: {state}").format(
            state=one.life_support
        )
    return _("by its type") if one.priority == "B" else ""


def _premise(context: Context, one: PremiseKnown, *, opened: bool) -> dict[str, object]:
    street = {"street": context.keyring.open(one.street_sealed)} if opened else {}
    return {
        "premise": one.ref,
        "account": one.account,
        "role": one.role,
        **street,
        "locality": one.locality,
        "postal_code": one.postal_code,
        "zone": one.zone,
        "transformer": one.transformer,
        "fed_by": list(one.path),
        "closed_at": one.closed_at,
        **_origin(one.origin),
    }


def _point(context: Context, one: PointKnown, *, opened: bool) -> dict[str, object]:
    address = context.keyring.open(one.address_sealed)
    return {
        "channel": one.channel,
        "address": address if opened else masked(address),
        "purpose": one.purpose,
        "basis": one.basis,
        "consent": one.consent,
        "usable": one.usable,
        "held_by": one.customers,
        "loaded_at": one.loaded_at,
        "bad_since": one.bad_since,
        "stopped": [_stopped(each) for each in one.suppressions],
    }


def _stopped(one: Suppression) -> dict[str, object]:
    return {"channel": one.channel, "purpose": one.purpose, "reason": one.reason, "at": one.at}


def _origin(origin: Origin) -> dict[str, object]:
    return {
        "source": origin.source,
        "record": origin.record,
        "loaded_at": origin.loaded_at,
        "updated_on": origin.updated_on and f"{origin.updated_on}",
    }


_CUSTOMER = {
    "customer": N_("customer"),
    "name": N_("name"),
    "household": N_("household"),
    "household_members": N_("together with"),
    "locale": N_("language"),
    "zone": N_("zone"),
    "preferred": N_("prefers"),
    "tags": N_("tags"),
    "loaded_at": N_("as of"),
    "closed_at": N_("closed"),
}
_FROM = {
    "source": N_("source"),
    "record": N_("record"),
    "loaded_at": N_("as of"),
    "closed_at": N_("closed"),
}
_ACCOUNT = {"account": N_("account"), "class": N_("class"), "why": N_("why"), **_FROM}
_PREMISE = {
    "premise": N_("premise"),
    "street": N_("street"),
    "locality": N_("locality"),
    "fed_by": N_("fed by"),
    **_FROM,
}
_POINT = {
    "channel": N_("channel"),
    "address": N_("address"),
    "purpose": N_("purpose"),
    "basis": N_("basis"),
    "loaded_at": N_("as of"),
    "worth": N_("written to"),
}


def _tell(context: Context, one: dict[str, object]) -> None:
    """Below each other: the customer, accounts, premises, addresses."""
    context.out.record(one, headings=_only(_CUSTOMER, [one]))
    accounts, premises = _rows(one["accounts"]), _rows(one["premises"])
    contacts = [row | {"worth": _worth(context, row)} for row in _rows(one["contacts"])]
    context.out.rows(accounts, headings=_only(_ACCOUNT, accounts), empty=_("no account"))
    context.out.rows(premises, headings=_only(_PREMISE, premises), empty=_("no premise"))
    context.out.rows(contacts, headings=_POINT, empty=_("no address"))


def _rows(value: object) -> list[dict[str, object]]:
    return value if isinstance(value, list) else []


def _only(headings: dict[str, str], rows: Sequence[dict[str, object]]) -> dict[str, str]:
    """Without the columns in which nothing stands."""
    return {key: title for key, title in headings.items() if any(row.get(key) for row in rows)}


def _worth(context: Context, row: dict[str, object]) -> str:
    return "; ".join(_obstacles(context, row)) or _("yes")


def _obstacles(context: Context, row: dict[str, object]) -> Iterator[str]:
    if not row["usable"] or not row["basis"]:
        yield _("no: no ground")
    if row["bad_since"]:
        yield _("no: bad since {day}").format(day=context.out.person(row["bad_since"]))
    for one in _rows(row["stopped"]):
        about = "" if one["purpose"] == ANY else f" ({one['purpose']})"
        yield _("no: {reason}{about}, {day}").format(
            reason=one["reason"], about=about, day=context.out.person(one["at"])
        )
