"""Tables of events and of what comes from elsewhere: statements, alarms, feeds, alerts."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from outreach.store.metadata import metadata
from outreach.store.types import Id, UtcDateTime

event = Table(
    "event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("cadence_s", Integer, nullable=False),
    Column("daily_cap", Integer, comment="messages a person may get of it in a day; null: no cap"),
    Column("version", Integer, nullable=False),
    comment="Many outages of one storm: one statement, one clock",
)

statement = Table(
    "statement",
    metadata,
    Column("event_id", ForeignKey("event.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("next_update_at", UtcDateTime),
    Column("author", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    comment="What is said of an event as a whole; the newest holds",
)

_UNCLEARED = text("cleared_at IS NULL")

alarm = Table(
    "alarm",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="occasion:7, event:2, feed:oms"),
    Column("due_at", UtcDateTime, nullable=False, comment="when the promise or the clock runs out"),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime, comment="when the duty phone was last told"),
    Column("cleared_at", UtcDateTime),
    Column("cleared_by", Text, nullable=False, server_default=""),
    Column("detail", JSON, nullable=False),
    UniqueConstraint("kind", "subject", "due_at"),
    Index("ix_alarm_open", "id", sqlite_where=_UNCLEARED, postgresql_where=_UNCLEARED),
    comment="What staff has to know before it is too late; raised once, kept after it is cleared",
)

feed = Table(
    "feed",
    metadata,
    Column("name", Text, primary_key=True),
    Column("heard_at", UtcDateTime, nullable=False, comment="last message or heartbeat"),
    Column("listed_at", UtcDateTime, comment="last whole list"),
    Column("listed", Integer, comment="open outages in the last list that was believed"),
    Column("mark", Text, nullable=False, server_default="", comment="how far a source was read"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("next_at", UtcDateTime, comment="not asked before"),
)

feed_event = Table(
    "feed_event",
    metadata,
    Column("id", Id, primary_key=True),
    Column("feed", Text, nullable=False),
    Column("event_key", Text, nullable=False),
    Column("outage_ref", Text, nullable=False),
    Column("seq", BigInteger),
    Column("content", Text, nullable=False, comment="hash of all but identity and arrival"),
    Column("outcome", Text, nullable=False),
    Column("occasion_id", BigInteger),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_feed_event_key", "feed", "event_key"),
    Index("ix_feed_event_seq", "feed", "outage_ref", "seq"),
    comment="Every message of a feed and what became of it",
)

alert = Table(
    "alert",
    metadata,
    Column("sender", Text, primary_key=True),
    Column("identifier", Text, primary_key=True),
    Column("sent", Text, primary_key=True, comment="as written: it is part of the identity"),
    Column("direction", Text, primary_key=True, comment="in, out"),
    Column("msg_type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("refs", JSON, nullable=False),
    Column("occasion_id", BigInteger, index=True),
    Column("version", Integer),
    Column("outcome", Text, nullable=False, comment="taken, refused, asked: a person has to look"),
    Column("reason", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    comment="CAP alerts, as they came and as they left",
)
