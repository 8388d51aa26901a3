"""The record and the truth: customers, premises, network, reach; occasions, promises, audit."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from outreach.store.types import UtcDateTime

revision: str = "0000"
down_revision: str | Sequence[str] | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        comment="Hash chain; opaque ids only, so that erasure cuts the mapping and the chain still holds",
    )
    op.create_table(
        "change",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_change")),
        comment="One row a topic (`truth`, `stop`, `record`), counted up in the commit that changes it",
    )
    op.create_table(
        "contact_point",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column(
            "customers",
            sa.Integer(),
            nullable=False,
            comment="how many hold it; many: joins nobody",
        ),
        sa.Column(
            "bad_since",
            UtcDateTime(),
            nullable=True,
            comment="a receipt said: no such number or mailbox",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_point")),
        sa.UniqueConstraint(
            "channel", "address_hash", name=op.f("uq_contact_point_channel_address_hash")
        ),
    )
    op.create_index(
        "ix_contact_point_address_hash", "contact_point", ["address_hash"], unique=False
    )
    op.create_table(
        "household",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household")),
        sa.UniqueConstraint("ref", name=op.f("uq_household_ref")),
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
        comment="Who leads the clock; the fence rises at each takeover",
    )
    op.create_table(
        "network_edge",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("node_a", sa.Text(), nullable=False),
        sa.Column("node_b", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_network_edge")),
    )
    op.create_table(
        "network_node",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_ref", sa.Text(), nullable=True),
        sa.Column("tree_order", sa.Integer(), nullable=False),
        sa.Column("tree_last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_network_node")),
        sa.UniqueConstraint("ref", name=op.f("uq_network_node_ref")),
    )
    op.create_index(
        op.f("ix_network_node_tree_order"), "network_node", ["tree_order"], unique=False
    )
    op.create_table(
        "occasion",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source_ref", sa.Text(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occasion")),
        sa.UniqueConstraint("source_ref", name=op.f("uq_occasion_source_ref")),
    )
    op.create_index(op.f("ix_occasion_open"), "occasion", ["open"], unique=False)
    op.create_table(
        "premise",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("transformer", sa.Text(), nullable=False),
        sa.Column("tree_order", sa.Integer(), nullable=False, comment="-1: not on the network"),
        sa.Column("locality", sa.Text(), nullable=False),
        sa.Column("street_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("latitude", sa.Float(), nullable=True),
        sa.Column("longitude", sa.Float(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_premise")),
        sa.UniqueConstraint("ref", name=op.f("uq_premise_ref")),
    )
    op.create_index(op.f("ix_premise_locality"), "premise", ["locality"], unique=False)
    op.create_index(op.f("ix_premise_tree_order"), "premise", ["tree_order"], unique=False)
    op.create_table(
        "reach",
        sa.Column("tree_order", sa.Integer(), nullable=False, comment="-1: not on the network"),
        sa.Column("contact_point_id", sa.BigInteger(), nullable=False),
        sa.Column("premise_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("household_id", sa.BigInteger(), nullable=False),
        sa.Column("household", sa.Text(), nullable=False),
        sa.Column(
            "priority", sa.Text(), nullable=False, comment="of this premise for this customer"
        ),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column(
            "channels", sa.SmallInteger(), nullable=False, comment="bits of all the customer has"
        ),
        sa.Column("preferred", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("locality", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "tree_order", "contact_point_id", "premise_id", "customer_id", name=op.f("pk_reach")
        ),
        comment="Contactable points under each node, in tree order: asking is one range",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_reach_locality"), "reach", ["locality"], unique=False)
    op.create_table(
        "record_load",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("loaded_at", UtcDateTime(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_load")),
    )
    op.create_table(
        "scope_premise",
        sa.Column("occasion_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("restored", sa.Boolean(), nullable=False),
        sa.Column("premise_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "occasion_id", "version", "restored", "premise_id", name=op.f("pk_scope_premise")
        ),
        comment="Premises named one by one in a revision's scope or in its restored part",
    )
    op.create_table(
        "suppression",
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False, comment="* for every channel"),
        sa.Column("purpose", sa.Text(), nullable=False, comment="* for every purpose"),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", "channel", "purpose", name=op.f("pk_suppression")),
        comment="Apart from the record on purpose: an import never touches it",
    )
    op.create_table(
        "customer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column(
            "household_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("preferred", sa.Text(), nullable=True),
        sa.Column("loaded_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_customer_household_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("ref", name=op.f("uq_customer_ref")),
    )
    op.create_index(op.f("ix_customer_household_id"), "customer", ["household_id"], unique=False)
    op.create_table(
        "promise",
        sa.Column(
            "occasion_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("etr_at", UtcDateTime(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.Column("kept", sa.Boolean(), nullable=True),
        sa.Column("missed_by_s", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["occasion_id"], ["occasion.id"], name=op.f("fk_promise_occasion_id")
        ),
        sa.PrimaryKeyConstraint("occasion_id", "version", name=op.f("pk_promise")),
    )
    op.create_table(
        "revision",
        sa.Column(
            "occasion_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("restored", sa.JSON(), nullable=False),
        sa.Column("start_at", UtcDateTime(), nullable=False),
        sa.Column("end_at", UtcDateTime(), nullable=True),
        sa.Column("etr_at", UtcDateTime(), nullable=True),
        sa.Column("etr_confidence", sa.Text(), nullable=False),
        sa.Column("public_etr", UtcDateTime(), nullable=True),
        sa.Column("next_update_at", UtcDateTime(), nullable=True),
        sa.Column("restored_at", UtcDateTime(), nullable=True),
        sa.Column("known_how", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_seq", sa.BigInteger(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["occasion_id"], ["occasion.id"], name=op.f("fk_revision_occasion_id")
        ),
        sa.PrimaryKeyConstraint("occasion_id", "version", name=op.f("pk_revision")),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("customer_type", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("priority_expired", sa.Boolean(), nullable=False),
        sa.Column("updated_on", sa.Date(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_account_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("ref", name=op.f("uq_account_ref")),
    )
    op.create_index(op.f("ix_account_customer_id"), "account", ["customer_id"], unique=False)
    op.create_table(
        "customer_contact",
        sa.Column(
            "customer_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "contact_point_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("consent", sa.Boolean(), nullable=True, comment="null: not given"),
        sa.Column("usable", sa.Boolean(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("loaded_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_point_id"],
            ["contact_point.id"],
            name=op.f("fk_customer_contact_contact_point_id"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_customer_contact_customer_id")
        ),
        sa.PrimaryKeyConstraint(
            "customer_id", "contact_point_id", "purpose", name=op.f("pk_customer_contact")
        ),
    )
    op.create_index(
        op.f("ix_customer_contact_contact_point_id"),
        "customer_contact",
        ["contact_point_id"],
        unique=False,
    )
    op.create_table(
        "supply",
        sa.Column(
            "premise_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_supply_account_id")),
        sa.ForeignKeyConstraint(["premise_id"], ["premise.id"], name=op.f("fk_supply_premise_id")),
        sa.PrimaryKeyConstraint("premise_id", "account_id", name=op.f("pk_supply")),
    )
    op.create_index(op.f("ix_supply_account_id"), "supply", ["account_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_supply_account_id"), table_name="supply")
    op.drop_table("supply")
    op.drop_index(op.f("ix_customer_contact_contact_point_id"), table_name="customer_contact")
    op.drop_table("customer_contact")
    op.drop_index(op.f("ix_account_customer_id"), table_name="account")
    op.drop_table("account")
    op.drop_table("revision")
    op.drop_table("promise")
    op.drop_index(op.f("ix_customer_household_id"), table_name="customer")
    op.drop_table("customer")
    op.drop_table("suppression")
    op.drop_table("scope_premise")
    op.drop_table("record_load")
    op.drop_index(op.f("ix_reach_locality"), table_name="reach")
    op.drop_table("reach")
    op.drop_index(op.f("ix_premise_tree_order"), table_name="premise")
    op.drop_index(op.f("ix_premise_locality"), table_name="premise")
    op.drop_table("premise")
    op.drop_index(op.f("ix_occasion_open"), table_name="occasion")
    op.drop_table("occasion")
    op.drop_index(op.f("ix_network_node_tree_order"), table_name="network_node")
    op.drop_table("network_node")
    op.drop_table("network_edge")
    op.drop_table("lease")
    op.drop_table("household")
    op.drop_index("ix_contact_point_address_hash", table_name="contact_point")
    op.drop_table("contact_point")
    op.drop_table("change")
    op.drop_table("audit")
