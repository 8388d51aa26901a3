"""Revisions for the tests of this room."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from outreach.model.occasion import Revision, Scope
from outreach.outages import revise, revise_planned
from outreach.outages.revise import Change

NOW = datetime(2026, 7, 16, 6, 43, tzinfo=UTC)
"""02:43 in Santiago, the night of the outage at the feeder F12."""
F12 = Scope(nodes=("F12",))


def after(**span: float) -> datetime:
    return NOW + timedelta(**span)


def make_outage(**changes: Any) -> Revision:
    """Version 1 at 02:43 of an outage that began at 02:40."""
    return revise.opened(F12, start_at=after(minutes=-3), change=Change(**changes), now=NOW)


def make_work(**changes: Any) -> Revision:
    """Version 1 of a work in four days, of four hours."""
    return revise_planned.planned(
        F12,
        start_at=after(days=4),
        end_at=after(days=4, hours=4),
        now=NOW,
        change=Change(**changes),
    )


def make_advisory() -> Revision:
    """Version 1 of a weather warning for the day."""
    return revise.advised(
        Scope(localities=("Ñuñoa",)),
        "Viento fuerte",
        start_at=NOW,
        end_at=after(hours=12),
        now=NOW,
    )


def certain(revision: Revision | None) -> Revision:
    """A revision that must be there."""
    assert revision is not None
    return revision
