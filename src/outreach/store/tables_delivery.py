"""Tables of how messages leave: how lanes fare, what they spent, who works, and what waits for a person."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from outreach.store.metadata import metadata
from outreach.store.types import Id, UtcDateTime

_OPEN = text("closed_at IS NULL")

lane_minute = Table(
    "lane_minute",
    metadata,
    Column("lane", Text, primary_key=True),
    Column("minute", UtcDateTime, primary_key=True),
    Column("calls", Integer, nullable=False),
    Column("errors", Integer, nullable=False, comment="the provider's: not sent, 5xx, in doubt"),
    Column("throttles", Integer, nullable=False),
    Column("doubts", Integer, nullable=False),
    Column("took_ms", BigInteger, nullable=False, comment="sum over the calls"),
    comment="What failover is decided by; a day is kept",
)

lane_day = Table(
    "lane_day",
    metadata,
    Column("lane", Text, primary_key=True),
    Column("day", Text, primary_key=True, comment="the company's own date, as in 2026-07-16"),
    Column("messages", Integer, nullable=False),
    Column("segments", Integer, nullable=False),
    Column("cost", Float, nullable=False, comment="in the company's currency, as claimed"),
    comment="Counted in the claim itself, so that a cap holds across processes",
)

prefix_hour = Table(
    "prefix_hour",
    metadata,
    Column("prefix", Text, primary_key=True),
    Column("hour", UtcDateTime, primary_key=True),
    Column("messages", Integer, nullable=False),
    comment="SMS pumping shows as one prefix that runs away",
)

worker = Table(
    "worker",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("kind", Text, nullable=False, comment="worker, scheduler, serve"),
    Column("lanes", Text, nullable=False, comment="comma-separated; empty: all"),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("stopping_at", UtcDateTime),
)

_WAITING = text("outcome = ''")

recall = Table(
    "recall",
    metadata,
    Column("message_id", BigInteger, primary_key=True),
    Column("lane", Text, nullable=False),
    Column("provider_ref", Text, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("tried_at", UtcDateTime),
    Column("outcome", Text, nullable=False, comment="empty: waiting; recalled, refused, untold"),
    Index("ix_recall_waiting", "lane", sqlite_where=_WAITING, postgresql_where=_WAITING),
    comment="Messages that the provider may still hold and that are true no more",
)

answer = Table(
    "answer",
    metadata,
    Column("id", Id, primary_key=True),
    Column("occasion_id", ForeignKey("occasion.id"), nullable=False),
    Column("customer_id", BigInteger, nullable=False),
    Column("message_id", BigInteger, comment="null: said outside any message"),
    Column("via", Text, nullable=False, comment="key, reply, agent"),
    Column("meaning", Text, nullable=False, comment="heard, needs_help"),
    Column("at", UtcDateTime, nullable=False),
    Column("said_by", Text, nullable=False, comment="the agent; empty: the customer"),
    UniqueConstraint("occasion_id", "customer_id", "via", "meaning", "at"),
    comment="A person answered: only this closes class A, never a receipt",
)

task = Table(
    "task",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False, comment="unanswered, needs_help, unreachable"),
    Column("occasion_id", ForeignKey("occasion.id"), nullable=False),
    Column("run_id", BigInteger),
    Column("customer_id", BigInteger, nullable=False, index=True),
    Column("why", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("taken_at", UtcDateTime),
    Column("taken_by", Text, nullable=False, server_default=""),
    Column("closed_at", UtcDateTime),
    Column("closed_by", Text, nullable=False, server_default=""),
    Column("outcome", Text, nullable=False, server_default=""),
    Column("note_sealed", LargeBinary),
    Column("pushed_at", UtcDateTime, comment="last push to the duty phone"),
    Column("pushes", SmallInteger, nullable=False, server_default="0"),
    Index(
        "ix_task_open",
        "occasion_id",
        "customer_id",
        "kind",
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    ),
    comment="What only a person can do for a customer of class A",
)
