"""Storms (the table `event`), their statements, and the outages that joined them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, select, update

from outreach.model.errors import GuardRefused
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.storm import Statement, Storm
from outreach.store import occasions, tables as t
from outreach.store.session import Session
from outreach.store.tables_events import event as _event, statement as _statement


def add(
    session: Session,
    name: str,
    *,
    zone: str,
    cadence: timedelta,
    daily_cap: int | None = None,
    now: datetime,
) -> Storm:
    """Opens an event; GuardRefused if an open one has this name."""
    if any(storm.is_open for storm in named(session, name)):
        raise GuardRefused(f"{name}: an event of this name is open")
    row = {"name": name, "zone": zone, "opened_at": now, "daily_cap": daily_cap, "version": 0}
    number = session.execute(
        insert(_event).values(**row, cadence_s=int(cadence.total_seconds())).returning(_event.c.id)
    ).scalar_one()
    return get(session, number)


def get(session: Session, event_id: int) -> Storm:
    """The event with its newest statement; KeyError if there is none of this id."""
    found = _select(session, _event.c.id == event_id)
    if not found:
        raise KeyError(event_id)
    return found[0]


def named(session: Session, text: str) -> list[Storm]:
    """Events of this name (any case): open ones first, then the newest."""
    found = _select(session, func.lower(_event.c.name) == text.lower())
    return sorted(found, key=lambda storm: (storm.is_open, storm.id), reverse=True)


def open_ones(session: Session) -> list[Storm]:
    """Every open event, oldest first."""
    return _select(session, _event.c.closed_at.is_(None))


def every(session: Session, *, limit: int = 100) -> list[Storm]:
    """The newest events, newest first."""
    return list(reversed(_select(session, _event.c.id > 0)))[:limit]


def open_occasions(session: Session, event_id: int) -> list[Occasion]:
    """Open occasions that joined an event, oldest first."""
    return occasions.of_event(session, event_id, only_open=True)


def all_occasions(session: Session, event_id: int) -> list[Occasion]:
    """Every occasion that ever joined an event, oldest first."""
    return occasions.of_event(session, event_id)


def join(session: Session, event_id: int, occasion_ids: Collection[OccasionId]) -> int:
    """Lets occasions join an event, leaving the one they were in; how many were not in it yet."""
    c = t.occasion.c
    elsewhere = c.event_id.is_(None) | (c.event_id != event_id)
    joined = session.execute(
        update(t.occasion)
        .where(c.id.in_(list(occasion_ids)), elsewhere)
        .values(event_id=event_id)
        .returning(c.id)
    )
    return len(joined.all())


def say(
    session: Session,
    event_id: int,
    text: str,
    *,
    next_update_at: datetime | None,
    author: str,
    now: datetime,
) -> Storm:
    """Writes the next statement of an open event; GuardRefused if it is closed."""
    version = session.execute(
        update(_event)
        .where(_event.c.id == event_id, _event.c.closed_at.is_(None))
        .values(version=_event.c.version + 1)
        .returning(_event.c.version)
    ).scalar()
    if version is None:
        raise GuardRefused("this event is closed; open one with `outreach event open`")
    session.execute(
        insert(_statement).values(
            event_id=event_id, version=version, text=text, next_update_at=next_update_at,
            author=author, recorded_at=now,
        )
    )  # fmt: skip
    return get(session, event_id)


def statements(session: Session, event_id: int) -> list[Statement]:
    """Every statement of an event, oldest first."""
    rows = session.execute(
        select(_statement).where(_statement.c.event_id == event_id).order_by(_statement.c.version)
    ).mappings()
    return [Statement(**{name: row[name] for name in Statement.__slots__}) for row in rows]


def set_rules(
    session: Session, event_id: int, *, cadence: timedelta | None, daily_cap: int | None
) -> None:
    """Changes the cadence or the daily cap; None leaves it as it is."""
    cadence_s = int(cadence.total_seconds()) if cadence else None
    given = {"cadence_s": cadence_s, "daily_cap": daily_cap}
    values = {name: value for name, value in given.items() if value is not None}
    if values:
        session.execute(update(_event).where(_event.c.id == event_id).values(**values))


def close(session: Session, event_id: int, *, now: datetime) -> bool:
    """Closes an event; False: it was closed already."""
    closed = session.execute(
        update(_event)
        .where(_event.c.id == event_id, _event.c.closed_at.is_(None))
        .values(closed_at=now)
        .returning(_event.c.id)
    )
    return closed.first() is not None


def _select(session: Session, wanted: Any) -> list[Storm]:
    newest = (_statement.c.event_id == _event.c.id) & (_statement.c.version == _event.c.version)
    rows = session.execute(
        select(
            _event,
            _statement.c.text,
            _statement.c.next_update_at,
            _statement.c.author,
            _statement.c.recorded_at,
        )
        .outerjoin(_statement, newest)
        .where(wanted)
        .order_by(_event.c.id)
    )
    return [_storm(row) for row in rows]


def _storm(row: Any) -> Storm:
    said = None
    if row.recorded_at is not None:
        said = Statement(
            version=row.version,
            text=row.text,
            next_update_at=row.next_update_at,
            author=row.author,
            recorded_at=row.recorded_at,
        )
    return Storm(
        id=row.id,
        name=row.name,
        zone=row.zone,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        cadence=timedelta(seconds=row.cadence_s),
        daily_cap=row.daily_cap,
        version=row.version,
        statement=said,
    )
