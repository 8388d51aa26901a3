"""What an import found: counts for people and tests, and the rows that stayed outside. Nothing personal."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outreach.model.record import RowRefused
from outreach.model.words import Channel
from outreach.record.accounts import Tallies
from outreach.record.people import Customer


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    """One file: data records seen, those taken, and why the others were not."""

    records: int
    taken: int
    refused: dict[str, int]
    duplicates: dict[str, tuple[int, ...]]
    """Why an earlier record lost to another of its key -> record numbers."""


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
    """Everything an import has to say for itself."""

    source: str
    customers: FileCounts
    premises: FileCounts
    tallies: Tallies
    people: PeopleCounts
    network: NetworkCounts
    premises_connected: int
    premises_without_customer: int
    reach: int
    """Rows of (contact point, premise, customer) that can be written to."""
    closed_customers: int
    closed_premises: int
    refused: tuple[RowRefused, ...]
    warnings: tuple[RowRefused, ...]
    """Rows that were taken all the same."""

    @property
    def warned(self) -> dict[str, int]:
        return dict(Counter(row.reason for row in self.warnings))

    @property
    def refused_addresses(self) -> dict[str, int]:
        """What stood where a telephone or an e-mail should, by reason; their accounts are taken."""
        phones = {f"phone {why}": count for why, count in self.tallies.refused_phones.items()}
        emails = {f"email {why}": count for why, count in self.tallies.refused_emails.items()}
        return dict(sorted((phones | emails).items()))

    def counts(self) -> dict[str, Any]:
        """The figures as JSON, for the log of loads."""
        return {
            "accounts": self.customers.taken,
            "premises": self.premises.taken,
            "refused": len(self.refused),
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


def file_counts(
    *,
    records: int,
    taken: int,
    refused: Iterable[RowRefused],
    duplicates: dict[str, tuple[int, ...]],
) -> FileCounts:
    """Counts the refused rows by reason."""
    return FileCounts(
        records=records,
        taken=taken,
        refused=dict(Counter(row.reason for row in refused)),
        duplicates=duplicates,
    )


def people_counts(
    everybody: dict[str, Customer],
    households: dict[str, str],
    *,
    channels: dict[str, set[Channel]],
    home: str,
    shared: tuple[Shared, ...],
) -> PeopleCounts:
    """channels: customer -> channels on which they can be written to. home: the company's country."""
    sizes = Counter(households.values())
    at_home: dict[str, set[Channel]] = {}
    for ref, found in channels.items():
        at_home.setdefault(households[ref], set()).update(found)
    return PeopleCounts(
        customers=len(everybody),
        customers_of_several_accounts=sum(len(one.accounts) > 1 for one in everybody.values()),
        households=len(sizes),
        households_of_several_customers=sum(size > 1 for size in sizes.values()),
        largest_household=max(sizes.values(), default=0),
        contact_points=_points(everybody.values(), home),
        reachable_customers=_reachable(channels.values(), of=len(everybody)),
        reachable_households=_reachable(at_home.values(), of=len(sizes)),
        shared=shared,
    )


def _points(everybody: Iterable[Customer], home: str) -> dict[str, int]:
    held = [contact for customer in everybody for contact in customer.contacts]
    count = Counter(contact.channel for contact in held)
    foreign = sum(one.channel is Channel.VOICE and one.country != home for one in held)
    return {
        "phone": count[Channel.VOICE],
        "mobile": count[Channel.SMS],
        "fixed": count[Channel.VOICE] - count[Channel.SMS],
        "foreign_phone": foreign,
        "email": count[Channel.EMAIL],
    }


def _reachable(channels: Iterable[set[Channel]], *, of: int) -> dict[str, int]:
    found = list(filter(None, channels))
    written = {Channel.SMS, Channel.EMAIL}
    return {
        "sms": sum(Channel.SMS in one for one in found),
        "email": sum(Channel.EMAIL in one for one in found),
        "voice": sum(Channel.VOICE in one for one in found),
        "sms_or_email": sum(bool(one & written) for one in found),
        "none": of - len(found),
    }


def write_rejected(report: ImportReport, path: Path) -> None:
    """CSV of the refused rows: file, record, line, reason, detail; readable by its owner only."""
    path.unlink(missing_ok=True)  # an older file may be readable by others
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "record", "line", "reason", "detail"))
        for row in report.refused:
            writer.writerow((row.file, row.record, row.line, row.reason, row.detail))
