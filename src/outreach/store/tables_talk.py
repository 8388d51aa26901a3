"""Tables of talking back: replies, what was asked back, cases, consent given and taken back, preferences."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from outreach.store.metadata import metadata
from outreach.store.types import Id, UtcDateTime

_UNSETTLED = text("settled_at IS NULL")
_OPEN = text("closed_at IS NULL")
_UNENDED = text("ended_at IS NULL")

reply = Table(
    "reply",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("channel", Text, nullable=False, comment="sms, whatsapp, email"),
    Column("provider", Text, nullable=False),
    Column("provider_ref", Text, nullable=False, comment="the provider's own number of it"),
    Column("address_hash", LargeBinary, nullable=False),
    Column("address_sealed", LargeBinary, nullable=False),
    Column("body_sealed", LargeBinary, nullable=False),
    Column("customer_id", BigInteger, comment="null: a stranger, or an address of many"),
    Column("message_id", BigInteger, comment="what it answers; null: nothing that we sent"),
    Column("occasion_id", BigInteger),
    Column("locale", Text, nullable=False),
    Column("meaning", Text, nullable=False, comment="what was read: opt_out, out, status, unsure"),
    Column("outcome", Text, nullable=False, comment="what we did"),
    Column("answered", Text, nullable=False, server_default="", comment="which text answered it"),
    Column("settled_at", UtcDateTime, comment="when it was acted upon"),
    UniqueConstraint("provider", "provider_ref"),
    Index("ix_reply_address", "address_hash", "at"),
    Index("ix_reply_message", "message_id"),
    Index("ix_reply_at", "at"),
    Index(
        "ix_reply_unsettled", "at", sqlite_where=_UNSETTLED, postgresql_where=_UNSETTLED
    ),
    comment="Everything people wrote to us, and what became of it",
)  # fmt: skip

dialogue = Table(
    "dialogue",
    metadata,
    Column("address_hash", LargeBinary, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("asks", Text, nullable=False, comment="which_premise, still_out"),
    Column("options", JSON, nullable=False, comment="number as text -> what it stands for"),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    comment="The question that a person's next word answers; one at a time",
)

desk_case = Table(
    "desk_case",
    metadata,
    Column("id", Id, primary_key=True),
    Column("reply_id", ForeignKey("reply.id"), nullable=False, unique=True),
    Column("kind", Text, nullable=False, comment="unsure, unknown_sender, complaint, help"),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("closed_by", Text, nullable=False, server_default=""),
    Column("outcome", Text, nullable=False, server_default=""),
    Index("ix_desk_case_open", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
    comment="What a person has to read, for no rule could",
)

answer_mail = Table(
    "answer_mail",
    metadata,
    Column("reply_id", ForeignKey("reply.id"), primary_key=True, autoincrement=False),
    Column(
        "body_sealed", LargeBinary, comment="what it answers, subject, text; null once it has ended"
    ),
    Column("state", Text, nullable=False, comment="waiting, sending, sent, refused, unknown, late"),
    Column("next_at", UtcDateTime, nullable=False, comment="when it may leave; since when it does"),
    Column("kept_at", UtcDateTime, nullable=False),
    Column("lane", Text),
    Column("provider_ref", Text),
    Column("ended_at", UtcDateTime),
    Index("ix_answer_mail_open", "next_at", sqlite_where=_UNENDED, postgresql_where=_UNENDED),
    comment="Our answers to e-mails, on their way",
)

consent_change = Table(
    "consent_change",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("address_hash", LargeBinary, nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("gave", Boolean, nullable=False, comment="false: taken back"),
    Column("via", Text, nullable=False, comment="reply, page, one_click, provider, staff"),
    Column("reply_id", BigInteger),
    Column("said_by", Text, nullable=False, server_default=""),
    comment="Every yes and no to being written to, in order; suppression holds what follows",
)

preference = Table(
    "preference",
    metadata,
    Column("customer_id", BigInteger, primary_key=True, autoincrement=False),
    Column("locale", Text, comment="null: as the record says"),
    Column("quiet_from", SmallInteger, comment="minute of the local day"),
    Column("quiet_until", SmallInteger, comment="minute of the local day"),
    Column("changed_at", UtcDateTime, nullable=False),
    comment="What a person chose on the page; an import never touches it",
)
