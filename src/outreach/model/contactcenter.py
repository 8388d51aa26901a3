"""What the contact center hears from us: answers for callers, directives for routing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


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
