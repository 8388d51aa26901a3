"""Rows "contacts": a call log into the store, and moments of calls that fill stored ones.

    python bench/contacts.py [--quick] [--json] [--size ROWS] [--only sqlite|postgresql]

The limit is the least that a load can be, in the same run: csv and executemany of the bare driver
into a table of the same indexes, in transactions of as many rows, neither reading times nor callers.
In seconds of this process's own processor time.
"""

from __future__ import annotations

import csv
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from random import Random

from _databases import migrated, urls
from _figures import Asked, Figure, run, took

from outreach.addresses import new_keyring
from outreach.deflection.calls import CHUNK, Intake, import_contacts
from outreach.deflection.calls_mapping import CallsMapping
from outreach.deflection.calls_reading import Seen, Terms
from outreach.deflection.contacts import Form
from outreach.model.calls import CallRow
from outreach.store.session import Database

GOAL_ROWS = 20_000
GOAL_MOMENT_US = 200.0
BEGAN = datetime(2026, 6, 12, 18, tzinfo=UTC)
NOW = datetime(2026, 9, 1, tzinfo=UTC)
COLUMNS = {
    "call_id": "id", "at": "when", "ani": "from", "dnis": "to", "queue": "line", "result": "how",
    "wait_s": "waited", "talk_s": "talked", "contained": "ivr",
}  # fmt: skip
MAPPING = CallsMapping(
    delimiter=";",
    columns=COLUMNS,
    at_format="%d-%m-%Y %H:%M:%S",
    zone="America/Santiago",
    outage_numbers=("6002001111",),
    region="CL",
)
BARE = """
CREATE TABLE call (call_id TEXT PRIMARY KEY, at TEXT, caller BLOB, dnis TEXT, queue TEXT, how TEXT,
                   waited INTEGER, talked INTEGER, ivr TEXT);
CREATE INDEX by_at ON call (at);
CREATE INDEX by_caller ON call (caller);
"""


def written(folder: Path, rows: int) -> Path:
    """A log of a storm: three calls a second, each caller new."""
    random, path = Random(1), folder / "calls.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write(";".join(COLUMNS.values()) + "\n")
        for number in range(rows):
            at = f"{BEGAN + timedelta(seconds=number // 3):%d-%m-%Y %H:%M:%S}"
            caller = f"+569{random.randrange(20_000_000, 100_000_000)}"
            file.write(f"{20260612000000 + number};{at};{caller};6002001111;CORTES;ATENDIDA;{number % 300};9;N\n")  # fmt: skip
    return path


def bare(log: Path) -> None:
    path = log.with_name("bare.db")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {BARE}")
    with log.open(encoding="utf-8", newline="") as file:
        rows = islice(csv.reader(file, delimiter=";"), 1, None)
        while chunk := list(islice(rows, CHUNK)):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO call VALUES (?,?,?,?,?,?,?,?,?)", chunk)
            connection.execute("COMMIT")
    connection.close()
    path.unlink()


def loaded(database: Database, log: Path) -> None:
    intake = Intake(database=database, terms=Terms(MAPPING, new_keyring(), NOW))
    report = import_contacts(intake, log, Form.CSV)
    if report.imported != report.rows or report.rejected:
        raise SystemExit("the log was not taken in whole: nothing was measured")


def filled(database: Database, calls: int) -> None:
    """A later moment of each call, merged into what is stored."""
    intake = Intake(database=database, terms=Terms(MAPPING, new_keyring(), NOW))
    first = CallRow(call_id="", at=BEGAN, address_hash=None, wrap_up="told")
    rows = (replace(first, call_id=str(20260612000000 + number)) for number in range(calls))
    report = intake.all_of(Seen(number, number, row) for number, row in enumerate(rows))
    if report.completed != calls:
        raise SystemExit("the moments filled nothing: nothing was measured")


def measured(asked: Asked) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder, urls(asked.databases) as found:
        log = written(Path(folder), asked.size)
        for name, url in found.items():
            with migrated(url) as database:
                limit = took(lambda: bare(log), clock=time.process_time)
                mine = took(lambda: loaded(database, log), clock=time.process_time)
                again = took(lambda: filled(database, asked.size), clock=time.process_time)
            rate, most = asked.size / mine, asked.size / limit
            yield Figure(
                figure=f"contacts {name}: rows of CSV", value=rate, unit="rows/s", limit=most,
                goal=f">= {GOAL_ROWS:,} rows/s", met=rate >= GOAL_ROWS,
            )  # fmt: skip
            micros = again / asked.size * 1e6
            yield Figure(
                figure=f"contacts {name}: moment of a call", value=micros, unit="us",
                limit=limit / asked.size * 1e6, goal=f"<= {GOAL_MOMENT_US:g} us",
                met=micros <= GOAL_MOMENT_US,
            )  # fmt: skip


if __name__ == "__main__":
    run(__doc__, measured, sizes=(20_000, 200_000), unit="rows")
