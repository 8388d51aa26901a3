"""What one import has read, and how it is sealed and written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from outreach.addresses import Keyring, prefix
from outreach.model.record import Account, Contact, Premise
from outreach.model.words import Channel, Purpose
from outreach.record import people
from outreach.record.accounts import AccountsRead
from outreach.record.mapping import Consent
from outreach.record.network import NetworkRead
from outreach.record.people import Customer
from outreach.record.premises import PremisesRead
from outreach.store import network as stored_network, record as stored
from outreach.store.session import Session

NOT_ON_THE_NETWORK = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """All that was read, in memory and in clear, ready to be sealed and written."""

    accounts: AccountsRead
    premises: PremisesRead
    network: NetworkRead
    customers: dict[str, Customer]
    households: dict[str, str]
    shared: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """What turns values in clear into rows."""

    keyring: Keyring
    consent: Consent
    now: datetime

    def customer(self, customer: Customer, household: int) -> dict[str, Any]:
        return {
            "ref": customer.ref,
            "household_id": household,
            "name_sealed": self.keyring.seal(customer.name),
            "locale": customer.locale,
            "zone": customer.zone,
            "preferred": customer.preferred,
            "loaded_at": self.now,
        }

    def premise(self, premise: Premise, orders: dict[str, int]) -> dict[str, Any]:
        return {
            "ref": premise.ref,
            "transformer": premise.transformer,
            "tree_order": orders.get(premise.transformer, NOT_ON_THE_NETWORK),
            "locality": premise.locality,
            "street_sealed": self.keyring.seal(premise.street),
            "latitude": premise.latitude,
            "longitude": premise.longitude,
            "zone": premise.zone,
        }

    def point(self, contact: Contact) -> dict[str, Any]:
        return {
            "channel": contact.channel,
            "address_hash": self.keyring.hash(contact.address),
            "address_sealed": self.keyring.seal(contact.address),
            "country": contact.country,
            "prefix": prefix(contact.address),
            "customers": 0,
        }

    def link(self, customer: int, point: int, contact: Contact) -> dict[str, Any]:
        return {
            "customer_id": customer,
            "contact_point_id": point,
            "purpose": Purpose.SERVICE,
            "consent": contact.consent,
            "usable": contact.usable,
            "basis": people.basis(contact, self.consent),
            "loaded_at": self.now,
        }


def write(session: Session, load: Load, sealing: Sealing) -> None:
    """Writes all but `reach` in the caller's transaction."""
    stored_network.replace_nodes(session, load.network.nodes)
    stored_network.replace_edges(session, list(_edges(load.network)))
    customers = _write_customers(session, load, sealing)
    accounts = stored.save_accounts(
        session,
        [_account(one, customers[one.customer_key]) for one in load.accounts.accounts.values()],
        now=sealing.now,
    )
    # Only transformers feed premises: one that names a feeder is not on the network.
    orders = {node.ref: node.order for node in load.network.nodes if node.kind == "transformer"}
    premises = stored.save_premises(
        session,
        [sealing.premise(one, orders) for one in load.premises.premises.values()],
        now=sealing.now,
    )
    stored.replace_supplies(session, list(_supplies(load, premises, accounts)))
    _write_contacts(session, load.customers, customers, sealing)


def _write_customers(session: Session, load: Load, sealing: Sealing) -> dict[str, int]:
    homes = stored.save_households(session, sorted(set(load.households.values())))
    rows = [
        sealing.customer(one, homes[load.households[ref]]) for ref, one in load.customers.items()
    ]
    return stored.save_customers(session, rows, now=sealing.now)


def _write_contacts(
    session: Session, everybody: dict[str, Customer], ids: dict[str, int], sealing: Sealing
) -> None:
    points: dict[tuple[Channel, str], dict[str, Any]] = {}
    for customer in everybody.values():
        for contact in customer.contacts:
            key = (contact.channel, contact.address)
            if key not in points:
                points[key] = sealing.point(contact)
            points[key]["customers"] += 1
    stored_ids = stored.save_contact_points(session, list(points.values()))
    point_ids = {
        (channel, address): stored_ids[channel, row["address_hash"]]
        for (channel, address), row in points.items()
    }
    links = [
        sealing.link(ids[ref], point_ids[contact.channel, contact.address], contact)
        for ref, customer in everybody.items()
        for contact in customer.contacts
    ]
    stored.replace_customer_contacts(session, links)


def _edges(network: NetworkRead) -> Iterator[dict[str, Any]]:
    for edge in network.edges:
        yield {
            "ref": edge.ref,
            "node_a": edge.node_a,
            "node_b": edge.node_b,
            "open": edge.is_open,
        }


def _account(account: Account, customer: int) -> dict[str, Any]:
    return {
        "ref": account.ref,
        "customer_id": customer,
        "customer_type": account.customer_type,
        "priority": account.priority,
        "priority_expired": account.priority_expired,
        "updated_on": account.updated_on,
    }


def _supplies(
    load: Load, premises: dict[str, int], accounts: dict[str, int]
) -> Iterator[dict[str, Any]]:
    """Holder and occupant are affected alike; accounts outside this load supply nothing."""
    taken = load.accounts.accounts
    for premise in load.premises.premises.values():
        roles = {premise.occupant: "occupant", premise.holder: "holder"}
        for ref, role in roles.items():
            if ref in taken:
                yield {
                    "premise_id": premises[premise.ref],
                    "account_id": accounts[ref],
                    "role": role,
                }
