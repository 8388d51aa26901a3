"""Takes in contacts: each once, merged from all its records, its caller only as a keyed hash."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO

from outreach.addresses import Keyring
from outreach.deflection.calls_mapping import CallsMapping
from outreach.deflection.calls_reading import Seen, Terms, plain_caller, plain_number
from outreach.deflection.contacts import FORMATS, Form, Format
from outreach.model.errors import InputRefused
from outreach.model.record import RowRefused
from outreach.store import calls as ledger
from outreach.store.session import Database, Session

__all__ = ["CHUNK", "CallsReport", "Intake", "import_calls", "import_contacts", "plain_caller", "plain_number"]  # fmt: skip

CHUNK = 2_000
"""Rows in one transaction: other writers wait some hundredths of a second."""
_PIECE = 64 * 1024
_LONGEST_LINE = 4 * 1024 * 1024


@dataclass(slots=True, kw_only=True)
class CallsReport:
    """What became of the records of one source; rows = imported + repeated + passed + rejected."""

    rows: int = 0
    imported: int = 0
    repeated: int = 0
    """Records of contacts that were there already: transfers, later moments, or an earlier import."""
    completed: int = 0
    """Contacts there already of which more is known now."""
    passed: int = 0
    """Records that are no contact of a customer: outbound calls, tasks."""
    known: int = 0
    """Imported contacts whose caller is a contact point of the record."""
    hidden: int = 0
    """Imported contacts without a number to look up: withheld, or unreadable."""
    outage: int = 0
    """Imported contacts to an outage number of the mapping; all, where it names none."""
    rejected: Counter[str] = field(default_factory=Counter)
    """By reason."""
    refused: list[RowRefused] = field(default_factory=list)
    """The rejected rows, where nobody takes them as they come."""


@dataclass(slots=True, kw_only=True)
class Intake:
    """Takes in records chunk by chunk and counts them. `refuse` gets each rejected row; None: the report keeps them."""

    database: Database
    terms: Terms
    report: CallsReport = field(default_factory=CallsReport)
    refuse: Callable[[RowRefused], None] | None = None
    progress: Callable[[int], None] = lambda _rows: None

    def all_of(self, seen: Iterable[Seen]) -> CallsReport:
        """Takes in whatever comes; every chunk is committed before the next is read."""
        rows = iter(seen)
        while chunk := list(islice(rows, CHUNK)):
            self.take(chunk)
        return self.report

    def take(
        self, chunk: Sequence[Seen], *, beside: Callable[[Session], None] = lambda _session: None
    ) -> None:
        """One transaction; `beside` writes in it too."""
        calls = [each.call for each in chunk if each.call is not None]
        with self.database.write() as session:
            added = ledger.take_in(session, calls)
            beside(session)
        for each in chunk:
            if each.refusal:
                self._reject(each)
        report = self.report
        report.rows += len(chunk)
        report.passed += sum(each.call is None and not each.refusal for each in chunk)
        report.imported += len(added.new)
        report.repeated += len(calls) - len(added.new)
        report.completed += added.completed
        for call, known in added.new:
            report.known += known
            report.hidden += call.address_hash is None
            report.outage += self.terms.to_outage(call)
        self.progress(report.rows)

    def _reject(self, seen: Seen) -> None:
        row = RowRefused(file="calls", record=seen.record, line=seen.line, reason=seen.refusal)
        self.report.rejected[row.reason] += 1
        (self.refuse or self.report.refused.append)(row)


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
    intake = Intake(database=database, terms=Terms(mapping, keyring, now), progress=progress)
    return import_contacts(intake, path, Form.CSV)


def import_contacts(intake: Intake, source: Path | IO[str], form: Form) -> CallsReport:
    """Stores the contacts of a file, or of a stream that is open already, in constant memory.

    Raises InputRefused where it cannot be read; chunks before that stay.
    """
    mapping, name = intake.terms.mapping, str(source) if isinstance(source, Path) else "stdin"
    try:
        if not isinstance(source, Path):
            return intake.all_of(_seen(source, FORMATS[form], intake.terms))
        with source.open(encoding=mapping.encoding, newline="") as file:
            return intake.all_of(_seen(file, FORMATS[form], intake.terms))
    except InputRefused as error:
        raise InputRefused(f"{name}: {error}") from None
    except FileNotFoundError:
        raise InputRefused(f"{name}: not found; name the call log") from None
    except (UnicodeDecodeError, LookupError):
        raise InputRefused(f"{name}: not {mapping.encoding}; mend file.encoding") from None
    except csv.Error as error:
        raise InputRefused(f"{name}: {error}; check file.delimiter of the mapping") from None


def _seen(file: IO[str], form: Format, terms: Terms) -> Iterator[Seen]:
    size = _LONGEST_LINE if form.in_lines else _PIECE
    read = file.readline if form.in_lines else file.read
    return form.see(iter(lambda: read(size), ""), terms)
