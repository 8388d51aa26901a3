"""A storm: many outages under one statement, one clock and one cadence (the noun `event`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What is said of a storm as a whole; the newest version holds."""

    version: int
    text: str
    next_update_at: datetime | None
    """When people hear again; outages without news of their own inherit it."""
    author: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """One event with its newest statement. All times are aware UTC."""

    id: int
    name: str
    zone: str
    """IANA zone in which its times are typed and spoken."""
    opened_at: datetime
    closed_at: datetime | None
    cadence: timedelta
    """How often people are promised news."""
    daily_cap: int | None
    """Messages of it that a person may get in a local day; None: no cap."""
    version: int
    statement: Statement | None = None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def next_update_at(self) -> datetime | None:
        return self.statement.next_update_at if self.statement else None
