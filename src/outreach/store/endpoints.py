"""What is known of the endpoints of webhooks: what each wants, who asked for no more, and how each fares."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, delete, func, select

from outreach.store import known
from outreach.store.outgoing import DEAD, SENT, WAITING
from outreach.store.session import Session
from outreach.store.tables_control import known as _known
from outreach.store.tables_loop import outgoing as _outgoing

_WANTED = "news:wanted"
_PAUSED = "news:paused:"

Wanted = Mapping[str, Sequence[str]]
"""Endpoint -> the kinds that it asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """An endpoint that is not posted to until somebody has looked."""

    why: str
    at: datetime
    where: str
    """Digest of the address that said so: a new address is posted to again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the webhooks of one endpoint fare, of what is kept."""

    waiting: int = 0
    failing: int = 0
    """Of those that wait: tried in vain at least once."""
    dead: int = 0
    sent: int = 0
    """In the two days that are kept."""
    sent_at: datetime | None = None
    oldest_at: datetime | None = None
    """When the oldest that waits was written."""


def wanted(session: Session) -> Wanted:
    """What the process that leads the clock read from its settings; one look at one row."""
    found = known.of(session, _WANTED)
    return json.loads(found.value) if found else {}


def want(session: Session, new: Wanted, *, now: datetime) -> None:
    """Writes what the settings say now."""
    known.keep(session, _WANTED, json.dumps(new, sort_keys=True), now=now)


def paused(session: Session) -> dict[str, Paused]:
    """Name -> why it is not posted to."""
    rows = session.execute(
        select(_known.c.name, _known.c.value, _known.c.at).where(_known.c.name.like(f"{_PAUSED}%"))
    )
    return {
        row.name.removeprefix(_PAUSED): Paused(at=row.at, **json.loads(row.value)) for row in rows
    }


def pause(session: Session, name: str, *, why: str, where: str, now: datetime) -> None:
    """Nothing more is posted to it; what waits for it goes on waiting."""
    value = json.dumps({"why": why, "where": where})
    known.keep(session, f"{_PAUSED}{name}", value, now=now)


def go_on(session: Session, name: str) -> bool:
    """Posts to it again; False: it was not paused."""
    gone = session.execute(
        delete(_known).where(_known.c.name == f"{_PAUSED}{name}").returning(_known.c.name)
    )
    return gone.first() is not None


def health(session: Session) -> dict[str, Health]:
    """Endpoint -> how it fares, in one pass over what is kept."""
    c = _outgoing.c
    waits = c.state == WAITING

    rows = session.execute(
        select(
            c.endpoint,
            _count(waits).label("waiting"),
            _count(waits & (c.failures > 0)).label("failing"),
            _count(c.state == DEAD).label("dead"),
            _count(c.state == SENT).label("sent"),
            func.max(case((c.state == SENT, c.settled_at))).label("sent_at"),
            func.min(case((waits, c.created_at))).label("oldest_at"),
        ).group_by(c.endpoint)
    ).mappings()
    return {
        row["endpoint"]: Health(**{name: row[name] for name in Health.__slots__}) for row in rows
    }


def _count(which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(case((which, 1)))
