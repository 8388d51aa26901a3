"""Local hours: when a recipient's night ends, and which instant a wall time means."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from outreach.model.campaign import QuietHours
from outreach.model.errors import InputRefused

_DAY = timedelta(days=1)


def quiet_until(now: datetime, zone: str, quiet: QuietHours) -> datetime | None:
    """The UTC instant at which the quiet hours around `now` end; None outside of them.

    Where the clock is turned back over a limit, the night is the longer one: it begins at the
    first occurrence of its start and ends at the last occurrence of its end. Equal limits: never
    quiet. InputRefused: unknown zone.
    """
    if quiet.start == quiet.end:
        return None
    today = now.astimezone(_zone(zone)).date()
    for day in (today - _DAY, today):
        ends_on = day if quiet.start < quiet.end else day + _DAY
        until = last_local_instant(ends_on, quiet.end, zone)
        if local_instant(day, quiet.start, zone) <= now < until:
            return until
    return None


def local_instant(day: date, at: time, zone: str) -> datetime:
    """The UTC instant to act at, for a wall time: in a gap the first instant after it, in an overlap the first.

    Source: reliability.md G11; for what people typed as a time of the world, `typed_instant`.
    """
    return _instant(day, at, zone, fold=0)


def last_local_instant(day: date, at: time, zone: str) -> datetime:
    """Like `local_instant`, but in an overlap the second occurrence."""
    return _instant(day, at, zone, fold=1)


def typed_instant(day: date, at: time, zone: str) -> datetime:
    """The UTC instant that a person's wall time names: in a gap with the offset before it, in an overlap the first.

    00:30 in a night that springs from 00:00 to 01:00 is the instant that reads 01:30 there:
    half an hour after midnight, as whoever typed it counted.
    """
    return datetime.combine(day, at, _zone(zone)).astimezone(UTC)


def forget() -> None:
    """Reads every zone anew when it is asked for next: its rules have changed."""
    _zone.cache_clear()


def _instant(day: date, at: time, zone: str, *, fold: int) -> datetime:
    before = datetime.combine(day, at, _zone(zone)).replace(fold=0)
    after = before.replace(fold=1)
    # Inside a gap, and only there, fold 0 (offset before) is the later instant of the two.
    if before.astimezone(UTC) > after.astimezone(UTC):
        return _end_of_gap(after.astimezone(UTC), before.astimezone(UTC), _zone(zone))
    return (after if fold else before).astimezone(UTC)


def _end_of_gap(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The transition between two UTC instants around it, by halving to whole seconds."""
    old = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == old else (low, middle)
    return high


@cache
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise InputRefused(
            f"zone {name!r}: not an IANA zone; write it like America/Santiago"
        ) from None
