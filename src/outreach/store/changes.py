"""Counts up a topic in the commit that changes it, so that other processes look again."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import bindparam, insert, select, update

from outreach.store.session import Session
from outreach.store.tables import change

Topic = Literal["truth", "stop", "record", "network", "keys"]


def bump(session: Session, *topics: Topic, now: datetime) -> None:
    """Marks the topics as changed by this transaction."""
    for topic in topics:
        counted = session.execute(_COUNTED, {"topic": topic, "now": now}).first()
        if counted is None:
            session.execute(insert(change).values(name=topic, counter=1, at=now))


_COUNTED = (
    update(change)
    .where(change.c.name == bindparam("topic"))
    .values(counter=change.c.counter + 1, at=bindparam("now"))
    .returning(change.c.counter)
)


def counters(session: Session) -> dict[str, int]:
    """topic -> counter; a topic never changed is absent."""
    return {
        row.name: row.counter for row in session.execute(select(change.c.name, change.c.counter))
    }
