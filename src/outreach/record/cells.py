"""What all sources share: cells as text, judged alike, and the columns that the mapping asks for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

from outreach.model.errors import InputRefused
from outreach.model.record import RowRefused
from outreach.record.mapping import near

BETWEEN = ";"
"""Joins the members of a list in one cell; telephones and tags are split at it."""

_TEXT = str


class Row(NamedTuple):
    """One record as it stands in its source.

    A named tuple, for one is made for each of millions of rows: a frozen dataclass costs 1 µs more.
    """

    record: int
    """A CSV header is record 1; where there is no header the first record is."""
    line: int
    """Physical line where it begins; where there are no lines, the record."""
    fields: tuple[str, ...]


def refuse_missing(
    name: str,
    columns: Iterable[str],
    wanted: Iterable[str],
    advice: Callable[[], str] = lambda: "",
) -> None:
    """InputRefused with the nearest names if a wanted column is not there."""
    known = list(columns)
    missing = sorted({one for one in wanted if one} - set(known))
    if not missing:
        return
    named = ", ".join(f"`{one}`{near(one, known)}" for one in missing)
    raise InputRefused(f"{name}: no column {named}{advice()}")


class CellRefused(ValueError):
    """A value that no cell can hold; the message is the reason of a RowRefused."""


def texts(values: Iterable[Any], booleans: tuple[str, str] = ("1", "0")) -> tuple[str, ...]:
    """Typed values as a CSV export would write them: dates ISO, numbers plain, nothing as empty.

    booleans: the words for true and false. Raises CellRefused (`undecodable`, `nested_value`).
    """
    return tuple([value if type(value) is _TEXT else as_text(value, booleans) for value in values])


def as_text(value: Any, booleans: tuple[str, str] = ("1", "0")) -> str:
    """One value as text. A day-time at midnight is a day: databases know no other kind of day."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return booleans[0] if value else booleans[1]
    for kinds, written in _WRITTEN:
        if isinstance(value, kinds):
            return written(value)
    return str(value)


def _joined(values: Iterable[Any]) -> str:
    if any(isinstance(value, list | tuple | set) for value in values):
        raise CellRefused("nested_value")
    return BETWEEN.join(texts(values))


def _day_time(value: datetime) -> str:
    return value.isoformat() if value.timetz() != time() else value.date().isoformat()


def _fraction(value: float) -> str:
    return _plain(Decimal(repr(value))) if math.isfinite(value) else ""


def _exact(value: Decimal) -> str:
    return format(value, "f") if value.is_finite() else ""


def _nested(_value: Any) -> str:
    raise CellRefused("nested_value")


def _plain(number: Decimal) -> str:
    """Without exponent, and without the .0 of a whole number that was kept as a fraction."""
    written = format(number, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise CellRefused("undecodable") from None


_WRITTEN: tuple[tuple[tuple[type, ...], Callable[[Any], str]], ...] = (
    ((str,), str),
    ((float,), _fraction),
    ((Decimal,), _exact),
    ((datetime,), _day_time),
    ((date, time), lambda value: str(value.isoformat())),
    ((bytes, bytearray, memoryview), lambda value: _decoded(bytes(value))),
    ((list, tuple, set), _joined),
    ((dict,), _nested),
)


def doubt(fields: Sequence[str]) -> str:
    """Why these cells cannot be kept: `nul_byte`, `undecodable` (half a letter), or nothing."""
    text = "".join(fields)
    if "\0" in text:
        return "nul_byte"
    if text.isascii():
        return ""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "undecodable"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A source whose values have types: makes its rows."""

    name: str
    columns: tuple[str, ...]
    booleans: tuple[str, str]

    def row(self, record: int, line: int, values: Sequence[Any]) -> Row | RowRefused:
        """The row as text, or why it cannot be: `nul_byte`, `undecodable`, `nested_value`."""
        try:
            fields = texts(values, self.booleans)
        except CellRefused as refused:
            return self.refused(record, line, str(refused), self._where(values))
        if reason := doubt(fields):
            return self.refused(record, line, reason, self._where(values))
        return Row(record=record, line=line, fields=fields)

    def refused(self, record: int, line: int, reason: str, detail: str = "") -> RowRefused:
        return RowRefused(file=self.name, record=record, line=line, reason=reason, detail=detail)

    def _where(self, values: Sequence[Any]) -> str:
        """The first column that cannot be kept."""
        bad = (
            column
            for value, column in zip(values, self.columns, strict=True)
            if not _can_be_kept(value)
        )
        return f"column `{next(bad)}`"


def _can_be_kept(value: Any) -> bool:
    try:
        return not doubt((as_text(value),))
    except CellRefused:
        return False
