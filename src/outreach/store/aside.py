"""Rows laid aside in a temporary table of one connection, and moved into a table of ours in slices.

A temporary table is nobody else's: filling one holds no other writer up. It takes part in transactions
on both databases, so a slice that is rolled back lies aside again. What was moved stays, for deleting
costs a fifth of moving: the table's name ends in the number of the last row that was.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Dialect,
    Insert,
    MetaData,
    Select,
    Table,
    TextClause,
    delete,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.schema import CreateTable, DropTable

from outreach.store.session import Session
from outreach.store.types import Id


def table(name: str, target: Table, columns: Sequence[str]) -> Table:
    """A temporary table of these columns of `target`, numbered by `n` in the order they are laid in."""
    kept = [Column(each, target.c[each].type) for each in columns]
    return Table(name, MetaData(), Column("n", Id, primary_key=True), *kept, prefixes=["TEMPORARY"])


def moved(session: Session, name: str) -> int | None:
    """Up to which row what lies under this name was moved; None: nothing does on this connection."""
    for each in inspect(session.connection()).get_temp_table_names():
        if each.startswith(f"{name}_"):
            return int(each.removeprefix(f"{name}_"))
    return None


def named(name: str, moved: int) -> str:
    """What the table of this name is called once so many rows were moved."""
    return f"{name}_{moved}"


def lay(session: Session, lain: Table, found: Sequence[Select[Any]]) -> None:
    """Keeps the rows of these SELECTs, in their order."""
    lain.create(session.connection(), checkfirst=False)
    for each in found:
        names = [column.name for column in each.selected_columns]
        session.execute(lain.insert().from_select(names, each))


def lay_anew(session: Session, lain: Table, found: Sequence[Select[Any]]) -> int:
    """The same in a table that is there already, empty; how many rows it has then."""
    return sum(_written_to(session, lain, each) for each in found)


def _written_to(session: Session, target: Table, found: Select[Any]) -> int:
    """Writes the rows of a SELECT into a table; how many there were."""
    names = [column.name for column in found.selected_columns]
    return rows_of(session, insert(target).from_select(names, found))


def rows_of(session: Session, statement: Insert) -> int:
    """Writes, and says how many rows that were."""
    counted = statement.execution_options(preserve_rowcount=True)
    return session.execute(counted).rowcount


def empty(session: Session, lain: Table) -> None:
    """Makes a table of this connection, or empties it."""
    session.execute(_made(lain, session.get_bind().dialect))
    session.execute(delete(lain))


@cache
def _made(lain: Table, dialect: Dialect) -> TextClause:
    """Compiled once: the library keeps no CREATE, and every wave of a storm says two."""
    return text(str(CreateTable(lain, if_not_exists=True).compile(dialect=dialect)))


def drop(session: Session, lain: Sequence[Table]) -> None:
    """Takes tables of this connection away."""
    for each in lain:
        session.execute(DropTable(each, if_exists=True))


def end_of_part(session: Session, lain: Table, rows: int, *, after: int = 0) -> int | None:
    """The last of the next so many rows; None: no more than that are left."""
    n = lain.c.n
    asked = select(n).where(n > after).order_by(n).offset(rows - 1).limit(1)
    return session.execute(asked).scalar()


def rename(session: Session, lain: Table, name: str) -> None:
    """Takes part in the transaction, like its rows."""
    session.execute(text(f"ALTER TABLE {lain.name} RENAME TO {name}"))
