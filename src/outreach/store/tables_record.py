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
    false,
    text,
)

from outreach.store.metadata import metadata
from outreach.store.types import Id, TreeOrder, UtcDateTime

record_load = Table(
    "record_load",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source", Text, nullable=False),
    Column("loaded_at", UtcDateTime, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("state", Text, nullable=False, server_default="done", comment="model.words.LoadState"),
    Column("mode", Text, nullable=False, server_default="full", comment="full | delta"),
    Column("phase", Text, nullable=False, server_default="", comment="where merging goes on"),
    Column(
        "fingerprint", Text, nullable=False, server_default="", comment="of mapping and sources"
    ),
)

record_state = Table(
    "record_state",
    metadata,
    Column("id", Integer, primary_key=True, comment="always 1"),
    Column("generation", Integer, nullable=False, comment="rows of reach are seen by it"),
    Column("counted", Boolean, nullable=False, comment="headcounts agree with this generation"),
    comment="One update of one row makes a whole load visible",
)

record_source = Table(
    "record_source",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True, comment="file, or database and entity"),
    Column(
        "watermark", Text, nullable=False, server_default="", comment="delta: changed up to here"
    ),
    Column("read_at", UtcDateTime, comment="when it was last read to its end"),
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
    Column(
        "base_priority", Text, nullable=False, server_default="C", comment="without the register"
    ),
    Column("life_support", Text, nullable=False, server_default="", comment="state of its entry"),
    Column("life_support_on", Date, comment="registered or last confirmed"),
    Column("life_support_until", Date, comment="last valid day; null: none, or for ever"),
    Column("updated_on", Date),
    Column("closed_at", UtcDateTime),
    Column("source_id", Integer),
    Column("source_record", Integer, comment="record number in that source"),
    Column("source_hash", BigInteger, comment="of the row as read: unchanged rows touch nothing"),
    Column("loaded_at", UtcDateTime, comment="when this row last changed"),
    Column("body_sealed", LargeBinary, comment="name, speech and contacts as read: record.bodies"),
    Index(
        "ix_account_life_support",
        "life_support",
        postgresql_where=text("life_support <> ''"),
        sqlite_where=text("life_support <> ''"),
    ),
)

customer_tag = Table(
    "customer_tag",
    metadata,
    Column("tag", Text, primary_key=True),
    Column("customer_id", BigInteger, primary_key=True, index=True),
)

network_node = Table(
    "network_node",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("parent_ref", Text),
    Column("tree_order", TreeOrder, nullable=False, index=True),
    Column("tree_last", TreeOrder, nullable=False),
)

network_edge = Table(
    "network_edge",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("node_a", Text, nullable=False),
    Column("node_b", Text, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("normally_open", Boolean, nullable=False, server_default=false(), comment="as planned"),
)

premise = Table(
    "premise",
    metadata,
    Column("id", Id, primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("transformer", Text, nullable=False),
    Column("tree_order", TreeOrder, nullable=False, index=True, comment="-1: not on the network"),
    Column("locality", Text, nullable=False, index=True),
    Column("postal_code", Text, nullable=False, server_default="", index=True),
    Column("street_sealed", LargeBinary, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("zone", Text, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("holder", Text, nullable=False, server_default="", comment="account ref as read"),
    Column("occupant", Text, nullable=False, server_default=""),
    Column("updated_on", Date),
    Column("source_id", Integer),
    Column("source_record", Integer),
    Column("source_hash", BigInteger),
    Column("loaded_at", UtcDateTime, comment="when this row last changed"),
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
    Index(
        "ix_contact_point_bad",
        "bad_since",
        postgresql_where=text("bad_since IS NOT NULL"),
        sqlite_where=text("bad_since IS NOT NULL"),
    ),
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

FOREVER = 2147483647
"""The generation until which a row of reach holds that nothing has ended."""

reach = Table(
    "reach",
    metadata,
    Column("tree_order", TreeOrder, primary_key=True, comment="-1: not on the network"),
    Column("contact_point_id", BigInteger, primary_key=True, comment="0: nothing to write to"),
    Column("premise_id", BigInteger, primary_key=True),
    Column("customer_id", BigInteger, primary_key=True),
    Column("since", Integer, primary_key=True, server_default="0", comment="generation, inclusive"),
    Column("until", Integer, nullable=False, server_default=str(FOREVER), comment="exclusive"),
    Column("household_id", BigInteger, nullable=False),
    Column("household", Text, nullable=False),
    Column("priority", Text, nullable=False, comment="of this premise for this customer"),
    Column("expired", Boolean, nullable=False, server_default=false(), comment="register lapsed"),
    Column("channel", Text, nullable=False, comment="empty: nothing to write to"),
    Column("channels", SmallInteger, nullable=False, comment="bits of all the customer has"),
    Column("preferred", Text, nullable=False),
    Column("locale", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("locality", Text, nullable=False, index=True),
    Column("country", Text, nullable=False),
    comment="Everybody under each node, one row a contactable point: asking is one range",
    sqlite_with_rowid=False,
)
