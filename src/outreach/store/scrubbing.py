"""Writes over what is erased, so that no page of the file and no log of it still has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from outreach.store.session import Database, Session


@contextmanager
def overwriting(database: Database) -> Iterator[Session]:
    """One writing transaction; on SQLite freed bytes are zeroed (secure_delete)."""
    with database.write() as session:
        if database.is_sqlite:
            session.execute(text("PRAGMA secure_delete=ON"))
        yield session


def forget_log(database: Database) -> bool:
    """Empties SQLite's write-ahead log into the file; False: a reader held it, it empties by itself later.

    PostgreSQL overwrites dead rows at its next vacuum; what is in them is sealed.
    """
    if not database.is_sqlite:
        return True
    pooled = database.engine.raw_connection()
    try:
        (busy, _pages, _moved) = (
            pooled.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        )
    finally:
        pooled.close()
    return not busy
