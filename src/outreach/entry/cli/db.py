"""`outreach db`: brings the database to this version's schema, checks it, backs it up and puts it back."""

from __future__ import annotations

from pathlib import Path

from outreach.entry.cli import db_backup, db_rotate
from outreach.entry.cli.command import Context, Group, command
from outreach.entry.languages import N_, _
from outreach.model.errors import StoreUnusable
from outreach.settings import carried
from outreach.store import migrations
from outreach.store.session import Database

group = Group("db")
db_backup.add_to(group)


def brought_up(url: str) -> str:
    """The schema's revision after the upgrade; a new SQLite file is for its owner only."""
    database = Database(url, create=True)
    try:
        if database.is_sqlite and database.url.database:
            Path(database.url.database).touch(mode=0o600)
        return migrations.upgrade(database, carried("alembic"))
    finally:
        database.close()


@command(
    "upgrade",
    N_("Bring the database to this version's schema; make it if there is none."),
    within=group,
    example="outreach db upgrade",
)
def upgrade(context: Context) -> None:
    revision = brought_up(context.settings.database)
    context.out.record({"schema": revision}, headings={"schema": N_("schema")})


@command(
    "check",
    N_("Say whether the database and this version agree; change nothing."),
    within=group,
    example="outreach db check",
)
def check(context: Context) -> None:
    differences = migrations.differences(context.database)
    if differences:
        raise StoreUnusable(
            _("the tables differ from this version: {differences}; restore a backup").format(
                differences="; ".join(differences)
            )
        )
    context.out.record({"schema": _("agrees")}, headings={"schema": N_("schema")})


group.add_command(db_rotate.rotate)
