"""Builds facts and words for the tests of this room."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from outreach.messages.render import Renderer
from outreach.messages.texts import read_texts
from outreach.model.notice import Facts, Texts, Words
from outreach.model.words import OccasionKind, OccasionState, Service

ROOT = Path(__file__).parents[2]
CORPORA = ROOT.parent / "shared" / "corpora"
NIGHT = datetime(2026, 7, 14, 6, 43, tzinfo=UTC)
"""02:43 of a Tuesday in Santiago."""

WORDS = Words(
    sender="Luz del Sur",
    company="Luz del Sur S.A.",
    link="https://luzsur.cl/cortes",
    phone="600 500 5000",
    priority_line="800 123 456",
    emergency="133",
)


def make_facts(**changes: Any) -> Facts:
    hours = timedelta(hours=1)
    facts = Facts(
        kind=OccasionKind.OUTAGE,
        state=OccasionState.ACTIVE,
        service=Service.ELECTRICITY,
        area="Ñuñoa",
        zone="America/Santiago",
        start_at=NIGHT,
        as_of=NIGHT,
        end_at=NIGHT + 6 * hours,
        etr_at=NIGHT.replace(hour=9, minute=30),
        old_etr_at=NIGHT + hours,
        old_start_at=NIGHT - 24 * hours,
        old_end_at=NIGHT - 20 * hours,
        next_update_at=NIGHT + hours,
        restored_at=NIGHT + 3 * hours,
        cause="arbol sobre la red",
        fact="viento fuerte en la costa",
        sent_at=NIGHT,
        customers=1234,
        two_way=True,
    )
    return replace(facts, **changes)


@cache
def shipped() -> Texts:
    return read_texts(ROOT / "templates")


def renderer(**files: str) -> Renderer:
    """One template `t` in Spanish with these files, a dot written as two underscores."""
    return Renderer({"t": {"es": {n.replace("__", "."): s for n, s in files.items()}}}, WORDS)


def corpus(*parts: str) -> Path:
    path = CORPORA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no shared corpora at {path}")
    return path
