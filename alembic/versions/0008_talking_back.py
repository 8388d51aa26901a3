"""Talking back and being trusted: replies, cases, consent, preferences; keys, personal data, restores."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from outreach.store.types import Id, UtcDateTime

revision: str = "0008"
down_revision: str | Sequence[str] | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TABLES = (
    "restore",
    "rotation",
    "erased_ref",
    "person_request",
    "idempotent",
    "api_key",
    "preference",
    "consent_change",
    "desk_case",
    "dialogue",
    "reply",
)


def upgrade() -> None:
    op.add_column(
        "run",
        sa.Column(
            "basis",
            sa.Text,
            nullable=False,
            server_default="contract",
            comment="in law: why its messages may be sent",
        ),
    )
    waits, ended = sa.text("state = 'waiting'"), sa.text("state IN ('failed', 'unknown')")
    op.create_index(
        "ix_outgoing_order", "outgoing", ["endpoint", "id"],
        sqlite_where=waits, postgresql_where=waits,
    )  # fmt: skip
    op.create_index(
        "ix_message_ended", "message", ["claimed_at"], sqlite_where=ended, postgresql_where=ended
    )
    op.create_index("ix_report_premise_id", "report", ["premise_id"])
    op.create_index(
        "ix_report_occasion_id", "report", ["occasion_id"],
        sqlite_where=sa.text("occasion_id IS NOT NULL"),
        postgresql_where=sa.text("occasion_id IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "ix_revision_suspected", "revision", ["occasion_id"],
        sqlite_where=sa.text("state = 'suspected'"),
        postgresql_where=sa.text("state = 'suspected'"),
    )  # fmt: skip
    _talk()
    _trust()


def downgrade() -> None:
    op.drop_index("ix_revision_suspected", "revision")
    op.drop_index("ix_report_occasion_id", "report")
    op.drop_index("ix_report_premise_id", "report")
    op.drop_index("ix_message_ended", "message")
    op.drop_index("ix_outgoing_order", "outgoing")
    for table in _TABLES:
        op.drop_table(table)
    op.drop_column("run", "basis")


def _talk() -> None:
    op.create_table(
        "reply",
        sa.Column("id", Id, primary_key=True),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("channel", sa.Text, nullable=False, comment="sms, whatsapp, email"),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column(
            "provider_ref", sa.Text, nullable=False, comment="the provider's own number of it"
        ),
        sa.Column("address_hash", sa.LargeBinary, nullable=False),
        sa.Column("address_sealed", sa.LargeBinary, nullable=False),
        sa.Column("body_sealed", sa.LargeBinary, nullable=False),
        sa.Column("customer_id", sa.BigInteger, comment="null: a stranger, or an address of many"),
        sa.Column(
            "message_id", sa.BigInteger, comment="what it answers; null: nothing that we sent"
        ),
        sa.Column("occasion_id", sa.BigInteger),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column(
            "meaning",
            sa.Text,
            nullable=False,
            comment="what was read: opt_out, out, status, unsure",
        ),
        sa.Column("outcome", sa.Text, nullable=False, comment="what we did"),
        sa.Column(
            "answered", sa.Text, nullable=False, server_default="", comment="which text answered it"
        ),
        sa.Column("settled_at", UtcDateTime, comment="when it was acted upon"),
        sa.UniqueConstraint("provider", "provider_ref"),
        comment="Everything people wrote to us, and what became of it",
    )
    op.create_index("ix_reply_address", "reply", ["address_hash", "at"])
    op.create_index("ix_reply_message", "reply", ["message_id"])
    op.create_index("ix_reply_at", "reply", ["at"])
    op.create_index(
        "ix_reply_unsettled",
        "reply",
        ["at"],
        sqlite_where=sa.text("settled_at IS NULL"),
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "dialogue",
        sa.Column("address_hash", sa.LargeBinary, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("asks", sa.Text, nullable=False, comment="which_premise, still_out"),
        sa.Column(
            "options", sa.JSON, nullable=False, comment="number as text -> what it stands for"
        ),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
        comment="The question that a person's next word answers; one at a time",
    )
    op.create_table(
        "desk_case",
        sa.Column("id", Id, primary_key=True),
        sa.Column("reply_id", Id, sa.ForeignKey("reply.id"), nullable=False, unique=True),
        sa.Column(
            "kind", sa.Text, nullable=False, comment="unsure, unknown_sender, complaint, help"
        ),
        sa.Column("opened_at", UtcDateTime, nullable=False),
        sa.Column("closed_at", UtcDateTime),
        sa.Column("closed_by", sa.Text, nullable=False, server_default=""),
        sa.Column("outcome", sa.Text, nullable=False, server_default=""),
        comment="What a person has to read, for no rule could",
    )
    op.create_index(
        "ix_desk_case_open",
        "desk_case",
        ["id"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "consent_change",
        sa.Column("id", Id, primary_key=True),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("address_hash", sa.LargeBinary, nullable=False, index=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("gave", sa.Boolean, nullable=False, comment="false: taken back"),
        sa.Column(
            "via", sa.Text, nullable=False, comment="reply, page, one_click, provider, staff"
        ),
        sa.Column("reply_id", sa.BigInteger),
        sa.Column("said_by", sa.Text, nullable=False, server_default=""),
        comment="Every yes and no to being written to, in order; suppression holds what follows",
    )
    op.create_table(
        "preference",
        sa.Column("customer_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("locale", sa.Text, comment="null: as the record says"),
        sa.Column("quiet_from", sa.SmallInteger, comment="minute of the local day"),
        sa.Column("quiet_until", sa.SmallInteger, comment="minute of the local day"),
        sa.Column("changed_at", UtcDateTime, nullable=False),
        comment="What a person chose on the page; an import never touches it",
    )


def _trust() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", Id, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column(
            "digest", sa.LargeBinary, nullable=False, unique=True, comment="SHA-256 of the secret"
        ),
        sa.Column("hint", sa.Text, nullable=False, comment="its last four characters"),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("per_minute", sa.Integer, comment="requests; null: the setting's"),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", UtcDateTime),
        sa.Column("last_used_at", UtcDateTime),
        sa.Column("revoked_at", UtcDateTime),
        sa.Column("revoked_by", sa.Text, nullable=False, server_default=""),
        sa.Column("replaces", sa.BigInteger, comment="the key that it was rotated from"),
        comment="Bearer keys of machines; the secret itself is nowhere",
    )
    op.create_table(
        "idempotent",
        sa.Column(
            "key_id",
            sa.BigInteger,
            primary_key=True,
            autoincrement=False,
            comment="0: without a key",
        ),
        sa.Column("key", sa.Text, primary_key=True, comment="Idempotency-Key, as sent"),
        sa.Column(
            "request", sa.LargeBinary, nullable=False, comment="SHA-256 of method, path and body"
        ),
        sa.Column("status", sa.SmallInteger, comment="null: the first one is still being answered"),
        sa.Column("content_type", sa.Text, nullable=False, server_default=""),
        sa.Column("body_sealed", sa.LargeBinary),
        sa.Column("at", UtcDateTime, nullable=False, index=True),
        comment="Answers of requests that may come again",
    )
    op.create_table(
        "person_request",
        sa.Column("id", Id, primary_key=True),
        sa.Column("customer_id", sa.BigInteger, nullable=False, index=True),
        sa.Column("kind", sa.Text, nullable=False, comment="export, erase, restrict, lift"),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("done_at", UtcDateTime),
        comment="What people asked of their data, and when it was done",
    )
    op.create_table(
        "erased_ref",
        sa.Column(
            "ref_hash", sa.LargeBinary, primary_key=True, comment="keyed: the ref itself is nowhere"
        ),
        sa.Column("request_id", sa.BigInteger, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("back_at", UtcDateTime, comment="when the source was seen to name it still"),
        comment="Refs of erased people, so that a load that brings one back says so",
    )
    op.create_table(
        "rotation",
        sa.Column("kind", sa.Text, primary_key=True, comment="encryption, lookup"),
        sa.Column("to_key", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column(
            "at_table", sa.Text, nullable=False, server_default="", comment="how far it has come"
        ),
        sa.Column("at_id", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("rows", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("finished_at", UtcDateTime),
        comment="Keys that are being replaced, row by row",
    )
    op.create_table(
        "restore",
        sa.Column("id", Id, primary_key=True),
        sa.Column("backup_at", UtcDateTime, nullable=False, comment="what the copy knew"),
        sa.Column("restored_at", UtcDateTime, nullable=False),
        sa.Column("restored_by", sa.Text, nullable=False),
        sa.Column(
            "in_doubt", sa.Integer, nullable=False, comment="messages that may have left since"
        ),
        comment="Copies that were put back; what was open in them is never sent again by itself",
    )
