"""Who did what, as a hash chain; opaque ids only."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select

from outreach.store import tables as t
from outreach.store.session import Session
from outreach.store.types import to_micros

_CHAIN = 7_201_001
"""Number of the advisory lock."""


def write(
    session: Session, actor: str, action: str, subject: str, *, now: datetime, **detail: Any
) -> None:
    """Appends one link.

    SQLite has one writer; on PostgreSQL an advisory lock keeps two from following the same link.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_CHAIN)))
    newest = select(t.audit.c.digest).order_by(t.audit.c.id.desc()).limit(1)
    previous = session.execute(newest).scalar() or ""
    digest = _digest(previous, now, actor, action, subject, detail)
    session.execute(
        insert(t.audit).values(
            at=now,
            actor=actor,
            action=action,
            subject=subject,
            detail=detail,
            previous=previous,
            digest=digest,
        )
    )


def first_broken(session: Session) -> int | None:
    """The id of the first link that does not follow, or None when the chain holds."""
    previous = ""
    for row in session.execute(select(t.audit).order_by(t.audit.c.id)):
        expected = _digest(previous, row.at, row.actor, row.action, row.subject, row.detail)
        if row.previous != previous or row.digest != expected:
            return int(row.id)
        previous = row.digest
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One link of the chain."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


def newest(session: Session, limit: int = 50) -> list[Entry]:
    """The newest links, newest first."""
    rows = session.execute(select(t.audit).order_by(t.audit.c.id.desc()).limit(limit)).mappings()
    return [Entry(**{name: row[name] for name in Entry.__slots__}) for row in rows]


def _digest(
    previous: str, at: datetime, actor: str, action: str, subject: str, detail: dict[str, Any]
) -> str:
    body = json.dumps([previous, to_micros(at), actor, action, subject, detail], sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()
