"""Row "record": a full import, an unchanged one after it, and a small change, beside a bare pass.

    python bench/record.py [--quick] [--json] [--size CUSTOMERS] [--only sqlite|postgresql]

A made-up utility of so many customers (200,000, or 5,000,000 in the full form; `_country.py`) writes its
exports: accounts, supply points, network. They are imported as `outreach record sync` does it: staged,
checked, merged in slices, households and reach included. The full form also imports 200,000 and
1,000,000 first, and prints what a customer costs at each size.

Limit: a bare pass over the same files in the same run: csv.reader, the same telephones and e-mails
normalised, and the very rows that the import made loaded in bulk into tables with the same keys and
indexes (executemany in one transaction; COPY on PostgreSQL). Reading those rows is not counted.
"""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _country
import _databases
from _figures import Asked, Figure, forget_peak, peak_mb, run
from sqlalchemy import Table, text
from tests import make

from outreach.addresses import normalise_email, normalise_phone
from outreach.record.mapping import read_mapping
from outreach.record.sync import sync_record
from outreach.settings import carried
from outreach.store import migrations, tables as t
from outreach.store.session import Database

ROWS = (t.household, t.customer, t.account, t.premise, t.supply, t.contact_point,
        t.customer_contact, t.reach)  # fmt: skip
CHUNK = 20_000
CHANGED = 1_000
"""Rows of accounts whose telephone is another one in the third import."""


@dataclass
class Loaded:
    """One import: seconds, the most memory, the longest transaction."""

    seconds: float
    peak_mb: float
    early_mb: float
    """The most memory up to a tenth of the time: what the size of the record does not change."""
    longest: float
    """Seconds of the longest transaction: no other writer waits longer."""


def imported(database: Database, country: _country.Country) -> Loaded:
    mapping = read_mapping(country.mapping)
    samples: list[tuple[float, float]] = []
    forget_peak()
    began = time.perf_counter()
    with _databases.clocked(database) as transactions:
        sync_record(
            database, make.KEYRING, mapping, now=make.NOW, yes=True,
            progress=lambda _stage, _count: samples.append((time.perf_counter() - began, _held_mb())),
        )  # fmt: skip
    seconds = time.perf_counter() - began
    early = [held for at, held in samples if at <= seconds / 10] or [_held_mb()]
    return Loaded(
        seconds=seconds, peak_mb=peak_mb(), early_mb=max(early), longest=max(transactions.seconds)
    )


# ── The limit ────────────────────────────────────────────────────────────────────────────────


def bare(source: Database, target: Database, country: _country.Country) -> float:
    """Seconds of parsing and normalising, and of loading the rows that `source` holds."""
    return _parsed(country) + sum(_loaded(source, target, table) for table in ROWS)


def _parsed(country: _country.Country) -> float:
    mapping = read_mapping(country.mapping)
    began = time.perf_counter()
    with (country.folder / "accounts.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file, delimiter=";"):
            if row[4]:
                normalise_email(row[4])
            for cell in row[5:7]:
                for piece in cell.split("/") if cell else ():
                    normalise_phone(
                        piece, region="CL", countries=frozenset(mapping.phones.countries)
                    )
    with (country.folder / "premises.csv").open(encoding="utf-8", newline="") as file:
        for _row in csv.reader(file):
            pass
    return time.perf_counter() - began


def _loaded(source: Database, target: Database, table: Table) -> float:
    """Seconds inside the database driver, commit included."""
    names = [column.name for column in table.columns]
    load = _executemany if target.is_sqlite else _copy
    seconds = 0.0
    raw = target.engine.raw_connection()
    cursor = raw.cursor()
    with source.engine.connect().execution_options(stream_results=True) as reading:
        rows = reading.exec_driver_sql(f"SELECT {', '.join(names)} FROM {table.name}")  # noqa: S608
        while chunk := [tuple(row) for row in rows.fetchmany(CHUNK)]:
            began = time.perf_counter()
            load(cursor, table.name, names, chunk)
            seconds += time.perf_counter() - began
    began = time.perf_counter()
    raw.commit()
    seconds += time.perf_counter() - began
    raw.close()
    return seconds


def _executemany(cursor: Any, table: str, names: list[str], rows: list[tuple[Any, ...]]) -> None:
    if not cursor.connection.in_transaction:
        cursor.execute("BEGIN IMMEDIATE")
    marks = ", ".join("?" * len(names))
    cursor.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)  # noqa: S608


def _copy(cursor: Any, table: str, names: list[str], rows: list[tuple[Any, ...]]) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(names)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


# ── The figures ──────────────────────────────────────────────────────────────────────────────


def measured(asked: Asked) -> Iterator[Figure]:
    sizes = [asked.size] if asked.quick else sorted({200_000, 1_000_000, asked.size})
    with tempfile.TemporaryDirectory() as folder:
        countries = [_country.make(Path(folder) / str(size), size) for size in sizes]
        for name in asked.databases:
            costs = {}
            for country in countries[:-1]:
                costs[country.customers] = _only_import(name, country)
            last = countries[-1]
            with _pair(name) as (database, target):
                first = imported(database, last)
                costs[last.customers] = first.seconds
                yield from _first(database, target, name, last, first)
                yield from _again(database, name, last, first)
            if len(costs) > 1:
                yield _growth(name, costs)


def _only_import(name: str, country: _country.Country) -> float:
    with _pair(name) as (database, _target):
        return imported(database, country).seconds


def _first(
    database: Database, target: Database, name: str, country: _country.Country, first: Loaded
) -> Iterator[Figure]:
    _check(database, country.customers)
    rate, limit = (
        country.customers / first.seconds,
        country.customers / bare(database, target, country),
    )
    label = f"{country.customers:,}, {name}"
    yield Figure(
        figure=f"import {label}", value=rate, unit="customers/s", limit=limit,
        goal=">= 0.25 of the bare pass", met=rate >= 0.25 * limit,
    )  # fmt: skip
    yield Figure(
        figure=f"import {label}, longest transaction", value=first.longest, unit="s", limit=0.5,
        goal="<= 0.5 s", met=first.longest <= 0.5,
    )  # fmt: skip
    yield Figure(
        figure=f"import {label}, peak memory", value=first.peak_mb, unit="MB", limit=500.0,
        goal="<= 500 MB", met=first.peak_mb <= 500,
    )  # fmt: skip
    yield Figure(
        figure=f"import {label}, peak beside the first tenth", value=first.peak_mb, unit="MB",
        limit=first.early_mb, goal="flat: <= 2 x", met=first.peak_mb <= 2 * first.early_mb,
    )  # fmt: skip


def _again(
    database: Database, name: str, country: _country.Country, first: Loaded
) -> Iterator[Figure]:
    label = f"{country.customers:,}, {name}"
    again = imported(database, country)
    yield Figure(
        figure=f"unchanged {label}", value=again.seconds, unit="s", limit=first.seconds,
        goal="5 x faster than the first", met=again.seconds * 5 <= first.seconds,
    )  # fmt: skip
    _change(country)
    changed = imported(database, country)
    yield Figure(
        figure=f"{CHANGED:,} changed of {label}", value=changed.seconds, unit="s",
        limit=again.seconds, goal="<= 2 x an unchanged one", met=changed.seconds <= 2 * again.seconds,
    )  # fmt: skip


def _growth(name: str, costs: dict[int, float]) -> Figure:
    each = {size: seconds / size * 1e6 for size, seconds in costs.items()}
    small, large = each[min(each)], each[max(each)]
    said = ", ".join(f"{size / 1e6:g} M {cost:.0f}" for size, cost in sorted(each.items()))
    return Figure(
        figure=f"us a customer, {name}: {said}", value=large, unit="us", limit=small,
        goal="linear: <= 1.3 x the smallest", met=large <= 1.3 * small,
    )  # fmt: skip


def _change(country: _country.Country) -> None:
    """Gives some accounts another telephone, in the file."""
    path = country.folder / "accounts.csv"
    changed = path.with_suffix(".new")
    step = max(1, country.customers // CHANGED)
    with path.open(encoding="utf-8") as old, changed.open("w", encoding="utf-8") as new:
        for number, line in enumerate(old):
            cells = line.split(";")
            if number and number % step == 0:
                cells[5] = f"9 {6000_0000 + number // step:08d}"
            new.write(";".join(cells))
    changed.replace(path)


def _check(database: Database, customers: int) -> None:
    with database.read() as session:
        accounts = session.execute(text("SELECT count(*) FROM account")).scalar_one()
        points = session.execute(
            text("SELECT count(*) FROM reach WHERE channel <> ''")
        ).scalar_one()
    if accounts != customers or points < customers:
        raise SystemExit(f"{accounts} accounts, {points} rows of reach: nothing was measured")


@contextmanager
def _pair(name: str) -> Iterator[tuple[Database, Database]]:
    """An empty migrated database, and another one for the limit; both gone at the end."""
    with _databases.urls([name]) as urls:
        both = [_fresh(urls[name]), _fresh(_beside(urls[name]))]
        yield both[0], both[1]
        for database in both:
            database.close()


def _beside(url: str) -> str:
    """A second database on the same disk or server."""
    if url.startswith("sqlite"):
        return url.replace("bench.db", "limit.db")
    database = Database(url)
    with database.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as admin:
        admin.execute(text("CREATE DATABASE limit_of_record"))
    database.close()
    return str(database.url.set(database="limit_of_record").render_as_string(hide_password=False))


def _fresh(url: str) -> Database:
    database = Database(url, create=True)
    migrations.upgrade(database, carried("alembic"))
    return database


def _held_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    run(__doc__, measured, sizes=(200_000, 5_000_000), unit="customers")
