"""What people write back to us, and what it was read as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Meaning(StrEnum):
    """What a reply asks of us; `UNSURE` is for a person to read, never a guess."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    HELP = "help"
    STATUS = "status"
    OUT = "out"
    """Without service, or with bad service."""
    STILL_OUT = "still_out"
    """Without service yet: of an outage that is known, or after our word that it is back."""
    FINE = "fine"
    """Service is back."""
    CHOICE = "choice"
    """A number that answers an open dialogue; alone it means nothing."""
    THANKS = "thanks"
    AUTOMATIC = "automatic"
    """A machine wrote it: an absence, a receipt of reading, a list."""
    BOUNCE = "bounce"
    EMPTY = "empty"
    UNSURE = "unsure"


class Asks(StrEnum):
    """What an open dialogue asked; an answer is read in its light."""

    WHICH_PREMISE = "which_premise"
    STILL_OUT = "still_out"
    BACKUP = "backup"
    """Asked of class A: have you backup? Yes is choice 1, no is choice 2."""


class Origin(StrEnum):
    """Whether a text is from the address that it names."""

    PROVEN = "proven"
    """By its domain's signature or servers, or by a token that only this address was sent."""
    FORGED = "forged"
    """Its domain disowns it. A forwarder may have broken an honest one, so a person reads it."""
    UNKNOWN = "unknown"
    """Nobody has said anything of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one text says.

    `choice` is set with `CHOICE` alone. `locale` is `es`, `pt` or `en` where the words tell,
    else None. `matched` is our own word or phrase that decided (`baja`, `sin luz`), never the text.
    `urgent`, beside any meaning: a fallen wire, fire, life support; a person reads it at once.
    `partly`, of a report: a phase or the voltage is missing, not all supply.
    """

    meaning: Meaning
    choice: int | None = None
    locale: str | None = None
    matched: str = ""
    urgent: bool = False
    partly: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundReply:
    """One text that came in, as its provider gave it; personal, so nothing of it is in its repr.

    `channel` is sms, whatsapp or email. `address` is who wrote, normalised (E.164, or lower-case
    mail); `to` is ours. `headers` have lower-case names. `raw` is the whole e-mail where the
    provider gives it: bounces are read from its parts. `in_reply_to` is a Message-ID or a
    provider's own number.
    """

    channel: str
    provider: str
    provider_ref: str
    address: str = field(repr=False)
    to: str
    subject: str = field(default="", repr=False)
    body: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    at: datetime
    in_reply_to: str | None = None
    message_id: str = field(default="", repr=False)
    """An e-mail's own, angle brackets included; empty: it has none that could be answered."""
    raw: bytes = field(default=b"", repr=False)
    origin: Origin = Origin.UNKNOWN
    """As the server that took the e-mail in found it; texts are proven by their carrier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """One address that could not be delivered to, or whose owner complained.

    `status` is the enhanced code (`5.1.1`, RFC 3463) or empty. Only `is_permanent` may suppress:
    the mailbox does not exist. A full mailbox or a refusal of content is not the address's fault.
    """

    address: str = field(repr=False)
    status: str = ""
    is_permanent: bool = False
    is_complaint: bool = False
    in_reply_to: str | None = None
    """The Message-ID of what bounced, where the report carries it."""
