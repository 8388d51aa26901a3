"""The record kept up: staging, headcounts, areas, and the provenance of every row."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from outreach.store.types import UtcDateTime

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "area",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column(
            "shape", sa.JSON(), nullable=False, comment="GeoJSON polygon, or centre and radius"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area")),
        sa.UniqueConstraint("digest", name=op.f("uq_area_digest")),
    )
    op.create_table(
        "area_premise",
        sa.Column("area_id", sa.BigInteger(), nullable=False),
        sa.Column("premise_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("area_id", "premise_id", name=op.f("pk_area_premise")),
        comment="Premises inside an area, looked up once and asked ever after",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "customer_tag",
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tag", "customer_id", name=op.f("pk_customer_tag")),
    )
    op.create_index(
        op.f("ix_customer_tag_customer_id"), "customer_tag", ["customer_id"], unique=False
    )
    op.create_table(
        "headcount",
        sa.Column(
            "level",
            sa.SmallInteger(),
            nullable=False,
            comment="0: one tree order; 1: a block of them",
        ),
        sa.Column(
            "place", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False
        ),
        sa.Column(
            "family", sa.SmallInteger(), nullable=False, comment="what is counted: store.headcounts"
        ),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), server_default="2147483647", nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "level", "place", "family", "bucket", "since", name=op.f("pk_headcount")
        ),
        comment="Occurrences a place: sums over a range without reading reach",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "record_source",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="file, or database and entity"),
        sa.Column(
            "watermark",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="delta: changed up to here",
        ),
        sa.Column(
            "read_at", UtcDateTime(), nullable=True, comment="when it was last read to its end"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_source")),
        sa.UniqueConstraint("name", name=op.f("uq_record_source_name")),
    )
    op.create_table(
        "record_state",
        sa.Column("id", sa.Integer(), nullable=False, comment="always 1"),
        sa.Column(
            "generation", sa.Integer(), nullable=False, comment="rows of reach are seen by it"
        ),
        sa.Column(
            "counted", sa.Boolean(), nullable=False, comment="headcounts agree with this generation"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_state")),
        comment="One update of one row makes a whole load visible",
    )
    op.create_table(
        "recurrence",
        sa.Column("family", sa.SmallInteger(), nullable=False),
        sa.Column(
            "tree_order", sa.Integer().with_variant(sa.BigInteger(), "postgresql"), nullable=False
        ),
        sa.Column(
            "earlier",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=False,
            comment="the same one's place before this",
        ),
        sa.Column("entity", sa.BigInteger(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("since", sa.Integer(), nullable=False),
        sa.Column("until", sa.Integer(), server_default="2147483647", nullable=False),
        sa.PrimaryKeyConstraint(
            "family",
            "tree_order",
            "earlier",
            "entity",
            "bucket",
            "since",
            name=op.f("pk_recurrence"),
        ),
        comment="Who occurs at several places: what makes sums of headcounts distinct",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_recurrence_entity", "recurrence", ["entity", "family"], unique=False)
    op.create_table(
        "stage_account",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("record", sa.Integer(), nullable=False),
        sa.Column(
            "day", sa.Date(), nullable=True, comment="of the row; the newest of one ref wins"
        ),
        sa.Column("source_hash", sa.BigInteger(), nullable=False),
        sa.Column("customer_key", sa.Text(), nullable=False),
        sa.Column("customer_type", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("priority_expired", sa.Boolean(), nullable=False),
        sa.Column("base_priority", sa.Text(), nullable=False),
        sa.Column("life_support", sa.Text(), nullable=False),
        sa.Column("life_support_on", sa.Date(), nullable=True),
        sa.Column("life_support_until", sa.Date(), nullable=True),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_stage_account")),
        comment="Accounts read and not yet merged: new or changed ones only",
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_stage_account_customer_key"), "stage_account", ["customer_key"], unique=False
    )
    op.create_table(
        "stage_gone",
        sa.Column("entity", sa.Text(), nullable=False, comment="account | premise"),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entity", "id", name=op.f("pk_stage_gone")),
        comment="What a full load did not name any more: closed when it is merged",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stage_premise",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("record", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("source_hash", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("occupant", sa.Text(), nullable=False),
        sa.Column("transformer", sa.Text(), nullable=False),
        sa.Column("locality", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.Text(), nullable=False),
        sa.Column("street_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_stage_premise")),
        comment="Premises read and not yet merged: new or changed ones only",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "supply_wanted",
        sa.Column("account_ref", sa.Text(), nullable=False),
        sa.Column("premise_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_ref", "premise_id", name=op.f("pk_supply_wanted")),
        comment="Premises that name an account nobody knows yet: linked on the day it comes",
        sqlite_with_rowid=False,
    )
    op.create_table(
        "touched_customer",
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("pk_touched_customer")),
        comment="Household and reach of these are not yet as the record says",
    )
    op.create_table(
        "touched_premise",
        sa.Column("premise_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "tree_order",
            sa.Integer().with_variant(sa.BigInteger(), "postgresql"),
            nullable=False,
            comment="where it stands or stood",
        ),
        sa.PrimaryKeyConstraint("premise_id", "tree_order", name=op.f("pk_touched_premise")),
        comment="Reach of these is not yet as the record says",
        sqlite_with_rowid=False,
    )
    op.add_column(
        "account",
        sa.Column(
            "base_priority",
            sa.Text(),
            server_default="C",
            nullable=False,
            comment="without the register",
        ),
    )
    op.add_column(
        "account",
        sa.Column(
            "life_support",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="state of its entry",
        ),
    )
    op.add_column(
        "account",
        sa.Column(
            "life_support_on", sa.Date(), nullable=True, comment="registered or last confirmed"
        ),
    )
    op.add_column(
        "account",
        sa.Column(
            "life_support_until",
            sa.Date(),
            nullable=True,
            comment="last valid day; null: none, or for ever",
        ),
    )
    op.add_column("account", sa.Column("source_id", sa.Integer(), nullable=True))
    op.add_column(
        "account",
        sa.Column(
            "source_record", sa.Integer(), nullable=True, comment="record number in that source"
        ),
    )
    op.add_column(
        "account",
        sa.Column(
            "source_hash",
            sa.BigInteger(),
            nullable=True,
            comment="of the row as read: unchanged rows touch nothing",
        ),
    )
    op.add_column(
        "account",
        sa.Column("loaded_at", UtcDateTime(), nullable=True, comment="when this row last changed"),
    )
    op.add_column(
        "account",
        sa.Column(
            "body_sealed",
            sa.LargeBinary(),
            nullable=True,
            comment="name, speech and contacts as read: record.bodies",
        ),
    )
    op.create_index(
        "ix_account_life_support",
        "account",
        ["life_support"],
        unique=False,
        postgresql_where=sa.text("life_support <> ''"),
        sqlite_where=sa.text("life_support <> ''"),
    )
    op.drop_index(op.f("ix_contact_point_address_hash"), table_name="contact_point")
    op.add_column(
        "network_edge",
        sa.Column(
            "normally_open",
            sa.Boolean(),
            server_default=sa.false(),
            nullable=False,
            comment="as planned",
        ),
    )
    op.add_column("premise", sa.Column("postal_code", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "premise",
        sa.Column(
            "holder", sa.Text(), server_default="", nullable=False, comment="account ref as read"
        ),
    )
    op.add_column("premise", sa.Column("occupant", sa.Text(), server_default="", nullable=False))
    op.add_column("premise", sa.Column("updated_on", sa.Date(), nullable=True))
    op.add_column("premise", sa.Column("source_id", sa.Integer(), nullable=True))
    op.add_column("premise", sa.Column("source_record", sa.Integer(), nullable=True))
    op.add_column("premise", sa.Column("source_hash", sa.BigInteger(), nullable=True))
    op.add_column(
        "premise",
        sa.Column("loaded_at", UtcDateTime(), nullable=True, comment="when this row last changed"),
    )
    op.create_index(op.f("ix_premise_postal_code"), "premise", ["postal_code"], unique=False)
    op.add_column(
        "record_load",
        sa.Column(
            "state",
            sa.Text(),
            server_default="done",
            nullable=False,
            comment="model.words.LoadState",
        ),
    )
    op.add_column(
        "record_load",
        sa.Column("mode", sa.Text(), server_default="full", nullable=False, comment="full | delta"),
    )
    op.add_column(
        "record_load",
        sa.Column(
            "phase", sa.Text(), server_default="", nullable=False, comment="where merging goes on"
        ),
    )
    op.add_column(
        "record_load",
        sa.Column(
            "fingerprint",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="of mapping and sources",
        ),
    )
    op.add_column(
        "step_run",
        sa.Column(
            "generation",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="of reach, as it began",
        ),
    )

    op.execute("UPDATE network_edge SET normally_open = open")


def downgrade() -> None:
    op.drop_column("step_run", "generation")
    op.drop_column("record_load", "fingerprint")
    op.drop_column("record_load", "phase")
    op.drop_column("record_load", "mode")
    op.drop_column("record_load", "state")
    op.drop_index(op.f("ix_premise_postal_code"), table_name="premise")
    op.drop_column("premise", "loaded_at")
    op.drop_column("premise", "source_hash")
    op.drop_column("premise", "source_record")
    op.drop_column("premise", "source_id")
    op.drop_column("premise", "updated_on")
    op.drop_column("premise", "occupant")
    op.drop_column("premise", "holder")
    op.drop_column("premise", "postal_code")
    op.drop_column("network_edge", "normally_open")
    op.create_index(
        op.f("ix_contact_point_address_hash"), "contact_point", ["address_hash"], unique=False
    )
    op.drop_index(
        "ix_account_life_support",
        table_name="account",
        postgresql_where=sa.text("life_support <> ''"),
        sqlite_where=sa.text("life_support <> ''"),
    )
    op.drop_column("account", "body_sealed")
    op.drop_column("account", "loaded_at")
    op.drop_column("account", "source_hash")
    op.drop_column("account", "source_record")
    op.drop_column("account", "source_id")
    op.drop_column("account", "life_support_until")
    op.drop_column("account", "life_support_on")
    op.drop_column("account", "life_support")
    op.drop_column("account", "base_priority")
    op.drop_table("touched_premise")
    op.drop_table("touched_customer")
    op.drop_table("supply_wanted")
    op.drop_table("stage_premise")
    op.drop_table("stage_gone")
    op.drop_index(op.f("ix_stage_account_customer_key"), table_name="stage_account")
    op.drop_table("stage_account")
    op.drop_table("recurrence")
    op.drop_table("record_state")
    op.drop_table("record_source")
    op.drop_table("headcount")
    op.drop_index(op.f("ix_customer_tag_customer_id"), table_name="customer_tag")
    op.drop_table("customer_tag")
    op.drop_table("area_premise")
    op.drop_table("area")
