"""A dry run: the real statements in one transaction that is rolled back, so its figures are the true ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from outreach.store.session import Database, Session


class _Tried(Session):
    """A session whose transaction is a savepoint of another's."""

    __slots__ = ("_savepoint",)

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection.engine)
        self._savepoint = connection.begin_nested()
        self._connection = connection

    def commit(self) -> None:
        self._savepoint.commit()

    def rollback(self) -> None:
        self._savepoint.rollback()

    def close(self) -> None:
        if self._savepoint.is_active:
            self.rollback()


class Rehearsal(Database):
    """A database whose commits reach no further than the rehearsal."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self.url, self.is_sqlite, self.engine = database.url, database.is_sqlite, database.engine
        self._connection = connection

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self._session() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self._session() as session:
            yield session
            session.commit()

    @contextmanager
    def apart(self) -> Iterator[Database]:
        """Itself: what is tried is seen by its own connection alone, temporary tables too."""
        yield self

    def _session(self) -> Session:
        return _Tried(self._connection)

    def close(self) -> None:
        """The true database stays open: whoever opened it closes it."""


@contextmanager
def rehearsed(database: Database) -> Iterator[Database]:
    """Gives a database in which everything can be tried; nothing of it stays.

    Other writers of SQLite wait until the end, as long as the freeze of the audience takes.
    """
    with database.write() as session:
        try:
            yield Rehearsal(database, session.connection())
        finally:
            session.rollback()
