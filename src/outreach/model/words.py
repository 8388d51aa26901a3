"""The words of the field, each written once."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Channel(StrEnum):
    """A way to reach a person; one address of a person on it is a contact point."""

    SMS = "sms"
    EMAIL = "email"
    VOICE = "voice"
    SOCIAL = "social"


CHANNEL_BITS = {Channel.SMS: 1, Channel.EMAIL: 2, Channel.VOICE: 4, Channel.SOCIAL: 8}
"""Bit of each channel in `reach.channels`, the set of channels a customer can be written to on."""


class PriorityClass(StrEnum):
    """Opaque order of sending: A life support and critical, B business and priority, C the rest."""

    A = "A"
    B = "B"
    C = "C"


class Tier(IntEnum):
    """Order between steps in one lane; lower leaves first."""

    SAFETY = 0
    RESTORATION = 1
    BULK = 2


class Service(StrEnum):
    """What the company supplies; it chooses the words."""

    ELECTRICITY = "electricity"
    WATER = "water"
    GAS = "gas"
    TELECOM = "telecom"


class OccasionKind(StrEnum):
    """What people are told about."""

    OUTAGE = "outage"
    PLANNED = "planned"
    ADVISORY = "advisory"


class OccasionState(StrEnum):
    """State of an occasion at a revision."""

    SCHEDULED = "scheduled"
    SUSPECTED = "suspected"
    """Reports of customers point at it, and nobody has confirmed it: no truth yet, so told to nobody but who asks."""
    ACTIVE = "active"
    PARTIAL = "partial"
    RESTORED = "restored"
    MERGED = "merged"
    DISCARDED = "discarded"
    CANCELLED = "cancelled"
    ENDED = "ended"

    @property
    def is_open(self) -> bool:
        return self in {OccasionState.SCHEDULED, OccasionState.ACTIVE, OccasionState.PARTIAL}


class Event(StrEnum):
    """What happened to an occasion that a campaign step can answer."""

    OPENED = "opened"
    JOINED = "joined"
    STILL_UNKNOWN = "still_unknown"
    ETR_SET = "etr_set"
    ETR_LATER = "etr_later"
    ETR_EARLIER = "etr_earlier"
    ETR_WITHDRAWN = "etr_withdrawn"
    ETR_EXPIRING = "etr_expiring"
    ETR_HELD = "etr_held"
    """A smaller change was kept back, and what people were told is about to pass; no step answers to it."""
    PARTIAL = "partial"
    STILL_OUT = "still_out"
    RESTORED = "restored"
    CORRECTION = "correction"
    NOTICE = "notice"
    STARTED = "started"
    DELAYED = "delayed"
    OVERRUN = "overrun"
    MOVED = "moved"
    CANCELLED = "cancelled"
    ADVISED = "advised"
    ENDED = "ended"


class Audience(StrEnum):
    """Who of an occasion a step speaks to; told = accepted, sent, delivered, in doubt or unknown."""

    AFFECTED = "affected"
    TOLD = "told"
    JOINED = "joined"
    LEFT = "left"


class AtNight(StrEnum):
    """What a step does inside the quiet hours of the recipient's zone."""

    SEND = "send"
    HOLD = "hold"
    CLASS_A_ONLY = "class_a_only"


class RunState(StrEnum):
    """State of a campaign's run for one occasion."""

    ACTIVE = "active"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"


class StepRunState(StrEnum):
    """State of one step at one revision (a wave); nothing is sent before `frozen`."""

    FREEZING = "freezing"
    FROZEN = "frozen"


class MessageState(StrEnum):
    """State of one message; all states add up to the audience at every moment."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    UNKNOWN = "unknown"
    SUPPRESSED = "suppressed"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


_S = MessageState
_STOPPED = frozenset({_S.SUPPRESSED, _S.SUPERSEDED, _S.EXPIRED, _S.CANCELLED})

TRANSITIONS: dict[MessageState, frozenset[MessageState]] = {
    _S.QUEUED: frozenset({_S.SENDING, _S.FAILED}) | _STOPPED,
    _S.SENDING: frozenset(
        {_S.ACCEPTED, _S.SENT, _S.QUEUED, _S.FAILED, _S.IN_DOUBT, _S.DELIVERED, _S.UNDELIVERED}
    )
    | _STOPPED,
    _S.IN_DOUBT: frozenset(
        {_S.ACCEPTED, _S.SENT, _S.DELIVERED, _S.UNDELIVERED, _S.QUEUED, _S.UNKNOWN}
    )
    | _STOPPED,
    _S.ACCEPTED: frozenset(
        {_S.SENT, _S.DELIVERED, _S.UNDELIVERED, _S.FAILED, _S.UNKNOWN, _S.CANCELLED}
    ),
    _S.SENT: frozenset({_S.DELIVERED, _S.UNDELIVERED, _S.UNKNOWN}),
    _S.UNKNOWN: frozenset({_S.ACCEPTED, _S.SENT, _S.DELIVERED, _S.UNDELIVERED, _S.CANCELLED}),
    _S.DELIVERED: frozenset(),
    _S.UNDELIVERED: frozenset({_S.DELIVERED, _S.CANCELLED}),
    _S.FAILED: frozenset({_S.DELIVERED}),
    _S.SUPPRESSED: frozenset(),
    _S.SUPERSEDED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.CANCELLED: frozenset(),
}
"""Where a message may go from each state.

A late receipt may still lift `unknown`, a delivery overrules bad news, and what the provider took back
on request is `cancelled`.
"""

TOLD_STATES = frozenset({_S.ACCEPTED, _S.SENT, _S.DELIVERED, _S.IN_DOUBT, _S.UNKNOWN})
"""States in which the person was, or may have been, told."""

OPEN_STATES = frozenset({_S.QUEUED, _S.SENDING, _S.IN_DOUBT})
"""States in which we still have something to do ourselves."""


class Purpose(StrEnum):
    """Why we may write: a service notice, an emergency, or commerce (never mixed)."""

    SERVICE = "service"
    EMERGENCY = "emergency"
    COMMERCIAL = "commercial"


class Basis(StrEnum):
    """Why in law a campaign may write: GDPR art. 6, LGPD art. 7, Ley 21.719 art. 12 and 13."""

    CONTRACT = "contract"
    LEGAL_DUTY = "legal_duty"
    CONSENT = "consent"
    VITAL_INTEREST = "vital_interest"


class LeftOut(StrEnum):
    """Why an affected customer is not written to."""

    NO_CONTACT = "no_contact"
    NO_CONSENT = "no_consent"
    OPTED_OUT = "opted_out"
    SHARED_ADDRESS = "shared_address"
    TOLD_ALREADY = "told_already"
    DAILY_CAP = "daily_cap"
    OTHER_CHANNELS_ONLY = "other_channels_only"
    STILL_OUT = "still_out"
    MUTED = "muted"
    HOLDOUT = "holdout"


NOT_NOW = frozenset(
    {LeftOut.TOLD_ALREADY, LeftOut.DAILY_CAP, LeftOut.STILL_OUT, LeftOut.MUTED, LeftOut.HOLDOUT}
)
"""Reasons not to write to who could be reached: nobody has to call them for it."""


class LoadState(StrEnum):
    """State of one load of the record; an interrupted one is `merging` and goes on."""

    STAGING = "staging"
    MERGING = "merging"
    DONE = "done"
    REFUSED = "refused"


class LifeSupportState(StrEnum):
    """What an entry of the life-support register is worth today; only `valid` makes class A."""

    NONE = ""
    VALID = "valid"
    EXPIRED = "expired"
    NO_DATE = "no_date"
    BAD_DATE = "bad_date"
    FUTURE_DATE = "future_date"
    DECEASED = "deceased"
