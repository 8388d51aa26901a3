"""Messages of a run summed up by step, channel, class, language and state, for reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from outreach.model.words import Channel, MessageState, PriorityClass
from outreach.store import tables as t
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """So many messages that have all of this in common; `segments` of those that were rendered."""

    step: str
    channel: Channel
    priority: PriorityClass
    locale: str
    pool: str
    state: MessageState
    messages: int
    segments: int


def of(session: Session, run: int) -> list[Tally]:
    """Every message of a run is in exactly one of these; a pass over the run's messages."""
    m, wave = t.message.c, t.step_run.c
    keys = (wave.step, m.channel, m.priority, m.locale, m.pool, m.state)
    rows = session.execute(
        select(*keys, func.count(), func.coalesce(func.sum(m.segments), 0))
        .join(t.message, m.step_run_id == wave.id)
        .where(wave.run_id == run)
        .group_by(*keys)
        .order_by(func.min(wave.id), *keys)
    )
    return [
        Tally(
            step=step,
            channel=Channel(channel),
            priority=PriorityClass(priority),
            locale=locale,
            pool=pool,
            state=MessageState(state),
            messages=messages,
            segments=segments,
        )
        for step, channel, priority, locale, pool, state, messages, segments in rows
    ]


def reached(session: Session, *, since: datetime) -> list[tuple[str, datetime]]:
    """(household, when) of every message that was delivered since; all runs, in no order."""
    m = t.message.c
    rows = session.execute(
        select(t.household.c.ref, m.delivered_at)
        .join(t.household, t.household.c.id == m.household_id)
        .where(m.delivered_at >= since)
    )
    return [(household, at) for household, at in rows]
