"""Tables of who may ask and what may be kept: keys, repeated requests, personal data, rotations, restores."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)

from outreach.store.metadata import metadata
from outreach.store.types import Id, UtcDateTime

api_key = Table(
    "api_key",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True, comment="SHA-256 of the secret"),
    Column("hint", Text, nullable=False, comment="its last four characters"),
    Column("scopes", JSON, nullable=False),
    Column("per_minute", Integer, comment="requests; null: the setting's"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("last_used_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("revoked_by", Text, nullable=False, server_default=""),
    Column("replaces", BigInteger, comment="the key that it was rotated from"),
    comment="Bearer keys of machines; the secret itself is nowhere",
)

idempotent = Table(
    "idempotent",
    metadata,
    Column("key_id", BigInteger, primary_key=True, autoincrement=False, comment="0: without a key"),
    Column("key", Text, primary_key=True, comment="Idempotency-Key, as sent"),
    Column("request", LargeBinary, nullable=False, comment="SHA-256 of method, path and body"),
    Column("status", SmallInteger, comment="null: the first one is still being answered"),
    Column("content_type", Text, nullable=False, server_default=""),
    Column("body_sealed", LargeBinary),
    Column("at", UtcDateTime, nullable=False, index=True),
    comment="Answers of requests that may come again",
)

person_request = Table(
    "person_request",
    metadata,
    Column("id", Id, primary_key=True),
    Column("customer_id", BigInteger, nullable=False, index=True),
    Column("kind", Text, nullable=False, comment="export, erase, restrict, lift"),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("done_at", UtcDateTime),
    comment="What people asked of their data, and when it was done",
)

erased_ref = Table(
    "erased_ref",
    metadata,
    Column("ref_hash", LargeBinary, primary_key=True, comment="keyed: the ref itself is nowhere"),
    Column("request_id", BigInteger, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("back_at", UtcDateTime, comment="when the source was seen to name it still"),
    comment="Refs of erased people, so that a load that brings one back says so",
)

rotation = Table(
    "rotation",
    metadata,
    Column("kind", Text, primary_key=True, comment="encryption, lookup"),
    Column("to_key", Integer, primary_key=True, autoincrement=False),
    Column("at_table", Text, nullable=False, server_default="", comment="how far it has come"),
    Column("at_id", BigInteger, nullable=False, server_default="0"),
    Column("rows", BigInteger, nullable=False, server_default="0"),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    comment="Keys that are being replaced, row by row",
)

restore = Table(
    "restore",
    metadata,
    Column("id", Id, primary_key=True),
    Column("backup_at", UtcDateTime, nullable=False, comment="what the copy knew"),
    Column("restored_at", UtcDateTime, nullable=False),
    Column("restored_by", Text, nullable=False),
    Column("in_doubt", Integer, nullable=False, comment="messages that may have left since"),
    comment="Copies that were put back; what was open in them is never sent again by itself",
)
