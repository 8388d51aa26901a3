"""Writes many rows at once: plain, or over those that stand already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from outreach.store.session import Session

Rows = Sequence[dict[str, Any]]
"""Rows by column name, as the tables have them; addresses, names and streets already sealed."""


def insert_rows(session: Session, table: Table, rows: Rows) -> None:
    """Inserts new rows."""
    if rows:
        _run(session, table, _insert(session, table), rows)


def upsert_rows(
    session: Session, table: Table, rows: Rows, key: tuple[str, ...], *, kept: tuple[str, ...] = ()
) -> None:
    """Inserts the rows; where the key stands already, all but `kept` is overwritten, ids stay."""
    if not rows:
        return
    statement = _insert(session, table)
    changed = {
        name: statement.excluded[name] for name in rows[0] if name not in key and name not in kept
    }
    if changed:
        statement = statement.on_conflict_do_update(index_elements=key, set_=changed)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=key)
    _run(session, table, statement, rows)


def _insert(session: Session, table: Table) -> Any:
    on_postgres = session.get_bind().dialect.name == "postgresql"
    return postgresql.insert(table) if on_postgres else sqlite.insert(table)


def _run(session: Session, table: Table, statement: Any, rows: Rows) -> None:
    if session.get_bind().dialect.name == "postgresql":
        # RETURNING makes SQLAlchemy send a thousand rows a statement: 5 times as fast as one each.
        statement = statement.returning(next(iter(table.primary_key)))
    session.execute(statement, list(rows)).close()
