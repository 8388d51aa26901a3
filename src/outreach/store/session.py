"""Opens the database: SQLite embedded (WAL, FULL), or PostgreSQL; one way to read, one to write."""

from __future__ import annotations

import copy
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, TypeVarTuple, overload

from sqlalchemy import (
    Connection,
    CursorResult,
    Engine,
    Executable,
    NestedTransaction,
    ScalarResult,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry

from outreach.model.errors import StoreUnusable
from outreach.store import ranks

if TYPE_CHECKING:
    from sqlalchemy.sql.selectable import TypedReturnsRows

__all__ = ["Database", "Session", "normalised_url"]

BUSY_TIMEOUT_S = 15
"""How long a writer waits for another; each writer holds the lock for at most about 0.5 s."""


def normalised_url(url: str) -> URL:
    """The URL as SQLAlchemy wants it: `postgres://` and `postgresql://` mean psycopg 3."""
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return make_url("postgresql+psycopg://" + url.removeprefix(scheme))
    return make_url(url)


_One = TypeVar("_One")
_Columns = TypeVarTuple("_Columns")
_Given = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Session:
    """A connection, taken at the first statement, and its transaction.

    The library's own Session keeps books of mapped objects, which nobody here has: they are a quarter of a
    statement's time, and half of a transaction's.
    """

    __slots__ = ("_bind", "_connection", "_then")

    def __init__(self, bind: Engine) -> None:
        self._bind = bind
        self._connection: Connection | None = None
        self._then: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def connection(self, *, execution_options: Mapping[str, Any] | None = None) -> Connection:
        """The connection itself, its transaction begun; options are set before the first statement, and stay."""
        if self._connection is None:
            self._connection = self._bind.connect()
        if execution_options:
            self._connection.execution_options(**execution_options)
        if not self._connection.in_transaction():
            self._connection.begin()  # the driver's own cursor would not
        return self._connection

    @overload
    def execute(
        self,
        statement: TypedReturnsRows[*_Columns],
        given: _Given | None = None,
        *,
        execution_options: Mapping[str, Any] | None = None,
    ) -> CursorResult[*_Columns]: ...

    @overload
    def execute(
        self,
        statement: Executable,
        given: _Given | None = None,
        *,
        execution_options: Mapping[str, Any] | None = None,
    ) -> CursorResult[*tuple[Any, ...]]: ...

    def execute(
        self,
        statement: Executable,
        given: _Given | None = None,
        *,
        execution_options: Mapping[str, Any] | None = None,
    ) -> CursorResult[*tuple[Any, ...]]:
        """Given many sets of parameters, it is said once for each."""
        connection = self._connection or self.connection()
        return connection.execute(statement, given, execution_options=execution_options)

    @overload
    def scalars(
        self, statement: TypedReturnsRows[_One], given: _Given | None = None
    ) -> ScalarResult[_One]: ...

    @overload
    def scalars(self, statement: Executable, given: _Given | None = None) -> ScalarResult[Any]: ...

    def scalars(self, statement: Executable, given: _Given | None = None) -> ScalarResult[Any]:
        """The first column of each row."""
        return self.execute(statement, given).scalars()

    @overload
    def scalar(
        self, statement: TypedReturnsRows[_One], given: _Given | None = None
    ) -> _One | None: ...

    @overload
    def scalar(self, statement: Executable, given: _Given | None = None) -> Any: ...

    def scalar(self, statement: Executable, given: _Given | None = None) -> Any:
        """The first column of the first row; None without one."""
        return self.execute(statement, given).scalar()

    def get_bind(self) -> Engine:
        return self._bind

    def begin_nested(self) -> NestedTransaction:
        """A savepoint, for a `with`."""
        return self.connection().begin_nested()

    def then(self, tell: Callable[[], None]) -> None:
        """Said once the transaction is committed, and not at all if it never is."""
        self._then.append(tell)

    def commit(self) -> None:
        if self._connection is not None:
            self._connection.commit()
        said, self._then = self._then, []
        for tell in said:
            tell()

    def rollback(self) -> None:
        self._then = []
        if self._connection is not None:
            self._connection.rollback()

    def close(self) -> None:
        """Rolls back what was not committed."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Database:
    """One database of one installation.

    `read()` and `write()` give a Session inside one transaction. Writers begin IMMEDIATE on
    SQLite, so a reader is never upgraded and a writer never fails half-way for the lock.
    """

    def __init__(self, url: str, *, create: bool = False, durable: bool = True) -> None:
        """`durable` False waits for no disk: for data that can be made again, such as a demo's."""
        self.url = normalised_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and not create:
            _must_exist(self.url)
        self.engine = _engine(self.url, is_sqlite=self.is_sqlite)
        self._durable = durable
        self._rested: deque[Engine] = deque()
        event.listen(self.engine, "engine_disposed", lambda _engine: self._let_go())
        if self.is_sqlite and not durable:
            event.listen(self.engine, "connect", _wait_for_no_disk)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent look; rolled back at the end."""
        with _in_one_line(self.url), Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction, committed at the end, rolled back whole on any error."""
        with _in_one_line(self.url), Session(self.engine) as session:
            if self.is_sqlite:
                session.connection(execution_options={"outreach_write": True})
            yield session
            session.commit()

    @contextmanager
    def apart(self) -> Iterator[Database]:
        """The same database on one more connection, whose temporary tables last until the end.

        For one thread. SQLite keeps these tables in files: they may be larger than memory should be. One
        connection rests for the next who asks: to open one costs as much as fifty statements.
        """
        own = copy.copy(self)
        try:
            own.engine = self._rested.pop()
        except IndexError:
            own.engine = self._beside()
        rests = False
        try:
            yield own
            rests = not self._rested and own._is_emptied()  # noqa: SLF001  its own kind
        finally:
            if rests:
                self._rested.append(own.engine)
            else:
                own.engine.dispose()

    def _beside(self) -> Engine:
        """The same with a connection of its own; a statement compiled for one is compiled for both."""
        own = Engine(self.engine.pool.recreate(), self.engine.dialect, self.engine.url)
        own._compiled_cache = self.engine._compiled_cache  # noqa: SLF001  as the library's own `execution_options` does
        if self.is_sqlite:
            event.listen(own, "begin", _begin_sqlite)
            event.listen(own, "connect", _keep_temporary_in_files)
        return own

    def _is_emptied(self) -> bool:
        """Whether the temporary tables of a connection are gone; False: it is of no use any more.

        On SQLite also where their file has grown, for only its end makes that smaller.
        """
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(_TEMPORARY if self.is_sqlite else "DISCARD TEMP")
            for (name,) in cursor.fetchall() if self.is_sqlite else ():
                cursor.execute(f"DROP TABLE temp.{name}")
            if self.is_sqlite:
                [pages] = cursor.execute("PRAGMA temp.page_count").fetchone()
                return bool(pages <= _MOST_PAGES)
            connection.commit()
        except self.engine.dialect.loaded_dbapi.Error:
            return False
        finally:
            connection.close()
        return True

    def _let_go(self) -> None:
        while self._rested:
            self._rested.pop().dispose()

    def close(self) -> None:
        self.engine.dispose()


def _must_exist(url: URL) -> None:
    path = url.database
    if path and path != ":memory:" and not Path(path).exists():
        raise StoreUnusable(f"{path}: no database here; run `outreach db upgrade` to make it")


def _engine(url: URL, *, is_sqlite: bool) -> Engine:
    if not is_sqlite:
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": 5})
    engine = create_engine(
        url,
        connect_args={
            "timeout": BUSY_TIMEOUT_S,
            "check_same_thread": False,
            "cached_statements": _PREPARED,
        },
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


_PREPARED = 512
"""Statements that a connection keeps ready; a storm says some 500, and to prepare one costs more than most of them."""


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: pysqlite's own is deferred
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    ranks.register(connection)


_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "cache_size=-32768",  # KiB at most; with the 2 MB of old a big slice writes its pages twice
)


KEPT = "kept_"
"""Opens the names of temporary tables that SQLite keeps for the next: making one anew costs it a look at every other."""
_TEMPORARY = f"SELECT name FROM sqlite_temp_master WHERE type = 'table' AND name NOT GLOB '{KEPT}*'"  # noqa: S608  constant text


_MOST_PAGES = 5_000
"""Of 4 KiB that a resting connection's temporary file may hold."""


def _wait_for_no_disk(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def _keep_temporary_in_files(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.execute("PRAGMA temp_store=FILE")


def _begin_sqlite(connection: Any) -> None:
    writes = connection.get_execution_options().get("outreach_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _in_one_line(url: URL) -> Iterator[None]:
    """Turns the driver's lock, disk and reach errors into one sentence each."""
    try:
        yield
    except DatabaseError as error:
        # SQLite calls a torn file no more than a DatabaseError; what is below it, but operational, is a fault of ours.
        if not isinstance(error, OperationalError) and type(error) is not DatabaseError:
            raise
        raise StoreUnusable(_sentence(error, url)) from error


def _sentence(error: DBAPIError, url: URL) -> str:
    place = url.render_as_string(hide_password=True)
    said = str(error.orig).splitlines()[0]
    for sign, advice in _ADVICE.items():
        if sign in said:
            return f"{place}: {advice}"
    return f"{place}: {said}"


_ADVICE = {
    "no such table": "not an outreach database, or an old one; run `outreach db upgrade`",
    "does not exist": "not an outreach database, or an old one; run `outreach db upgrade`",
    "database is locked": f"another writer held it for {BUSY_TIMEOUT_S} s; try again",
    "disk is full": "no disk space left; nothing is half-written; free some, and run it again",
    "disk I/O error": "the disk fails; nothing was written; check it before going on",
    "readonly database": "read-only; give the file and its folder write permission",
    "malformed": "the file is damaged; put a copy back: `outreach db restore FILE --replace`",
    "not a database": "not a database file; check the path in outreach.toml",
    "onnection refused": "PostgreSQL does not answer; is it running?",
}
