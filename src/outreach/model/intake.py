"""What other systems say of outages, before anything of it is believed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from outreach.model.words import Event


class MessageKind(StrEnum):
    """What a message of an outage system says; each brings whole new values of the fields it names."""

    CREATED = "created"
    SCOPE = "scope"
    ETR = "etr"
    CREW = "crew"
    CAUSE = "cause"
    PARTIAL = "partial"
    MERGED = "merged"
    RESTORED = "restored"
    REOPENED = "reopened"
    DISCARDED = "discarded"
    STANDS = "stands"
    """How the outage stands now, whole: opens it where it is new, ends it where it is over."""
    SNAPSHOT = "snapshot"
    """The outages that the feed lists now. Absence is not restoration."""


class OutageFields(TypedDict, total=False):
    """The named fields of a message; one that is absent stays as it is, None takes a value back.

    Instants are aware. Refs of nodes and premises are those of the record.
    """

    start: datetime
    nodes: tuple[str, ...]
    premises: tuple[str, ...]
    accounts: tuple[str, ...]
    """All premises of these accounts."""
    localities: tuple[str, ...]
    postal_codes: tuple[str, ...]
    adds: bool
    """The places named are added to what is known, instead of taking its place."""
    etr: datetime | None
    etr_confidence: str
    crew: str
    cause: str
    parent: str
    """The outage that this one is nested in."""
    restored_nodes: tuple[str, ...]
    restored_premises: tuple[str, ...]
    restored_at: datetime
    into: str
    reason: str
    discarded: bool
    active: tuple[str, ...]
    """Of a snapshot: the outages that are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutageMessage:
    """One message of a feed about one outage."""

    event_key: str
    """Identity of the message: a repeated delivery repeats it."""
    seq: int | None = None
    """Sequence of the source, rising per outage; None where it has none."""
    outage_ref: str = ""
    kind: MessageKind
    at: datetime | None = None
    """When the source says that it happened."""
    received_at: datetime | None = None
    """When the recorder of the feed wrote it down."""
    fields: OutageFields = field(default_factory=OutageFields)
    content: str = ""
    """Hash of everything but identity and arrival: tells a repeat from a contradiction."""
    place: str = ""
    """Where it stands: `line 47`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A message that could not be read; the others of its file were."""

    place: str
    reason: str
    """`malformed_line`, `unknown_type` or another word of the reader's."""
    detail: str = ""
    """What is wrong and what to do; nothing personal."""
    outage_ref: str = ""
    seq: int | None = None


class Outcome(StrEnum):
    """What became of a message."""

    APPLIED = "applied"
    CREW_ONLY = "applied_crew_only"
    """Noted; a revision does not name the crew."""
    NO_CHANGE = "no_change"
    SNAPSHOT = "snapshot"
    DUPLICATE_EVENT = "duplicate_event_id"
    DUPLICATE_SEQUENCE = "duplicate_sequence_same_content"
    STALE = "stale_sequence"
    UNKNOWN_OUTAGE = "unknown_outage"
    CLOSED = "closed_outage"
    REFUSED = "refused"
    """One of our own guards said no; the reason stands beside it."""
    MALFORMED = "malformed_line"
    UNKNOWN_TYPE = "unknown_type"
    UNREADABLE = "unreadable"
    ASKED = "asked"
    """A person has to look at it first."""


ACCEPTED = frozenset({Outcome.APPLIED, Outcome.CREW_ONLY, Outcome.NO_CHANGE, Outcome.CLOSED})
"""Outcomes after which the sequence of the outage has moved on."""
KNOWN = ACCEPTED | {Outcome.SNAPSHOT}
"""Outcomes after which the message's identity is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplied:
    """A message that changed nothing, and why."""

    place: str
    outcome: Outcome
    outage_ref: str = ""
    seq: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A list that leaves out more open outages than can be believed."""

    place: str
    open: int
    missing: int


@dataclass(slots=True, kw_only=True)
class Taken:
    """What a batch of messages did, counted by outcome."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    told: Counter[Event] = field(default_factory=Counter)
    """What it gave people to hear, by event."""
    not_applied: list[NotApplied] = field(default_factory=list)
    halved: list[Missing] = field(default_factory=list)

    @property
    def messages(self) -> int:
        return self.counts.total()
