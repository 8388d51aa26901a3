"""Tables of the system of record: customers, premises, contact points, network, reach."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from outreach.store.metadata import metadata
from outreach.store.types import Id, UtcDateTime

record_load = Table(
    "record_load",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", Text, nullable=False),
    Column("loaded_at", UtcDateTime, nullable=False),
    Column("counts", JSON, nullable=False),
)

household = Table(
    "household",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
)

customer = Table(
    "customer",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("household_id", ForeignKey("household.id"), nullable=False, index=True),
    Column("name_sealed", LargeBinary, nullable=False),
    Column("locale", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("preferred", Text),
    Column("loaded_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
)

account = Table(
    "account",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("customer_id", ForeignKey("customer.id"), nullable=False, index=True),
    Column("customer_type", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("priority_expired", Boolean, nullable=False),
    Column("updated_on", Date),
    Column("closed_at", UtcDateTime),
)

network_node = Table(
    "network_node",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("parent_ref", Text),
    Column("tree_order", Integer, nullable=False, index=True),
    Column("tree_last", Integer, nullable=False),
)

network_edge = Table(
    "network_edge",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("node_a", Text, nullable=False),
    Column("node_b", Text, nullable=False),
    Column("open", Boolean, nullable=False),
)

premise = Table(
    "premise",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("transformer", Text, nullable=False),
    Column("tree_order", Integer, nullable=False, index=True, comment="-1: not on the network"),
    Column("locality", Text, nullable=False, index=True),
    Column("street_sealed", LargeBinary, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("zone", Text, nullable=False),
    Column("closed_at", UtcDateTime),
)

supply = Table(
    "supply",
    metadata,
    Column("premise_id", ForeignKey("premise.id"), primary_key=True),
    Column("account_id", ForeignKey("account.id"), primary_key=True, index=True),
    Column("role", Text, nullable=False),
)

contact_point = Table(
    "contact_point",
    metadata,
    Column("id", Id, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("address_hash", LargeBinary, nullable=False),
    Column("address_sealed", LargeBinary, nullable=False),
    Column("country", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("customers", Integer, nullable=False, comment="how many hold it; many: joins nobody"),
    Column("bad_since", UtcDateTime, comment="a receipt said: no such number or mailbox"),
    UniqueConstraint("channel", "address_hash"),
    Index("ix_contact_point_address_hash", "address_hash"),
)

customer_contact = Table(
    "customer_contact",
    metadata,
    Column("customer_id", ForeignKey("customer.id"), primary_key=True),
    Column("contact_point_id", ForeignKey("contact_point.id"), primary_key=True, index=True),
    Column("purpose", Text, primary_key=True),
    Column("consent", Boolean, comment="null: not given"),
    Column("usable", Boolean, nullable=False),
    Column("basis", Text, nullable=False),
    Column("loaded_at", UtcDateTime, nullable=False),
)

suppression = Table(
    "suppression",
    metadata,
    Column("address_hash", LargeBinary, primary_key=True),
    Column("channel", Text, primary_key=True, comment="* for every channel"),
    Column("purpose", Text, primary_key=True, comment="* for every purpose"),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    comment="Apart from the record on purpose: an import never touches it",
)

reach = Table(
    "reach",
    metadata,
    Column("tree_order", Integer, primary_key=True, comment="-1: not on the network"),
    Column("contact_point_id", BigInteger, primary_key=True),
    Column("premise_id", BigInteger, primary_key=True),
    Column("customer_id", BigInteger, primary_key=True),
    Column("household_id", BigInteger, nullable=False),
    Column("household", Text, nullable=False),
    Column("priority", Text, nullable=False, comment="of this premise for this customer"),
    Column("channel", Text, nullable=False),
    Column("channels", SmallInteger, nullable=False, comment="bits of all the customer has"),
    Column("preferred", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("locality", Text, nullable=False, index=True),
    Column("country", Text, nullable=False),
    comment="Contactable points under each node, in tree order: asking is one range",
    sqlite_with_rowid=False,
)
