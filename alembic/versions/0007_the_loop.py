"""Calls in full, what was measured of them, forecasts, queues, reports, and what is pushed to platforms."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from outreach.store.types import Id, UtcDateTime

revision: str = "0007"
down_revision: str | Sequence[str] | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TABLES = ("outgoing", "pushed", "report", "queue_reading", "staffing", "forecast", "call_curve",
           "measured", "deflection_call", "deflection_bucket")  # fmt: skip


def _columns() -> list[sa.Column]:
    return [
        sa.Column("kind", sa.Text, nullable=False, server_default="call", comment="call, chat, message, click"),
        sa.Column("wrap_up", sa.Text, nullable=False, server_default=""),
        sa.Column("known_to", sa.SmallInteger, nullable=False, server_default="0",
                  comment="how much of it is known: a later record never takes back what an earlier one said"),
        sa.Column("told", sa.Text, nullable=False, server_default="",
                  comment="facts that a record later than `at` told: name:microseconds"),
    ]  # fmt: skip


def upgrade() -> None:
    for column in _columns():
        op.add_column("call", column)
    _measured()
    _expected()
    _back_and_forth()


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
    for column in reversed(_columns()):
        op.drop_column("call", column.name)


def _measured() -> None:
    op.create_table(
        "deflection_bucket",
        sa.Column("step_run_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("priority", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("minute", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("t0", sa.Float, nullable=False, comment="household-minutes before the slot"),
        sa.Column("t1", sa.Float, nullable=False, comment="household-minutes past slot and grace"),
        sa.Column("d0", sa.Integer, nullable=False),
        sa.Column("d1d", sa.Integer, nullable=False),
        sa.Column("d1u", sa.Integer, nullable=False),
        comment="Person-time and calls of one stratum in one minute; what the estimator adds up",
    )
    op.create_table(
        "deflection_call",
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("step_run_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("household", sa.BigInteger, nullable=False),
        sa.Column("priority", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("minute", sa.Float, nullable=False),
        sa.Column("arm", sa.Text, nullable=False),
        comment="One counted call: doubled and replayed records change nothing",
    )
    op.create_index("ix_deflection_call_step_run_id", "deflection_call", ["step_run_id"])
    op.create_table(
        "measured",
        sa.Column("run_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        comment="The newest estimate of a run, so that readers need not compute it",
    )


def _expected() -> None:
    op.create_table(
        "call_curve",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("made_at", UtcDateTime, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("customers", sa.Integer, nullable=False),
        sa.Column(
            "rates",
            sa.JSON,
            nullable=False,
            comment="calls per customer-minute since the outage began",
        ),
        comment="How customers called in outages that are over: the library of the forecast",
    )
    op.create_table(
        "forecast",
        sa.Column("id", Id, primary_key=True),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("made_at", UtcDateTime, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        comment="Expected calls of the next quarter-hours, kept to be judged afterwards",
    )
    op.create_index("ix_forecast_queue_made_at", "forecast", ["queue", "made_at"])
    op.create_table(
        "staffing",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("at", UtcDateTime, primary_key=True, comment="start of the quarter-hour"),
        sa.Column("agents", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        comment="Agents planned by quarter-hour",
    )
    op.create_table(
        "queue_reading",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("at", UtcDateTime, primary_key=True),
        sa.Column("waiting", sa.Integer),
        sa.Column("agents", sa.Integer, comment="on queue"),
        sa.Column("wait_p80_s", sa.Integer),
        sa.Column("source", sa.Text, nullable=False),
        comment="Live queues as the platform reports them",
    )


def _back_and_forth() -> None:
    op.create_table(
        "report",
        sa.Column("id", Id, primary_key=True),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("via", sa.Text, nullable=False, comment="ivr, sms, agent"),
        sa.Column("source_ref", sa.Text, nullable=False, comment="the call or message it came by"),
        sa.Column("premise_id", sa.BigInteger, nullable=False),
        sa.Column("occasion_id", sa.BigInteger),
        sa.Column("meaning", sa.Text, nullable=False, comment="out, fine"),
        sa.Column("taken_at", UtcDateTime, comment="when it became part of the truth"),
        sa.UniqueConstraint("via", "source_ref", "premise_id"),
        comment="Customers who say that they are out, or fine",
    )
    op.create_index(
        "ix_report_waiting", "report", ["at"],
        postgresql_where=sa.text("taken_at IS NULL"), sqlite_where=sa.text("taken_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "pushed",
        sa.Column("target", sa.Text, primary_key=True, comment="a platform of the settings"),
        sa.Column("key", sa.Text, primary_key=True, comment="what was set there: a zone, a group"),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("pushed_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime),
        sa.Column(
            "version", sa.Text, nullable=False, server_default="", comment="the platform's own"
        ),
        comment="What a platform was last told, so that only changes travel",
    )
    op.create_table(
        "outgoing",
        sa.Column("id", Id, primary_key=True),
        sa.Column("endpoint", sa.Text, nullable=False, comment="name in the settings"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column(
            "subject", sa.Text, nullable=False, comment="a newer one of a subject replaces it"
        ),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime),
        sa.Column(
            "state", sa.Text, nullable=False, comment="waiting, sent, dead, superseded, expired"
        ),
        sa.Column("failures", sa.SmallInteger, nullable=False),
        sa.Column("next_at", UtcDateTime),
        sa.Column("last_status", sa.Text, nullable=False),
        sa.Column("settled_at", UtcDateTime),
        comment="Signed webhooks on their way, with retries and dead letters",
    )
    op.create_index(
        "ix_outgoing_waiting", "outgoing", ["next_at"],
        postgresql_where=sa.text("state = 'waiting'"), sqlite_where=sa.text("state = 'waiting'"),
    )  # fmt: skip
