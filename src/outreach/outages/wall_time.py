"""Reads a wall time of a file or a person as the one instant it names, and says where it is doubtful."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from outreach.model.errors import InputRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class WallTime:
    """An instant in UTC, and what the clock of its zone did there."""

    at: datetime
    does_not_exist: bool
    """The clock sprang over it: read with the offset before the gap."""
    is_ambiguous: bool
    """The clock passed it twice: the first of the two."""


def read_wall_time(local: datetime, zone: str) -> WallTime:
    """The instant of a naive local time; InputRefused for an unknown zone or a time with offset."""
    if local.tzinfo is not None:
        raise InputRefused(f"{local.isoformat()}: has an offset already; give the wall time alone")
    try:
        first = local.replace(tzinfo=ZoneInfo(zone), fold=0)
    except (ZoneInfoNotFoundError, ValueError):
        raise InputRefused(
            f"zone {zone!r}: not an IANA zone; write it like America/Santiago"
        ) from None
    at = first.astimezone(UTC)
    before, after = first.utcoffset(), first.replace(fold=1).utcoffset()
    exists = at.astimezone(first.tzinfo).replace(tzinfo=None) == local.replace(fold=0)
    return WallTime(at=at, does_not_exist=not exists, is_ambiguous=exists and before != after)
