"""The facts of one notice: what a text, a sentence or a page may say, before any words are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from outreach.model.words import OccasionKind, OccasionState, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How the company names itself and where it sends people; from its settings."""

    sender: str
    company: str
    link: str
    phone: str
    priority_line: str
    emergency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Raw facts of one (revision, area); instants are aware UTC, `zone` is where they are read out."""

    kind: OccasionKind
    state: OccasionState
    service: Service
    area: str
    """The recipient's locality, or the area of the whole occasion."""
    zone: str
    start_at: datetime
    as_of: datetime
    """When this truth was recorded."""
    not_after: datetime | None = None
    """Until when the text may be read: weekday and date are left out only if it is today's."""
    end_at: datetime | None = None
    etr_at: datetime | None = None
    """The public, rounded estimate; never a past one."""
    etr_from: datetime | None = None
    """Begin of a window that ends at etr_at: "between 08:00 and 10:00"."""
    etr_confidence: str = "medium"
    old_etr_at: datetime | None = None
    old_start_at: datetime | None = None
    old_end_at: datetime | None = None
    next_update_at: datetime | None = None
    restored_at: datetime | None = None
    cause: str = ""
    fact: str = ""
    """Advisory text, or what is correct in a correction."""
    sent_at: datetime | None = None
    """When the notice that a correction corrects was sent."""
    customers: int = 0
    """Affected customers, for speech (two significant digits, none below 50)."""
    two_way: bool = False
    """Whether the lane can receive an answer; texts ask for replies only then."""
    is_danger: bool = False
    """It puts people in danger: said first; for speech."""
    told_at: datetime | None = None
    """When whoever listens was written to about this; for speech."""
    unchanged_since: datetime | None = None
    """As of when whoever listens heard just this before; for speech."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A sentence for the ear: words only, SSML with speak, s, p, break; seconds by the speech model."""

    text: str
    ssml: str
    seconds: float


Texts = dict[str, dict[str, dict[str, str]]]
"""template -> locale -> file name (sms.txt, email.subject.txt, …) -> text; what a launch pins."""
