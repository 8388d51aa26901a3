"""Tables of the closed loop: what was measured and is expected of calls, and what travels to platforms."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from outreach.store.metadata import metadata
from outreach.store.types import Id, UtcDateTime

deflection_bucket = Table(
    "deflection_bucket",
    metadata,
    Column("step_run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("priority", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("minute", Integer, primary_key=True, autoincrement=False),
    Column("t0", Float, nullable=False, comment="household-minutes before the slot"),
    Column("t1", Float, nullable=False, comment="household-minutes past slot and grace"),
    Column("d0", Integer, nullable=False),
    Column("d1d", Integer, nullable=False),
    Column("d1u", Integer, nullable=False),
    comment="Person-time and calls of one stratum in one minute; what the estimator adds up",
)

deflection_call = Table(
    "deflection_call",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("step_run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("household", BigInteger, nullable=False),
    Column("priority", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("minute", Float, nullable=False),
    Column("arm", Text, nullable=False),
    Index("ix_deflection_call_step_run_id", "step_run_id"),
    comment="One counted call: doubled and replayed records change nothing",
)

measured = Table(
    "measured",
    metadata,
    Column("run_id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("body", JSON, nullable=False),
    comment="The newest estimate of a run, so that readers need not compute it",
)

call_curve = Table(
    "call_curve",
    metadata,
    Column("name", Text, primary_key=True),
    Column("made_at", UtcDateTime, nullable=False),
    Column("source", Text, nullable=False),
    Column("customers", Integer, nullable=False),
    Column(
        "rates", JSON, nullable=False, comment="calls per customer-minute since the outage began"
    ),
    comment="How customers called in outages that are over: the library of the forecast",
)

forecast = Table(
    "forecast",
    metadata,
    Column("id", Id, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("body", JSON, nullable=False),
    Index("ix_forecast_queue_made_at", "queue", "made_at"),
    comment="Expected calls of the next quarter-hours, kept to be judged afterwards",
)

staffing = Table(
    "staffing",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("at", UtcDateTime, primary_key=True, comment="start of the quarter-hour"),
    Column("agents", Integer, nullable=False),
    Column("source", Text, nullable=False),
    comment="Agents planned by quarter-hour",
)

queue_reading = Table(
    "queue_reading",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("waiting", Integer),
    Column("agents", Integer, comment="on queue"),
    Column("wait_p80_s", Integer),
    Column("source", Text, nullable=False),
    comment="Live queues as the platform reports them",
)

report = Table(
    "report",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("via", Text, nullable=False, comment="ivr, sms, agent"),
    Column("source_ref", Text, nullable=False, comment="the call or message it came by"),
    Column("premise_id", BigInteger, nullable=False),
    Column("occasion_id", BigInteger),
    Column("meaning", Text, nullable=False, comment="out, fine"),
    Column("taken_at", UtcDateTime, comment="when it became part of the truth"),
    UniqueConstraint("via", "source_ref", "premise_id"),
    Index("ix_report_premise_id", "premise_id"),
    Index(
        "ix_report_occasion_id",
        "occasion_id",
        sqlite_where=text("occasion_id IS NOT NULL"),
        postgresql_where=text("occasion_id IS NOT NULL"),
    ),
    Index(
        "ix_report_waiting",
        "at",
        sqlite_where=text("taken_at IS NULL"),
        postgresql_where=text("taken_at IS NULL"),
    ),
    comment="Customers who say that they are out, or fine",
)

pushed = Table(
    "pushed",
    metadata,
    Column("target", Text, primary_key=True, comment="a platform of the settings"),
    Column("key", Text, primary_key=True, comment="what was set there: a zone, a group"),
    Column("digest", Text, nullable=False),
    Column("pushed_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("version", Text, nullable=False, server_default="", comment="the platform's own"),
    comment="What a platform was last told, so that only changes travel",
)

outgoing = Table(
    "outgoing",
    metadata,
    Column("id", Id, primary_key=True),
    Column("endpoint", Text, nullable=False, comment="name in the settings"),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="a newer one of a subject replaces it"),
    Column("body", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("state", Text, nullable=False, comment="waiting, sent, dead, superseded, expired"),
    Column("failures", SmallInteger, nullable=False),
    Column("next_at", UtcDateTime),
    Column("last_status", Text, nullable=False),
    Column("settled_at", UtcDateTime),
    Index(
        "ix_outgoing_waiting",
        "next_at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "ix_outgoing_order",
        "endpoint",
        "id",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    comment="Signed webhooks on their way, with retries and dead letters",
)
