"""Reads a wall time as the one instant it names, says where it is doubtful, and follows the zone's rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from outreach.model.errors import InputRefused
from outreach.model.occasion import Revision
from outreach.model.words import OccasionState
from outreach.outages.revise import Origin, next_revision

ZONE_RULES = Origin(author="clock", source="zone_rules")
"""Moved by zone rules: the time on the wall stands, and nobody has to be told of it."""


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


def rezoned(current: Revision, zone: str, *, now: datetime) -> Revision | None:
    """The next revision of a planned work, whose typed times are other instants by the zone's rules of today.

    None where they are the same, where nothing was typed, or where it has passed: what has begun stays begun.
    """
    start_at, end_at = current.start_at, current.end_at
    is_ahead = current.state is OccasionState.SCHEDULED
    if not current.state.is_open:
        return None
    if is_ahead and current.start_wall:
        start_at = _instant(current.start_wall, zone)
    if end_at is not None and current.end_wall:
        end_at = _instant(current.end_wall, zone)
    if (start_at, end_at) == (current.start_at, current.end_at):
        return None
    next_at = start_at if is_ahead else end_at
    return next_revision(
        current, now, ZONE_RULES, start_at=start_at, end_at=end_at, next_update_at=next_at
    )


def _instant(wall: str, zone: str) -> datetime:
    return read_wall_time(datetime.fromisoformat(wall), zone).at
