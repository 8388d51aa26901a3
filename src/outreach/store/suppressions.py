"""Addresses that must not be written to, apart from the record, and addresses that do not exist.

An opt-out belongs to an address: in whatever spelling it comes, whoever holds it, across imports and merges.
A provider's opt-out stops the channel it came on, so that a call still warns whoever stopped the texts; one
that a person asks for with `*` stops that address on every channel. The person's other addresses stay.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, exists, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from outreach.store import bulk, changes, tables as t, touched
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

ANY = "*"
RECYCLED = "recycled"
"""The reason of an address that somebody else answers at; the only one that the record can lift."""
_COLUMNS = ["address_hash", "channel", "purpose", "reason", "at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Why and since when an address is not written to; `*` for every channel or purpose."""

    channel: str
    purpose: str
    reason: str
    at: datetime


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
            literal(ANY),
            literal(reason),
            literal(now, UtcDateTime),
        )
        .join(m, m.c.contact_point_id == p.c.id)
        .where(m.c.id.in_(messages))
        .distinct()
    )
    _write(session, rows, now)


def add(
    session: Session,
    address_hash: bytes,
    *,
    now: datetime,
    reason: str,
    channel: str = ANY,
    purpose: str = ANY,
) -> None:
    """Suppresses one address, known to the record or not; the first reason and time are kept."""
    row = (address_hash, channel, purpose, reason, now)
    _write(
        session, select(*(literal(one, t.suppression.c[name].type) for one, name in zip(row, _COLUMNS, strict=True))), now
    )  # fmt: skip


def lift(
    session: Session, address_hash: bytes, *, now: datetime, channel: str = ANY, purpose: str = ANY
) -> bool:
    """Takes back exactly this suppression; whether there was one. The caller says who did it, in the audit."""
    s = t.suppression.c
    lifted = session.execute(
        delete(t.suppression)
        .where(s.address_hash == address_hash, s.channel == channel, s.purpose == purpose)
        .returning(s.reason)
    ).first()
    changes.bump(session, "stop", now=now)
    return lifted is not None


def by_address(session: Session, hashes: Collection[bytes]) -> dict[bytes, list[Suppression]]:
    """Address hash -> its suppressions, oldest first; those without are left out."""
    found: dict[bytes, list[Suppression]] = {}
    asked = select(t.suppression).where(t.suppression.c.address_hash.in_(list(hashes)))
    for row in session.execute(asked.order_by(t.suppression.c.at)):
        found.setdefault(row.address_hash, []).append(
            Suppression(channel=row.channel, purpose=row.purpose, reason=row.reason, at=row.at)
        )
    return found


def mark_bad(session: Session, messages: Sequence[int], *, now: datetime) -> None:
    """Remembers that the addresses of these messages do not exist; the first time is kept.

    It outlives every import; whoever held them is reached again as soon as the record names another.
    """
    if not messages:
        return
    points = select(t.message.c.contact_point_id).where(t.message.c.id.in_(messages))
    _mark(session, points, now)


def mark_recycled(session: Session, points: Sequence[int], *, now: datetime) -> None:
    """Remembers that somebody else answers at the addresses of these contact points.

    Nobody is written to there, on any channel, until the record gives the address to a customer anew:
    until a link to it is loaded after `now`, and `lift_recycled` sees it.
    """
    p = t.contact_point.c
    hashes = set(session.scalars(select(p.address_hash).where(bulk.among(session, p.id, points))))
    rows = [(digest, ANY, ANY, RECYCLED, now) for digest in sorted(hashes)]
    bulk.upsert(
        session, t.suppression, tuple(_COLUMNS), rows,
        key=("address_hash", "channel", "purpose"), kept=("reason", "at"),
    )  # fmt: skip
    _mark(session, select(p.id).where(p.address_hash.in_(hashes)), now)
    changes.bump(session, "stop", now=now)


def lift_recycled(session: Session, *, now: datetime) -> int:
    """Writes again to recycled addresses that the record gave to a customer since; returns how many.

    Whoever asked not to be written to there stays unwritten: only the reason `recycled` is lifted.
    """
    s, p, link = t.suppression.c, t.contact_point.c, t.customer_contact.c
    given_anew = exists().where(
        p.address_hash == s.address_hash,
        link.contact_point_id == p.id,
        link.loaded_at > s.at,
    )
    hashes = list(
        session.scalars(
            delete(t.suppression).where(s.reason == RECYCLED, given_anew).returning(s.address_hash)
        )
    )
    if not hashes:
        return 0
    points = list(session.scalars(select(p.id).where(p.address_hash.in_(hashes))))
    session.execute(update(t.contact_point).where(p.id.in_(points)).values(bad_since=None))
    touched.holders_of_points(session, points)
    changes.bump(session, "stop", now=now)
    return len(hashes)


def _mark(session: Session, points: Select[tuple[int]], now: datetime) -> None:
    """Their holders are noted, so that reach follows."""
    p = t.contact_point.c
    newly = list(session.scalars(select(p.id).where(p.id.in_(points), p.bad_since.is_(None))))
    touched.holders_of_points(session, newly)
    session.execute(
        update(t.contact_point)
        .where(bulk.among(session, p.id, newly), p.bad_since.is_(None))
        .values(bad_since=now)
    )


def _write(session: Session, rows: Select[Any], now: datetime) -> None:
    """An opt-out takes the place of `recycled`, which could be lifted; else the first one is kept."""
    is_postgres = session.get_bind().dialect.name == "postgresql"
    written = (postgresql.insert if is_postgres else sqlite.insert)(t.suppression)
    # SQLite takes ON CONFLICT behind a SELECT for a join, unless the SELECT has a WHERE.
    written = written.from_select(_COLUMNS, rows.where(literal(1) == 1))
    session.execute(
        written.on_conflict_do_update(
            index_elements=["address_hash", "channel", "purpose"],
            set_={"reason": written.excluded.reason, "at": written.excluded.at},
            where=t.suppression.c.reason == RECYCLED,
        )
    )
    changes.bump(session, "stop", now=now)
