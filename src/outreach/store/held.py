"""Messages that wait for the recipients' morning, and how one run's may leave before it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select, update

from outreach.model.words import PriorityClass
from outreach.store import tables as t
from outreach.store.session import Session


def release(
    session: Session, run: int, classes: Collection[PriorityClass], *, from_: datetime
) -> int:
    """Lets what waits of a run, of these classes, leave from that instant on; how many messages.

    What may leave earlier stays as it is, and so does what waits because its provider asked for time.
    """
    waves = select(t.step_run.c.id).where(t.step_run.c.run_id == run)
    untried = select(t.message.c.id).where(
        t.message.c.step_run_id.in_(waves), t.message.c["try"] == 0
    )
    q = t.queue.c
    waits = q.step_run_id.in_(waves) & (q.not_before > from_) & q.message_id.in_(untried)
    released = session.scalars(
        update(t.queue)
        .where(waits, q.priority.in_(list(classes)))
        .values(not_before=from_)
        .returning(q.message_id)
    ).all()
    for start in range(0, len(released), 500):
        some = released[start : start + 500]
        session.execute(update(t.message).where(t.message.c.id.in_(some)).values(not_before=from_))
    return len(released)
