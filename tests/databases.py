"""Databases that tests take in turn: emptied and given again, which takes a tenth of making another."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from outreach.store import session
from outreach.store.session import Database


@contextmanager
def compiled_together() -> Iterator[None]:
    """Every database of a kind knows the statements that were compiled for the first of them.

    The library's cache asks for the same dialect, which is whole only after its first connection.
    """
    really = session._engine
    firsts: dict[bool, Engine] = {}

    def made(url: URL, *, is_sqlite: bool) -> Engine:
        engine = really(url, is_sqlite=is_sqlite)
        first = firsts.setdefault(is_sqlite, engine)
        if first.dialect.server_version_info is not None:
            engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "_engine", made)
        yield


def as_new(kept: Database) -> Database:
    """The same database with listeners of its own; statements that were compiled once stay so."""
    given = copy.copy(kept)
    given.engine = kept.engine.execution_options()
    return given


def refilled(kept: Database, template: Path) -> None:
    """Puts a fresh copy of the template where the SQLite file was; who still has that open sees the old."""
    kept.engine.dispose()
    path = Path(str(kept.url.database))
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    fresh = path.with_suffix(".fresh")
    shutil.copy(template, fresh)
    fresh.replace(path)


class Emptied:
    """A PostgreSQL database, empty but for its schema."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._schema = self._seen()

    def again(self) -> bool:
        """Empties it; False if a test has changed its schema, so that another must be made."""
        self.database.engine.dispose()
        with self.database.engine.begin() as connection:
            connection.execute(_OTHERS_OUT)
            tables = [row[0] for row in connection.execute(_TABLES)]
            filled = " UNION ALL ".join(
                f"(SELECT '{name}' FROM {name} LIMIT 1)"  # noqa: S608  names of our own tables
                for name in tables
            )
            if dirty := [row[0] for row in connection.execute(text(filled))]:
                connection.execute(text(f"TRUNCATE {', '.join(dirty)} CASCADE"))
            connection.execute(_SEQUENCES)
        return bool(tables) and self._seen() == self._schema

    def _seen(self) -> object:
        with self.database.engine.connect() as connection, suppress(DBAPIError):
            return connection.execute(_SCHEMA).scalar_one()
        return None  # not even alembic's own table is left


_OTHERS_OUT = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_TABLES = text(
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname <> 'alembic_version'"
    " AND relnamespace = 'public'::regnamespace"
)
_SEQUENCES = text(
    "SELECT setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences"
    " WHERE last_value IS NOT NULL AND schemaname = 'public'"
)
_SCHEMA = text(
    "SELECT ARRAY[(SELECT md5(string_agg(concat_ws(' ', c.relname, a.attname, a.atttypid, a.attnotnull),"
    " ',' ORDER BY c.relname, a.attnum)) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
    "  WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped),"
    " (SELECT md5(string_agg(oid || ' ' || proname, ',' ORDER BY oid)) FROM pg_proc"
    "  WHERE pronamespace = 'public'::regnamespace),"
    " (SELECT string_agg(version_num, ',') FROM alembic_version)]"
)
"""Columns of tables and indexes, functions made anew, and the revision."""
