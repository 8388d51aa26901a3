"""Who did what, as a hash chain; opaque ids only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, func, insert, select

from outreach.store import tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session
from outreach.store.types import to_micros

HEAD = "audit.head"
"""In `known`: the digest of the newest link."""
_CHAIN = 7_201_001
"""Number of the advisory lock."""
_PAGE = 1_000


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
    _keep_head(session, digest, now=now)
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


def _keep_head(session: Session, digest: str, *, now: datetime) -> None:
    """The newest digest once more, apart from the chain: a tail cut off would leave no trace in it."""
    into = insert_into(session, t.known)
    changed = {"value": digest, "at": now}
    session.execute(
        into.values(name=HEAD, **changed).on_conflict_do_update(
            index_elements=["name"], set_=changed
        )
    )


class Broken(StrEnum):
    """How a chain does not hold."""

    LINK = "link"
    """A row was changed, put in or taken out."""
    TAIL = "tail"
    """The newest rows are gone."""
    HEAD = "head"
    """The digest that was written down elsewhere is not in the chain: it was cut, or written anew."""
    UNKEPT = "unkept"
    """No head is kept beside the chain: of a database of before it was, or taken away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a look at the whole chain found."""

    links: int
    head: str
    """Digest of the newest link, to be kept off this host; empty for an empty chain."""
    broken: Broken | None = None
    at_id: int | None = None
    """The first link that does not follow."""


def verify(session: Session, *, head: str = "") -> Verified:
    """Reads the chain from its begin. `head`: a digest that an earlier look printed, kept elsewhere.

    Who can write to the database can write the chain anew, and the head beside it; a head kept
    elsewhere tells that too.
    """
    previous, links, is_found = "", 0, not head
    for row in _links(session):
        expected = _digest(previous, row.at, row.actor, row.action, row.subject, row.detail)
        if row.previous != previous or row.digest != expected:
            return Verified(links=links, head=previous, broken=Broken.LINK, at_id=int(row.id))
        previous, links = row.digest, links + 1
        is_found = is_found or previous == head
    kept = session.execute(select(t.known.c.value).where(t.known.c.name == HEAD)).scalar()
    return Verified(links=links, head=previous, broken=_end(previous, kept, is_found=is_found))


def _links(session: Session) -> Iterator[Row[Any]]:
    """Every link, oldest first, a page at a time: a chain grows for years."""
    after: int | None = None
    while True:
        page = select(t.audit).order_by(t.audit.c.id).limit(_PAGE)
        rows = session.execute(page if after is None else page.where(t.audit.c.id > after)).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        after = rows[-1].id


def _end(newest: str, kept: str | None, *, is_found: bool) -> Broken | None:
    if kept is None and newest:
        return Broken.UNKEPT
    if kept is not None and kept != newest:
        return Broken.TAIL
    return None if is_found else Broken.HEAD


def first_broken(session: Session) -> int | None:
    """The id of the first link that does not follow, or None when the chain holds."""
    return verify(session).at_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One link of the chain."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]


def newest(
    session: Session, limit: int = 50, *, actor: str = "", action: str = "", subject: str = ""
) -> list[Entry]:
    """The newest links, newest first; of this actor, action (or its begin, as `campaign.`) or subject."""
    a = t.audit.c
    wanted = [a.actor == actor] * bool(actor) + [a.subject == subject] * bool(subject)
    wanted += [a.action.startswith(action, autoescape=True)] * bool(action)
    rows = session.execute(
        select(t.audit).where(*wanted).order_by(a.id.desc()).limit(limit)
    ).mappings()
    return [Entry(**{name: row[name] for name in Entry.__slots__}) for row in rows]


def last(session: Session, actions: Collection[str]) -> Entry | None:
    """The newest link of one of these actions."""
    rows = session.execute(
        select(t.audit)
        .where(t.audit.c.action.in_(list(actions)))
        .order_by(t.audit.c.id.desc())
        .limit(1)
    ).mappings()
    return next((Entry(**{name: row[name] for name in Entry.__slots__}) for row in rows), None)


def _digest(
    previous: str, at: datetime, actor: str, action: str, subject: str, detail: dict[str, Any]
) -> str:
    body = json.dumps([previous, to_micros(at), actor, action, subject, detail], sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()
