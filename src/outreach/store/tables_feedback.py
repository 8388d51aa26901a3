"""Tables of what comes back: calls and directives."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)

from outreach.store.metadata import metadata
from outreach.store.types import UtcDateTime

call = Table(
    "call",
    metadata,
    Column("call_id", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("address_hash", LargeBinary, comment="null: hidden or unreadable caller"),
    Column("known", Boolean, nullable=False, comment="the caller is a contact point of a customer"),
    Column("dnis", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("contained", Boolean, nullable=False),
    Column("abandoned", Boolean, nullable=False),
    Column("wait_s", Integer),
    Column("talk_s", Integer),
    Column("source", Text, nullable=False),
    Column(
        "kind", Text, nullable=False, server_default="call", comment="call, chat, message, click"
    ),
    Column("wrap_up", Text, nullable=False, server_default=""),
    Column(
        "known_to",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="how much of it is known: a later record never takes back what an earlier one said",
    ),
    Column(
        "told",
        Text,
        nullable=False,
        server_default="",
        comment="facts that a record later than `at` told: name:microseconds",
    ),
    Index("ix_call_address_hash", "address_hash"),
)

directive = Table(
    "directive",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("scope_key", Text, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("on", Boolean, nullable=False),
    Column("state_since", UtcDateTime, nullable=False),
    Column("confirmations", SmallInteger, nullable=False),
    Column("body", JSON, nullable=False),
    Column("evidence_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
)
