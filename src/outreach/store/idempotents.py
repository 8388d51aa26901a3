"""Requests that may come again: the first is answered, the others get its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import delete, select, update

from outreach.store import tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session

KEPT = timedelta(hours=24)
GIVEN_UP = timedelta(seconds=60)
"""Whoever was answering the first is dead by then: no request may take so long."""


class Found(StrEnum):
    """What is known of a request that names itself."""

    NEW = "new"
    """Ours to answer."""
    ANSWERED = "answered"
    OTHER = "other"
    """The same name on another request."""
    UNDER_WAY = "under_way"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A request by what its sender calls it; `key_id` 0 is nobody's key."""

    key_id: int
    key: str
    request: bytes
    """SHA-256 of method, path, query and body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is known, with the answer where there is one; its body is sealed."""

    found: Found
    status: int = 0
    content_type: str = ""
    body_sealed: bytes = b""


def begin(session: Session, named: Named, *, now: datetime) -> Kept:
    """Takes the request, or says what became of it; of two at once one gets NEW."""
    i = t.idempotent.c
    mine = (i.key_id == named.key_id) & (i.key == named.key)
    into = insert_into(session, t.idempotent)
    values = {"key_id": named.key_id, "key": named.key, "request": named.request, "at": now}
    session.execute(delete(t.idempotent).where(mine, i.at <= now - KEPT))
    made = session.execute(into.values(**values).on_conflict_do_nothing().returning(i.key)).first()
    if made is not None:
        return Kept(found=Found.NEW)
    row = session.execute(select(t.idempotent).where(mine)).one()
    if bytes(row.request) != named.request:
        return Kept(found=Found.OTHER)
    if row.status is None:
        return _taken_over(session, named, row.at, now=now)
    return Kept(
        found=Found.ANSWERED,
        status=row.status,
        content_type=row.content_type,
        body_sealed=bytes(row.body_sealed),
    )


def _taken_over(session: Session, named: Named, at: datetime, *, now: datetime) -> Kept:
    """A process that died while it answered leaves its row behind: the next one answers."""
    i = t.idempotent.c
    if at > now - GIVEN_UP:
        return Kept(found=Found.UNDER_WAY)
    taken = session.execute(
        update(t.idempotent)
        .where(i.key_id == named.key_id, i.key == named.key, i.status.is_(None), i.at == at)
        .values(at=now)
        .returning(i.key)
    ).first()
    return Kept(found=Found.NEW if taken else Found.UNDER_WAY)


def finish(session: Session, named: Named, answer: Kept) -> None:
    """Keeps the answer for who asks again."""
    i = t.idempotent.c
    session.execute(
        update(t.idempotent)
        .where(i.key_id == named.key_id, i.key == named.key)
        .values(
            status=answer.status,
            content_type=answer.content_type,
            body_sealed=answer.body_sealed,
        )
    )


def forget(session: Session, named: Named) -> None:
    """Lets the request be tried anew: it failed on our side."""
    i = t.idempotent.c
    session.execute(delete(t.idempotent).where(i.key_id == named.key_id, i.key == named.key))


def sweep(session: Session, *, now: datetime) -> int:
    """Deletes what is older than a day; how many there were."""
    gone = session.execute(
        delete(t.idempotent).where(t.idempotent.c.at <= now - KEPT).returning(t.idempotent.c.key)
    ).all()
    return len(gone)
