"""What the alert behind an advisory says in other languages than the company's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from outreach.model.cap import CapAlert
from outreach.model.occasion import OccasionId, Revision
from outreach.outages import cap_rules, intake_cap
from outreach.store import alerts
from outreach.store.alerts import TAKEN
from outreach.store.session import Session


def texts(session: Session, occasion: OccasionId, revision: Revision) -> dict[str, str]:
    """Language -> what the alert behind this very version says; empty where there is none.

    Empty too where a person gave it words of their own: they stand in the main language alone.
    """
    found: dict[str, str] = {}
    for alert in _behind(session, occasion, revision.version):
        said = cap_rules.texts(alert)
        found |= said if revision.text in said.values() else {}
    return found


def spoken(texts: Mapping[str, str], locale: str, default: str) -> str:
    """The text for a locale: its own, else one of its language, else the default."""
    if not texts:  # nearly always, and asked once a message
        return default
    if locale in texts:
        return texts[locale]
    code = locale.partition("-")[0]
    return next((text for name, text in texts.items() if name.partition("-")[0] == code), default)


def _behind(session: Session, occasion: OccasionId, version: int) -> Iterator[CapAlert]:
    for kept in alerts.of_occasion(session, occasion, "in"):
        if kept.version == version and kept.outcome == TAKEN and kept.msg_type != "Cancel":
            alert = next(intake_cap.read(kept.body.encode(), name=kept.identifier))
            if isinstance(alert, CapAlert):
                yield alert
