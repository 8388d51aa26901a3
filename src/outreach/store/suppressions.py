"""Addresses that must not be written to, apart from the record, and addresses that do not exist."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from outreach.store import changes, tables as t
from outreach.store.session import Session
from outreach.store.types import UtcDateTime


def opt_out(
    session: Session,
    messages: Sequence[int],
    *,
    now: datetime,
    reason: str = "opted out at provider",
) -> None:
    """Suppresses the addresses of these messages on their channel; senders see it within a second."""
    if not messages:
        return
    m, p = t.message, t.contact_point
    rows = (
        select(
            p.c.address_hash,
            p.c.channel,
            literal("*"),
            literal(reason),
            literal(now, UtcDateTime),
        )
        .join(m, m.c.contact_point_id == p.c.id)
        .where(m.c.id.in_(messages))
        .distinct()
    )
    session.execute(
        _insert(session)(t.suppression)
        .from_select(["address_hash", "channel", "purpose", "reason", "at"], rows)
        .on_conflict_do_nothing()
    )
    changes.bump(session, "stop", now=now)


def mark_bad(session: Session, messages: Sequence[int], *, now: datetime) -> None:
    """Remembers that the addresses of these messages do not exist; the first time is kept."""
    if not messages:
        return
    points = select(t.message.c.contact_point_id).where(t.message.c.id.in_(messages))
    session.execute(
        update(t.contact_point)
        .where(t.contact_point.c.id.in_(points), t.contact_point.c.bad_since.is_(None))
        .values(bad_since=now)
    )


def _insert(session: Session) -> Any:
    is_postgres = session.get_bind().dialect.name == "postgresql"
    return postgresql.insert if is_postgres else sqlite.insert
