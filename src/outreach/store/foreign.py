"""Asks the company's own database, gently: one SELECT, read only, in batches, with a time limit."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import (
    Connection,
    CursorResult,
    Engine,
    NullPool,
    TextClause,
    bindparam,
    create_engine,
    text,
)
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.types import NullType

from outreach.model.errors import InputRefused
from outreach.store.session import normalised_url

_CONNECT_S = 10
_STEPS = 100_000
"""Instructions of SQLite between two looks at the clock."""
_AGAIN = "nothing of it counts; run the command again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to ask of whom."""

    url: str = field(repr=False)
    """Any SQLAlchemy URL, secrets included."""
    folder: Path
    """Where the relative path of a SQLite file begins."""
    entity: str
    """What a row is, for messages."""
    query: str
    since: str
    """Bound to `:since`, untyped: the database compares it with the column as it sees fit."""
    batch: int
    timeout_s: float
    """For one fetch, not for the whole answer."""


class Answer:
    """The rows of one question, as the driver gives them; iterate once, and they are let go.

    PostgreSQL answers from a server-side cursor in a REPEATABLE READ, READ ONLY transaction, SQLite
    from a file opened read-only; others as well as their drivers can. Raises InputRefused in one
    line when the database does not answer, refuses the question, or goes away in the middle.
    """

    def __init__(self, question: Question) -> None:
        self._question = question
        self._url = _parsed(question)
        self.name = f"{question.entity} of {_shown(self._url)}"
        self.rows = 0
        """Rows given so far."""
        self._deadline = monotonic() + question.timeout_s
        self._held: list[Connection | CursorResult[Any]] = []
        self._engine = self._made()
        try:
            with self._in_one_line():
                connection = self._engine.connect()
                self._held.append(connection)
                self._result = _gentle(connection, question).execute(_statement(question))
                self._held.append(self._result)
                self.columns: list[str] = [*self._result.keys()]
        except InputRefused:
            self.close()
            raise

    def __iter__(self) -> Iterator[Any]:
        try:
            with self._in_one_line():
                for part in self._result.partitions(self._question.batch):
                    for row in part:
                        self.rows += 1
                        yield row
                    self._deadline = monotonic() + self._question.timeout_s
        finally:
            self.close()

    def close(self) -> None:
        """Ends the transaction and the connection; the engine keeps none."""
        for held in reversed(self._held):
            with suppress(SQLAlchemyError):  # the connection may be lost already
                held.close()
        self._engine.dispose()

    def _made(self) -> Engine:
        try:
            if self._url.get_backend_name() == "sqlite":
                return create_engine("sqlite://", creator=self._open_sqlite, poolclass=NullPool)
            return create_engine(
                self._url,
                poolclass=NullPool,
                hide_parameters=True,
                connect_args=_CONNECT.get(self._url.get_backend_name(), {}),
            )
        except NoSuchModuleError:
            raise self._refused("no such kind of database; see the URL") from None
        except ImportError as error:
            raise self._refused(f"its driver is not installed ({error.name}); {_DRIVER}") from None

    def _open_sqlite(self) -> sqlite3.Connection:
        path = self._question.folder / (self._url.database or "")
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=_CONNECT_S,
            isolation_level=None,
        )
        connection.execute("PRAGMA query_only=ON")
        # Bytes that are no UTF-8 cost their row, and not the answer.
        connection.text_factory = lambda raw: str(raw, "utf-8", "surrogateescape")
        connection.set_progress_handler(lambda: monotonic() > self._deadline, _STEPS)
        return connection

    @contextmanager
    def _in_one_line(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._refused(self._sentence(error)) from None
        except SQLAlchemyError:
            raise self._refused("query: only `:since` can be bound in it") from None

    def _refused(self, said: str) -> InputRefused:
        return InputRefused(f"{self.name}: {said}")

    def _sentence(self, error: DBAPIError) -> str:
        state = str(getattr(error.orig, "sqlstate", None) or "")
        said = self._scrubbed(str(error.orig).strip().partition("\n")[0])
        if state == "57014" or said == "interrupted":
            return (
                f"no batch within {self._question.timeout_s:g} s, after {self.rows} rows; {_AGAIN} "
                "with a lighter query or a larger statement_timeout_s"
            )
        if error.connection_invalidated or state.startswith(("08", "57P")):
            return f"the connection was lost after {self.rows} rows; {_AGAIN}"
        if isinstance(error, DataError) or state.startswith("22"):  # the driver would say the value
            return f"query: a value cannot be converted, after {self.rows} rows; mend the query"
        return f"{said}; after {self.rows} rows, {_AGAIN}" if self.rows else said

    def _scrubbed(self, said: str) -> str:
        password = self._url.password
        return said.replace(str(password), "***") if password else said


_LITERAL = re.compile(r"'[^']*'")
"""Text in a query, in which a colon is a colon."""
_CONNECT: dict[str, dict[str, Any]] = {
    "postgresql": {"connect_timeout": _CONNECT_S, "application_name": "outreach"},
}
_DRIVER = "for PostgreSQL `pip install outreach[postgres]`, else the driver that the URL names"
_READ_ONLY = {
    "mysql": "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    "mariadb": "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}


def _parsed(question: Question) -> URL:
    try:
        url = normalised_url(question.url)
    except (ArgumentError, ValueError):  # the error would say the URL
        raise InputRefused(f"{question.entity}.url: not a database URL") from None
    if url.get_backend_name() == "sqlite":
        path = question.folder / (url.database or "")
        if not path.is_file():
            raise InputRefused(f"{question.entity} of {path}: no such database file")
    return url


def _shown(url: URL) -> str:
    """Which database, without user, password and options."""
    if url.get_backend_name() == "sqlite":
        return Path(str(url.database)).name
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{url.host or ''}{port}/{url.database or ''}"


def _gentle(connection: Connection, question: Question) -> Connection:
    """One consistent look that cannot write."""
    backend = connection.dialect.name
    if backend == "postgresql":
        connection = connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        limit = round(question.timeout_s * 1000)
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {limit}")
    elif backend in _READ_ONLY:
        connection.exec_driver_sql(_READ_ONLY[backend])
    return connection.execution_options(stream_results=True, max_row_buffer=question.batch)


def _statement(question: Question) -> TextClause:
    query = text(_LITERAL.sub(lambda found: found[0].replace(":", r"\:"), question.query))
    if "since" not in query.compile().params:
        return query
    return query.bindparams(bindparam("since", question.since, type_=NullType()))
