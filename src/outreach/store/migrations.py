"""Brings a database to the schema of this code, and says how far it is from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from outreach.model.errors import StoreUnusable
from outreach.store.session import Database
from outreach.store.tables import metadata
from outreach.store.types import UtcDateTime


def upgrade(database: Database, scripts: Path, target: str = "head") -> str:
    """Migrates to `target`; returns the revision reached. Nothing is half-migrated."""
    with database.engine.begin() as connection:
        _refuse_newer(connection, scripts)
        command.upgrade(_config(scripts, connection), target)
        return _current(connection)


def downgrade(database: Database, scripts: Path, target: str) -> str:
    """Migrates back to `target`; `base` empties the database."""
    with database.engine.begin() as connection:
        command.downgrade(_config(scripts, connection), target)
        return _current(connection)


def differences(database: Database) -> list[str]:
    """What the tables lack against this code, in words; empty when they agree."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [str(difference) for difference in compare_metadata(context, metadata)]


def refuse_other_schema(database: Database, scripts: Path) -> None:
    """StoreUnusable unless the database stands at exactly this code's revision."""
    head = ScriptDirectory(str(scripts)).get_current_head()
    with database.engine.connect() as connection:
        _refuse_newer(connection, scripts)
        current = _current(connection)
    if current != head:
        raise StoreUnusable("the database is older than this version; run `outreach db upgrade`")


def configure(context: Any) -> None:
    """Called by alembic/env.py: uses the connection handed over in the config."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection, target_metadata=metadata, compare_type=True, render_item=_render_item
    )
    with context.begin_transaction():
        context.run_migrations()


def _render_item(kind: str, item: Any, _context: Any) -> str | bool:
    return "UtcDateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


def _config(scripts: Path, connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.attributes["connection"] = connection
    return config


def _current(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _refuse_newer(connection: Connection, scripts: Path) -> None:
    current = _current(connection)
    try:
        if current:
            ScriptDirectory(str(scripts)).get_revision(current)
    except CommandError:
        raise StoreUnusable(
            f"the database is newer (schema {current}) than this version; install the newer outreach"
        ) from None
