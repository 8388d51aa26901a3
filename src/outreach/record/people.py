"""Accounts become customers, and customers that live or answer together become households."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from outreach.model.record import Account, Contact, Premise
from outreach.model.words import Channel
from outreach.record.mapping import Consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One person or company with all its accounts; an address stands once for each channel."""

    ref: str
    name: str
    locale: str
    zone: str
    preferred: Channel | None
    accounts: tuple[str, ...]
    contacts: tuple[Contact, ...]

    @property
    def addresses(self) -> set[str]:
        return {contact.address for contact in self.contacts}


def customers(accounts: Iterable[Account]) -> dict[str, Customer]:
    """Accounts of one customer_key are one customer, who speaks as in the newest of them."""
    grouped: dict[str, list[Account]] = {}
    for account in accounts:
        grouped.setdefault(account.customer_key, []).append(account)
    return {key: _customer(key, held) for key, held in grouped.items()}


def _customer(key: str, held: list[Account]) -> Customer:
    main = max(held, key=lambda account: (account.updated_on or date.min, account.ref))
    return Customer(
        ref=key,
        name=main.name,
        locale=main.locale,
        zone=main.zone,
        preferred=main.preferred,
        accounts=tuple(sorted((account.ref for account in held), key=_number)),
        contacts=tuple(_merged(contact for account in held for contact in account.contacts)),
    )


def _merged(contacts: Iterable[Contact]) -> list[Contact]:
    """One contact for each channel and address; the usable ones decide about consent."""
    merged: dict[tuple[Channel, str], Contact] = {}
    for contact in contacts:
        key = (contact.channel, contact.address)
        held = merged.get(key)
        merged[key] = contact if held is None else _joined(held, contact)
    return list(merged.values())


def _joined(one: Contact, other: Contact) -> Contact:
    """An explicit no wins, else a yes suffices; what is not usable has no say."""
    if one.usable != other.usable:
        return one if one.usable else other
    if one.consent is False or other.consent is None:
        return one
    return other if other.consent is False or one.consent is None else one


def shared_addresses(everybody: Iterable[Customer], more_than: int) -> dict[str, int]:
    """Addresses of more customers than that, with their number: a caretaker, or a stand-in."""
    held = Counter(address for customer in everybody for address in customer.addresses)
    return {address: count for address, count in held.items() if count > more_than}


def without(customer: Customer, addresses: Iterable[str]) -> Customer:
    """The customer less these addresses."""
    gone = customer.addresses.intersection(addresses)
    if not gone:
        return customer
    return Customer(
        ref=customer.ref,
        name=customer.name,
        locale=customer.locale,
        zone=customer.zone,
        preferred=customer.preferred,
        accounts=customer.accounts,
        contacts=tuple(one for one in customer.contacts if one.address not in gone),
    )


def households(
    everybody: dict[str, Customer], premises: Iterable[Premise], shared: Iterable[str]
) -> dict[str, str]:
    """Customer ref -> household ref (`H-` and its lowest account number).

    A household is a connected component over common premise and common address; the shared join nobody.
    """
    leaders = {ref: ref for ref in everybody}
    owner = {account: one.ref for one in everybody.values() for account in one.accounts}
    first: dict[str, str] = {}
    joining_nobody = set(shared)
    for customer in everybody.values():
        for address in customer.addresses - joining_nobody:
            _join(leaders, first.setdefault(address, customer.ref), customer.ref)
    for premise in premises:
        both = [owner[ref] for ref in (premise.holder, premise.occupant) if ref in owner]
        _join(leaders, both[0], both[-1]) if both else None
    return _named(everybody, leaders)


def _named(everybody: dict[str, Customer], leaders: dict[str, str]) -> dict[str, str]:
    lowest: dict[str, str] = {}
    for ref, customer in everybody.items():
        leader = _leader(leaders, ref)
        number = customer.accounts[0]
        lowest[leader] = min(lowest.get(leader, number), number, key=_number)
    return {ref: f"H-{lowest[_leader(leaders, ref)]}" for ref in everybody}


def _leader(leaders: dict[str, str], ref: str) -> str:
    while leaders[ref] != ref:
        leaders[ref] = leaders[leaders[ref]]  # halving keeps the paths short
        ref = leaders[ref]
    return ref


def _join(leaders: dict[str, str], one: str, other: str) -> None:
    leaders[_leader(leaders, other)] = _leader(leaders, one)


def _number(ref: str) -> tuple[int, str]:
    """Account numbers in the order of numbers, also when they are unpadded."""
    return len(ref), ref


def basis(contact: Contact, consent: Consent) -> str:
    """On what ground we may write: `consent`, `contract` where none is needed, or nothing."""
    needed = {
        Channel.SMS: consent.sms_needs_consent,
        Channel.EMAIL: consent.email_needs_consent,
        Channel.VOICE: consent.voice_needs_consent,
    }
    if not contact.usable or contact.consent is False:
        return ""
    if contact.consent:
        return "consent"
    return "" if needed.get(contact.channel, True) else "contract"
