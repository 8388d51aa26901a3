"""Opens the rows of one entity, whatever they come from: CSV, JSON, Parquet, or a database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from outreach.model.record import RowRefused
from outreach.record.cells import Row
from outreach.record.csv_file import CsvFile
from outreach.record.json_file import JsonFile
from outreach.record.parquet_file import ParquetFile
from outreach.record.source_form import SourceForm
from outreach.record.sql_source import SqlSource

_SUFFIXES = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


class Source(Protocol):
    """Rows in their order, read once and in flat memory; closes itself at the end of them."""

    name: str
    """Names it in reports and provenance: a file name, or entity and database without a secret."""
    columns: list[str]
    records: int
    """Data records seen so far, the refused among them."""

    def __iter__(self) -> Iterator[Row | RowRefused]: ...

    def close(self) -> None:
        """For who does not read to the end."""


_READERS: dict[str, Callable[[Path, SourceForm, Iterable[str]], Source]] = {
    "csv": CsvFile,
    "json": JsonFile,
    "jsonl": JsonFile,
    "parquet": ParquetFile,
}


def open_source(
    form: SourceForm, folder: Path, wanted: Iterable[str] = (), *, since: str | None = None
) -> Source:
    """The source with its columns known; all `wanted` are among them.

    since: bound to `:since` of a query, the latest change already read; None reads everything. Files
    are always read whole. Raises InputRefused, at once or while iterating, when the source is
    unusable: then nothing that it gave counts.
    """
    if form.url:
        return SqlSource(folder, form, wanted, since=since)
    return _READERS[_format(form)](folder, form, wanted)


def _format(form: SourceForm) -> str:
    if form.format != "auto":
        return form.format
    return _SUFFIXES.get(Path(form.file).suffix.lower(), "csv")
