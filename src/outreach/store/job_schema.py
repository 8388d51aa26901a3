"""The tables of the job queue: Procrastinate's own, made and dropped whole."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from outreach.model.errors import StoreUnusable

PREFIX = "procrastinate_"
NEWEST = "03.04.00_50"
"""The newest migration of Procrastinate that revision 0005 holds; a newer one wants a revision of its own."""


def create(connection: Connection) -> None:
    """On PostgreSQL; StoreUnusable without the extra `postgres`."""
    if connection.dialect.name != "postgresql":
        return
    try:
        from procrastinate.schema import (  # noqa: PLC0415  procrastinate: only with the extra
            SchemaManager,
        )
    except ImportError:
        raise StoreUnusable(
            "the job queue on PostgreSQL needs Procrastinate; run `pip install 'outreach[postgres]'`"
        ) from None
    # Many statements at once, with colons and per cents of their own: past SQLAlchemy, to the driver.
    raw: Any = connection.connection.driver_connection
    raw.execute(SchemaManager.get_schema())


def drop(connection: Connection) -> None:
    """Leaves nothing of it, whatever version had made it."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_DROP)


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """For Alembic: whether a name of the database is in our own schema's keeping."""
    return kind != "table" or not str(name).startswith(PREFIX)


_DROP = """
DO $$
DECLARE one record;
BEGIN
  FOR one IN SELECT tablename AS name FROM pg_tables
    WHERE schemaname = current_schema() AND starts_with(tablename, 'procrastinate_')
  LOOP EXECUTE 'DROP TABLE IF EXISTS ' || quote_ident(one.name) || ' CASCADE'; END LOOP;
  FOR one IN SELECT oid::regprocedure::text AS name FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace AND starts_with(proname, 'procrastinate_')
  LOOP EXECUTE 'DROP FUNCTION IF EXISTS ' || one.name || ' CASCADE'; END LOOP;
  FOR one IN SELECT typname AS name FROM pg_type
    WHERE typnamespace = current_schema()::regnamespace AND starts_with(typname, 'procrastinate_')
      AND typtype IN ('e', 'c')
  LOOP EXECUTE 'DROP TYPE IF EXISTS ' || quote_ident(one.name) || ' CASCADE'; END LOOP;
END $$
"""
