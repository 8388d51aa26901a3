"""Bearer keys of machines: made, listed, rotated, revoked; only the hash of a secret is here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, and_, insert, or_, select, update

from outreach.model.api_key import ApiKey
from outreach.store import changes, tables as t
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key before it has a number."""

    name: str
    digest: bytes
    hint: str
    scopes: frozenset[str]
    per_minute: int | None
    created_by: str
    expires_at: datetime | None
    replaces: int | None = None


def add(session: Session, new: NewKey, *, now: datetime) -> ApiKey:
    """Writes a key; the web processes see it within a second."""
    values = {
        "name": new.name,
        "digest": new.digest,
        "hint": new.hint,
        "scopes": sorted(new.scopes),
        "per_minute": new.per_minute,
        "created_at": now,
        "created_by": new.created_by,
        "expires_at": new.expires_at,
        "replaces": new.replaces,
    }
    row = session.execute(insert(t.api_key).values(**values).returning(t.api_key)).mappings().one()
    changes.bump(session, "keys", now=now)
    return _key(row)


def every(session: Session) -> list[ApiKey]:
    """All that ever were, newest first."""
    rows = session.execute(select(t.api_key).order_by(t.api_key.c.id.desc())).mappings()
    return [_key(row) for row in rows]


def good(session: Session, *, now: datetime) -> list[ApiKey]:
    """Those that are neither revoked nor expired, oldest first."""
    rows = session.execute(select(t.api_key).where(_good(now)).order_by(t.api_key.c.id)).mappings()
    return [_key(row) for row in rows]


def named(session: Session, name: str, *, now: datetime) -> list[ApiKey]:
    """The good ones of a name, oldest first: two while one is being rotated."""
    return [each for each in good(session, now=now) if each.name == name]


def end(session: Session, key: int, *, at: datetime, now: datetime) -> None:
    """Lets a key expire at an instant, unless it ends before."""
    k = t.api_key.c
    later = or_(k.expires_at.is_(None), k.expires_at > at)
    session.execute(update(t.api_key).where(k.id == key, later).values(expires_at=at))
    changes.bump(session, "keys", now=now)


def revoke(session: Session, name: str, *, by: str, now: datetime) -> int:
    """Ends every good key of a name at once; how many there were."""
    mine = and_(t.api_key.c.name == name, _good(now))
    done = session.execute(
        update(t.api_key).where(mine).values(revoked_at=now, revoked_by=by).returning(t.api_key.c.id)
    ).all()  # fmt: skip
    if done:
        changes.bump(session, "keys", now=now)
    return len(done)


def used(session: Session, at: Mapping[int, datetime]) -> None:
    """Notes when keys were used last; never moves back."""
    k = t.api_key.c
    for key, instant in at.items():
        earlier = or_(k.last_used_at.is_(None), k.last_used_at < instant)
        session.execute(update(t.api_key).where(k.id == key, earlier).values(last_used_at=instant))


def _good(now: datetime) -> Any:
    k = t.api_key.c
    return and_(k.revoked_at.is_(None), or_(k.expires_at.is_(None), k.expires_at > now))


def _key(row: RowMapping) -> ApiKey:
    names = (
        "id", "name", "digest", "hint", "per_minute", "created_at", "created_by", "expires_at",
        "last_used_at", "revoked_at", "replaces",
    )  # fmt: skip
    return ApiKey(scopes=frozenset(row["scopes"]), **{name: row[name] for name in names})
