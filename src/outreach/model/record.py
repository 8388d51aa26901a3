"""The system of record in our words: who, where, and how to reach them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from outreach.model.words import Channel


class Contact(NamedTuple):
    """One address of one customer, normalised (E.164 or lower-case e-mail), still in clear.

    A named tuple, for a load makes several for each of millions of accounts.
    """

    channel: Channel
    address: str
    country: str
    consent: bool | None
    """True yes, False an explicit no, None not given."""
    usable: bool = True
    """False: links households and identifies callers, but is never written to."""


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
