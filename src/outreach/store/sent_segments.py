"""How many segments an SMS of this installation takes, by those it sent last."""

from __future__ import annotations

from sqlalchemy import func, select

from outreach.model.words import Channel
from outreach.store import tables as t
from outreach.store.session import Session

_NEWEST = 1_000


def average(session: Session) -> float:
    """Segments of the newest thousand SMS on average; 1 before the first.

    Looked for among as many of the newest messages as one campaign's e-mails and voice calls may be.
    """
    m = t.message.c
    newest = (
        select(m.id, m.channel, m.segments).order_by(m.id.desc()).limit(10 * _NEWEST).subquery()
    )
    some = (
        select(newest.c.segments)
        .where(newest.c.channel == Channel.SMS, newest.c.segments.is_not(None))
        .order_by(newest.c.id.desc())
        .limit(_NEWEST)
        .subquery()
    )
    return float(session.execute(select(func.avg(some.c.segments))).scalar() or 1.0)
