"""What a load found: counts for people and tests, and the rows that stayed outside. Nothing personal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from outreach.addresses import Keyring
from outreach.model.record import RowRefused
from outreach.record.accounts import Tallies
from outreach.record.mapping import Mapping
from outreach.record.network import NetworkRead
from outreach.record.reading import Tally
from outreach.store import record as stored
from outreach.store.session import Session

Figures = dict[str, Any]
"""What the record holds after a load, as JSON: asked once, and again only when something has changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    """One source: data records seen, those taken, what they changed, and why the others were not taken."""

    records: int
    taken: int
    unchanged: int
    new: int
    changed: int
    refused: dict[str, int]
    duplicates: dict[str, tuple[int, ...]]
    """Why an earlier record lost to another of its key -> record numbers, as far as they are kept."""
    duplicate_counts: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """An address held by so many customers that it says nothing about any of them."""

    channel: str
    """`phone` or `email`."""
    ending: str
    """Its last four characters."""
    address_hash: bytes
    customers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleCounts:
    """Customers, households and how to reach them. Contact points are distinct (customer, address)."""

    customers: int
    customers_of_several_accounts: int
    households: int
    households_of_several_customers: int
    largest_household: int
    contact_points: dict[str, int]
    """`phone`, `mobile`, `fixed`, `foreign_phone`, `email`."""
    reachable_customers: dict[str, int]
    """`sms`, `email`, `voice`, `sms_or_email`, `none`."""
    reachable_households: dict[str, int]
    shared: tuple[Shared, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCounts:
    """The network as read; all empty where the mapping names none."""

    kinds: dict[str, int]
    edges: int
    open_edges: int
    unknown_ends: tuple[str, ...]
    unconnected: tuple[str, ...]
    loops: int
    duplicate_nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """Everything a load has to say for itself."""

    source: str
    mode: str
    customers: FileCounts
    premises: FileCounts
    tallies: Tallies
    """Of the rows that are new or changed: the others were not read again."""
    people: PeopleCounts
    network: NetworkCounts
    premises_connected: int
    premises_without_customer: int
    reach: int
    """Rows of (contact point, premise, customer) that can be written to."""
    closed_customers: int
    closed_accounts: int
    closed_premises: int
    refused: tuple[RowRefused, ...]
    """The first of them; all are counted."""
    warned: dict[str, int]
    """Premises of the record that were taken all the same, by what is wrong with them."""

    @property
    def refused_count(self) -> int:
        return sum(self.customers.refused.values()) + sum(self.premises.refused.values())

    @property
    def refused_addresses(self) -> dict[str, int]:
        """What stood where a telephone or an e-mail should, by reason; their accounts are taken."""
        phones = {f"phone {why}": count for why, count in self.tallies.refused_phones.items()}
        emails = {f"email {why}": count for why, count in self.tallies.refused_emails.items()}
        return dict(sorted((phones | emails).items()))

    @property
    def changes(self) -> dict[str, int]:
        """What this load did to the record, in rows."""
        both = (self.customers, self.premises)
        return {
            "unchanged": sum(one.unchanged for one in both),
            "new": sum(one.new for one in both),
            "changed": sum(one.changed for one in both),
            "closed": self.closed_accounts + self.closed_premises,
        }

    def counts(self) -> dict[str, Any]:
        """The figures as JSON, for the log of loads."""
        return {
            "read": self.customers.records + self.premises.records,
            **self.changes,
            "accounts": self.customers.taken,
            "premises": self.premises.taken,
            "refused": self.refused_count,
            "customers": self.people.customers,
            "households": self.people.households,
            "contact_points": self.people.contact_points,
            "reachable_customers": self.people.reachable_customers,
            "refused_addresses": self.refused_addresses,
            "life_support": dict(self.tallies.life_support),
            "network": self.network.kinds,
            "warnings": self.warned,
            "closed_customers": self.closed_customers,
            "closed_premises": self.closed_premises,
        }


def file_counts(tally: Tally, *, new: int, changed: int) -> FileCounts:
    """What one source gave."""
    return FileCounts(
        records=tally.records,
        taken=tally.taken,
        unchanged=tally.unchanged,
        new=new,
        changed=changed,
        refused=dict(tally.refused),
        duplicates=tally.losers.records(),
        duplicate_counts=tally.losers.counts(),
    )


def figures(session: Session, mapping: Mapping) -> Figures:
    """Asks the record what it holds: some seconds for millions of customers."""
    rule = mapping.record
    counted = stored.customer_figures(session) | stored.household_figures(session)
    premises, warned = stored.premise_figures(
        session,
        has_network=mapping.network is not None,
        has_coordinates=bool(mapping.premises.columns.latitude),
    )
    return {
        **counted,
        "contact_points": stored.point_figures(
            session,
            home=rule.region,
            ignored_above=rule.shared_by_more_than if rule.shared == "ignore" else None,
        ),
        "reachable_customers": _with_none(stored.reachable(session), counted["customers"]),
        "reachable_households": _with_none(
            stored.reachable(session, by_household=True), counted["households"]
        ),
        "premises_connected": premises["connected"],
        "premises_without_customer": premises["without_customer"],
        "reach": stored.reach_rows(session),
        "warned": warned,
    }


def people_counts(found: Figures, shared: tuple[Shared, ...]) -> PeopleCounts:
    names = [name for name in PeopleCounts.__dataclass_fields__ if name != "shared"]
    return PeopleCounts(shared=shared, **{name: found[name] for name in names})


def shared(session: Session, keyring: Keyring, *, more_than: int) -> tuple[Shared, ...]:
    """Addresses of more customers than that; a hundred at most."""
    return tuple(
        Shared(
            channel="email" if point.channel == "email" else "phone",
            ending=keyring.open(point.address_sealed)[-4:],
            address_hash=bytes(point.address_hash),
            customers=point.customers,
        )
        for point in stored.shared_points(session, more_than=more_than)
    )


def network_counts(network: NetworkRead) -> NetworkCounts:
    return NetworkCounts(
        kinds=network.kinds,
        edges=len(network.edges),
        open_edges=sum(edge.is_open for edge in network.edges),
        unknown_ends=network.unknown_ends,
        unconnected=network.unconnected,
        loops=network.loops,
        duplicate_nodes=network.duplicate_nodes,
    )


def _with_none(found: dict[str, int], everybody: int) -> dict[str, int]:
    written = {name: count for name, count in found.items() if name != "any"}
    return written | {"none": everybody - found["any"]}
