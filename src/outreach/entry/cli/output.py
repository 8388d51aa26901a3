"""The answer on stdout: a table for people, JSON, JSON lines or CSV for machines."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import click

from outreach import settings
from outreach.entry.cli.durations import spelled
from outreach.entry.languages import _, spoken

WIDTH = 100
NOTHING = "-"

Headings = Mapping[str, str]
Row = Mapping[str, object]

_LISTS = (list, tuple, set, frozenset)
_PLAIN = (bool, int, float, str, type(None))
_FORMULA = tuple("=+-@\t\r")
_PHONE = re.compile(r"\+\d{5,15}")


class Format(StrEnum):
    """Forms of an answer."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Writes answers in one form. Times are shown in `zone`, counts as people of `country` write them."""

    format: Format = Format.TABLE
    zone: ZoneInfo
    country: str = ""

    def rows(self, rows: Iterable[Row], *, headings: Headings, empty: str = "") -> None:
        """A list. `headings`: key -> heading (marked with N_), in the order of the table's columns.

        Machines get every key of the rows; a table only those with a heading, and `empty` on stderr when
        there are none. JSONL and CSV are written as the rows come, however many.
        """
        match self.format:
            case Format.TABLE:
                self._table(list(rows), headings, empty)
            case Format.JSON:
                _write(_json([self._machine(row) for row in rows], indent=2))
            case Format.JSONL:
                for row in rows:
                    _write(_json(self._machine(row)))
            case Format.CSV:
                self._csv(rows, headings)

    def record(self, record: Row, *, headings: Headings | None = None) -> None:
        """One thing: its fields below each other; for machines one object, or a header and a row.

        Without headings every field is shown under its own key.
        """
        titles = headings or {key: key.replace("_", " ") for key in record}
        match self.format:
            case Format.TABLE:
                shown = [(_(title), self.person(record.get(key))) for key, title in titles.items()]
                width = max((len(title) for title, _value in shown), default=0)
                for title, value in shown:
                    _write(f"{click.style(title.ljust(width), dim=True)}  {value}")
            case Format.JSON | Format.JSONL:
                _write(
                    _json(self._machine(record), indent=2 if self.format is Format.JSON else None)
                )
            case Format.CSV:
                self._csv([record], titles)

    def text(self, text: str) -> None:
        """Free text, in tables only: machines get their data from `rows` and `record`."""
        if self.format is Format.TABLE:
            _write(text)

    def person(self, value: object) -> str:
        """A value as a person reads it."""
        for kinds, shown in self._shown_to_people():
            if isinstance(value, kinds):
                return shown(value)
        return NOTHING if value is None or value == "" else str(value)

    def count(self, number: float) -> str:
        """With the thousands separator of the operator's country."""
        from babel import Locale, UnknownLocaleError  # noqa: PLC0415  babel takes 40 ms
        from babel.numbers import format_decimal  # noqa: PLC0415

        try:
            locale = Locale.parse(f"{spoken()}_{self.country}" if self.country else spoken())
        except (UnknownLocaleError, ValueError):
            locale = Locale.parse(spoken())
        return format_decimal(number, locale=locale)

    def _shown_to_people(self) -> tuple[tuple[tuple[type, ...], Callable[[Any], str]], ...]:
        return (
            ((bool,), lambda value: _("yes") if value else _("no")),
            ((int, float, Decimal), self.count),
            ((datetime,), lambda value: f"{value.astimezone(self.zone):%Y-%m-%d %H:%M}"),
            ((timedelta,), spelled),
            ((Mapping,), self._pairs),
            (_LISTS, self._list),
        )

    def _pairs(self, value: Mapping[str, object]) -> str:
        return " · ".join(f"{key} {self.person(each)}" for key, each in value.items()) or NOTHING

    def _list(self, value: Iterable[object]) -> str:
        return ", ".join(self.person(each) for each in value) or NOTHING

    def _machine(self, value: object) -> object:
        """What JSON can carry: times in ISO 8601 with offset, lengths in seconds."""
        if isinstance(value, datetime):
            return value.astimezone(self.zone).isoformat()
        if isinstance(value, timedelta):
            return value.total_seconds()
        if isinstance(value, Mapping):
            return {str(key): self._machine(each) for key, each in value.items()}
        if isinstance(value, _LISTS):
            return [self._machine(each) for each in value]
        return value if isinstance(value, _PLAIN) else str(value)

    def _csv(self, rows: Iterable[Row], headings: Headings) -> None:
        columns: list[str] = []
        for row in rows:
            if not columns:
                columns = list(row)
                _write(_csv_line(columns))
            _write(_csv_line([self._cell(row.get(column)) for column in columns]))
        if not columns:
            _write(_csv_line(list(headings)))

    def _cell(self, value: object) -> str:
        shown = self._machine(value)
        match shown:
            case None:
                return ""
            case dict() | list():
                return unspoiled(_json(shown))
            case str():
                return unspoiled(shown)
            case _:
                return json.dumps(shown)

    def _table(self, rows: list[Row], headings: Headings, empty: str) -> None:
        if not rows:
            click.echo(empty or _("nothing to show"), err=True)
            return
        from rich.box import SIMPLE_HEAD  # noqa: PLC0415  rich takes 80 ms
        from rich.console import Console  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
        for key, heading in headings.items():
            values = [row.get(key) for row in rows]
            table.add_column(
                _(heading),
                justify="right" if all(map(_is_number, values)) else "left",
                no_wrap=not any(isinstance(value, (str, Mapping, *_LISTS)) for value in values),
                overflow="fold",
            )
        for row in rows:  # Text: a name like [bold] is a name, not markup
            table.add_row(*(Text(self.person(row.get(key))) for key in headings))
        written = io.StringIO()
        Console(
            file=written, width=width(), force_terminal=coloured(), no_color=not coloured()
        ).print(table)
        _write("\n".join(line.rstrip() for line in written.getvalue().splitlines() if line.strip()))


def unspoiled(cell: str) -> str:
    """The cell as a spreadsheet may open it: what looks like a formula gets a ', a phone number not."""
    if cell.startswith(_FORMULA) and not _PHONE.fullmatch(cell):
        return f"'{cell}"
    return cell


def coloured() -> bool:
    """Whether stdout is a terminal and NO_COLOR is not set."""
    return sys.stdout.isatty() and not settings.no_colour()


def width() -> int:
    """Columns of a table: the terminal's, at most 100; 100 where there is none."""
    return min(shutil.get_terminal_size((WIDTH, 24)).columns, WIDTH)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _json(value: object, *, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _csv_line(cells: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _write(text: str) -> None:
    click.echo(text, color=coloured() or None)
