"""What the contact center hears from us: answers for callers, directives for routing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from outreach.model.occasion import Occasion
from outreach.model.storm import Statement


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
    offer_report: bool = False
    """Press 2: it was said to be back, and the caller can say that it is not."""
    safety: str = ""
    """Said before everything else: the key that leads to a person who takes dangers."""
    menu: str = ""
    """Said after the sentence: which key does what."""


class CallerPremise(NamedTuple):
    """One supply of a caller, as far as an answer needs it: nothing of it is ever spoken but the locality.

    A tuple, and in the order in which `store.ivr` reads it: made for each call, at a fifth of a frozen dataclass.
    """

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
    takes_sms: bool = False
    """The number that called is one of the customer's that we text."""


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
    texts: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Language -> an advisory's text, where its source brought several."""
    statement: Statement | None = None
    """The newest word of the open event that it belongs to."""


class DirectiveKind(StrEnum):
    """What a contact center can be asked to do."""

    IVR_UPFRONT = "ivr_upfront"
    """Tell the outage before the menu."""
    WAIT_ANNOUNCEMENT = "wait_announcement"
    CALLBACK_OFFER = "callback_offer"
    DIGITAL_SHIFT = "digital_shift"
    """Offer the link by SMS to who presses 1."""
    OVERFLOW_QUEUE = "overflow_queue"
    PRIORITY_QUEUE = "priority_queue"
    SKILL_CALM = "skill_calm"
    """Prefer agents who calm people down."""
    CAMPAIGN_PACE = "campaign_pace"
    """Our own sending, slowed or paused while it brings calls."""


class DirectiveMode(StrEnum):
    """How a document is meant."""

    LIVE = "live"
    SHADOW = "shadow"
    """Consumers log what they would do, and do nothing."""
    STALE = "stale"
    """Nobody decides now; what holds runs out by itself."""


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
    heard: dict[str, Any] = field(default_factory=dict)
    """What was last heard, in the form of a directive's reason, with `lacks`: what is missing to switch."""
