"""Writes many rows at once: plain, over those that stand already, or changing some of their columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    LargeBinary,
    Select,
    String,
    Table,
    bindparam,
    cast,
    delete,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine, UserDefinedType

from outreach.store.session import Session
from outreach.store.types import UtcDateTime, to_micros

Rows = Sequence[dict[str, Any]]
"""Rows by column name, as the tables have them; addresses, names and streets already sealed."""

Tuples = Sequence[tuple[Any, ...]]
"""Rows by place, in the order of the names beside them."""

_SLICE = 5_000


def insert_rows(session: Session, table: Table, rows: Rows) -> None:
    """Inserts new rows; all have the same columns."""
    if rows:
        names = tuple(rows[0])
        insert(session, table, names, [tuple(row[name] for name in names) for row in rows])


def upsert_rows(
    session: Session, table: Table, rows: Rows, key: tuple[str, ...], *, kept: tuple[str, ...] = ()
) -> None:
    """Inserts the rows; where the key stands already, all but `kept` is overwritten, ids stay."""
    if rows:
        names = tuple(rows[0])
        tuples = [tuple(row[name] for name in names) for row in rows]
        upsert(session, table, names, tuples, key=key, kept=kept)


def insert(session: Session, table: Table, names: tuple[str, ...], rows: Tuples) -> None:
    """Inserts new rows, given by place."""
    _write(session, table, names, rows, tail="")


def upsert(
    session: Session,
    table: Table,
    names: tuple[str, ...],
    rows: Tuples,
    *,
    key: tuple[str, ...],
    kept: tuple[str, ...] = (),
) -> None:
    """Inserts rows given by place; where the key stands already, all but `kept` is overwritten."""
    changed = [name for name in names if name not in key and name not in kept]
    does = ", ".join(f'"{name}" = excluded."{name}"' for name in changed)
    tail = f" ON CONFLICT ({', '.join(key)}) DO " + (f"UPDATE SET {does}" if does else "NOTHING")
    _write(session, table, names, rows, tail=tail)


def update(session: Session, table: Table, names: tuple[str, ...], rows: Tuples) -> None:
    """Changes rows found by their first column, such as `id`; one row each."""
    if not rows:
        return
    key, *changed = names
    if _is_sqlite(session):
        does = ", ".join(f'"{name}" = ?' for name in changed)
        statement = f'UPDATE {table.name} SET {does} WHERE "{key}" = ?'  # noqa: S608  names of columns
        driven = _driven(table, names, rows)
        _run(session, statement, [(*row[1:], row[0]) for row in driven])
        return
    does = ", ".join(f'"{name}" = new."{name}"' for name in changed)
    arrays, quoted = _arrays(table, names), ", ".join(f'"{name}"' for name in names)
    statement = (
        f"UPDATE {table.name} SET {does} FROM unnest({arrays}) AS new ({quoted})"  # noqa: S608  names of columns
        f' WHERE {table.name}."{key}" = new."{key}"'
    )
    _in_arrays(session, statement, rows)


def remove(session: Session, column: Any, values: Collection[Any]) -> None:
    """Deletes the rows of the column's table that hold one of the values."""
    if values:
        session.execute(delete(column.table).where(among(session, column, values)))


def remove_rows(session: Session, table: Table, names: tuple[str, ...], rows: Tuples) -> None:
    """Deletes the rows that have these values in these columns."""
    if _is_sqlite(session):
        matches = " AND ".join(f'"{name}" = ?' for name in names)
        _run(session, f"DELETE FROM {table.name} WHERE {matches}", rows)  # noqa: S608  names of columns
        return
    quoted = ", ".join(f'"{name}"' for name in names)
    statement = (
        f"DELETE FROM {table.name} WHERE ({quoted})"  # noqa: S608  names of columns
        f" IN (SELECT * FROM unnest({_arrays(table, names)}))"
    )
    _in_arrays(session, statement, rows)


def among(session: Session, column: Any, values: Collection[Any]) -> ColumnElement[bool]:
    """Whether the column holds one of the values: one parameter for thousands of them."""
    if not _is_sqlite(session):
        return column == func.any(cast(_array(values), _Written(_type_name(column.type))))  # type: ignore[no-any-return]
    if isinstance(column.type, LargeBinary):
        return column.in_(_pieces([*values]))  # type: ignore[no-any-return]
    listed = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(listed.c.value))  # type: ignore[no-any-return]


@cache
def one_of(column: Any, name: str, dialect: str) -> ColumnElement[bool]:
    """`among` in a statement that is made once: numbers or texts come with it, as the parameter `name`."""
    if dialect != "sqlite":
        kind = _Written(_type_name(column.type))
        return column == func.any(cast(bindparam(name, type_=kind), kind))  # type: ignore[no-any-return]
    listed = func.json_each(bindparam(name, type_=String())).table_valued("value")
    return column.in_(select(listed.c.value))  # type: ignore[no-any-return]


def numbers(values: Collection[int] | Collection[str], dialect: str) -> str:
    """What `one_of` is given."""
    return json.dumps(list(values)) if dialect == "sqlite" else _array(values)


def _pieces(digests: Sequence[bytes]) -> Select[Any]:
    """Digests of one length, each a row, out of one parameter: JSON holds no bytes.

    Written into the statement, each list was a statement of its own to SQLAlchemy, which keeps hundreds.
    """
    size = len(digests[0]) if digests else 0
    if any(len(digest) != size for digest in digests):
        raise ValueError("digests of several lengths cannot be told apart again")
    starts = json.dumps([1 + place * size for place in range(len(digests))])
    listed = func.json_each(starts).table_valued("value")
    return select(func.substr(literal(b"".join(digests), LargeBinary), listed.c.value, size))


def new_ids(session: Session, table: Table, count: int) -> range | list[int]:
    """Ids for rows that this transaction will insert; on SQLite the caller holds the write lock."""
    if not count:
        return []
    if _is_sqlite(session):
        last = session.execute(select(func.max(table.c.id))).scalar() or 0
        return range(last + 1, last + 1 + count)
    # The sequence is looked up once, in a query of its own: beside nextval it would be for each id.
    drawn = text(
        "SELECT nextval((SELECT pg_get_serial_sequence(:name, 'id')::regclass))"
        " FROM generate_series(1, :count)"
    )
    return list(session.scalars(drawn, {"name": table.name, "count": count}))


def truncate(session: Session, *tables: Table) -> None:
    """Empties tables at once, however much they hold; on PostgreSQL."""
    for table in tables:
        session.execute(text(f"TRUNCATE {table.name}"))


def _write(
    session: Session, table: Table, names: tuple[str, ...], rows: Tuples, *, tail: str
) -> None:
    if not rows:
        return
    quoted = ", ".join(f'"{name}"' for name in names)
    into = f"INSERT INTO {table.name} ({quoted})"
    if _is_sqlite(session):
        marks = ", ".join("?" * len(names))
        _run(session, f"{into} VALUES ({marks}){tail}", _driven(table, names, rows))
        return
    if not tail:
        _copy(session, f"COPY {table.name} ({quoted}) FROM STDIN", rows)
        return
    statement = f"{into} SELECT * FROM unnest({_arrays(table, names)}){tail}"  # noqa: S608  names of columns
    _in_arrays(session, statement, rows)


def _run(session: Session, statement: str, rows: Tuples) -> None:
    """Through the driver: SQLAlchemy's own work on each row costs more than SQLite's."""
    if rows:
        session.connection().exec_driver_sql(statement, list(rows))


def _copy(session: Session, statement: str, rows: Tuples) -> None:
    """The quickest way in; it knows no conflicts, and SQLAlchemy does not know it."""
    connection = session.connection()
    driver: Any = connection.connection.driver_connection
    base = connection.dialect.loaded_dbapi.Error
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except base as error:
        raise DBAPIError.instance(
            statement, None, error, base, dialect=connection.dialect
        ) from error


def _in_arrays(session: Session, statement: str, rows: Tuples) -> None:
    """One array a column: a tenth of the client's time that a parameter a cell takes."""
    for begin in range(0, len(rows), _SLICE):
        columns = tuple(map(_array, zip(*rows[begin : begin + _SLICE], strict=True)))
        session.connection().exec_driver_sql(statement, columns)


def _array(values: Iterable[Any]) -> str:
    """As PostgreSQL writes arrays: the driver looks at each value three times, and takes ten times as long."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return rf'"\\x{value.hex()}"'
    text_ = str(value)
    if isinstance(value, str):
        text_ = text_.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text_}"'


class _Written(UserDefinedType[str]):
    """An array that stands there in writing. The parameter itself is the array: were it a text that is
    cast, PostgreSQL would not know its values when it plans, and compare each row with all of them.
    """

    cache_ok = True

    def __init__(self, element: str) -> None:
        self.element = element

    def get_col_spec(self, **_: Any) -> str:
        return f"{self.element}[]"


def _type_name(type_: TypeEngine[Any]) -> str:
    return type_.compile(postgresql.dialect())  # type: ignore[no-untyped-call]


@lru_cache(maxsize=256)
def _arrays(table: Table, names: tuple[str, ...]) -> str:
    return ", ".join(f"%s::{_type_name(table.c[name].type)}[]" for name in names)


def _driven(table: Table, names: tuple[str, ...], rows: Tuples) -> Tuples:
    """The rows as SQLite keeps them: days as text, instants as microseconds."""
    forms = _forms(table, names)
    if not (forms and rows):
        return rows
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for place, form in forms:
        # The same few days, and the one instant of a load, come again and again.
        written = {value: value if value is None else form(value) for value in set(columns[place])}
        columns[place] = [written[value] for value in columns[place]]
    return list(zip(*columns, strict=True))


@lru_cache(maxsize=256)
def _forms(table: Table, names: tuple[str, ...]) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    kinds: dict[type, Callable[[Any], Any]] = {Date: date.isoformat, UtcDateTime: to_micros}
    return tuple(
        (place, kinds[type(table.c[name].type)])
        for place, name in enumerate(names)
        if type(table.c[name].type) in kinds
    )


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
