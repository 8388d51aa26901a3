"""Reads times as a log writes them, millions of them: ten times as fast as strptime where it can."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

Instant = Callable[[str], datetime]
ISO = "iso"
EPOCH = "epoch"
EPOCH_MS = "epoch_ms"

_FIELDS = {
    "%Y": r"(?P<year>\d{4})",
    "%m": r"(?P<month>\d{2})",
    "%d": r"(?P<day>\d{2})",
    "%H": r"(?P<hour>\d{2})",
    "%M": r"(?P<minute>\d{2})",
    "%S": r"(?P<second>\d{2})",
}
_START = datetime(1970, 1, 1, tzinfo=UTC)
_HOURS_KEPT = 4_096


def instants(written_as: str, zone: str) -> Instant:
    """A function from a written time to its UTC instant; ValueError where it is none.

    written_as: as strptime reads it, or `iso`, `epoch` (seconds), `epoch_ms`. zone: of times that
    have no offset of their own.
    """
    place = ZoneInfo(zone)
    match written_as:
        case "iso":
            return lambda written: _utc(datetime.fromisoformat(written), place)
        case "epoch":
            return lambda written: _START + timedelta(seconds=float(written))
        case "epoch_ms":
            return lambda written: _START + timedelta(milliseconds=float(written))
        case _:
            return _by_pattern(written_as, place)


def _by_pattern(written_as: str, place: ZoneInfo) -> Instant:
    pattern = _pattern(written_as)
    offset = _offsets(place)

    def slowly(written: str) -> datetime:
        read = datetime.strptime(written, written_as)  # noqa: DTZ007  the zone follows
        return _utc(read, place)

    def quickly(written: str) -> datetime:
        found = pattern.fullmatch(written) if pattern else None
        if found is None:
            return slowly(written)
        year, month, day, hour, minute, second = map(int, found.group(*_ORDER))
        ahead = offset(year, month, day, hour)
        if ahead is None:
            return slowly(written)
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC) - ahead

    return quickly if pattern else slowly


_ORDER = ("year", "month", "day", "hour", "minute", "second")


def _pattern(written_as: str) -> re.Pattern[str] | None:
    """None where strptime has to read: other fields, or a field that is absent or doubled."""
    pieces = re.findall(r"%.|[^%]+", written_as)
    fields = [piece for piece in pieces if piece.startswith("%")]
    if sorted(fields) != sorted(_FIELDS):
        return None
    return re.compile("".join(_FIELDS.get(piece) or re.escape(piece) for piece in pieces), re.ASCII)


def _offsets(place: ZoneInfo) -> Callable[[int, int, int, int], timedelta | None]:
    """UTC offset of a local hour; None where it changes inside the hour."""

    @lru_cache(maxsize=_HOURS_KEPT)
    def offset(year: int, month: int, day: int, hour: int) -> timedelta | None:
        first = datetime(year, month, day, hour, tzinfo=place).utcoffset()
        last = datetime(year, month, day, hour, 59, 59, tzinfo=place).utcoffset()
        return first if first == last else None

    return offset


def _utc(read: datetime, place: ZoneInfo) -> datetime:
    local = read if read.tzinfo else read.replace(tzinfo=place)
    return local.astimezone(UTC)
