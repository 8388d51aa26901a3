"""Tables at work while the record is kept up: what a load has read, what it touches, counts made beforehand."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)

from outreach.store.metadata import metadata
from outreach.store.tables_record import FOREVER
from outreach.store.types import Id, TreeOrder

stage_account = Table(
    "stage_account",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("record", Integer, nullable=False),
    Column("day", Date, comment="of the row; the newest of one ref wins"),
    Column("source_hash", BigInteger, nullable=False),
    Column("customer_key", Text, nullable=False),
    Column("customer_type", Text, nullable=False),
    Column("priority", Text, nullable=False),
    Column("priority_expired", Boolean, nullable=False),
    Column("base_priority", Text, nullable=False),
    Column("life_support", Text, nullable=False),
    Column("life_support_on", Date),
    Column("life_support_until", Date),
    Column("body_sealed", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
    comment="Accounts read and not yet merged: new or changed ones only",
)

stage_premise = Table(
    "stage_premise",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("record", Integer, nullable=False),
    Column("day", Date),
    Column("source_hash", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("occupant", Text, nullable=False),
    Column("transformer", Text, nullable=False),
    Column("locality", Text, nullable=False),
    Column("postal_code", Text, nullable=False),
    Column("street_sealed", LargeBinary, nullable=False),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("zone", Text, nullable=False),
    sqlite_with_rowid=False,
    comment="Premises read and not yet merged: new or changed ones only",
)

stage_gone = Table(
    "stage_gone",
    metadata,
    Column("entity", Text, primary_key=True, comment="account | premise"),
    Column("id", BigInteger, primary_key=True),
    sqlite_with_rowid=False,
    comment="What a full load did not name any more: closed when it is merged",
)

supply_wanted = Table(
    "supply_wanted",
    metadata,
    Column("account_ref", Text, primary_key=True),
    Column("premise_id", BigInteger, primary_key=True),
    Column("role", Text, nullable=False),
    sqlite_with_rowid=False,
    comment="Premises that name an account nobody knows yet: linked on the day it comes",
)

touched_customer = Table(
    "touched_customer",
    metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    comment="Household and reach of these are not yet as the record says",
)

touched_premise = Table(
    "touched_premise",
    metadata,
    Column("premise_id", BigInteger, primary_key=True),
    Column("tree_order", TreeOrder, primary_key=True, comment="where it stands or stood"),
    sqlite_with_rowid=False,
    comment="Reach of these is not yet as the record says",
)

headcount = Table(
    "headcount",
    metadata,
    Column(
        "level", SmallInteger, primary_key=True, comment="0: one tree order; 1: a block of them"
    ),
    Column("place", TreeOrder, primary_key=True),
    Column("family", SmallInteger, primary_key=True, comment="what is counted: store.headcounts"),
    Column("bucket", Integer, primary_key=True),
    Column("since", Integer, primary_key=True),
    Column("until", Integer, nullable=False, server_default=str(FOREVER)),
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
    comment="Occurrences a place: sums over a range without reading reach",
)

recurrence = Table(
    "recurrence",
    metadata,
    Column("family", SmallInteger, primary_key=True),
    Column("tree_order", TreeOrder, primary_key=True),
    Column("earlier", TreeOrder, primary_key=True, comment="the same one's place before this"),
    Column("entity", BigInteger, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("since", Integer, primary_key=True),
    Column("until", Integer, nullable=False, server_default=str(FOREVER)),
    Index("ix_recurrence_entity", "entity", "family"),
    Index("ix_recurrence_earlier", "earlier"),
    sqlite_with_rowid=False,
    comment="Who occurs at several places: what makes sums of headcounts distinct",
)

area = Table(
    "area",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("shape", JSON, nullable=False, comment="GeoJSON polygon, or centre and radius"),
)

area_premise = Table(
    "area_premise",
    metadata,
    Column("area_id", BigInteger, primary_key=True),
    Column("premise_id", BigInteger, primary_key=True),
    sqlite_with_rowid=False,
    comment="Premises inside an area, looked up once and asked ever after",
)
