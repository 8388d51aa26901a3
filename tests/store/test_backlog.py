"""What waits, since when, and how old the doubts are."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import insert, update
from tests import make

from outreach.model.words import PriorityClass
from outreach.store import backlog, tables as t
from outreach.store.session import Database, Session

NOW = make.NOW
SECOND = timedelta(seconds=1)


def doubt(session: Session, message: int, *, age: timedelta, **changes: object) -> None:
    values = {
        "message_id": message, "try": 1, "lane": "sms", "started_at": NOW - age,
        "ended_at": NOW - age, "outcome": "in_doubt", "code": "", "reason": "", "looks": 0,
    }  # fmt: skip
    session.execute(insert(t.attempt).values(values | changes))


def test_what_waits_is_counted_by_pool_and_class_with_the_age_of_its_oldest(database: Database):
    with database.write() as session:
        step_run = make.make_step_run(session, created_at=NOW - 9 * SECOND)
        make.make_messages(session, 2, step_run=step_run)
        held = make.make_message(session, step_run=step_run, priority=PriorityClass.A)
        session.execute(
            update(t.queue).where(t.queue.c.message_id == held).values(not_before=NOW + SECOND)
        )

    with database.read() as session:
        found = {one.priority: one for one in backlog.queued(session, now=NOW)}
        later = {one.priority: one for one in backlog.queued(session, now=NOW + 3 * SECOND)}

    assert {letter: one.count for letter, one in found.items()} == {"A": 1, "C": 2}
    assert found["C"].age_s(NOW) == 9.0
    assert found["A"].age_s(NOW) == 0.0
    assert later["A"].age_s(NOW + 3 * SECOND) == 2.0


def test_doubts_are_counted_by_age_and_settled_ones_are_none(database: Database):
    with database.write() as session:
        for number, age in enumerate((1, 59, 61, 601)):
            doubt(session, number, age=age * SECOND)
        doubt(session, 10, age=SECOND, settled_at=NOW)
        doubt(session, 11, age=SECOND, outcome="delayed")

    with database.read() as session:
        assert backlog.doubts(session, now=NOW) == {"under_1m": 2, "under_10m": 1, "older": 1}


def test_lanes_are_named_whose_doubts_have_settled_and_were_not_just_looked_at(database: Database):
    def looked(age: int) -> datetime:
        return NOW - age * SECOND

    with database.write() as session:
        doubt(session, 1, age=29 * SECOND, lane="young")
        doubt(session, 2, age=31 * SECOND, lane="due")
        doubt(session, 3, age=31 * SECOND, lane="due")
        doubt(session, 4, age=60 * SECOND, lane="just looked", looked_at=looked(19))
        doubt(session, 5, age=60 * SECOND, lane="again", looked_at=looked(21))

    with database.read() as session:
        assert backlog.doubted_lanes(session, now=NOW) == ["again", "due"]
