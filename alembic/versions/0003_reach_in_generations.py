"""Reach in generations, and places in the tree with gaps between them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_WHERE = dict.fromkeys(("postgresql_where", "sqlite_where"), sa.text("bad_since IS NOT NULL"))


def upgrade() -> None:
    _widen(sa.BigInteger())
    _reach_with_generations()
    op.create_index("ix_contact_point_bad", "contact_point", ["bad_since"], **_WHERE)


def downgrade() -> None:
    op.drop_index("ix_contact_point_bad", table_name="contact_point", **_WHERE)
    _number_without_gaps()
    _reach_without_generations()
    _widen(sa.Integer())


def _number_without_gaps() -> None:
    """Labels of 63 bits become places 1, 2, 3 … in the same order, as before them."""
    op.execute(
        "CREATE TABLE place AS SELECT tree_order AS label, row_number() OVER (ORDER BY tree_order)"
        " AS number FROM network_node"
    )
    op.execute("CREATE UNIQUE INDEX ix_place_label ON place (label)")
    op.execute(
        "UPDATE network_node SET tree_last = (SELECT number FROM place"
        " WHERE label <= network_node.tree_last ORDER BY label DESC LIMIT 1)"
    )
    for table in ("network_node", "premise", "reach"):
        op.execute(
            f"UPDATE {table} SET tree_order = coalesce("  # noqa: S608  constants
            f"(SELECT number FROM place WHERE label = {table}.tree_order), -1)"
        )
    # Freezing begins anew: what it has written already it does not write again.
    op.execute("UPDATE step_run SET slice_from = -1")
    op.drop_table("place")


def _widen(kind: sa.types.TypeEngine[int]) -> None:
    """Places in the tree have 63 bits; SQLite's integers always had."""
    if op.get_context().dialect.name == "sqlite":
        return
    for table, column in (
        ("network_node", "tree_order"),
        ("network_node", "tree_last"),
        ("premise", "tree_order"),
        ("step_run", "slice_from"),
    ):
        op.alter_column(table, column, type_=kind)


_REACH = (
    "contact_point_id, premise_id, customer_id, household_id, household, priority, channel, channels,"
    " preferred, locale, zone, locality, country"
)


def _reach_with_generations() -> None:
    """Reach is new as a table, for `since` is part of its key; its rows stay, seen by every generation."""
    _rename_old()
    op.create_table(
        "reach",
        sa.Column("tree_order", _TREE_ORDER, primary_key=True, comment="-1: not on the network"),
        sa.Column(
            "contact_point_id", sa.BigInteger, primary_key=True, comment="0: nothing to write to"
        ),
        *_keys(),
        sa.Column(
            "since",
            sa.Integer,
            primary_key=True,
            server_default="0",
            comment="generation, inclusive",
        ),
        sa.Column(
            "until", sa.Integer, nullable=False, server_default="2147483647", comment="exclusive"
        ),
        *_values(),
        sa.Column(
            "expired",
            sa.Boolean,
            nullable=False,
            server_default=sa.false(),
            comment="register lapsed",
        ),
        comment="Everybody under each node, one row a contactable point: asking is one range",
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO reach (tree_order, {_REACH}) SELECT tree_order, {_REACH} FROM reach_old"  # noqa: S608  constants
    )
    _drop_old()


def _reach_without_generations() -> None:
    """What is seen now stays; those whom nothing reaches had no row before."""
    _rename_old()
    op.create_table(
        "reach",
        sa.Column("tree_order", sa.Integer, primary_key=True, comment="-1: not on the network"),
        sa.Column("contact_point_id", sa.BigInteger, primary_key=True),
        *_keys(),
        *_values(),
        comment="Contactable points under each node, in tree order: asking is one range",
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO reach (tree_order, {_REACH}) SELECT tree_order, {_REACH} FROM reach_old"  # noqa: S608  constants
        " WHERE channel <> '' AND until > (SELECT coalesce(max(generation), 0) FROM record_state)"
        " AND since <= (SELECT coalesce(max(generation), 0) FROM record_state)"
    )
    _drop_old()


_TREE_ORDER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def _keys() -> list[sa.Column[int]]:
    return [
        sa.Column(name, sa.BigInteger, primary_key=True) for name in ("premise_id", "customer_id")
    ]


_SAID = {
    "priority": "of this premise for this customer",
    "channel": "empty: nothing to write to",
    "channels": "bits of all the customer has",
}


def _values() -> list[sa.Column[object]]:
    texts = (
        "household",
        "priority",
        "channel",
        "preferred",
        "locale",
        "zone",
        "locality",
        "country",
    )
    columns = {"household_id": sa.BigInteger, "channels": sa.SmallInteger} | dict.fromkeys(
        texts, sa.Text
    )
    return [
        sa.Column(name, kind, nullable=False, comment=_SAID.get(name))
        for name, kind in columns.items()
    ]


def _rename_old() -> None:
    op.drop_index("ix_reach_locality", table_name="reach")
    op.rename_table("reach", "reach_old")
    if op.get_context().dialect.name != "sqlite":
        op.execute("ALTER TABLE reach_old RENAME CONSTRAINT pk_reach TO pk_reach_old")


def _drop_old() -> None:
    op.drop_table("reach_old")
    op.create_index("ix_reach_locality", "reach", ["locality"])
