"""Every table of outreach, in the order of the way of the data."""

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
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from outreach.store.types import Id, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# ── The installation ─────────────────────────────────────────────────────────────────────────

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

# ── The record ───────────────────────────────────────────────────────────────────────────────

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

# ── Truth ────────────────────────────────────────────────────────────────────────────────────

occasion = Table(
    "occasion",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("source_ref", Text, unique=True),
    Column("zone", Text, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("version", Integer, nullable=False),
    Column("open", Boolean, nullable=False, index=True),
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
    Column("next_update_at", UtcDateTime),
    Column("restored_at", UtcDateTime),
    Column("known_how", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_seq", BigInteger),
    Column("author", Text, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False),
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

# ── Campaigns ────────────────────────────────────────────────────────────────────────────────

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
    Column("seed", LargeBinary, nullable=False),
    Column("seed_hash", Text, nullable=False),
    Column("launched_by", Text, nullable=False),
    Column("launched_at", UtcDateTime, nullable=False),
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
    Column("superseded_at", UtcDateTime, comment="a newer revision overtook it: nothing more leaves"),
    Column(
        "cancelled_classes",
        Text,
        nullable=False,
        server_default="",
        comment="classes taken back, as in `BC`",
    ),
    Column("slice_from", Integer, nullable=False, comment="tree order from which freezing goes on"),
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
    Index(
        "ix_due_waiting",
        "at",
        sqlite_where=text("done_at IS NULL"),
        postgresql_where=text("done_at IS NULL"),
    ),
    UniqueConstraint("occasion_id", "what", "step", "at"),
)

# ── The ledger ───────────────────────────────────────────────────────────────────────────────

_SENDING = text("state = 'sending'")
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
)

# ── Feedback ─────────────────────────────────────────────────────────────────────────────────

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
