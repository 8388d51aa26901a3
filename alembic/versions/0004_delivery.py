"""How lanes fare and what they spend, who works, recalls, answers of people, and tasks for people."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from outreach.store.types import Id, UtcDateTime

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_OPEN = dict.fromkeys(("postgresql_where", "sqlite_where"), sa.text("closed_at IS NULL"))


_INDEX = "ix_stage_account_customer_key"
_MARKS = ("tree order from which freezing goes on", "round and phase of its freezing")


def upgrade() -> None:
    _freeze_anew()
    _say(*_MARKS)
    op.drop_index(_INDEX, table_name="stage_account")
    _lanes()
    _workers()
    _people()
    op.add_column("step_run", sa.Column("ladder_at", UtcDateTime, comment="ladder climbed so far"))


def downgrade() -> None:
    _freeze_anew()
    _say(*reversed(_MARKS))
    op.create_index(_INDEX, "stage_account", ["customer_key"])
    op.drop_column("step_run", "ladder_at")
    for table in ("task", "answer", "recall", "worker", "prefix_hour", "lane_day", "lane_minute"):
        op.drop_table(table)
    for column in ("cooled_until", "weighed_at", "weight", "provider"):
        op.drop_column("lane", column)


def _freeze_anew() -> None:
    """The marks of a half-frozen wave mean something else from here on; messages it has stay."""
    half = "SELECT id FROM step_run WHERE state = 'freezing'"
    op.execute(f"DELETE FROM queue WHERE step_run_id IN ({half})")  # noqa: S608  constants
    op.execute("UPDATE step_run SET slice_from = -2 WHERE state = 'freezing'")


def _say(before: str, after: str) -> None:
    if op.get_context().dialect.name != "sqlite":
        op.alter_column("step_run", "slice_from", comment=after, existing_comment=before)


def _lanes() -> None:
    op.add_column("lane", sa.Column("provider", sa.Text, nullable=False, server_default=""))
    op.add_column(
        "lane",
        sa.Column("weight", sa.SmallInteger, nullable=False, server_default="100",
                  comment="per cent of its rate, now"),
    )  # fmt: skip
    op.add_column("lane", sa.Column("weighed_at", UtcDateTime, comment="last change of weight"))
    op.add_column("lane", sa.Column("cooled_until", UtcDateTime, comment="nothing but a probe"))
    op.create_table(
        "lane_minute",
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("minute", UtcDateTime, primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("errors", sa.Integer, nullable=False,
                  comment="the provider's: not sent, 5xx, in doubt"),
        sa.Column("throttles", sa.Integer, nullable=False),
        sa.Column("doubts", sa.Integer, nullable=False),
        sa.Column("took_ms", sa.BigInteger, nullable=False, comment="sum over the calls"),
        comment="What failover is decided by; a day is kept",
    )  # fmt: skip
    op.create_table(
        "lane_day",
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True,
                  comment="the company's own date, as in 2026-07-16"),
        sa.Column("messages", sa.Integer, nullable=False),
        sa.Column("segments", sa.Integer, nullable=False),
        sa.Column("cost", sa.Float, nullable=False, comment="in the company's currency, as claimed"),
        comment="Counted in the claim itself, so that a cap holds across processes",
    )  # fmt: skip
    op.create_table(
        "prefix_hour",
        sa.Column("prefix", sa.Text, primary_key=True),
        sa.Column("hour", UtcDateTime, primary_key=True),
        sa.Column("messages", sa.Integer, nullable=False),
        comment="SMS pumping shows as one prefix that runs away",
    )


def _workers() -> None:
    op.create_table(
        "worker",
        sa.Column("owner", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False, comment="worker, scheduler, serve"),
        sa.Column("lanes", sa.Text, nullable=False, comment="comma-separated; empty: all"),
        sa.Column("started_at", UtcDateTime, nullable=False),
        sa.Column("seen_at", UtcDateTime, nullable=False),
        sa.Column("stopping_at", UtcDateTime),
    )
    op.create_table(
        "recall",
        sa.Column("message_id", sa.BigInteger, primary_key=True),
        sa.Column("lane", sa.Text, nullable=False),
        sa.Column("provider_ref", sa.Text, nullable=False),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("tried_at", UtcDateTime),
        sa.Column("outcome", sa.Text, nullable=False,
                  comment="empty: waiting; recalled, refused, untold"),
        comment="Messages that the provider may still hold and that are true no more",
    )  # fmt: skip
    op.create_index("ix_recall_lane", "recall", ["lane"])


def _people() -> None:
    op.create_table(
        "answer",
        sa.Column("id", Id, primary_key=True),
        sa.Column("occasion_id", Id, sa.ForeignKey("occasion.id"), nullable=False),
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        sa.Column("message_id", sa.BigInteger, comment="null: said outside any message"),
        sa.Column("via", sa.Text, nullable=False, comment="key, reply, agent"),
        sa.Column("meaning", sa.Text, nullable=False, comment="heard, needs_help"),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("said_by", sa.Text, nullable=False, comment="the agent; empty: the customer"),
        sa.UniqueConstraint("occasion_id", "customer_id", "via", "meaning", "at"),
        comment="A person answered: only this closes class A, never a receipt",
    )
    op.create_table(
        "task",
        sa.Column("id", Id, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False, comment="unanswered, needs_help, unreachable"),
        sa.Column("occasion_id", Id, sa.ForeignKey("occasion.id"), nullable=False),
        sa.Column("run_id", sa.BigInteger),
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("opened_at", UtcDateTime, nullable=False),
        sa.Column("taken_at", UtcDateTime),
        sa.Column("taken_by", sa.Text, nullable=False, server_default=""),
        sa.Column("closed_at", UtcDateTime),
        sa.Column("closed_by", sa.Text, nullable=False, server_default=""),
        sa.Column("outcome", sa.Text, nullable=False, server_default=""),
        sa.Column("note_sealed", sa.LargeBinary),
        sa.Column("pushed_at", UtcDateTime, comment="last push to the duty phone"),
        sa.Column("pushes", sa.SmallInteger, nullable=False, server_default="0"),
        comment="What only a person can do for a customer of class A",
    )
    op.create_index("ix_task_customer_id", "task", ["customer_id"])
    op.create_index(
        "ix_task_open", "task", ["occasion_id", "customer_id", "kind"], unique=True, **_OPEN
    )
