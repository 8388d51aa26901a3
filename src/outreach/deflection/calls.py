"""Takes in a call log: the first row of each call, its caller only as a keyed hash."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from outreach.addresses import Keyring, normalise_phone
from outreach.deflection.calls_mapping import CallsMapping
from outreach.model.errors import InputRefused
from outreach.model.numbering import PhoneRefused
from outreach.model.record import RowRefused
from outreach.store import calls as ledger
from outreach.store.calls import CallRow
from outreach.store.session import Database

CHUNK = 2_000
"""Rows in one transaction: other writers wait some hundredths of a second."""


@dataclass(slots=True, kw_only=True)
class CallsReport:
    """What became of the rows of one file; they add up."""

    rows: int = 0
    imported: int = 0
    repeated: int = 0
    """Rows of calls that were there already: transfers, or an earlier import."""
    known: int = 0
    """Imported calls whose caller is a contact point of the record."""
    hidden: int = 0
    """Imported calls without a number to look up: withheld, or unreadable."""
    outage: int = 0
    """Imported calls to an outage number of the mapping; all, where it names none."""
    refused: list[RowRefused] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    record: int
    line: int
    cells: dict[str, str]


def import_calls(
    database: Database,
    keyring: Keyring,
    mapping: CallsMapping,
    *,
    path: Path,
    now: datetime,
    progress: Callable[[int], None] = lambda _rows: None,
) -> CallsReport:
    """Stores the calls of one CSV file; running it again stores nothing twice.

    Good rows are kept, bad ones are in the report with record, line and reason. Calls later than
    `now` are refused. progress hears the rows read so far after every chunk. Raises InputRefused
    where the file cannot be read; chunks before that stay.
    """
    report = CallsReport()
    reader = _CallReader(mapping, keyring, now)
    rows = _rows(path, mapping)
    while chunk := list(islice(rows, CHUNK)):
        _take_in(database, reader, chunk, report)
        progress(report.rows)
    return report


def plain_caller(written: str) -> str:
    """The number inside a caller field: without `sip:`, and without what follows `@` or `;`."""
    bare = written.strip().removeprefix("<").removesuffix(">")
    head, colon, rest = bare.partition(":")
    if colon and head.casefold() in {"sip", "sips", "tel"}:
        bare = rest
    return bare.partition("@")[0].partition(";")[0].strip()


def plain_number(written: str) -> str:
    """A dialled number as its digits alone, so that blanks and dashes make no other number."""
    digits = "".join(sign for sign in plain_caller(written) if sign.isdecimal())
    return digits or written.strip()


class _CallReader:
    """Turns cells into a row of ours."""

    def __init__(self, mapping: CallsMapping, keyring: Keyring, now: datetime) -> None:
        self.mapping = mapping
        self.keyring = keyring
        self.now = now
        self.outage_numbers = frozenset(plain_number(each) for each in mapping.outage_numbers)

    def call(self, cells: dict[str, str]) -> CallRow:
        """ValueError says in a few words why a row is none."""
        words = self.mapping
        return CallRow(
            call_id=_needed(cells, "call_id"),
            at=self._at(_needed(cells, "at")),
            address_hash=self._hash(cells["ani"]),
            dnis=plain_number(cells["dnis"]),
            queue=cells.get("queue", ""),
            contained=cells.get("contained", "").casefold() in words.contained,
            abandoned=cells.get("result", "").casefold() in words.abandoned,
            wait_s=_seconds(cells, "wait_s"),
            talk_s=_seconds(cells, "talk_s"),
            source=words.source,
        )

    def to_outage(self, call: CallRow) -> bool:
        return not self.outage_numbers or call.dnis in self.outage_numbers

    def _at(self, written: str) -> datetime:
        try:
            at = self.mapping.instant(written)
        except ValueError:
            raise ValueError("time_unreadable") from None
        if at > self.now:
            raise ValueError("time_in_the_future")
        return at

    def _hash(self, written: str) -> bytes | None:
        caller = plain_caller(written)
        if not caller or caller.casefold() in self.mapping.hidden:
            return None
        rules = self.mapping
        phone = normalise_phone(
            caller, region=rules.region, countries=rules.countries, stand_ins=rules.stand_ins
        )
        return None if isinstance(phone, PhoneRefused) else self.keyring.hash(phone.e164)


def _take_in(
    database: Database, reader: _CallReader, chunk: list[_Row], report: CallsReport
) -> None:
    calls: dict[str, CallRow] = {}
    for row in chunk:
        try:
            call = reader.call(row.cells)
        except ValueError as error:
            report.refused.append(_refused(row, str(error)))
            continue
        report.repeated += call.call_id in calls
        calls.setdefault(call.call_id, call)
    with database.write() as session:
        stored = ledger.add(session, list(calls.values()))
    report.rows += len(chunk)
    report.repeated += len(calls) - len(stored)
    report.imported += len(stored)
    for call, known in stored:
        report.known += known
        report.hidden += call.address_hash is None
        report.outage += reader.to_outage(call)


def _rows(path: Path, mapping: CallsMapping) -> Iterator[_Row]:
    try:
        with path.open(encoding=mapping.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=mapping.delimiter)
            places = _places(path, next(reader, []), mapping)
            line = reader.line_num + 1
            for record, cells in enumerate(reader, start=2):
                if cells:
                    yield _Row(record=record, line=line, cells=_named(cells, places))
                line = reader.line_num + 1
    except FileNotFoundError:
        raise InputRefused(f"{path}: not found; name the call log") from None
    except (UnicodeDecodeError, LookupError):
        raise InputRefused(f"{path}: not {mapping.encoding}; mend file.encoding") from None
    except csv.Error as error:
        raise InputRefused(f"{path}: {error}; check file.delimiter of the mapping") from None


def _places(path: Path, header: list[str], mapping: CallsMapping) -> dict[str, int]:
    titles = [title.strip().removeprefix("\ufeff") for title in header]
    missing = [theirs for theirs in mapping.columns.values() if theirs not in titles]
    if missing:
        raise InputRefused(f"{path}: no column {missing[0]!r}; mend the mapping's [columns]")
    return {ours: titles.index(theirs) for ours, theirs in mapping.columns.items()}


def _named(cells: list[str], places: dict[str, int]) -> dict[str, str]:
    """Cells by our names; a short row has none, and is refused for what it lacks."""
    return {
        ours: cells[place].strip() if place < len(cells) else "" for ours, place in places.items()
    }


def _refused(row: _Row, reason: str) -> RowRefused:
    return RowRefused(file="calls", record=row.record, line=row.line, reason=reason)


def _needed(cells: dict[str, str], name: str) -> str:
    if not cells[name]:
        raise ValueError(f"{name}_missing")
    return cells[name]


def _seconds(cells: dict[str, str], name: str) -> int | None:
    written = cells.get(name, "")
    if not written:
        return None
    if not written.isdecimal():
        raise ValueError(f"{name}_not_seconds")
    return int(written)
