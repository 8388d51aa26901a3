"""Tables of people in control: approvals, contact lists, and what the installation knows of itself."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from outreach.store.metadata import metadata
from outreach.store.types import Id, UtcDateTime

approval = Table(
    "approval",
    metadata,
    Column("id", Id, primary_key=True),
    Column("occasion_id", BigInteger, nullable=False, index=True),
    Column("campaign", Text, nullable=False),
    Column("pinned", ForeignKey("pinned.digest"), nullable=False, comment="what it binds"),
    Column("author", Text, nullable=False),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("audience", Integer, nullable=False, comment="customers, as they were shown"),
    Column("approver", Text, nullable=False, server_default=""),
    Column("approved_at", UtcDateTime),
    Column("emergency", Text, nullable=False, server_default="", comment="reason without a second"),
    Column("used_at", UtcDateTime),
    Column("void_at", UtcDateTime),
    Column("void_reason", Text, nullable=False, server_default=""),
    comment="Who asked for a launch and who allowed it; text bound by its hash",
)

stakeholder = Table(
    "stakeholder",
    metadata,
    Column("id", Id, primary_key=True),
    Column("list", Text, nullable=False, comment="municipality, regulator, press, hospital, duty"),
    Column("name", Text, nullable=False),
    Column("locality", Text, nullable=False, comment="only for what touches it; empty: all"),
    Column("contact_point_id", BigInteger, nullable=False),
    Column("locale", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    Column("removed_at", UtcDateTime),
    UniqueConstraint("list", "contact_point_id", "locality"),
    comment="Contact lists beside the customers",
)

known = Table(
    "known",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    comment="What the installation last saw of its surroundings, as the release of the zone rules",
)
