"""Rows of the queue by their whole key: it has no index on the message, and by that alone all that waits is read."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select, tuple_

from outreach.store import tables as t


def of(those: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a row of the queue is that of one of `those`, a condition over messages."""
    q, m, w = t.queue.c, t.message.c, t.step_run.c
    keys = (
        select(m.pool, w.tier, m.priority, m.rank, m.id)
        .select_from(t.message)
        .join(t.step_run, w.id == m.step_run_id)
        .where(those)
    )
    return tuple_(q.pool, q.tier, q.priority, q.rank, q.message_id).in_(keys)
