"""Builds live truths and callers for the tests of the IVR; name only what a test is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from outreach.contactcenter.answer import Caller, Rules
from outreach.model.contactcenter import CallerPremise, LiveTruth, Match, Part
from outreach.model.notice import Facts, Spoken
from outreach.model.occasion import Occasion, OccasionId, Revision, Scope
from outreach.model.words import OccasionKind, OccasionState, Service

NIGHT = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)
"""02:40 in Santiago."""
RULES = Rules(sector={"es": "su sector", "en": "your area"})
REVISION = {"version", "state", "start_at", "end_at", "etr_at", "public_etr", "next_update_at", "restored_at", "text", "cause", "source", "recorded_at", "etr_confidence"}  # fmt: skip


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def make_truth(number: int = 1, **changes: Any) -> LiveTruth:
    revision = {name: changes.pop(name) for name in REVISION & changes.keys()}
    occasion = Occasion(
        id=OccasionId(number),
        kind=changes.pop("kind", OccasionKind.OUTAGE),
        service=Service.ELECTRICITY,
        name=changes.pop("name", "ALM-F12"),
        source_ref=None,
        zone="America/Santiago",
        opened_at=NIGHT,
        revision=Revision(
            **dict[str, Any](
                {
                    "version": 1,
                    "state": OccasionState.ACTIVE,
                    "scope": Scope(nodes=("F12",)),
                    "start_at": NIGHT,
                    "recorded_at": NIGHT,
                    "next_update_at": NIGHT + minutes(60),
                }
                | revision
            )
        ),
    )
    values: dict[str, Any] = {
        "shown_id": f"out_{number}",
        "scope": Part(spans=((100, 199),)),
        "areas": ("Ñuñoa", "Providencia"),
        "customers": 1200,
    }
    return LiveTruth(occasion=occasion, **(values | changes))


def make_premise(**changes: Any) -> CallerPremise:
    values: dict[str, Any] = {
        "premise_id": 1,
        "tree_order": 150,
        "locality": "Ñuñoa",
        "zone": "America/Santiago",
        "priority": "C",
        "locale": "es",
        "customer_id": 1,
        "customer_type": "residential",
    }
    return CallerPremise(**(values | changes))


def make_caller(*premises: CallerPremise, **changes: Any) -> Caller:
    values: dict[str, Any] = {"match": Match.ANI, "locale": "es", "premises": premises}
    return Caller(**(values | changes))


def speak(template: str, locale: str, facts: Facts) -> Spoken:
    """Says everything that it was given, so that a test sees what a caller could hear."""
    etr = f" etr {facts.etr_at:%H:%M}" if facts.etr_at else ""
    news = f" news {facts.next_update_at:%H:%M}" if facts.next_update_at else ""
    text = f"{template} {locale} {facts.area}{etr}{news} {facts.fact}".strip()
    return Spoken(text=text, ssml=f"<speak><p><s>{text}</s></p></speak>", seconds=5.0)
