"""What the contact center hears from us: answers for callers, directives for routing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from outreach.model.occasion import Occasion


class AnswerStatus(StrEnum):
    """What is true for this caller."""

    NONE = "none"
    KNOWN = "known"
    INVESTIGATING = "investigating"
    ETR = "etr"
    RESTORED = "restored"
    PLANNED = "planned"
    STALE = "stale"


class Match(StrEnum):
    """How the caller was recognised; ANI is a hint that can be forged."""

    ACCOUNT = "account"
    ANI = "ani"
    POSTAL = "postal"
    ZONE = "zone"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrAnswer:
    """The current truth for one caller, composed for speech; past expires_at it is not spoken."""

    status: AnswerStatus
    match: Match
    outage_id: str
    zone_name: str
    text: str
    text_ssml: str
    seconds: float
    as_of: datetime
    max_age_s: int
    etr_iso: str
    etr_confidence: str
    affected_band: str
    priority: str
    offer_callback: bool
    offer_sms_link: bool
    wait_band: str
    skip_upfront: bool
    generation: int
    expires_at: datetime
    locale: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerPremise:
    """One supply of a caller, as far as an answer needs it: nothing of it is ever spoken but the locality."""

    premise_id: int
    tree_order: int
    """-1: not on the network."""
    locality: str
    zone: str
    priority: str
    locale: str
    customer_id: int
    customer_type: str
    postal_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One side of a scope, held in memory; areas are spans where all of a place lies inside, else ids."""

    spans: tuple[tuple[int, int], ...] = ()
    localities: frozenset[str] = frozenset()
    premise_ids: frozenset[int] = frozenset()
    postal_codes: frozenset[str] = frozenset()
    less: Part | None = None

    def covers(self, premise: CallerPremise) -> bool:
        held = (
            premise.locality in self.localities
            or premise.premise_id in self.premise_ids
            or (bool(premise.postal_code) and premise.postal_code in self.postal_codes)
            or any(low <= premise.tree_order <= high for low, high in self.spans)
        )
        return held and not (self.less is not None and self.less.covers(premise))


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTruth:
    """The newest revision of one occasion with whom it touches, as the web process holds it."""

    shown_id: str
    """What people and machines call it, such as `out_7kq2m4xa`."""
    occasion: Occasion
    scope: Part
    """Everything it ever named; what is still out is this less `back`."""
    back: Part = Part()
    areas: tuple[str, ...] = ()
    """Localities it touches, most premises first."""
    customers: int = 0
    is_feed: bool = False
    heartbeat_at: datetime | None = None
    """When the feed last spoke; None for what a person keeps."""


class DirectiveKind(StrEnum):
    """Kinds of deflection.md section 11 that exist by now."""

    IVR_UPFRONT = "ivr_upfront"
    WAIT_ANNOUNCEMENT = "wait_announcement"
    DIGITAL_SHIFT = "digital_shift"
    PRIORITY_QUEUE = "priority_queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Directive:
    """One instruction to the contact center; absent or expired means its own default flow."""

    id: str
    kind: DirectiveKind
    scope: dict[str, Any]
    priority: int
    params: dict[str, Any]
    state_since: datetime
    issued_at: datetime
    expires_at: datetime
    reason: dict[str, Any]
    evidence: dict[str, Any]
    approved_by: str
    sig: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveState:
    """What a directive remembers between two minutes, on or off."""

    kind: DirectiveKind
    scope_key: str
    """The queue, or the shown id of the outage."""
    generation: int
    on: bool
    state_since: datetime
    confirmations: int = 0
    """Minutes in a row whose evidence wanted the other state."""
    evidence_at: datetime
    expires_at: datetime | None = None
    directive: Directive | None = None
    """As signed; None while off."""
