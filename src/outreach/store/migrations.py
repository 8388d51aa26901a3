"""Brings a database to the schema of this code, and says how far it is from it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text

from outreach.model.errors import StoreUnusable
from outreach.store import job_schema
from outreach.store.session import Database
from outreach.store.tables import metadata
from outreach.store.types import UtcDateTime

if TYPE_CHECKING:
    from alembic.config import Config


def upgrade(database: Database, scripts: Path, target: str = "head") -> str:
    """Migrates to `target`; returns the revision reached. Nothing is half-migrated."""
    with database.engine.begin() as connection:
        _refuse_newer(connection, scripts)
        _command().upgrade(_config(scripts, connection), target)
        return _current(connection)


def upgrade_within(connection: Connection, scripts: Path) -> None:
    """Migrates inside the caller's transaction; StoreUnusable for a schema newer than this code."""
    _refuse_newer(connection, scripts)
    _command().upgrade(_config(scripts, connection), "head")


def downgrade(database: Database, scripts: Path, target: str) -> str:
    """Migrates back to `target`; `base` empties the database."""
    with database.engine.begin() as connection:
        _command().downgrade(_config(scripts, connection), target)
        return _current(connection)


def differences(database: Database) -> list[str]:
    """What the tables lack against this code, in words; empty when they agree."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415  alembic
    from alembic.migration import MigrationContext  # noqa: PLC0415  alembic

    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=_OPTIONS)
        return [str(difference) for difference in compare_metadata(context, metadata)]


def refuse_other_schema(database: Database, scripts: Path) -> None:
    """StoreUnusable unless the database stands at exactly this code's revision."""
    with database.engine.connect() as connection:
        _refuse_newer(connection, scripts)
        current = _current(connection)
    if current != _chain(scripts)[-1]:
        raise StoreUnusable("the database is older than this version; run `outreach db upgrade`")


def configure(context: Any) -> None:
    """Called by alembic/env.py: uses the connection handed over in the config."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection, target_metadata=metadata, render_item=_render_item, **_OPTIONS
    )
    with context.begin_transaction():
        context.run_migrations()


_OPTIONS: dict[str, Any] = {"compare_type": True, "include_name": job_schema.is_ours}


def _render_item(kind: str, item: Any, _context: Any) -> str | bool:
    return "UtcDateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


def _command() -> Any:
    from alembic import command  # noqa: PLC0415  alembic

    return command


def _config(scripts: Path, connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415  alembic

    config = Config()
    config.set_main_option("script_location", str(scripts))
    config.attributes["connection"] = connection
    return config


def _current(connection: Connection) -> str:
    """Read by hand: every command asks, and the library behind it takes longer to load than the answer."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def _refuse_newer(connection: Connection, scripts: Path) -> None:
    current = _current(connection)
    if current and current not in _chain(scripts):
        raise StoreUnusable(
            f"the database is newer (schema {current}) than this version; install the newer outreach"
        )


@cache
def _chain(scripts: Path) -> tuple[str, ...]:
    """The revisions of this code, oldest first: their files are named by them, and there is one line of them."""
    return tuple(sorted(path.name.partition("_")[0] for path in scripts.glob("versions/[0-9]*.py")))
