"""The ledger: runs, messages, queue, lanes, receipts; and what comes back of calls."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from outreach.store.types import UtcDateTime

revision: str = "0001"
down_revision: str | Sequence[str] | None = "0000"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "attempt",
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("try", sa.SmallInteger(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False, comment="delayed, in_doubt"),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=True, comment="last lookup at the provider"),
        sa.Column("looks", sa.SmallInteger(), nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.Column("settled_as", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("message_id", "try", name=op.f("pk_attempt")),
        comment="Only tries that ended delayed or in doubt",
    )
    op.create_table(
        "call",
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column(
            "address_hash",
            sa.LargeBinary(),
            nullable=True,
            comment="null: hidden or unreadable caller",
        ),
        sa.Column(
            "known",
            sa.Boolean(),
            nullable=False,
            comment="the caller is a contact point of a customer",
        ),
        sa.Column("dnis", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("contained", sa.Boolean(), nullable=False),
        sa.Column("abandoned", sa.Boolean(), nullable=False),
        sa.Column("wait_s", sa.Integer(), nullable=True),
        sa.Column("talk_s", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_call")),
    )
    op.create_index("ix_call_address_hash", "call", ["address_hash"], unique=False)
    op.create_index(op.f("ix_call_at"), "call", ["at"], unique=False)
    op.create_table(
        "directive",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("scope_key", sa.Text(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("on", sa.Boolean(), nullable=False),
        sa.Column("state_since", UtcDateTime(), nullable=False),
        sa.Column("confirmations", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("evidence_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "scope_key", name=op.f("pk_directive")),
    )
    op.create_table(
        "lane",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("rate", sa.Float(), nullable=False, comment="segments a second"),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", UtcDateTime(), nullable=True),
        sa.Column("stopped_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lane")),
    )
    op.create_index(op.f("ix_lane_pool"), "lane", ["pool"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("step_run_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_point_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("household_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("locality", sa.Text(), nullable=False),
        sa.Column("premises", sa.SmallInteger(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("try", sa.SmallInteger(), nullable=False),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=True),
        sa.Column("not_after", UtcDateTime(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("segments", sa.SmallInteger(), nullable=True),
        sa.Column("body_hash", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("slot_at", UtcDateTime(), nullable=True),
        sa.Column("claimed_at", UtcDateTime(), nullable=True),
        sa.Column("accepted_at", UtcDateTime(), nullable=True),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint(
            "step_run_id", "contact_point_id", name=op.f("uq_message_step_run_id_contact_point_id")
        ),
    )
    op.create_index(op.f("ix_message_customer_id"), "message", ["customer_id"], unique=False)
    op.create_index(
        "ix_message_sending",
        "message",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_table(
        "pinned",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column(
            "body",
            sa.JSON(),
            nullable=False,
            comment="campaign file and template texts, as launched",
        ),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_pinned")),
    )
    op.create_table(
        "queue",
        sa.Column("pool", sa.Text(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("step_run_id", sa.BigInteger(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint(
            "pool", "tier", "priority", "rank", "message_id", name=op.f("pk_queue")
        ),
        comment="Narrow and in claim order; a row lives here exactly while its message is queued",
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_queue_step_run_id"), "queue", ["step_run_id"], unique=False)
    op.create_table(
        "receipt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("raw_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("applied_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt")),
        sa.UniqueConstraint("provider", "event_key", name=op.f("uq_receipt_provider_event_key")),
    )
    op.create_index(op.f("ix_receipt_message_id"), "receipt", ["message_id"], unique=False)
    op.create_index(
        "ix_receipt_waiting",
        "receipt",
        ["id"],
        unique=False,
        sqlite_where=sa.text("applied_at IS NULL"),
        postgresql_where=sa.text("applied_at IS NULL"),
    )
    op.create_table(
        "armed",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("pinned", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("approver", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["pinned"], ["pinned.digest"], name=op.f("fk_armed_pinned")),
        sa.PrimaryKeyConstraint("campaign", name=op.f("pk_armed")),
    )
    op.create_table(
        "due",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column(
            "what",
            sa.Text(),
            nullable=False,
            comment="an Event, or `held` for notices kept overnight",
        ),
        sa.Column(
            "occasion_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("too_late_at", UtcDateTime(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column(
            "outcome", sa.Text(), nullable=False, comment="empty: waiting; done, expired, overtaken"
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["occasion_id"], ["occasion.id"], name=op.f("fk_due_occasion_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_due")),
        sa.UniqueConstraint(
            "occasion_id", "what", "step", "at", name=op.f("uq_due_occasion_id_what_step_at")
        ),
    )
    op.create_index(
        "ix_due_waiting",
        "due",
        ["at"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "occasion_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("pinned", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), server_default="service", nullable=False),
        sa.Column("seed", sa.LargeBinary(), nullable=False),
        sa.Column("seed_hash", sa.Text(), nullable=False),
        sa.Column("launched_by", sa.Text(), nullable=False),
        sa.Column("launched_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["occasion_id"], ["occasion.id"], name=op.f("fk_run_occasion_id")),
        sa.ForeignKeyConstraint(["pinned"], ["pinned.digest"], name=op.f("fk_run_pinned")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("occasion_id", "campaign", name=op.f("uq_run_occasion_id_campaign")),
    )
    op.create_index(op.f("ix_run_state"), "run", ["state"], unique=False)
    op.create_table(
        "step_run",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "wave", sa.Integer(), nullable=False, comment="the same step again at the same revision"
        ),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("frozen_at", UtcDateTime(), nullable=True),
        sa.Column("frozen", sa.Integer(), nullable=False, comment="messages of this wave"),
        sa.Column(
            "superseded_at",
            UtcDateTime(),
            nullable=True,
            comment="a newer revision overtook it: nothing more leaves",
        ),
        sa.Column(
            "cancelled_classes",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="classes taken back, as in `BC`",
        ),
        sa.Column(
            "slice_from",
            sa.Integer(),
            nullable=False,
            comment="tree order from which freezing goes on",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_step_run_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step_run")),
        sa.UniqueConstraint(
            "run_id", "step", "version", "wave", name=op.f("uq_step_run_run_id_step_version_wave")
        ),
    )
    op.create_table(
        "left_out",
        sa.Column(
            "step_run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["step_run_id"], ["step_run.id"], name=op.f("fk_left_out_step_run_id")
        ),
        sa.PrimaryKeyConstraint("step_run_id", "customer_id", name=op.f("pk_left_out")),
    )
    op.create_index(op.f("ix_left_out_customer_id"), "left_out", ["customer_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_left_out_customer_id"), table_name="left_out")
    op.drop_table("left_out")
    op.drop_table("step_run")
    op.drop_index(op.f("ix_run_state"), table_name="run")
    op.drop_table("run")
    op.drop_index(
        "ix_due_waiting",
        table_name="due",
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.drop_table("due")
    op.drop_table("armed")
    op.drop_index(
        "ix_receipt_waiting",
        table_name="receipt",
        sqlite_where=sa.text("applied_at IS NULL"),
        postgresql_where=sa.text("applied_at IS NULL"),
    )
    op.drop_index(op.f("ix_receipt_message_id"), table_name="receipt")
    op.drop_table("receipt")
    op.drop_index(op.f("ix_queue_step_run_id"), table_name="queue")
    op.drop_table("queue")
    op.drop_table("pinned")
    op.drop_index(
        "ix_message_sending",
        table_name="message",
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.drop_index(op.f("ix_message_customer_id"), table_name="message")
    op.drop_table("message")
    op.drop_index(op.f("ix_lane_pool"), table_name="lane")
    op.drop_table("lane")
    op.drop_table("directive")
    op.drop_index(op.f("ix_call_at"), table_name="call")
    op.drop_index("ix_call_address_hash", table_name="call")
    op.drop_table("call")
    op.drop_table("attempt")
