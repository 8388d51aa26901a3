"""The system of record in our words: who, where, and how to reach them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from outreach.model.words import Channel, LifeSupportState, PriorityClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One address of one customer, normalised (E.164 or lower-case e-mail), still in clear."""

    channel: Channel
    address: str
    country: str
    consent: bool | None
    """True yes, False an explicit no, None not given."""
    usable: bool = True
    """False: links households and identifies callers, but is never written to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One contract of a customer; its priority class holds for all its premises and no others."""

    ref: str
    customer_key: str
    """What makes accounts one customer: keyed hash of a tax id, else the account itself."""
    name: str
    customer_type: str
    locale: str
    zone: str
    preferred: Channel | None
    priority: PriorityClass
    priority_expired: bool = False
    """Registered as life support once, but not validly today."""
    contacts: tuple[Contact, ...] = ()
    updated_on: date | None = None
    base_priority: PriorityClass = PriorityClass.C
    """The class without the register."""
    life_support: LifeSupportState = LifeSupportState.NONE
    life_support_on: date | None = None
    """Registered or last confirmed."""
    life_support_until: date | None = None
    """Last day on which the entry holds; None: no entry, or one that holds for ever."""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Premise:
    """One supply point."""

    ref: str
    holder: str
    occupant: str | None
    transformer: str
    locality: str
    street: str
    latitude: float | None
    longitude: float | None
    zone: str = ""
    """IANA zone of the place; empty: the company's."""
    postal_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkNode:
    """One device of the tree; [order, last] spans everything fed through it.

    A node that no substation reaches is the root of a tree of its own.
    """

    ref: str
    kind: str
    name: str
    parent: str | None
    order: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRefused:
    """One row that stays outside, and why."""

    file: str
    record: int
    """CSV record number, the header being record 1."""
    line: int
    """Physical line where the record begins."""
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectedCounts:
    """Who an occasion touches; customers are distinct, classes by their affected accounts."""

    premises: int = 0
    accounts: int = 0
    customers: int = 0
    households: int = 0
    priority_customers: int = 0
    priority_expired_customers: int = 0
    reachable: dict[str, int]
    """Distinct customers by channel, and under `none` those without any."""
    localities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFreshness:
    """When the record was last loaded, and from where."""

    source: str
    loaded_at: datetime
    customers: int
    premises: int
