"""Fills the queue with a wave's messages in slices, and lets the wave go once all of it is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)

from outreach.model.order import RANK_BITS
from outreach.model.words import Audience, MessageState, StepRunState
from outreach.store import audience, tables as t
from outreach.store.freeze_rows import Freezing, of_audience
from outreach.store.runs import Wave
from outreach.store.session import Session

BEGIN = -3
"""The first mark below those of the audience: its messages are all there."""
_FILL = -4
"""Marks from here down: how far the queue is."""
_LOWEST = -(1 << 61)
_MOST_POOLS = 60
QUEUE_ROWS = 40_000
"""Messages that one transaction puts into the queue."""


def is_filling(wave: Wave) -> bool:
    return _LOWEST < wave.slice_from <= BEGIN


def fill(session: Session, plan: Freezing) -> bool:
    """The next slice after the audience; True when the wave is frozen.

    A newer revision may have overtaken the wave while it froze: then nothing of it leaves.
    """
    wave = plan.wave
    if wave.slice_from == BEGIN:
        _begin(session, plan)
        return False
    following = _supersede(session, wave) if wave.superseded_at else _queue(session, plan)
    if following is None:
        mark_wave(session, wave.id, state=StepRunState.FROZEN, frozen_at=wave.created_at)
        return True
    mark_wave(session, wave.id, slice_from=following)
    return False


def mark_wave(session: Session, wave: int, **values: Any) -> None:
    session.execute(update(t.step_run).where(t.step_run.c.id == wave).values(**values))


def _begin(session: Session, plan: Freezing) -> None:
    """Drops who turned out to be of a better class than the wave's, and counts the audience."""
    m, wave = t.message.c, plan.wave
    if _misses_better_classes(wave):
        unwanted = select(m.id).where(m.step_run_id == wave.id, m.priority.not_in(wave.classes))
        some = unwanted.limit(QUEUE_ROWS)
        if session.connection().execute(delete(t.message).where(m.id.in_(some))).rowcount:
            return
        _readmit(session, plan)
    frozen = session.execute(select(func.count()).where(m.step_run_id == wave.id)).scalar_one()
    mark_wave(session, wave.id, frozen=frozen, slice_from=_FILL)


def _misses_better_classes(wave: Wave) -> bool:
    """Whether a class is spoken to and one before it is not: B without A, C without A or B."""
    return "".join(sorted(wave.classes)) not in {"A", "AB", "ABC"}


def _readmit(session: Session, plan: Freezing) -> None:
    """Nobody is left out who is of a better class at another of their premises."""
    r, left = t.reach.c, t.left_out.c
    if plan.wave.audience is not Audience.AFFECTED:
        return
    better = select(r.customer_id).where(
        *of_audience(session, plan),
        audience.not_reached(plan.channels),
        r.priority.not_in(plan.wave.classes),
    )
    session.execute(
        delete(t.left_out).where(
            left.step_run_id == plan.wave.id,
            left.customer_id.in_(better),
        )
    )


def _supersede(session: Session, wave: Wave) -> int | None:
    """What is still queued ends; what was queued before is as its message says."""
    m = t.message.c
    some = select(m.id).where(m.step_run_id == wave.id, m.state == MessageState.QUEUED)
    ended = session.scalars(
        update(t.message)
        .where(m.id.in_(some.limit(QUEUE_ROWS)))
        .values(state=MessageState.SUPERSEDED, reason="superseded")
        .returning(m.id)
    ).all()
    if not ended:
        session.execute(delete(t.queue).where(t.queue.c.step_run_id == wave.id))
        return None
    return wave.slice_from


def _queue(session: Session, plan: Freezing) -> int | None:
    """Puts the next messages in; the next mark, or None after the last."""
    wave = plan.wave
    done = _FILL - wave.slice_from
    if session.get_bind().dialect.name == "sqlite":
        which, following = _by_rank(session, wave, done)
    else:
        which, following = _by_point(session, wave, done)
    m = t.message.c
    rows = select(
        m.pool, literal(int(wave.tier)), m.priority, m.rank, m.id, m.step_run_id, m.not_before
    ).where(m.step_run_id == wave.id, which, m.state == MessageState.QUEUED)
    names = ["pool", "tier", "priority", "rank", "message_id", "step_run_id", "not_before"]
    session.execute(insert(t.queue).from_select(names, rows.order_by(_place(plan.pools))))
    return None if following is None else _FILL - following


def _place(pools: Sequence[str]) -> ColumnElement[int]:
    """Pool, class and the upper bits of the rank as one number: sorts in a third of the time of texts.

    Rows of a slice only have to be near their neighbours; the claim order is the queue's own key.
    """
    m = t.message.c
    numbers = {pool: number for number, pool in enumerate(sorted(pools)[:_MOST_POOLS])}
    pool = case(numbers, value=m.pool, else_=_MOST_POOLS) if numbers else literal(0)
    place = pool * 4 + case({"A": 0, "B": 1}, value=m.priority, else_=2)
    return cast(place, BigInteger) * (1 << 55) + m.rank // (1 << (RANK_BITS - 55))


def _by_rank(session: Session, wave: Wave, done: int) -> tuple[ColumnElement[bool], int | None]:
    """SQLite logs whole pages: rows that lie side by side in the queue cost a tenth of scattered ones.

    So each slice reads all of the wave's messages and takes those of the next ranks.
    """
    m = t.message.c
    parts = max(1, -(-wave.frozen // QUEUE_ROWS))
    low, high = ((done + each) * (1 << RANK_BITS) // parts for each in (0, 1))
    first, last = session.execute(
        select(func.min(m.id), func.max(m.id)).where(m.step_run_id == wave.id)
    ).one()
    which = m.id.between(first or 0, last or 0) & m.rank.between(low, high - 1)
    return which, done + 1 if done + 1 < parts else None


def _by_point(session: Session, wave: Wave, done: int) -> tuple[ColumnElement[bool], int | None]:
    """By the index of the wave's contact points; `done` is the first that is not queued yet."""
    m = t.message.c
    high = session.execute(
        select(m.contact_point_id)
        .where(m.step_run_id == wave.id, m.contact_point_id >= done)
        .order_by(m.contact_point_id)
        .offset(-(-QUEUE_ROWS // 2))  # each row costs twice what it does on SQLite
        .limit(1)
    ).scalar()
    if high is None:
        return m.contact_point_id >= done, None
    return m.contact_point_id.between(done, high - 1), high
