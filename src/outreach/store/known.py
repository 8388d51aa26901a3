"""What the installation last saw of its surroundings: a name, a value, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from outreach.store.dialects import insert_into
from outreach.store.session import Session
from outreach.store.tables_control import known as _known

ZONE_RULES = "zone_rules"
"""The release of the time zone rules by which instants were computed, such as `2026f`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known by a name, and since when."""

    value: str
    at: datetime


def of(session: Session, name: str) -> Known | None:
    """What is known by that name; None: nothing yet."""
    row = session.execute(select(_known.c.value, _known.c.at).where(_known.c.name == name)).first()
    return Known(value=row.value, at=row.at) if row else None


def keep(session: Session, name: str, new: str, *, now: datetime) -> None:
    """Writes what is known by that name from now on."""
    given = {"value": new, "at": now}
    session.execute(
        insert_into(session, _known)
        .values(name=name, **given)
        .on_conflict_do_update(index_elements=["name"], set_=given)
    )
