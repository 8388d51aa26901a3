"""Addresses that must not be written to, apart from the record, and addresses that do not exist.

An opt-out belongs to an address: in whatever spelling it comes, whoever holds it, across imports and merges.
A provider's opt-out stops the channel it came on, so that a call still warns whoever stopped the texts; one
that a person asks for with `*` stops that address on every channel. The person's other addresses stay.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, literal, select, update

from outreach.store import bulk, changes, recalls, tables as t, touched
from outreach.store.dialects import insert_into
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

ANY = "*"
_HELD_FOR = timedelta(hours=10)
"""Carriers keep a text no longer."""
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
    written = insert_into(session, t.suppression)
    session.execute(written.from_select(_COLUMNS, rows).on_conflict_do_nothing())
    points = select(m.c.contact_point_id).where(m.c.id.in_(messages)).distinct()
    touched.holders_of_points(session, list(session.scalars(points)))
    recalls.of_addresses(session, messages, since=now - _HELD_FOR, now=now)
    changes.bump(session, "stop", now=now)


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

    It outlives every import that says the same; see `lift_given_anew`. Their holders are noted, so that
    reach follows, and they hear by their next channel.
    """
    if not messages:
        return
    p = t.contact_point.c
    points = select(t.message.c.contact_point_id).where(t.message.c.id.in_(messages))
    newly = list(session.scalars(select(p.id).where(p.id.in_(points), p.bad_since.is_(None))))
    touched.holders_of_points(session, newly)
    session.execute(
        update(t.contact_point).where(bulk.among(session, p.id, newly)).values(bad_since=now)
    )


def lift_given_anew(session: Session, *, now: datetime) -> int:
    """Writes again to dead addresses that the record gave to somebody since; returns how many.

    Carriers hand out dead numbers again. A link to the address that is younger than the receipt says
    that this happened; opt-outs are no business of it and stay.
    """
    p, link = t.contact_point.c, t.customer_contact.c
    given_anew = exists().where(link.contact_point_id == p.id, link.loaded_at > p.bad_since)
    points = list(session.scalars(select(p.id).where(p.bad_since.is_not(None), given_anew)))
    if points:
        touched.holders_of_points(session, points)
        session.execute(
            update(t.contact_point).where(bulk.among(session, p.id, points)).values(bad_since=None)
        )
        changes.bump(session, "stop", now=now)
    return len(points)
