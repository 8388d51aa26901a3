"""Reads the CSV files that other systems export: streaming, record by record, refusing rows and not files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from outreach.model.errors import InputRefused
from outreach.model.record import RowRefused
from outreach.record.mapping import CsvForm, near

_JUDGED_AFTER = 200
"""Records after which too many undecodable ones mean that the encoding is wrong, not the records."""
_TOO_MANY = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record as it stands in the file."""

    record: int
    """The header is record 1."""
    line: int
    """Physical line where it begins."""
    fields: tuple[str, ...]


class CsvFile:
    """An open file with its header read. Iterating gives a Row, or a RowRefused that says why.

    Refused: `undecodable` (bytes that the encoding does not define) and `wrong_column_count`.
    Blank lines are no records. Raises InputRefused when the file is missing, not in its encoding,
    or lacks one of the `wanted` columns.
    """

    def __init__(self, folder: Path, form: CsvForm, wanted: Iterable[str] = ()) -> None:
        self.path = folder / form.file
        self.form = form
        self.records = 0
        """Data records seen so far, the refused among them."""
        self._undecodable = 0
        self._file = _opened(self.path, form)
        self._reader = csv.reader(self._file, delimiter=form.delimiter)
        try:
            self.columns = self._header()
            self._refuse_missing([name for name in wanted if name])
        except InputRefused:
            self._file.close()
            raise

    def __iter__(self) -> Iterator[Row | RowRefused]:
        with self._file:
            for record, (line, fields) in enumerate(self._filled(), start=2):
                if self.form.footer and fields[0].startswith(self.form.footer):
                    continue
                self.records += 1
                yield self._judged(record, line, fields)
            self._refuse_wrong_encoding(at_end=True)

    def _judged(self, record: int, line: int, fields: list[str]) -> Row | RowRefused:
        reason, detail = "", ""
        if any(map(_is_undecodable, fields)):
            self._undecodable += 1
            self._refuse_wrong_encoding()
            reason = "undecodable"
        elif len(fields) != len(self.columns):
            reason = "wrong_column_count"
            detail = f"{len(fields)} instead of {len(self.columns)}"
        else:
            return Row(record=record, line=line, fields=tuple(fields))
        return RowRefused(
            file=self.path.name, record=record, line=line, reason=reason, detail=detail
        )

    def _filled(self) -> Iterator[tuple[int, list[str]]]:
        """(line where it begins, fields) of every record that is not a blank line."""
        while True:
            line = self._reader.line_num + 1
            try:
                fields = next(self._reader, None)
            except csv.Error as error:
                raise InputRefused(
                    f"{self.path}: line {line}: {error}; is a quote opened and never closed?"
                ) from None
            except UnicodeError:
                raise InputRefused(self._not_in_encoding()) from None
            if fields is None:
                return
            if fields:
                yield line, fields

    def _header(self) -> list[str]:
        _line, fields = next(self._filled(), (1, []))
        if not fields:
            raise InputRefused(f"{self.path}: empty; the first line must name the columns")
        if any(map(_is_undecodable, fields)):
            raise InputRefused(self._not_in_encoding())
        return [name.strip() for name in fields]

    def _refuse_missing(self, wanted: list[str]) -> None:
        missing = sorted(set(wanted) - set(self.columns))
        if not missing:
            return
        named = ", ".join(f"`{name}`{near(name, self.columns)}" for name in missing)
        raise InputRefused(f"{self.path}: no column {named}{self._advice()}")

    def _advice(self) -> str:
        """What in the mapping may be wrong when columns are missing."""
        if len(self.columns) == 1:
            return f" (only one column: is the delimiter really `{self.form.delimiter}`?)"
        if not self.form.encoding.lower().startswith("utf") and _is_utf8(self.path):
            return f" (the file is UTF-8, the mapping says {self.form.encoding})"
        return ""

    def _refuse_wrong_encoding(self, *, at_end: bool = False) -> None:
        enough = self.records >= _JUDGED_AFTER or (at_end and self._undecodable > 1)
        if enough and self._undecodable > _TOO_MANY * self.records:
            raise InputRefused(self._not_in_encoding())

    def _not_in_encoding(self) -> str:
        better = "utf-8" if _is_utf8(self.path) else "cp1252"
        return (
            f"{self.path}: not written in {self.form.encoding}; "
            f"set the encoding of the file in the mapping, perhaps `{better}`"
        )


def _opened(path: Path, form: CsvForm) -> TextIO:
    encoding = "utf-8-sig" if form.encoding.lower().replace("_", "-") == "utf-8" else form.encoding
    try:
        # surrogateescape marks the bytes that the encoding does not define, so that they cost
        # their record and not the file.
        return path.open(encoding=encoding, errors="surrogateescape", newline="")
    except FileNotFoundError:
        raise InputRefused(f"{path}: no such file; the mapping names it") from None
    except OSError as error:
        raise InputRefused(f"{path}: cannot be read: {error.strerror}") from None


def _is_undecodable(field: str) -> bool:
    return not field.isascii() and any("\udc80" <= letter <= "\udcff" for letter in field)


def _is_utf8(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(65536)
    try:
        start[: start.rfind(b"\n") + 1].decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return True
