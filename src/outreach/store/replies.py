"""Everything people wrote to us: kept once, sealed, with what it was read as and what became of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, true, update

from outreach.store import tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReply:
    """One text that came in; address and body sealed already."""

    at: datetime
    channel: str
    provider: str
    provider_ref: str
    address_hash: bytes = field(repr=False)
    address_sealed: bytes = field(repr=False)
    body_sealed: bytes = field(repr=False)
    customer_id: int | None
    message_id: int | None
    occasion_id: int | None
    locale: str
    meaning: str
    outcome: str = "received"
    answered: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(NewReply):
    """One of them as it stands; still sealed."""

    id: int
    settled_at: datetime | None
    case_id: int | None = None
    case_closed_at: datetime | None = None
    mail: str | None = None
    """Where the e-mail that answers it stands; None: none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of a reply: `answered` names the text that answered it, empty: none did."""

    outcome: str
    answered: str = ""
    occasion: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which replies a list shows; None: any."""

    meaning: str | None = None
    channel: str | None = None
    occasion: int | None = None
    limit: int = 50


def add(session: Session, new: NewReply) -> int | None:
    """The new row's number; None if its provider brought it before."""
    into = insert_into(session, t.reply)
    values = {name: getattr(new, name) for name in NewReply.__slots__}
    return session.execute(
        into.values(**values).on_conflict_do_nothing().returning(t.reply.c.id)
    ).scalar()


def settle(session: Session, number: int, settled: Settled, *, now: datetime) -> None:
    """Writes what became of it; it is not acted upon again."""
    values: dict[str, object] = {
        "outcome": settled.outcome, "answered": settled.answered, "settled_at": now
    }  # fmt: skip
    if settled.occasion is not None:
        values["occasion_id"] = settled.occasion
    session.execute(update(t.reply).where(t.reply.c.id == number).values(**values))


def by_ref(session: Session, provider: str, provider_ref: str) -> Reply | None:
    """The reply that a provider brought under its own number."""
    r = t.reply.c
    return _first(session, (r.provider == provider) & (r.provider_ref == provider_ref))


def get(session: Session, number: int) -> Reply | None:
    return _first(session, t.reply.c.id == number)


def waiting(session: Session, *, before: datetime, limit: int = 200) -> list[Reply]:
    """Replies that nobody has acted upon since before, oldest first: a crash came between."""
    r = t.reply.c
    waiting_ = r.settled_at.is_(None) & (r.at < before)
    return _found(session, waiting_, limit=limit, order=(r.at, r.id))


def answers_since(
    session: Session, address_hash: bytes, channel: str, *, since: datetime
) -> list[tuple[str, datetime]]:
    """(text, when) of what answered this address since; the texts by name."""
    r = t.reply.c
    rows = session.execute(
        select(r.answered, r.settled_at).where(
            r.address_hash == address_hash, r.at > since, r.channel == channel,
            r.answered != "", r.settled_at.is_not(None),
        )
    )  # fmt: skip
    return [(row[0], row[1]) for row in rows]


def lock_address(session: Session, address_hash: bytes) -> None:
    """Replies of one address are acted upon one after the other; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        key = int.from_bytes(address_hash[:8], "big", signed=True)
        session.execute(select(func.pg_advisory_xact_lock(key)))


def newest(session: Session, wanted: Wanted) -> list[Reply]:
    """The newest of a choice, newest first."""
    r = t.reply.c
    condition: ColumnElement[bool] = true()
    for column, value in (
        (r.meaning, wanted.meaning),
        (r.channel, wanted.channel),
        (r.occasion_id, wanted.occasion),
    ):
        if value is not None:
            condition &= column == value
    return _found(session, condition, limit=wanted.limit, order=(t.reply.c.id.desc(),))


def thread(session: Session, messages: Collection[int], hashes: Collection[bytes]) -> list[Reply]:
    """What answered these messages, or came from these addresses, oldest first."""
    r = t.reply.c
    return _found(
        session, or_(r.message_id.in_(list(messages)), r.address_hash.in_(list(hashes))), limit=500
    )


def hashes_of(session: Session, points: Sequence[int]) -> list[bytes]:
    """The address hashes of these contact points."""
    p = t.contact_point.c
    return list(session.scalars(select(p.address_hash).where(p.id.in_(list(points))).distinct()))


def counts(session: Session, *, since: datetime) -> Mapping[tuple[str, str], int]:
    """(channel, meaning) -> replies since."""
    r = t.reply.c
    rows = session.execute(
        select(r.channel, r.meaning, func.count())
        .where(r.at >= since)
        .group_by(r.channel, r.meaning)
    )
    return {(row[0], row[1]): row[2] for row in rows}


def _first(session: Session, condition: ColumnElement[bool]) -> Reply | None:
    return next(iter(_found(session, condition, limit=1)), None)


def _found(
    session: Session,
    condition: ColumnElement[bool],
    *,
    limit: int,
    order: Sequence[ColumnElement[Any]] = (t.reply.c.id,),
) -> list[Reply]:
    r, c, a = t.reply, t.desk_case.c, t.answer_mail.c
    rows = session.execute(
        select(r, c.id.label("case_id"), c.closed_at.label("case_closed_at"), a.state.label("mail"))
        .outerjoin(t.desk_case, c.reply_id == r.c.id)
        .outerjoin(t.answer_mail, a.reply_id == r.c.id)
        .where(condition)
        .order_by(*order)
        .limit(limit)
    ).mappings()
    return [Reply(**row) for row in rows]
