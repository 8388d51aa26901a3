"""`outreach db`: brings the database to this version's schema, and says whether it is there."""

from __future__ import annotations

from outreach.entry.cli.command import Context, Group, command
from outreach.entry.languages import N_, _
from outreach.model.errors import StoreUnusable
from outreach.settings import carried
from outreach.store import migrations

group = Group("db")


@command(
    "upgrade",
    N_("Bring the database to this version's schema; make it if there is none."),
    within=group,
    example="outreach db upgrade",
)
def upgrade(context: Context) -> None:
    database = context.unchecked_database(create=True)
    revision = migrations.upgrade(database, carried("alembic"))
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
