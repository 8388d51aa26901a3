"""Answers to e-mails: what is said to whoever wrote to us by mail, until it has left."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from outreach.store.types import Id, UtcDateTime

revision: str = "0010"
down_revision: str | Sequence[str] | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "answer_mail",
        sa.Column("reply_id", Id, sa.ForeignKey("reply.id"), primary_key=True, autoincrement=False),
        sa.Column(
            "body_sealed", sa.LargeBinary, comment="what it answers, subject, text; null once it has ended"
        ),
        sa.Column(
            "state", sa.Text, nullable=False,
            comment="waiting, sending, sent, refused, unknown, late",
        ),
        sa.Column(
            "next_at", UtcDateTime, nullable=False, comment="when it may leave; since when it does"
        ),
        sa.Column("kept_at", UtcDateTime, nullable=False),
        sa.Column("lane", sa.Text),
        sa.Column("provider_ref", sa.Text),
        sa.Column("ended_at", UtcDateTime),
        comment="Our answers to e-mails, on their way",
    )  # fmt: skip
    unended = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_answer_mail_open", "answer_mail", ["next_at"],
        sqlite_where=unended, postgresql_where=unended,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("answer_mail")
