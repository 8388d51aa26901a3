"""Our answers to e-mails on their way: each leaves at most once, and what it said is forgotten after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Integer, bindparam, exists, func, insert, select, update

from outreach.store import tables as t
from outreach.store.session import Session
from outreach.store.types import UtcDateTime


class State(StrEnum):
    """Where an answer stands."""

    WAITING = "waiting"
    SENDING = "sending"
    """In a call at this moment; after a crash nobody knows whether it left."""
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """It may have left; it is not sent again."""
    LATE = "late"
    """Nothing could carry it while it was an answer still."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One answer to be carried now; still sealed. `reply` is its number, too."""

    reply: int
    sealed: bytes = field(repr=False)
    address_sealed: bytes = field(repr=False)


def add(session: Session, reply: int, sealed: bytes, *, now: datetime) -> None:
    """Keeps an answer, to leave from now on."""
    session.execute(
        insert(t.answer_mail).values(
            reply_id=reply, body_sealed=sealed, state=State.WAITING, next_at=now, kept_at=now
        )
    )


def are_waiting(session: Session, *, now: datetime) -> bool:
    """Whether any may leave, or has been in a call."""
    a = t.answer_mail.c
    return bool(session.scalar(select(exists().where(a.ended_at.is_(None), a.next_at <= now))))


def waiting(session: Session, *, limit: int, now: datetime) -> int:
    """How many may leave now, counted to `limit`."""
    return session.scalar(_WAITING, {"now": now, "limit": limit}) or 0


_WAITING = select(func.count()).select_from(
    select(t.answer_mail.c.reply_id)
    .where(
        t.answer_mail.c.ended_at.is_(None),
        t.answer_mail.c.state == State.WAITING,
        t.answer_mail.c.next_at <= bindparam("now", type_=UtcDateTime()),
    )
    .limit(bindparam("limit", type_=Integer()))
    .subquery()
)
"""Made once: every claim of a mail lane asks."""


def count_open(session: Session) -> int:
    """How many have not ended."""
    open_ = t.answer_mail.c.ended_at.is_(None)
    return session.execute(
        select(func.count()).select_from(t.answer_mail).where(open_)
    ).scalar_one()


def take(session: Session, lane: str, *, limit: int, now: datetime) -> list[Taken]:
    """Answers that may leave by this lane now, oldest first; nobody else gets the same."""
    a, r = t.answer_mail.c, t.reply.c
    due = select(a.reply_id).where(a.ended_at.is_(None), a.state == State.WAITING, a.next_at <= now)
    # PostgreSQL looks at the state again once another taker has committed.
    taken = session.scalars(
        update(t.answer_mail)
        .where(a.reply_id.in_(due.order_by(a.next_at).limit(limit)), a.state == State.WAITING)
        .values(state=State.SENDING, next_at=now, lane=lane)
        .returning(a.reply_id)
    ).all()
    rows = session.execute(
        select(a.reply_id, a.body_sealed, r.address_sealed)
        .join(t.reply, r.id == a.reply_id)
        .where(a.reply_id.in_(taken))
        .order_by(a.reply_id)
    )
    return [Taken(reply=row[0], sealed=row[1], address_sealed=row[2]) for row in rows]


def end(
    session: Session, reply: int, state: State, *, now: datetime, provider_ref: str | None = None
) -> None:
    """Its words go; how it ended stays."""
    a = t.answer_mail.c
    session.execute(
        update(t.answer_mail)
        .where(a.reply_id == reply, a.ended_at.is_(None))
        .values(state=state, ended_at=now, provider_ref=provider_ref, body_sealed=None)
    )


def put_back(session: Session, reply: int, *, until: datetime) -> None:
    """It surely did not leave, and may from then on."""
    a = t.answer_mail.c
    session.execute(
        update(t.answer_mail)
        .where(a.reply_id == reply, a.state == State.SENDING)
        .values(state=State.WAITING, next_at=until)
    )


def forsake(session: Session, *, now: datetime) -> None:
    """Ends all that are open: nobody knows whether they left."""
    values = {"state": State.UNKNOWN, "ended_at": now, "body_sealed": None}
    session.execute(
        update(t.answer_mail).where(t.answer_mail.c.ended_at.is_(None)).values(**values)
    )


def lapse(
    session: Session, *, kept_before: datetime, taken_before: datetime, now: datetime
) -> None:
    """Ends what waited too long, and what a crash left in a call."""
    a = t.answer_mail.c
    for before, after, is_due in (
        (State.WAITING, State.LATE, a.kept_at < kept_before),
        (State.SENDING, State.UNKNOWN, a.next_at < taken_before),
    ):
        session.execute(
            update(t.answer_mail)
            .where(a.ended_at.is_(None), a.state == before, is_due)
            .values(state=after, ended_at=now, body_sealed=None)
        )
