"""Tables of the truth and of the installation: occasions, revisions, promises, audit, leases."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    false,
    text,
)

from outreach.store.metadata import metadata
from outreach.store.types import Id, UtcDateTime

change = Table(
    "change",
    metadata,
    Column("name", Text, primary_key=True),
    Column("counter", BigInteger, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    comment="One row a topic (`truth`, `stop`, `record`), counted up in the commit that changes it",
)

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("previous", Text, nullable=False),
    Column("digest", Text, nullable=False),
    comment="Hash chain; opaque ids only, so that erasure cuts the mapping and the chain still holds",
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", UtcDateTime, nullable=False),
    Column("fence", BigInteger, nullable=False),
    comment="Who leads the clock; the fence rises at each takeover",
)

occasion = Table(
    "occasion",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("source_ref", Text, unique=True),
    Column("zone", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("open", Boolean, nullable=False, index=True),
    Column("event_id", BigInteger, index=True),
    Column("parent_id", BigInteger, comment="the outage it is nested in"),
    Column("merged_into", BigInteger),
    Column("drill", Boolean, nullable=False, server_default=false()),
)

revision = Table(
    "revision",
    metadata,
    Column("occasion_id", ForeignKey("occasion.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("state", Text, nullable=False),
    Column("scope", JSON, nullable=False),
    Column("restored", JSON, nullable=False),
    Column("start_at", UtcDateTime, nullable=False),
    Column("end_at", UtcDateTime),
    Column("etr_at", UtcDateTime),
    Column("etr_confidence", Text, nullable=False),
    Column("public_etr", UtcDateTime),
    Column("etr_from", UtcDateTime, comment="of a window that ends at public_etr"),
    Column("next_update_at", UtcDateTime),
    Column("restored_at", UtcDateTime),
    Column("known_how", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_seq", BigInteger),
    Column("author", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column(
        "start_wall", Text, comment="as typed, 2026-07-16T08:00: new zone rules move the instant"
    ),
    Column("end_wall", Text),
    Index(
        "ix_revision_suspected",
        "occasion_id",
        sqlite_where=text("state = 'suspected'"),
        postgresql_where=text("state = 'suspected'"),
    ),
)

scope_premise = Table(
    "scope_premise",
    metadata,
    Column("occasion_id", BigInteger, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("restored", Boolean, primary_key=True),
    Column("premise_id", BigInteger, primary_key=True),
    comment="Premises named one by one in a revision's scope or in its restored part",
)

promise = Table(
    "promise",
    metadata,
    Column("occasion_id", ForeignKey("occasion.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("etr_at", UtcDateTime, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("settled_at", UtcDateTime),
    Column("kept", Boolean),
    Column("missed_by_s", Integer),
)
