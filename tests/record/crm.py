"""The sample utility's exports as they would stand in its own databases and Parquet files."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text

from outreach.record.cells import Row
from outreach.record.csv_file import CsvFile
from outreach.record.mapping import Mapping, read_mapping
from outreach.store.session import normalised_url

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT.parent / "shared" / "sample-utility"
EXAMPLE = ROOT / "docs" / "examples" / "rio-claro" / "record.toml"
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One file's rows as they stand, duplicates and all."""

    table: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: dict[str, int]
    """Rows that no database could hold, by reason: ragged ones and bytes that are no letters."""


def exports() -> dict[str, Export]:
    """`customers` and `premises` of the sample."""
    mapping = read_mapping(EXAMPLE, folder=SAMPLE)
    return {"customers": _export(mapping, "customers"), "premises": _export(mapping, "premises")}


def sqlite_crm(folder: Path, tables: dict[str, Export]) -> str:
    """Writes crm.db and gives its URL, relative to the folder."""
    with closing(sqlite3.connect(folder / "crm.db")) as connection:
        for export in tables.values():
            connection.execute(_create(export))
            marks = ", ".join("?" * (len(export.columns) + 1))
            connection.executemany(
                f"INSERT INTO {export.table} VALUES ({marks})",  # noqa: S608  our own names
                ((number, *row) for number, row in enumerate(export.rows)),
            )
        connection.commit()
    return "sqlite:///crm.db"


@contextmanager
def postgres_crm(server: str, tables: dict[str, Export]) -> Iterator[str]:
    """A database of its own on the server, and its URL with whatever secret it has."""
    name = f"crm_{os.getpid()}_{next(_numbers)}"
    _admin(server, f"CREATE DATABASE {name}")
    url = normalised_url(server).set(database=name)
    engine = create_engine(url)
    with engine.begin() as connection:
        cursor = connection.connection.cursor()
        for export in tables.values():
            cursor.execute(_create(export))
            with cursor.copy(f"COPY {export.table} FROM STDIN") as copy:
                for number, row in enumerate(export.rows):
                    copy.write_row((number, *row))
    engine.dispose()
    yield url.render_as_string(hide_password=False)
    _admin(server, f"DROP DATABASE {name} WITH (FORCE)")


def write_parquet(folder: Path, tables: dict[str, Export]) -> None:
    """One file a table."""
    import polars as pl  # noqa: PLC0415  polars

    for export in tables.values():
        frame = pl.DataFrame(
            export.rows, schema=dict.fromkeys(export.columns, pl.String), orient="row"
        )
        frame.write_parquet(folder / f"{export.table}.parquet")


def sql_mapping(folder: Path, url: str, tables: dict[str, Export]) -> Mapping:
    """The sample's mapping with queries in place of files; `url` as it stands in the mapping."""
    return _mapping(
        folder,
        {
            entity: f'url = "{url}"\nquery = """\n{select(export)}\n"""'
            for entity, export in tables.items()
        },
    )


def parquet_mapping(folder: Path, tables: dict[str, Export]) -> Mapping:
    """The sample's mapping with Parquet files in place of CSV."""
    return _mapping(
        folder, {entity: f'file = "{export.table}.parquet"' for entity, export in tables.items()}
    )


def select(export: Export) -> str:
    """Its rows in their old order."""
    names = ", ".join(f'"{name}"' for name in export.columns)
    return f"SELECT {names} FROM {export.table} ORDER BY fila"  # noqa: S608  our own names


def _mapping(folder: Path, sources: dict[str, str]) -> Mapping:
    shutil.copy(SAMPLE / "gis_red.json", folder)
    toml = EXAMPLE.read_text(encoding="utf-8")
    for entity, source in sources.items():
        form = rf"(?<=\[{entity}\]\n)file = .*\nencoding = .*\ndelimiter = .*\n"
        found = re.search(form, toml)
        assert found
        toml = toml.replace(found[0], f"{source}\n")
    (folder / "record.toml").write_text(toml, encoding="utf-8")
    return read_mapping(folder / "record.toml")


def _export(mapping: Mapping, entity: str) -> Export:
    form = getattr(mapping, entity)
    file = CsvFile(mapping.folder, form)
    rows, left_out = [], Counter[str]()
    for row in file:
        if isinstance(row, Row):
            rows.append(row.fields)
        else:
            left_out[row.reason] += 1
    return Export(
        table=Path(form.file).stem,
        columns=tuple(file.columns),
        rows=tuple(rows),
        left_out=dict(left_out),
    )


def _create(export: Export) -> str:
    columns = ", ".join(f'"{name}" TEXT' for name in export.columns)
    return f"CREATE TABLE {export.table} (fila INTEGER PRIMARY KEY, {columns})"


def _admin(url: str, statement: str) -> None:
    engine = create_engine(normalised_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
