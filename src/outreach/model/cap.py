"""An alert of the Common Alerting Protocol, as it is exchanged: immutable, known by sender, identifier and sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

Corner = tuple[float, float]
"""(latitude, longitude), WGS 84: the order of CAP, the other way round than GeoJSON."""
Pair = tuple[str, str]
"""(valueName, value)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An earlier alert, as Update and Cancel name it; `sent` as written, it is part of the identity."""

    sender: str
    identifier: str
    sent: str

    def __str__(self) -> str:
        return f"{self.sender},{self.identifier},{self.sent}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CapArea:
    """Where: the union of its shapes and codes; a description alone places nobody."""

    description: str
    polygons: tuple[tuple[Corner, ...], ...] = ()
    """Each closed: the last corner is the first."""
    circles: tuple[tuple[Corner, float], ...] = ()
    """Centre and radius in km."""
    geocodes: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CapInfo:
    """What is said, in one language."""

    language: str = "en-US"
    categories: tuple[str, ...]
    event: str
    responses: tuple[str, ...] = ()
    urgency: str
    severity: str
    certainty: str
    event_codes: tuple[Pair, ...] = ()
    effective: datetime | None = None
    onset: datetime | None = None
    expires: datetime | None = None
    sender_name: str = ""
    headline: str = ""
    description: str = ""
    instruction: str = ""
    web: str = ""
    contact: str = ""
    areas: tuple[CapArea, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Whose certificate proved an alert."""

    name: str
    """Subject of the certificate, RFC 4514."""
    since: datetime
    until: datetime

    def is_valid(self, at: datetime) -> bool:
        return self.since <= at <= self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class CapAlert:
    """One message; who proved it, `body` and `place` are no part of what it says."""

    identifier: str
    sender: str
    sent: str
    """As written."""
    sent_at: datetime
    status: str
    """Actual, Exercise, System, Test, Draft: only Actual may become public."""
    msg_type: str
    """Alert, Update, Cancel, Ack, Error."""
    scope: str
    """Public, Restricted, Private."""
    note: str = ""
    references: tuple[Reference, ...] = ()
    incidents: str = ""
    infos: tuple[CapInfo, ...] = ()
    is_signed: bool = False
    """It carries a signature; whether that holds says `signer`."""
    signer: Signer | None = field(default=None, compare=False)
    """Who has signed it, of those whose certificates its feed trusts."""
    unproven: str = field(default="", compare=False)
    """Why its signature proves nothing, where certificates are trusted."""
    body: str = field(default="", compare=False, repr=False)
    place: str = field(default="", compare=False)
    """`aviso.cap`, or `alert 2` of a feed."""

    @property
    def identity(self) -> Reference:
        return Reference(sender=self.sender, identifier=self.identifier, sent=self.sent)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapUnread:
    """What cannot be read as an alert, and as much of its identity as there is."""

    place: str
    element: str
    """`alert.info[2].severity`."""
    reason: str
    identifier: str = ""
    sender: str = ""
    sent: str = ""
    msg_type: str = ""
    status: str = ""
    references: tuple[Reference, ...] = ()
    body: str = field(default="", repr=False)

    @property
    def is_cancel(self) -> bool:
        """It may be a genuine withdrawal: it goes before a person."""
        return self.msg_type.strip().casefold() == "cancel"
