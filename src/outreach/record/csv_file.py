"""Reads the CSV files that other systems export: streaming, record by record, refusing rows and not files."""

from __future__ import annotations

import csv
import io
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from outreach.model.errors import InputRefused
from outreach.model.record import RowRefused
from outreach.record.blocks import (
    LONGEST_LINE,
    UNDECODABLE,
    blocks,
    detected,
    open_bytes,
    resolved,
)
from outreach.record.cells import Row, refuse_missing
from outreach.record.source_form import SourceForm

__all__ = ["CsvFile", "Row"]

_JUDGED_AFTER = 200
"""Records after which too many undecodable ones mean that the encoding is wrong, not the records."""
_TOO_MANY = 0.2
_END = "\udcfe"
"""Fed to the parser after the last line; no decoded text contains it. Swallowed: a quote is open."""
_DELIMITERS = ",;\t|"


class CsvFile:
    """An open file with its header read. Iterating gives a Row, or a RowRefused that says why.

    Refused: `undecodable` (bytes that the encoding does not define), `nul_byte` and
    `wrong_column_count`. Blank lines are no records. Raises InputRefused when the file is missing,
    not in its encoding, names a column twice, lacks one of the `wanted`, has a line or record of more
    than `longest` characters, or a quote that never closes.
    """

    def __init__(
        self,
        folder: Path,
        form: SourceForm,
        wanted: Iterable[str] = (),
        *,
        longest: int = LONGEST_LINE,
    ) -> None:
        self.path = folder / form.file
        self.name = self.path.name
        self.form = form
        self.records = 0
        """Data records seen so far, the refused among them."""
        self._longest = longest
        self._undecodable = 0
        self._checked_until = 0
        """Records that begin up to this line are searched for bad bytes and NUL."""
        self.columns: list[str] = []
        self._wanted = [name for name in wanted if name]
        self._file = open_bytes(self.path)
        try:
            self._open_reader()
            self.columns = self._header()
            self._refuse_missing()
        except UnicodeError:
            self.close()
            raise InputRefused(self._not_in_encoding()) from None
        except InputRefused:
            self.close()
            raise

    def __iter__(self) -> Iterator[Row | RowRefused]:
        try:
            yield from self._rows()
        except csv.Error as error:
            raise InputRefused(self._unclosed(str(error))) from None
        finally:
            self.close()

    def close(self) -> None:
        self._file.close()

    def _rows(self) -> Iterator[Row | RowRefused]:
        """This loop is most of what reading costs: one test for the ordinary row, the rest elsewhere."""
        reader, width, footer = self._reader, len(self.columns), self.form.footer
        record, self._begins = 1, self._reader.line_num + 1
        for fields in reader:
            begins, self._begins = self._begins, reader.line_num + 1
            if not fields:
                continue
            record += 1
            if footer and fields[0].startswith(footer):
                continue
            self.records += 1
            if len(fields) == width and begins > self._checked_until:
                yield Row(record, begins, tuple(fields))
            elif (odd := self._judged(record, begins, fields)) is not None:
                yield odd
        self._refuse_wrong_encoding(at_end=True)

    def _judged(self, record: int, line: int, fields: list[str]) -> Row | RowRefused | None:
        """What to make of a row that may not be ordinary; None: it is the end."""
        text = "\n".join(fields)
        if _END in text:
            self.records -= 1
            if self._reader.line_num > line:  # not on a line of its own
                self._begins = line
                raise InputRefused(self._unclosed("the file ends inside it"))
            return None
        reason, detail = "", ""
        if UNDECODABLE in text:
            self._undecodable += 1
            self._refuse_wrong_encoding()
            reason, detail = "undecodable", self._where(fields, UNDECODABLE)
        elif "\0" in text:
            reason, detail = "nul_byte", self._where(fields, "\0")
        elif len(fields) != len(self.columns):
            reason, detail = "wrong_column_count", self._counted(line, len(fields))
        else:
            return Row(record=record, line=line, fields=tuple(fields))
        return RowRefused(file=self.name, record=record, line=line, reason=reason, detail=detail)

    def _where(self, fields: list[str], letter: str) -> str:
        place = next(place for place, field in enumerate(fields) if letter in field)
        named = len(fields) == len(self.columns)
        return f"column `{self.columns[place]}`" if named else f"column {place + 1}"

    def _counted(self, line: int, width: int) -> str:
        """A stray quote swallows line ends, and with them the records after it: say how far."""
        said = f"{width} instead of {len(self.columns)}"
        last = self._reader.line_num
        return f"{said}; lines {line} to {last}" if last > line else said

    def _open_reader(self) -> None:
        """Lines reach the parser without a step of Python for each: a million cost what C costs."""
        encoding = resolved(self.path, self.form.encoding)
        self._blocks = blocks(self.path, self._file, encoding, longest=self._longest)
        first = next(self._blocks, ("", True))
        self._delimiter = self._found_delimiter(first[0])
        lines = chain.from_iterable(self._lines(first))
        self._reader = csv.reader(lines, delimiter=self._delimiter)
        self._begins = 1

    def _lines(self, first: tuple[str, bool]) -> Iterator[Iterable[str]]:
        begins = size = 0
        for text, is_clean in chain([first], self._blocks):
            size = size + len(text) if begins == self._begins else 0
            begins = self._begins
            if size > self._longest:
                raise InputRefused(self._unclosed(f"longer than {self._longest:,} characters"))
            # A record may have begun in the block before: it is searched too.
            self._checked_until = self._reader.line_num if is_clean else sys.maxsize
            yield io.StringIO(text, newline="" if "\r" in text else "\n")
        self._checked_until = sys.maxsize
        yield [_END if len(self.columns) > 1 else _END + self._delimiter]

    def _found_delimiter(self, start: str) -> str:
        form = self.form
        if self.path.suffix in {".tsv", ".tab"} and "delimiter" not in form.model_fields_set:
            return "\t"
        if form.delimiter != "auto":
            return form.delimiter
        wanted = set(self._wanted)

        def fit(delimiter: str) -> tuple[int, int]:
            names = _first_record(start, delimiter)
            return len(wanted & set(names)), len(names)

        return max(_DELIMITERS, key=fit)

    def _header(self) -> list[str]:
        try:
            fields = next(filter(None, self._reader), [])
        except csv.Error as error:
            raise InputRefused(self._unclosed(str(error))) from None
        text = "".join(fields)
        if not text or text.startswith(_END):
            raise InputRefused(f"{self.path}: empty; the first line must name the columns")
        if _END in text:
            raise InputRefused(self._unclosed("the file ends inside it"))
        if UNDECODABLE in text or "\0" in text:
            raise InputRefused(self._not_in_encoding())
        return [name.strip() for name in fields]

    def _refuse_missing(self) -> None:
        if twice := sorted(
            name for name, count in Counter(self.columns).items() if count > 1 and name
        ):
            raise InputRefused(
                f"{self.path}: line 1: column `{twice[0]}` stands there twice; give each its own name"
            )
        refuse_missing(str(self.path), self.columns, self._wanted, self._advice)

    def _advice(self) -> str:
        """What in the mapping may be wrong when columns are missing."""
        if len(self.columns) == 1:
            return f" (only one column: is the delimiter really `{self._delimiter}`?)"
        if not self.form.encoding.lower().startswith("utf") and detected(self.path) == "utf-8":
            return f" (the file is UTF-8, the mapping says {self.form.encoding})"
        return ""

    def _unclosed(self, said: str) -> str:
        return (
            f"{self.path}: record {self.records + 2}, line {self._begins}: {said}; "
            "is a quote opened and never closed?"
        )

    def _refuse_wrong_encoding(self, *, at_end: bool = False) -> None:
        enough = self.records >= _JUDGED_AFTER or (at_end and self._undecodable > 1)
        if enough and self._undecodable > _TOO_MANY * self.records:
            raise InputRefused(self._not_in_encoding())

    def _not_in_encoding(self) -> str:
        return (
            f"{self.path}: not written in {self.form.encoding}; "
            f"set the encoding of the file in the mapping, perhaps `{detected(self.path)}`"
        )


def _first_record(start: str, delimiter: str) -> list[str]:
    try:
        fields = next(
            filter(None, csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)), []
        )
    except csv.Error:
        return []
    return [name.strip() for name in fields]
