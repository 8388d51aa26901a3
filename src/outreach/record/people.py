"""Accounts become customers: one person or company, with one say on each address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from outreach.model.record import Contact
from outreach.model.words import Channel
from outreach.record.bodies import Body
from outreach.record.mapping import Consent


class Held(NamedTuple):
    """One open account of a customer."""

    ref: str
    day: date | None
    body: Body


class Customer(NamedTuple):
    """One person or company with all its accounts; an address stands once for each channel."""

    name: str
    locale: str
    zone: str
    preferred: str | None
    lowest: str
    """The lowest of the account numbers."""
    contacts: tuple[Contact, ...]
    tags: tuple[str, ...]


def merged(held: Sequence[Held]) -> Customer:
    """Accounts of one customer, who speaks as in the newest of them."""
    if len(held) == 1:  # as nearly everybody's
        ((ref, _day, body),) = held
        lowest, contacts, tags = ref, body.contacts, body.tags
    else:
        body = max(held, key=lambda account: (account.day or date.min, account.ref)).body
        lowest = min((account.ref for account in held), key=_number)
        contacts = tuple([contact for account in held for contact in account.body.contacts])
        tags = tuple(sorted({tag for account in held for tag in account.body.tags}))
    return Customer(
        body.name, body.locale, body.zone, body.preferred, lowest, _merged(contacts), tags
    )


def _merged(contacts: Iterable[Contact]) -> tuple[Contact, ...]:
    """One contact for each channel and address; the usable ones decide about consent."""
    merged: dict[tuple[Channel, str], Contact] = {}
    for contact in contacts:
        key = contact[:2]
        held = merged.get(key)
        merged[key] = contact if held is None else _joined(held, contact)
    return tuple(merged.values())


def _joined(one: Contact, other: Contact) -> Contact:
    """An explicit no wins, else a yes suffices; what is not usable has no say."""
    if one.usable != other.usable:
        return one if one.usable else other
    if one.consent is False or other.consent is None:
        return one
    return other if other.consent is False or one.consent is None else one


def _number(ref: str) -> tuple[int, str]:
    """Account numbers in the order of numbers, also when they are unpadded."""
    return len(ref), ref


def basis(contact: Contact, consent: Consent) -> str:
    """On what ground we may write: `consent`, `contract` where none is needed, or nothing."""
    if not contact.usable or contact.consent is False:
        return ""
    if contact.consent:
        return "consent"
    return "" if _needs_consent(contact.channel, consent) else "contract"


def _needs_consent(channel: Channel, consent: Consent) -> bool:
    match channel:
        case Channel.SMS:
            return consent.sms_needs_consent
        case Channel.EMAIL:
            return consent.email_needs_consent
        case Channel.VOICE:
            return consent.voice_needs_consent
        case Channel.SOCIAL:
            return True
