"""Judges the life-support register: which entries would fail the person they are for, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from outreach.model.words import LifeSupportState
from outreach.store.hygiene import Entry

CONFIRMED_FOR = timedelta(days=365)
"""How long a delivered message says that we reach somebody."""
WITHIN = timedelta(days=30)


class Finding(StrEnum):
    """What can be wrong with an entry, in the order in which it is mended."""

    DECEASED = "deceased"
    UNDELIVERABLE = "undeliverable"
    EXPIRED = "expired"
    EXPIRING = "expiring"
    NO_DATE = "no_date"
    BAD_DATE = "bad_date"
    FUTURE_DATE = "future_date"
    DUPLICATE = "duplicate"
    NEVER_CONFIRMED = "never_confirmed"
    NO_SECOND_CHANNEL = "no_second_channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing wrong with one entry."""

    finding: Finding
    entry: Entry


def check(entries: Iterable[Entry], *, today: date, within: timedelta = WITHIN) -> Iterator[Found]:
    """Everything wrong with the register today; one entry may have several findings."""
    for entry in entries:
        for finding in _findings(entry, today, within):
            yield Found(finding=finding, entry=entry)


def by_date(
    state: LifeSupportState, until: date | None, *, today: date, within: timedelta = WITHIN
) -> Finding | None:
    """What the register's own words say; None for an entry that holds."""
    match state:
        case LifeSupportState.VALID if until is None or until > today + within:
            return None
        case LifeSupportState.VALID | LifeSupportState.EXPIRED:
            is_over = state is LifeSupportState.EXPIRED or (until is not None and until < today)
            return Finding.EXPIRED if is_over else Finding.EXPIRING
        case LifeSupportState.NONE:
            return None
        case (
            LifeSupportState.DECEASED
            | LifeSupportState.NO_DATE
            | LifeSupportState.BAD_DATE
            | LifeSupportState.FUTURE_DATE
        ):
            return Finding(state.value)


def counts_by_date(
    states: Iterable[tuple[LifeSupportState, date | None, int]],
    *,
    today: date,
    within: timedelta = WITHIN,
) -> Counter[Finding]:
    """Accounts by finding, of those findings that need no look at contacts."""
    counted: Counter[Finding] = Counter()
    for state, until, count in states:
        if finding := by_date(state, until, today=today, within=within):
            counted[finding] += count
    return counted


def _findings(entry: Entry, today: date, within: timedelta) -> Iterator[Finding]:
    if finding := by_date(entry.state, entry.until, today=today, within=within):
        yield finding
    if entry.is_twice:
        yield Finding.DUPLICATE
    if entry.state is LifeSupportState.DECEASED:
        return
    if entry.comes_back or not entry.channels:
        yield Finding.UNDELIVERABLE
    elif len(entry.channels) == 1:
        yield Finding.NO_SECOND_CHANNEL
    if entry.delivered_at is None or entry.delivered_at.date() < today - CONFIRMED_FOR:
        yield Finding.NEVER_CONFIRMED
