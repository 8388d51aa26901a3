"""All that will be sent: what is queued or being written, what the clock owes, and on whose word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, select

from outreach.model.words import RunState, StepRunState
from outreach.store import backlog, tables as t
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Sendable:
    """Messages of one wave that may leave from one instant on."""

    occasion_id: int
    occasion: str
    drill: bool
    campaign: str
    step: str
    version: int
    pool: str
    not_before: datetime | None
    """None: at once, or as soon as its lane has a turn."""
    messages: int
    run_state: RunState
    awaits_word: bool
    """Held back by a canary."""
    author: str
    approver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """A wave whose audience is still being written."""

    occasion_id: int
    occasion: str
    drill: bool
    campaign: str
    step: str
    version: int
    author: str
    approver: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """An instant at which the clock will act."""

    occasion_id: int
    occasion: str
    drill: bool
    at: datetime
    what: str
    step: str
    campaign: str
    """Empty: whatever campaigns of the occasion answer to it."""
    author: str
    approver: str


def queued(session: Session) -> list[Sendable]:
    """By wave, pool and instant, oldest run first; a pass over the queue, about 0.3 s a million."""
    q, w, r, o = t.queue.c, t.step_run.c, t.run.c, t.occasion.c
    awaits = case((backlog.goes_before_a_word(), 0), else_=1)
    keys = (o.id, o.name, o.drill, r.campaign, w.step, w.version, q.pool, q.not_before, r.state,
            r.launched_by, r.approved_by)  # fmt: skip
    rows = session.execute(
        select(*keys, awaits.label("awaits"), func.count().label("messages"))
        .join(t.step_run, w.id == q.step_run_id)
        .join(t.run, r.id == w.run_id)
        .join(t.occasion, o.id == r.occasion_id)
        .group_by(*keys, awaits, w.id)
        .order_by(w.id, q.not_before, q.pool)
    )
    return [
        Sendable(
            occasion_id=row.id, occasion=row.name, drill=bool(row.drill), campaign=row.campaign,
            step=row.step, version=row.version, pool=row.pool, not_before=row.not_before,
            messages=row.messages, run_state=RunState(row.state), awaits_word=bool(row.awaits),
            author=row.launched_by, approver=row.approved_by,
        )
        for row in rows
    ]  # fmt: skip


def writing(session: Session) -> list[Writing]:
    """Waves that are not frozen yet, oldest first."""
    w, r, o = t.step_run.c, t.run.c, t.occasion.c
    rows = session.execute(
        select(o.id, o.name, o.drill, r.campaign, w.step, w.version, r.launched_by, r.approved_by)
        .join(t.run, r.id == w.run_id)
        .join(t.occasion, o.id == r.occasion_id)
        .where(w.state == StepRunState.FREEZING)
        .order_by(w.id)
    )
    return [
        Writing(
            occasion_id=row[0], occasion=row[1], drill=bool(row[2]), campaign=row[3], step=row[4],
            version=row[5], author=row[6], approver=row[7],
        )
        for row in rows
    ]  # fmt: skip


def owed(session: Session) -> list[Owed]:
    """What the clock has not settled yet, soonest first."""
    d, r, o = t.due.c, t.run.c, t.occasion.c
    rows = session.execute(
        select(
            o.id, o.name, o.drill, d.at, d.what, d.step, r.campaign, r.launched_by, r.approved_by
        )
        .join(t.occasion, o.id == d.occasion_id)
        .outerjoin(t.run, r.id == d.run_id)
        .where(d.done_at.is_(None))
        .order_by(d.at, d.id)
    )
    return [
        Owed(
            occasion_id=row[0], occasion=row[1], drill=bool(row[2]), at=row[3], what=row[4],
            step=row[5], campaign=row[6] or "", author=row[7] or "", approver=row[8] or "",
        )
        for row in rows
    ]  # fmt: skip
