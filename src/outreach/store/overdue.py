"""Messages whose time is up: looked for while others write, and given up in short slices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, delete, or_, select, update

from outreach.model.words import MessageState
from outreach.store import queue_rows, tables as t
from outreach.store.session import Database, Session

_AT_ONCE = 1_000


def expire(database: Database, *, now: datetime) -> int:
    """Queued messages whose text is no longer true become `expired`; returns how many.

    A pass over the queue, about 1 s a million. What is claimed meanwhile, the claim itself refuses.
    """
    m, q = t.message, t.queue
    late = (
        select(m.c.id)
        .join(q, q.c.message_id == m.c.id)
        .where(m.c.not_after <= now, m.c.state == MessageState.QUEUED)
    )

    def give_up(session: Session, ids: Sequence[int]) -> int:
        # The queue first, as a claim does, or the two would wait for each other for ever.
        theirs = queue_rows.of(m.c.id.in_(ids) & (m.c.state == MessageState.QUEUED))
        gone = session.scalars(delete(q).where(theirs).returning(q.c.message_id)).all()
        expired = (
            update(m)
            .where(m.c.id.in_(gone), m.c.state == MessageState.QUEUED)
            .values(state=MessageState.EXPIRED, reason="not_after")
        )
        return session.execute(expired).rowcount

    return _in_slices(database, late, give_up)


def unknown_after(
    database: Database, *, now: datetime, after: timedelta, silent: Collection[str] = ()
) -> int:
    """Messages accepted or sent longer ago than `after` without a last word become `unknown`.

    `silent` are providers without receipts, whose `sent` is their last word. A pass over the ledger,
    about 0.3 s a million: an index would cost every message that is sent.
    """
    m = t.message
    unheard_of = (
        m.c.state.in_([MessageState.ACCEPTED, MessageState.SENT]),
        m.c.accepted_at <= now - after,
        or_(m.c.provider.is_(None), m.c.provider.not_in(list(silent))),
    )

    def give_up(session: Session, ids: Sequence[int]) -> int:
        given_up = (
            update(m)
            .where(m.c.id.in_(ids), *unheard_of)
            .values(state=MessageState.UNKNOWN, reason="no receipt")
        )
        return session.execute(given_up).rowcount

    return _in_slices(database, select(m.c.id).where(*unheard_of), give_up)


def _in_slices(
    database: Database, wanted: Select[int], give_up: Callable[[Session, Sequence[int]], int]
) -> int:
    with database.read() as session:
        ids = session.scalars(wanted).all()
    done = 0
    for start in range(0, len(ids), _AT_ONCE):
        with database.write() as session:
            done += give_up(session, ids[start : start + _AT_ONCE])
    return done
