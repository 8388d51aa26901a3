"""Keeps a newer notice behind an older one that may be leaving by another hand at this very moment.

Superseding stops what has not begun. A call that has begun ends within its lease, and a carrier may
take in late what timed out: until then the same address waits for the newer text of the same occasion.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Select, bindparam, select, update

from outreach.model.words import MessageState
from outreach.store import bulk, tables as t
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

SETTLES_AFTER = timedelta(seconds=60)
"""From its claim: the lease of 30 s in which its call ends, and the 30 s after which it is looked up."""
AGAIN_AFTER = timedelta(seconds=2)


def held(session: Session, ids: Sequence[int], *, now: datetime) -> set[int]:
    """Which of these queued messages have to wait; they are put off by two seconds.

    One point lookup for each older wave of their occasion that was overtaken in the last minute.
    """
    if not ids:
        return set()
    dialect = session.get_bind().dialect.name
    given = {"ids": bulk.numbers(ids, dialect), "since": now - SETTLES_AFTER}
    found = set(session.scalars(_held(dialect), given))
    if found:
        theirs = bulk.among(session, t.queue.c.message_id, list(found))
        session.execute(update(t.queue).where(theirs).values(not_before=now + AGAIN_AFTER))
    return found


@cache
def _held(dialect: str) -> Select[int]:
    """Made once: it stands in every claim of a storm, and takes longer to make than to answer."""
    m, older, w, before = t.message, t.message.alias(), t.step_run, t.step_run.alias()
    run, its_run = t.run, t.run.alias()
    since = bindparam("since", type_=UtcDateTime())
    claimed = select(m.c.step_run_id).where(bulk.one_of(m.c.id, "ids", dialect))
    # The waves first: thousands of messages are of a few, and nearly always none was overtaken of late.
    pairs = (
        select(w.c.id.label("newer"), before.c.id.label("older"))
        .distinct()
        .join(run, run.c.id == w.c.run_id)
        .join(its_run, its_run.c.occasion_id == run.c.occasion_id)
        .join(before, before.c.run_id == its_run.c.id)
        .where(
            w.c.id.in_(claimed),
            before.c.version < w.c.version,
            before.c.superseded_at > since,
        )
        .cte("pairs")
    )
    return (
        select(m.c.id)
        .join(pairs, pairs.c.newer == m.c.step_run_id)
        .join(
            older,
            (older.c.step_run_id == pairs.c.older)
            & (older.c.contact_point_id == m.c.contact_point_id),
        )
        .where(
            bulk.one_of(m.c.id, "ids", dialect),
            older.c.state.in_([MessageState.SENDING, MessageState.IN_DOUBT]),
            older.c.claimed_at > since,
        )
    )
