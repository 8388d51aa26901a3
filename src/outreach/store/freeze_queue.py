"""The queue of a wave: its messages in claim order, or their end if a newer revision overtook it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from outreach.model.order import RANK_BITS
from outreach.model.words import MessageState
from outreach.store import tables as t
from outreach.store.freezing import Freezing
from outreach.store.runs import Wave
from outreach.store.session import Session

_MOST_POOLS = 60
_AT_ONCE = 40_000
"""Messages that one transaction ends."""


def mark_wave(session: Session, wave: int, **values: Any) -> None:
    session.execute(_marked(frozenset(values)), {"of_wave": wave, **values})


@cache
def _marked(names: frozenset[str]) -> Update:
    changed: dict[str, Any] = {name: bindparam(name) for name in names}
    return update(t.step_run).where(t.step_run.c.id == bindparam("of_wave")).values(changed)


def counted(session: Session, wave: Wave, rows: int) -> int:
    """How many messages the wave has, after a slice of so many; all at the end would be half a second of a million.

    The first slice is counted itself, and with it what a version that added nothing up had written.
    """
    if wave.frozen:
        return wave.frozen + rows
    mine = t.message.c.step_run_id == wave.id
    return session.execute(select(func.count()).where(mine)).scalar_one()


def in_order(plan: Freezing) -> Select[Any]:
    """The wave's messages as the queue orders them.

    SQLite logs whole pages: rows that lie side by side in the queue cost a tenth of scattered ones.
    """
    m = t.message.c
    mine = select(m.id.label("message_id")).where(m.step_run_id == plan.wave.id)
    return mine.order_by(_place(m, plan.pools))


def whole(plan: Freezing) -> Insert:
    """The queue of a wave whose messages are all written."""
    m, wave = t.message.c, plan.wave
    names = ["tier", "message_id", "pool", "priority", "rank", "step_run_id", "not_before"]
    rows = select(
        literal(int(wave.tier)), m.id, m.pool, m.priority, m.rank, m.step_run_id, m.not_before
    ).where(m.step_run_id == wave.id, m.state == MessageState.QUEUED)
    return insert(t.queue).from_select(names, rows.order_by(_place(m, plan.pools)))


def at_once(written: Insert, plan: Freezing) -> Insert:
    """The messages and, in the same statement, their rows of the queue: no pass over them again."""
    names = ["pool", "priority", "rank", "step_run_id", "not_before"]
    new = written.returning(t.message.c.id, *(t.message.c[name] for name in names)).cte("new")
    tier = literal(int(plan.wave.tier), t.queue.c.tier.type)
    rows = select(tier, new.c.id, *(new.c[name] for name in names))
    return insert(t.queue).from_select(
        ["tier", "message_id", *names], rows.order_by(_place(new.c, plan.pools))
    )


def queued(lain: Table, wave: Wave) -> Select[Any]:
    """The queue's rows of messages laid aside, but for those that have ended meanwhile."""
    m = t.message.c
    return (
        select(
            m.pool, literal(int(wave.tier)).label("tier"), m.priority, m.rank,
            m.id.label("message_id"), m.step_run_id, m.not_before,
        )
        .join_from(lain, t.message, m.id == lain.c.message_id)
        .where(m.state == MessageState.QUEUED)
    )  # fmt: skip


def supersede(session: Session, wave: Wave) -> bool:
    """What is still queued ends; what was queued before is as its message says. False: all has."""
    m = t.message.c
    some = select(m.id).where(m.step_run_id == wave.id, m.state == MessageState.QUEUED)
    ended = session.scalars(
        update(t.message)
        .where(m.id.in_(some.limit(_AT_ONCE)))
        .values(state=MessageState.SUPERSEDED, reason="superseded")
        .returning(m.id)
    ).all()
    if not ended:
        session.execute(delete(t.queue).where(t.queue.c.step_run_id == wave.id))
    return bool(ended)


def _place(m: ReadOnlyColumnCollection[str, Any], pools: Sequence[str]) -> ColumnElement[int]:
    """Pool, class and the upper bits of the rank as one number: sorts in a third of the time of texts.

    Rows of a slice only have to be near their neighbours; the claim order is the queue's own key.
    """
    numbers = {pool: number for number, pool in enumerate(sorted(pools)[:_MOST_POOLS])}
    pool = case(numbers, value=m.pool, else_=_MOST_POOLS) if numbers else literal(0)
    place = pool * 4 + case({"A": 0, "B": 1}, value=m.priority, else_=2)
    upper: ColumnElement[int] = m.rank // (1 << (RANK_BITS - 55))
    return cast(place, BigInteger) * (1 << 55) + upper
