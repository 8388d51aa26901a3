"""CAP alerts as text, for the tests of what is read: name only what the test is about."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.outages.make_revision import NOW

from outreach.model.cap import CapAlert
from outreach.outages.intake_cap import read

SENDER = "avisos@meteo.example"
SQUARE = "-33.40,-70.65 -33.40,-70.55 -33.45,-70.55 -33.45,-70.65 -33.40,-70.65"
"""Around Providencia."""


def instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "-00:00")


def area(*more: str, description: str = "Providencia", polygon: str = SQUARE) -> str:
    drawn = f"<polygon>{polygon}</polygon>" if polygon else ""
    return f"<area><areaDesc>{description}</areaDesc>{drawn}{''.join(more)}</area>"


def info(
    *areas: str,
    language: str = "es",
    headline: str = "Viento fuerte en la costa",
    expires: datetime | None = NOW + timedelta(hours=12),
    **changes: str,
) -> str:
    parts = {
        "language": language,
        "category": "Met",
        "event": "Viento",
        "urgency": "Expected",
        "severity": "Severe",
        "certainty": "Likely",
        "expires": instant(expires) if expires else "",
        "headline": headline,
    } | changes
    said = "".join(f"<{name}>{text}</{name}>" for name, text in parts.items() if text)
    return f"<info>{said}{''.join(areas or (area(),))}</info>"


def cap(
    *infos: str,
    identifier: str = "A1",
    sent: datetime = NOW,
    references: str = "",
    **changes: str,
) -> bytes:
    parts = {
        "identifier": identifier,
        "sender": SENDER,
        "sent": instant(sent),
        "status": "Actual",
        "msgType": "Alert",
        "scope": "Public",
        "addresses": "",
        "references": references,
    } | changes
    said = "".join(f"<{name}>{text}</{name}>" for name, text in parts.items() if text)
    body = "".join(infos or (info(),))
    return f'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">{said}{body}</alert>'.encode()


def reference(identifier: str = "A1", sent: datetime = NOW, sender: str = SENDER) -> str:
    return f"{sender},{identifier},{instant(sent)}"


def make_alert(raw: bytes) -> CapAlert:
    """An alert that must be one."""
    alert = next(read(raw, name="made"))
    assert isinstance(alert, CapAlert), alert
    return alert
