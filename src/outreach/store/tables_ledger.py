"""Tables of campaigns and of the ledger: runs, waves, messages, queue, receipts, lanes."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
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
    false,
    text,
)

from outreach.store.metadata import metadata
from outreach.store.types import Id, TreeOrder, UtcDateTime

pinned = Table(
    "pinned",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("body", JSON, nullable=False, comment="campaign file and template texts, as launched"),
    Column("at", UtcDateTime, nullable=False),
)

armed = Table(
    "armed",
    metadata,
    Column("campaign", Text, primary_key=True),
    Column("pinned", ForeignKey("pinned.digest"), nullable=False),
    Column("author", Text, nullable=False),
    Column("approver", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("until", UtcDateTime),
)

run = Table(
    "run",
    metadata,
    Column("id", Id, primary_key=True),
    Column("occasion_id", ForeignKey("occasion.id"), nullable=False),
    Column("campaign", Text, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("reason", Text, nullable=False),
    Column("pinned", ForeignKey("pinned.digest"), nullable=False),
    Column("purpose", Text, nullable=False, server_default="service"),
    Column(
        "basis",
        Text,
        nullable=False,
        server_default="contract",
        comment="in law: why its messages may be sent",
    ),
    Column("seed", LargeBinary, nullable=False),
    Column("seed_hash", Text, nullable=False),
    Column("launched_by", Text, nullable=False),
    Column("launched_at", UtcDateTime, nullable=False),
    Column("approved_by", Text, nullable=False, server_default=""),
    Column("drill", Boolean, nullable=False, server_default=false()),
    Column(
        "canary_rank", BigInteger, comment="beyond class A only ranks below it leave; null: all"
    ),
    UniqueConstraint("occasion_id", "campaign"),
)

step_run = Table(
    "step_run",
    metadata,
    Column("id", Id, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("step", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("wave", Integer, nullable=False, comment="the same step again at the same revision"),
    Column("tier", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("audience", Text, nullable=False),
    Column("classes", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("frozen_at", UtcDateTime),
    Column("frozen", Integer, nullable=False, comment="messages of this wave"),
    Column(
        "superseded_at", UtcDateTime, comment="a newer revision overtook it: nothing more leaves"
    ),
    Column(
        "cancelled_classes",
        Text,
        nullable=False,
        server_default="",
        comment="classes taken back, as in `BC`",
    ),
    Column("slice_from", TreeOrder, nullable=False, comment="round and phase of its freezing"),
    Column(
        "generation", Integer, nullable=False, server_default="0", comment="of reach, as it began"
    ),
    Column("ladder_at", UtcDateTime, comment="ladder climbed so far"),
    UniqueConstraint("run_id", "step", "version", "wave"),
)

left_out = Table(
    "left_out",
    metadata,
    Column("step_run_id", ForeignKey("step_run.id"), primary_key=True),
    Column("customer_id", BigInteger, primary_key=True, index=True),
    Column("reason", Text, nullable=False),
)

due = Table(
    "due",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("what", Text, nullable=False, comment="an Event, or `held` for notices kept overnight"),
    Column("occasion_id", ForeignKey("occasion.id"), nullable=False),
    Column("run_id", BigInteger),
    Column("step", Text, nullable=False),
    Column("too_late_at", UtcDateTime),
    Column("done_at", UtcDateTime),
    Column("outcome", Text, nullable=False, comment="empty: waiting; done, expired, overtaken"),
    Column("reason", Text, nullable=False),
    Column("fence", BigInteger, comment="of the leader that fired it"),
    Index(
        "ix_due_waiting",
        "at",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
    UniqueConstraint("occasion_id", "what", "step", "at"),
)

_SENDING = text("state = 'sending'")
_ENDED = text("state IN ('failed', 'unknown')")
_WAITING = text("applied_at IS NULL")

message = Table(
    "message",
    metadata,
    Column("id", Id, primary_key=True),
    Column("step_run_id", BigInteger, nullable=False),
    Column("contact_point_id", BigInteger, nullable=False),
    Column("customer_id", BigInteger, nullable=False, index=True),
    Column("household_id", BigInteger, nullable=False),
    Column("channel", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("locality", Text, nullable=False),
    Column("premises", SmallInteger, nullable=False),
    Column("rank", BigInteger, nullable=False),
    Column("pool", Text, nullable=False),
    Column("lane", Text),
    Column("state", Text, nullable=False),
    Column("owner", Text),
    Column("lease_until", UtcDateTime),
    Column("try", SmallInteger, nullable=False),
    Column("failures", SmallInteger, nullable=False),
    Column("not_before", UtcDateTime),
    Column("not_after", UtcDateTime),
    Column("provider", Text),
    Column("provider_ref", Text),
    Column("segments", SmallInteger),
    Column("body_hash", LargeBinary),
    Column("reason", Text),
    Column("slot_at", UtcDateTime),
    Column("claimed_at", UtcDateTime),
    Column("accepted_at", UtcDateTime),
    Column("delivered_at", UtcDateTime),
    UniqueConstraint("step_run_id", "contact_point_id"),
    Index("ix_message_sending", "lease_until", sqlite_where=_SENDING, postgresql_where=_SENDING),
    Index("ix_message_ended", "claimed_at", sqlite_where=_ENDED, postgresql_where=_ENDED),
)

queue = Table(
    "queue",
    metadata,
    Column("pool", Text, primary_key=True),
    Column("tier", SmallInteger, primary_key=True),
    Column("priority", Text, primary_key=True),
    Column("rank", BigInteger, primary_key=True),
    Column("message_id", BigInteger, primary_key=True),
    Column("step_run_id", BigInteger, nullable=False, index=True),
    Column("not_before", UtcDateTime),
    comment="Narrow and in claim order; a row lives here exactly while its message is queued",
    sqlite_with_rowid=False,
)

_OPEN = text("settled_at IS NULL AND outcome = 'in_doubt'")

attempt = Table(
    "attempt",
    metadata,
    Column("message_id", BigInteger, primary_key=True),
    Column("try", SmallInteger, primary_key=True),
    Column("lane", Text, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("outcome", Text, nullable=False, comment="delayed, in_doubt"),
    Column("code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("looked_at", UtcDateTime, comment="last lookup at the provider"),
    Column("looks", SmallInteger, nullable=False),
    Column("settled_at", UtcDateTime),
    Column("settled_as", Text),
    Index("ix_attempt_open", "lane", sqlite_where=_OPEN, postgresql_where=_OPEN),
    comment="Only tries that ended delayed or in doubt",
)

receipt = Table(
    "receipt",
    metadata,
    Column("id", Id, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("event_key", Text, nullable=False),
    Column("message_id", BigInteger, index=True),
    Column("state", Text),
    Column("code", Text, nullable=False),
    Column("at", UtcDateTime),
    Column("received_at", UtcDateTime, nullable=False),
    Column("raw_sealed", LargeBinary, nullable=False),
    Column("applied_at", UtcDateTime),
    UniqueConstraint("provider", "event_key"),
    Index("ix_receipt_waiting", "id", sqlite_where=_WAITING, postgresql_where=_WAITING),
)

lane = Table(
    "lane",
    metadata,
    Column("name", Text, primary_key=True),
    Column("pool", Text, nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("rate", Float, nullable=False, comment="segments a second"),
    Column("owner", Text),
    Column("lease_until", UtcDateTime),
    Column("fence", BigInteger, nullable=False),
    Column("stopped_at", UtcDateTime),
    Column("stopped_reason", Text),
    Column("provider", Text, nullable=False, server_default=""),
    Column(
        "weight",
        SmallInteger,
        nullable=False,
        server_default="100",
        comment="per cent of its rate, now",
    ),
    Column("weighed_at", UtcDateTime, comment="last change of weight"),
    Column("cooled_until", UtcDateTime, comment="nothing but a probe"),
)
