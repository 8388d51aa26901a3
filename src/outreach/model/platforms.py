"""What travels to a contact-center platform: rows keyed by zone, switches, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

EVERYWHERE = "*"
"""Key of the row for callers whose place nobody knows; it is always there while outreach lives."""


class Fate(StrEnum):
    """What a change does there, the most urgent first."""

    END = "end"
    """Take away what is true no more."""
    SWITCH_OFF = "switch off"
    SWITCH_ON = "switch on"
    WRITE = "write"
    RENEW = "renew"
    """The same words, a later expiry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRow:
    """What callers of one zone hear; never about a person."""

    key: str
    status: str
    text: str
    etr: str
    """ISO 8601 in UTC, or empty."""
    as_of: datetime
    expires_at: datetime
    """From this instant on the flow ignores the row, whether we live or not."""
    wait_band: str
    generation: int
    ask_percent: int
    """Share of callers, by the last two digits of their number, whom the flow may ask us about."""
    weight: int = 0
    """The larger goes first: customers it is about, with dangers before any number. Stays here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What a platform was last told under one key."""

    key: str
    digest: str
    pushed_at: datetime
    expires_at: datetime | None = None
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing to be changed on a platform."""

    target: str
    key: str
    fate: Fate
    why: str
    digest: str = ""
    expires_at: datetime | None = None
    row: ZoneRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a minute did on one platform."""

    target: str
    done: int
    left: int
    """Changes that had to wait for the next minute: limit, deadline, or trouble."""
    trouble: str = ""
    """One line; empty: none."""
