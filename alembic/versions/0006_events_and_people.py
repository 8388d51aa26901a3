"""Events, feeds, alarms, approvals and contact lists; nested outages, windows, drills and canaries."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from outreach.store.types import Id, UtcDateTime

revision: str = "0006"
down_revision: str | Sequence[str] | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_PARTIAL = (
    ("ix_recall_waiting", "recall", "lane", "outcome = ''"),
    ("ix_attempt_open", "attempt", "lane", "settled_at IS NULL AND outcome = 'in_doubt'"),
)
"""Of what waits, not of all that ever was: a storm leaves hundreds of thousands of settled ones."""
_WALL = "as typed, 2026-07-16T08:00: new zone rules move the instant"
_TABLES = ("known", "stakeholder", "approval", "alert", "feed_event", "feed", "alarm", "statement", "event")  # fmt: skip


def _columns() -> list[tuple[str, sa.Column]]:
    return [
        ("occasion", sa.Column("event_id", sa.BigInteger)),
        ("occasion", sa.Column("parent_id", sa.BigInteger, comment="the outage it is nested in")),
        ("occasion", sa.Column("merged_into", sa.BigInteger)),
        ("occasion", sa.Column("drill", sa.Boolean, nullable=False, server_default=sa.false())),
        ("revision", sa.Column("etr_from", UtcDateTime, comment="of a window that ends at public_etr")),
        ("revision", sa.Column("start_wall", sa.Text, comment=_WALL)),
        ("revision", sa.Column("end_wall", sa.Text)),
        ("run", sa.Column("approved_by", sa.Text, nullable=False, server_default="")),
        ("run", sa.Column("drill", sa.Boolean, nullable=False, server_default=sa.false())),
        ("run", sa.Column("canary_rank", sa.BigInteger,
                          comment="beyond class A only ranks below it leave; null: all")),
        ("due", sa.Column("fence", sa.BigInteger, comment="of the leader that fired it")),
    ]  # fmt: skip


def _only(where: str) -> dict[str, sa.TextClause]:
    return dict.fromkeys(("postgresql_where", "sqlite_where"), sa.text(where))


def upgrade() -> None:
    for table, column in _columns():
        op.add_column(table, column)
    op.create_index("ix_occasion_event_id", "occasion", ["event_id"])
    for name, table, column, where in _PARTIAL:
        op.create_index(name, table, [column], **_only(where))
    op.drop_index("ix_recall_lane", table_name="recall")
    _events()
    _feeds()
    _people()


def downgrade() -> None:
    op.create_index("ix_recall_lane", "recall", ["lane"])
    for name, table, _column, _where in _PARTIAL:
        op.drop_index(name, table_name=table)
    for table in _TABLES:
        op.drop_table(table)
    op.drop_index("ix_occasion_event_id", table_name="occasion")
    for table, column in reversed(_columns()):
        op.drop_column(table, column.name)


def _events() -> None:
    op.create_table(
        "event",
        sa.Column("id", Id, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("opened_at", UtcDateTime, nullable=False),
        sa.Column("closed_at", UtcDateTime),
        sa.Column("cadence_s", sa.Integer, nullable=False),
        sa.Column("daily_cap", sa.Integer,
                  comment="messages a person may get of it in a day; null: no cap"),
        sa.Column("version", sa.Integer, nullable=False),
        comment="Many outages of one storm: one statement, one clock",
    )  # fmt: skip
    op.create_table(
        "statement",
        sa.Column("event_id", Id, sa.ForeignKey("event.id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("next_update_at", UtcDateTime),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
        comment="What is said of an event as a whole; the newest holds",
    )
    op.create_table(
        "alarm",
        sa.Column("id", Id, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False, comment="occasion:7, event:2, feed:oms"),
        sa.Column("due_at", UtcDateTime, nullable=False,
                  comment="when the promise or the clock runs out"),
        sa.Column("raised_at", UtcDateTime, nullable=False),
        sa.Column("told_at", UtcDateTime, comment="when the duty phone was last told"),
        sa.Column("cleared_at", UtcDateTime),
        sa.Column("cleared_by", sa.Text, nullable=False, server_default=""),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.UniqueConstraint("kind", "subject", "due_at"),
        comment="What staff has to know before it is too late; raised once, kept after it is cleared",
    )  # fmt: skip
    op.create_index("ix_alarm_open", "alarm", ["id"], **_only("cleared_at IS NULL"))


def _feeds() -> None:
    op.create_table(
        "feed",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("heard_at", UtcDateTime, nullable=False, comment="last message or heartbeat"),
        sa.Column("listed_at", UtcDateTime, comment="last whole list"),
        sa.Column("listed", sa.Integer, comment="open outages in the last list that was believed"),
        sa.Column("mark", sa.Text, nullable=False, server_default="",
                  comment="how far a source was read"),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_at", UtcDateTime, comment="not asked before"),
    )  # fmt: skip
    op.create_table(
        "feed_event",
        sa.Column("id", Id, primary_key=True),
        sa.Column("feed", sa.Text, nullable=False),
        sa.Column("event_key", sa.Text, nullable=False),
        sa.Column("outage_ref", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger),
        sa.Column("content", sa.Text, nullable=False,
                  comment="hash of all but identity and arrival"),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("occasion_id", sa.BigInteger),
        sa.Column("at", UtcDateTime, nullable=False),
        comment="Every message of a feed and what became of it",
    )  # fmt: skip
    op.create_index("ix_feed_event_key", "feed_event", ["feed", "event_key"])
    op.create_index("ix_feed_event_seq", "feed_event", ["feed", "outage_ref", "seq"])
    op.create_table(
        "alert",
        sa.Column("sender", sa.Text, primary_key=True),
        sa.Column("identifier", sa.Text, primary_key=True),
        sa.Column("sent", sa.Text, primary_key=True,
                  comment="as written: it is part of the identity"),
        sa.Column("direction", sa.Text, primary_key=True, comment="in, out"),
        sa.Column("msg_type", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("refs", sa.JSON, nullable=False),
        sa.Column("occasion_id", sa.BigInteger),
        sa.Column("version", sa.Integer),
        sa.Column("outcome", sa.Text, nullable=False,
                  comment="taken, refused, asked: a person has to look"),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        comment="CAP alerts, as they came and as they left",
    )  # fmt: skip
    op.create_index("ix_alert_occasion_id", "alert", ["occasion_id"])


def _people() -> None:
    op.create_table(
        "approval",
        sa.Column("id", Id, primary_key=True),
        sa.Column("occasion_id", sa.BigInteger, nullable=False),
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("pinned", sa.Text, sa.ForeignKey("pinned.digest"), nullable=False,
                  comment="what it binds"),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("asked_at", UtcDateTime, nullable=False),
        sa.Column("audience", sa.Integer, nullable=False, comment="customers, as they were shown"),
        sa.Column("approver", sa.Text, nullable=False, server_default=""),
        sa.Column("approved_at", UtcDateTime),
        sa.Column("emergency", sa.Text, nullable=False, server_default="",
                  comment="reason without a second"),
        sa.Column("used_at", UtcDateTime),
        sa.Column("void_at", UtcDateTime),
        sa.Column("void_reason", sa.Text, nullable=False, server_default=""),
        comment="Who asked for a launch and who allowed it; text bound by its hash",
    )  # fmt: skip
    op.create_index("ix_approval_occasion_id", "approval", ["occasion_id"])
    op.create_table(
        "stakeholder",
        sa.Column("id", Id, primary_key=True),
        sa.Column("list", sa.Text, nullable=False,
                  comment="municipality, regulator, press, hospital, duty"),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("locality", sa.Text, nullable=False,
                  comment="only for what touches it; empty: all"),
        sa.Column("contact_point_id", sa.BigInteger, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("added_at", UtcDateTime, nullable=False),
        sa.Column("removed_at", UtcDateTime),
        sa.UniqueConstraint("list", "contact_point_id", "locality"),
        comment="Contact lists beside the customers",
    )  # fmt: skip
    op.create_table(
        "known",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        comment="What the installation last saw of its surroundings, as the release of the zone rules",
    )
