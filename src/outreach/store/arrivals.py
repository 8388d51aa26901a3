"""What the forecast counts: calls by minute, who was told when, and who waits in which lane's queue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    true,
    type_coerce,
)

from outreach.model.words import Audience, Channel, RunState
from outreach.store import tables as t
from outreach.store.backlog import goes_before_a_word
from outreach.store.session import Session

_PERSONAL = (Channel.SMS, Channel.VOICE, Channel.EMAIL)
_NEWS_FOR = (Audience.AFFECTED, Audience.JOINED)
"""Waves to those who have not been told yet; later ones tell the same people again."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Which calls are those of a queue: dialled one of the numbers, or waited in one of the queues; empty is any."""

    numbers: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """How far a wave of an occasion is."""

    id: int
    occasion: int
    told: tuple[tuple[datetime, int], ...]
    """(minute, messages released in it), in order of time."""
    waiting: dict[str, int]
    """Pool -> messages that may leave and have not."""


def by_minute(
    session: Session, line: Line, *, since: datetime, until: datetime
) -> dict[datetime, int]:
    """Calls by the minute in which they arrived; minutes without any are absent.

    Chats, messages and clicks are no calls. One range of the index on `at`.
    """
    c = t.call.c
    slot = _minute(session, c.at)
    rows = session.execute(
        select(slot.label("slot"), func.count())
        .where(_is_of(line), c.kind == "call", c.at >= since, c.at < until)
        .group_by(slot)
    )
    return {_EPOCH + int(number) * _MINUTE: count for number, count in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Calls of one quarter-hour on the clock."""

    at: datetime
    calls: int
    handled: int
    """Reached an agent."""
    talk_s: int
    """Of those, all together, as far as the log says."""


def by_quarter(session: Session, line: Line, *, since: datetime, until: datetime) -> list[Past]:
    """Calls by quarter-hour in [since, until), in order of time; those without any are absent."""
    c = t.call.c
    slot = _minute(session, c.at) // 15
    reached = and_(c.contained.is_(False), c.abandoned.is_(False))
    rows = session.execute(
        select(
            slot.label("slot"),
            func.count(),
            func.sum(case((reached, 1), else_=0)),
            func.sum(case((reached, func.coalesce(c.talk_s, 0)), else_=0)),
        )
        .where(_is_of(line), c.kind == "call", c.at >= since, c.at < until)
        .group_by(slot)
        .order_by(slot)
    )
    return [
        Past(
            at=_EPOCH + int(number) * 15 * _MINUTE,
            calls=calls,
            handled=int(handled),
            talk_s=int(talk_s),
        )
        for number, calls, handled, talk_s in rows
    ]


def last_call(session: Session, line: Line, *, since: datetime, until: datetime) -> datetime | None:
    """When the newest call in [since, until) came, or None."""
    c = t.call.c
    return session.execute(
        select(c.at)
        .where(_is_of(line), c.kind == "call", c.at >= since, c.at < until)
        .order_by(c.at.desc())
        .limit(1)
    ).scalar()


def _is_of(line: Line) -> ColumnElement[bool]:
    dialled = t.call.c.dnis.in_(line.numbers) if line.numbers else true()
    waited = t.call.c.queue.in_(line.queues) if line.queues else true()
    return dialled & waited


def _minute(session: Session, column: Any) -> ColumnElement[int]:
    """Whole minutes since 1970."""
    if session.get_bind().dialect.name == "sqlite":
        return type_coerce(column, BigInteger) // 60_000_000
    return cast(func.floor(func.extract("epoch", column) / 60), BigInteger)


_SLICE = 500


def waves(session: Session, occasions: Sequence[int], *, now: datetime) -> list[Wave]:
    """Waves that bring the first news of these occasions to people.

    A pass over their messages: about 1 s a million.
    """
    found: list[Wave] = []
    for begin in range(0, len(occasions), _SLICE):
        found += _waves(session, occasions[begin : begin + _SLICE], now=now)
    return found


def _waves(session: Session, occasions: Sequence[int], *, now: datetime) -> list[Wave]:
    w, r = t.step_run.c, t.run.c
    rows = session.execute(
        select(w.id, r.occasion_id, r.state, w.superseded_at)
        .join(t.run, r.id == w.run_id)
        .where(
            r.occasion_id.in_(occasions), w.audience.in_(_NEWS_FOR), r.state != RunState.CANCELLED
        )
    ).all()
    told, waiting = _told(session, [row.id for row in rows]), _waiting(session, occasions, now=now)
    return [
        Wave(
            id=row.id,
            occasion=row.occasion_id,
            told=tuple(told.get(row.id, ())),
            waiting=waiting.get(row.id, {}) if row.superseded_at is None else {},
        )
        for row in rows
    ]


def _told(session: Session, ids: Sequence[int]) -> dict[int, list[tuple[datetime, int]]]:
    m = t.message.c
    minute = _minute(session, m.slot_at)
    found: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    if not ids:
        return found
    rows = session.execute(
        select(m.step_run_id, minute.label("minute"), func.count())
        .where(m.step_run_id.in_(ids), m.slot_at.is_not(None), m.channel.in_(_PERSONAL))
        .group_by(m.step_run_id, minute)
    )
    for wave, at, count in sorted(tuple(row) for row in rows):
        found[wave].append((_EPOCH + int(at) * _MINUTE, count))
    return found


def _waiting(
    session: Session, occasions: Sequence[int], *, now: datetime
) -> dict[int, dict[str, int]]:
    """Wave -> pool -> what a lane would take now; paused runs and notices kept overnight do not move."""
    q, w, r = t.queue.c, t.step_run.c, t.run.c
    rows = session.execute(
        select(q.step_run_id, q.pool, func.count())
        .join(t.step_run, w.id == q.step_run_id)
        .join(t.run, r.id == w.run_id)
        .where(
            r.occasion_id.in_(occasions),
            r.state == RunState.ACTIVE,
            or_(q.not_before.is_(None), q.not_before <= now),
            goes_before_a_word(),
        )
        .group_by(q.step_run_id, q.pool)
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for wave, pool, count in rows:
        found[wave][pool] = count
    return found


def pools(session: Session, *, now: datetime) -> dict[str, tuple[int, float]]:
    """Pool -> (messages that wait in it, segments a second that its lanes carry now)."""
    q, lane = t.queue.c, t.lane.c
    waiting = session.execute(
        select(q.pool, func.count())
        .where(or_(q.not_before.is_(None), q.not_before <= now))
        .group_by(q.pool)
    )
    rates = session.execute(
        select(lane.pool, func.sum(lane.rate * lane.weight / 100.0))
        .where(lane.stopped_at.is_(None), or_(lane.cooled_until.is_(None), lane.cooled_until < now))
        .group_by(lane.pool)
    )
    carried = {pool: float(rate or 0) for pool, rate in rates}
    return {pool: (count, carried.get(pool, 0.0)) for pool, count in waiting}
