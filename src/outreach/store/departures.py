"""What leaves when: the queue of some waves, summed by channel, class and first instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select

from outreach.model.words import Channel, PriorityClass
from outreach.store import tables as t
from outreach.store.session import Session

_AT_ONCE = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """Messages of one wave that may leave from the same instant on; `at` None: at once."""

    step_run: int
    channel: Channel
    is_priority: bool
    """To class A."""
    at: datetime | None
    count: int


def of(session: Session, waves: Sequence[int]) -> list[Departure]:
    """What is queued of these waves, class A first, then by instant."""
    m, q = t.message.c, t.queue.c
    is_priority = q.priority == PriorityClass.A
    rows = session.execute(
        select(q.step_run_id, m.channel, is_priority, q.not_before, func.count())
        .join(t.message, m.id == q.message_id)
        .where(q.step_run_id.in_(waves))
        .group_by(q.step_run_id, m.channel, is_priority, q.not_before)
    )
    found = [
        Departure(
            step_run=row[0],
            channel=Channel(row[1]),
            is_priority=bool(row[2]),
            at=row[3],
            count=row[4],
        )
        for row in rows
    ]
    return sorted(
        found,
        key=lambda one: (not one.is_priority, one.at or _AT_ONCE, one.step_run, one.channel),
    )
