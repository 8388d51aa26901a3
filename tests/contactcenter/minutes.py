"""Minutes of evidence, for the tests of the directives."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from outreach.contactcenter.directive_evidence import (
    Evidence,
    OutageEvidence,
    WaitEvidence,
)
from outreach.contactcenter.directive_minute import decide
from outreach.contactcenter.directives import active
from outreach.model.contactcenter import DirectiveKind, DirectiveState

START = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)
KEY = b"k" * 32
SCHEMA = json.loads((files("outreach.contactcenter") / "directives.schema.json").read_text())
BUSY = WaitEvidence(calls=40, p80_s=200, p90_s=290)
BETWEEN = WaitEvidence(calls=40, p80_s=100, p90_s=110)
CALM = WaitEvidence(calls=40, p80_s=30, p90_s=40)
QUIET = WaitEvidence(calls=3)
States = tuple[DirectiveState, ...]


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def make_outage(**changes) -> OutageEvidence:
    given: dict[str, Any] = {
        "shown_id": "out_7kq2m4xa",
        "zones": ("Ñuñoa",),
        "affected": 500,
        "zone_customers": 100_000,
        "text_ref": "unplanned.ivr@3",
        "seconds": 13.3,
        "is_approved": True,
        "is_open": True,
    }
    return OutageEvidence(**given | changes)


def step(states: States, minute: float, waits: WaitEvidence = CALM, **changes) -> States:
    given: dict[str, Any] = {
        "at": at(minute),
        "queue": "cortes",
        "priority_target": "vip",
        "waits": waits,
    }
    now = changes.pop("now", at(minute))
    return decide(Evidence(**given | changes), states, now=now, key=KEY)


def run(waits: list[WaitEvidence], states: States = (), start: int = 0) -> States:
    for minute, each in enumerate(waits, start=start):
        states = step(states, minute, each)
    return states


def is_on(states: States, kind: DirectiveKind, minute: float) -> bool:
    return kind in {directive.kind for directive in active(states, now=at(minute))}


WAIT = DirectiveKind.WAIT_ANNOUNCEMENT
FRONT = DirectiveKind.IVR_UPFRONT
