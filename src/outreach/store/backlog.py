"""What waits and what is in doubt, counted; nothing personal in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from outreach.model.words import MessageState, PriorityClass, Tier
from outreach.store import tables as t
from outreach.store.session import Session

LOOKED_FROM = timedelta(seconds=30)
"""Younger doubts are looked at by nobody: the providers' own listings lag."""
LOOKED_APART = timedelta(seconds=20)
AGES = {"under_1m": timedelta(minutes=1), "under_10m": timedelta(minutes=10)}
OLDER = "older"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits in a pool in one class. `oldest_at`: since when the oldest of it could have left."""

    pool: str
    priority: str
    count: int
    oldest_at: datetime | None

    def age_s(self, now: datetime) -> float:
        """Seconds that the oldest has waited; 0 when nothing of it may leave yet."""
        return 0.0 if self.oldest_at is None else max(0.0, (now - self.oldest_at).total_seconds())


def queued(session: Session, *, now: datetime) -> list[Backlog]:
    """By pool and class; a pass over the queue, about 0.3 s a million."""
    q, w = t.queue.c, t.step_run.c
    may_leave = and_(or_(q.not_before.is_(None), q.not_before <= now), goes_before_a_word())
    since = func.min(case((may_leave, func.coalesce(q.not_before, w.created_at))))
    rows = session.execute(
        select(q.pool, q.priority, func.count(), since)
        .join(t.step_run, w.id == q.step_run_id)
        .join(t.run, t.run.c.id == w.run_id)
        .group_by(q.pool, q.priority)
        .order_by(q.pool, q.priority)
    )
    return [
        Backlog(pool=pool, priority=priority, count=count, oldest_at=oldest)
        for pool, priority, count, oldest in rows
    ]


def goes_before_a_word() -> ColumnElement[bool]:
    """Whether a queued row leaves before somebody lets a run's canary go; over queue and run, joined.

    Bulk notices to others than class A wait, but for the canary itself. A post (rank 0) is read by
    everybody at once, so that it waits too.
    """
    q, first = t.queue.c, t.run.c.canary_rank
    return or_(
        first.is_(None),
        q.tier < int(Tier.BULK),
        q.priority == PriorityClass.A,
        and_(q.rank > 0, q.rank < first),
    )


def canary(session: Session, run: int, rank: int) -> tuple[int, int]:
    """(left, waiting) of a run's bulk messages other than class A: those called for, and those held."""
    m, w = t.message.c, t.step_run.c
    of_canary = and_(m.rank > 0, m.rank < rank)
    is_queued = m.state == MessageState.QUEUED
    ends = (MessageState.SUPERSEDED, MessageState.CANCELLED, MessageState.EXPIRED)
    left, waiting = session.execute(
        select(
            func.coalesce(func.sum(case((and_(of_canary, ~is_queued), 1), else_=0)), 0),
            func.coalesce(func.sum(case((is_queued, 1), else_=0)), 0),
        )
        .join(t.step_run, w.id == m.step_run_id)
        .where(
            w.run_id == run,
            w.tier >= int(Tier.BULK),
            m.priority != PriorityClass.A,
            m.state.not_in(ends),
        )
    ).one()
    return int(left), int(waiting)


def doubts(session: Session, *, now: datetime) -> dict[str, int]:
    """Age -> messages in doubt."""
    a = t.attempt.c
    age = case(
        *((a.ended_at > now - limit, name) for name, limit in AGES.items()), else_=OLDER
    ).label("age")
    rows = session.execute(select(age, func.count()).where(*_open_doubt()).group_by(age))
    return dict.fromkeys([*AGES, OLDER], 0) | {row[0]: row[1] for row in rows}


def doubted_lanes(session: Session, *, now: datetime) -> list[str]:
    """Lanes with doubts that are due for a look at their provider."""
    a = t.attempt.c
    return list(
        session.scalars(
            select(a.lane)
            .distinct()
            .where(
                *_open_doubt(),
                a.ended_at <= now - LOOKED_FROM,
                or_(a.looked_at.is_(None), a.looked_at <= now - LOOKED_APART),
            )
            .order_by(a.lane)
        )
    )


def has_receipts(session: Session) -> bool:
    """Whether receipts wait to be applied."""
    waiting = select(t.receipt.c.id).where(t.receipt.c.applied_at.is_(None)).limit(1)
    return session.execute(waiting).first() is not None


def _open_doubt() -> tuple[ColumnElement[bool], ...]:
    a = t.attempt.c
    return (a.outcome == "in_doubt", a.settled_at.is_(None))
