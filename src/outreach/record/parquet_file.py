"""Reads Parquet files with polars, a slice at a time; without polars, one line says what to install."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from outreach.model.errors import InputRefused
from outreach.model.record import RowRefused
from outreach.record.blocks import open_bytes
from outreach.record.cells import Row, Typed, refuse_missing
from outreach.record.source_form import SourceForm

_SLICE = 50_000
"""Rows at a time. A slice opens the file anew, and still two million rows cost less than a second."""


class ParquetFile:
    """A Parquet file with its schema read. Iterating gives a Row, or a RowRefused that says why.

    Only the `wanted` columns are read, or all if none is named. Refused: `nested_value` and
    `nul_byte`. Raises InputRefused when polars or the file is missing, the file is damaged, or lacks
    a wanted column.
    """

    def __init__(self, folder: Path, form: SourceForm, wanted: Iterable[str] = ()) -> None:
        self.path = folder / form.file
        self.name = self.path.name
        self.records = 0
        self._polars = _polars(self.path)
        open_bytes(self.path).close()
        names = [*dict.fromkeys(name for name in wanted if name)]
        scanned = self._tried(lambda: [*self._polars.read_parquet_schema(self.path)])
        refuse_missing(str(self.path), scanned, names)
        self.columns: list[str] = names or scanned
        self._typed = Typed(name=self.name, columns=tuple(self.columns), booleans=form.booleans)

    def __iter__(self) -> Iterator[Row | RowRefused]:
        for values in self._values():
            self.records += 1
            yield self._typed.row(self.records, self.records, values)

    def close(self) -> None:
        """Nothing stays open between slices."""

    def _values(self) -> Iterator[tuple[Any, ...]]:
        polars = self._polars
        # Numbers and text become text there, at the speed of a column; the rest is written here.
        plain = polars.col(polars.String).fill_null("")
        whole = polars.selectors.integer().cast(polars.String).fill_null("")
        rows = polars.scan_parquet(self.path).select(self.columns).with_columns(plain, whole)
        while True:
            part = self._tried(rows.slice(self.records, _SLICE).collect)
            yield from part.iter_rows()
            if part.height < _SLICE:
                return

    def _tried(self, read: Any) -> Any:
        errors = self._polars.exceptions
        try:
            return read()
        except (errors.PolarsError, errors.PanicException, OSError) as error:
            raise InputRefused(
                f"{self.path}: row {self.records + 1} or after: no Parquet file, or a damaged one "
                f"({type(error).__name__}); export it again"
            ) from None


def _polars(path: Path) -> ModuleType:
    try:
        import polars as pl  # noqa: PLC0415  polars: 1.4 s, and an extra
    except ImportError:
        raise InputRefused(
            f"{path}: Parquet is read with polars; run `pip install outreach[data]`"
        ) from None
    return pl
