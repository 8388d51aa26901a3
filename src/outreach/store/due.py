"""What the clock owes: instants as our own rows, each fired once, none dropped in silence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from outreach.store import tables as t
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDue:
    """One instant at which something has to happen; the same twice is one."""

    at: datetime
    what: str
    """A model.Event."""
    occasion_id: int
    run_id: int | None = None
    step: str = ""
    too_late_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A stored instant."""

    id: int
    at: datetime
    what: str
    occasion_id: int
    run_id: int | None
    step: str
    too_late_at: datetime | None
    done_at: datetime | None
    outcome: str
    reason: str


def add(session: Session, wanted: list[NewDue]) -> None:
    """Writes the instants that are not there yet."""
    if not wanted:
        return
    maker = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [
        {name: getattr(one, name) for name in NewDue.__slots__} | {"outcome": "", "reason": ""}
        for one in wanted
    ]
    session.execute(maker(t.due).on_conflict_do_nothing(), rows)


def waiting(session: Session, *, now: datetime, limit: int = 200) -> list[Due]:
    """What is due at `now` and not done, oldest first."""
    rows = session.execute(
        select(t.due)
        .where(t.due.c.done_at.is_(None), t.due.c.at <= now)
        .order_by(t.due.c.at, t.due.c.id)
        .limit(limit)
    ).mappings()
    return [Due(**row) for row in rows]


def of(session: Session, occasion: int) -> list[Due]:
    """Every instant of an occasion, in order of time."""
    rows = session.execute(
        select(t.due).where(t.due.c.occasion_id == occasion).order_by(t.due.c.at)
    ).mappings()
    return [Due(**row) for row in rows]


def settle(session: Session, number: int, outcome: str, reason: str = "", *, now: datetime) -> bool:
    """Marks an instant as done, expired or overtaken; False if another clock was first."""
    settled = session.execute(
        update(t.due)
        .where(t.due.c.id == number, t.due.c.done_at.is_(None))
        .values(done_at=now, outcome=outcome, reason=reason)
        .returning(t.due.c.id)
    ).first()
    return settled is not None


def close(
    session: Session, occasion: int, outcome: str, reason: str, *, now: datetime, what: str
) -> None:
    """Settles everything of a kind that still waits for an occasion."""
    session.execute(
        update(t.due)
        .where(t.due.c.occasion_id == occasion, t.due.c.done_at.is_(None), t.due.c.what == what)
        .values(done_at=now, outcome=outcome, reason=reason)
    )
