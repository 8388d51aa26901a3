"""Yes and no to being written to, in the order they were said, and the suppression that follows from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from outreach.store import bulk, changes, recalls, tables as t, touched
from outreach.store.dialects import insert_into
from outreach.store.session import Session

ANY = "*"
PROVIDER = "opted out at provider"
"""Reason of a suppression that the carrier keeps too: it blocks there whatever we do here."""
SAID_SO = "opted out by reply"
_HELD_FOR = timedelta(hours=10)
"""Carriers keep a text no longer."""
_NEWEST = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One yes or no of an address on a channel; `via`: reply, page, one_click, provider, staff."""

    address_hash: bytes = field(repr=False)
    channel: str
    via: str
    purpose: str = ANY
    reply: int | None = None
    said_by: str = ""


def stop(session: Session, word: Word, *, reason: str = SAID_SO, now: datetime) -> bool:
    """Suppresses the address on the channel; senders see it within a second. False: it was.

    What its provider still holds is asked back.
    """
    note(session, word, gave=False, now=now)
    values = {
        "address_hash": word.address_hash, "channel": word.channel, "purpose": word.purpose,
        "reason": reason, "at": now,
    }  # fmt: skip
    added = session.execute(
        insert_into(session, t.suppression)
        .values(**values)
        .on_conflict_do_nothing()
        .returning(t.suppression.c.channel)
    ).first()
    if added is not None:
        newest = _newest_messages(session, word)
        recalls.of_addresses(session, newest, since=now - _HELD_FOR, now=now)
        touched.holders_of_addresses(session, [word.address_hash])
    changes.bump(session, "stop", now=now)
    return added is not None


def start(session: Session, word: Word, *, provider_too: bool, now: datetime) -> list[str]:
    """Lifts what we suppressed of the address on the channel; returns the reasons that still stand.

    A carrier's own block is lifted with `provider_too` alone: when the carrier says that it let go.
    """
    note(session, word, gave=True, now=now)
    s = t.suppression.c
    mine = [s.address_hash == word.address_hash, s.channel == word.channel]
    if not provider_too:
        mine.append(s.reason != PROVIDER)
    session.execute(delete(t.suppression).where(*mine))
    touched.holders_of_addresses(session, [word.address_hash])
    changes.bump(session, "stop", now=now)
    left = select(s.reason).where(
        s.address_hash == word.address_hash, s.channel.in_([word.channel, ANY])
    )
    return list(session.scalars(left))


def mark_bad(session: Session, address_hash: bytes, channel: str, *, now: datetime) -> bool:
    """Remembers that this address does not exist, as a receipt would; False: it is not in the record, or was bad."""
    p = t.contact_point.c
    found = list(
        session.scalars(
            select(p.id).where(
                p.channel == channel, p.address_hash == address_hash, p.bad_since.is_(None)
            )
        )
    )
    if not found:
        return False
    touched.holders_of_points(session, found)
    session.execute(
        update(t.contact_point).where(bulk.among(session, p.id, found)).values(bad_since=now)
    )
    changes.bump(session, "stop", now=now)
    return True


def said(session: Session, address_hash: bytes) -> list[tuple[datetime, str, bool, str]]:
    """(when, channel, gave, via) of every word of an address, oldest first."""
    c = t.consent_change.c
    rows = session.execute(
        select(c.at, c.channel, c.gave, c.via).where(c.address_hash == address_hash).order_by(c.id)
    )
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def note(session: Session, word: Word, *, gave: bool, now: datetime) -> None:
    """Keeps the word itself; what follows from it is the caller's."""
    session.execute(
        insert(t.consent_change).values(
            at=now, address_hash=word.address_hash, channel=word.channel, purpose=word.purpose,
            gave=gave, via=word.via, reply_id=word.reply, said_by=word.said_by,
        )
    )  # fmt: skip


def _newest_messages(session: Session, word: Word) -> list[int]:
    """By customer, for messages have no index on the address alone."""
    m, p, held = t.message.c, t.contact_point.c, t.customer_contact.c
    rows = session.scalars(
        select(m.id)
        .join(t.customer_contact, held.customer_id == m.customer_id)
        .join(t.contact_point, (p.id == held.contact_point_id) & (p.id == m.contact_point_id))
        .where(p.address_hash == word.address_hash, p.channel == word.channel)
        .order_by(m.id.desc())
        .limit(_NEWEST)
    )
    return list(rows)
