"""Sending at night what was held for the morning: one run's, with a reason, never advertising."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from tests import make
from tests.campaigns.opened import NOW, make_engine, open_outage

from outreach.campaigns import any_hour, pins
from outreach.campaigns.engine import Engine
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.words import PriorityClass, RunState
from outreach.store import audit, runs, tables as t
from outreach.store.runs import Run
from outreach.store.session import Session

MORNING = NOW + timedelta(hours=5)
_B, _C = PriorityClass.B, PriorityClass.C


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    return make_engine(database, tmp_path)


def held(engine: Engine) -> Run:
    """A run of an outage with two messages of class C and one of B that wait for the morning."""
    made = open_outage(engine).occasion
    pinned = pins.read(engine.settings, "unplanned-outage")
    with engine.database.write() as session:
        runs.pin(session, pinned.digest, pinned.body, now=NOW)
        number = make.make_run(session, occasion=made.id, pinned=pinned.digest)
        wave = make.make_step_run(session, run=number)
        make.make_messages(session, 2, step_run=wave, not_before=MORNING)
        make.make_messages(session, 1, step_run=wave, not_before=MORNING, priority=_B, rank=9)
        make.make_messages(session, 1, not_before=MORNING)
        return runs.get(session, number)


def waits(session: Session, table) -> list[tuple[str, bool]]:
    rows = session.execute(
        select(table.c.priority, table.c.not_before == MORNING).order_by(table.c.priority)
    )
    return [(row[0], bool(row[1])) for row in rows]


def test_a_run_leaves_at_night_by_class_and_the_reason_is_in_the_chain(engine):
    run = held(engine)

    done = any_hour.now_at_night(
        engine.database, run, (_B,), reason="water is contaminated", actor="ana", now=NOW
    )

    assert (done.messages, done.from_) == (1, NOW + timedelta(minutes=5))
    with engine.database.read() as session:
        for table in (t.queue, t.message):
            assert waits(session, table) == [("B", False), ("C", True), ("C", True), ("C", True)]
        noted = audit.last(session, ["campaign.now_at_night"])
    assert noted is not None
    assert (noted.actor, noted.subject) == ("ana", f"run:{run.id}")
    assert noted.detail == {"reason": "water is contaminated", "classes": "B", "messages": 1}


def test_without_classes_all_of_the_run_leaves_and_nothing_of_another_run(engine):
    run = held(engine)

    any_hour.now_at_night(engine.database, run, reason="x", actor="ana", now=NOW)

    with engine.database.read() as session:
        assert waits(session, t.queue).count(("C", True)) == 1


def test_what_its_provider_asked_to_delay_is_left_alone(engine):
    run = held(engine)
    with engine.database.write() as session:
        session.execute(update(t.message).values({"try": 1}))

    done = any_hour.now_at_night(engine.database, run, reason="x", actor="ana", now=NOW)

    assert done.messages == 0


def test_advertising_an_ended_run_and_no_reason_are_refused(engine):
    run = held(engine)
    with pytest.raises(InputRefused, match="say why"):
        any_hour.now_at_night(engine.database, run, reason=" ", actor="ana", now=NOW)

    with engine.database.write() as session:
        body = session.scalar(select(t.pinned.c.body).where(t.pinned.c.digest == run.pinned))
        commerce = 'purpose = \\"commercial\\"\\nbasis = \\"consent\\"'
        text = json.dumps(body).replace('purpose = \\"service\\"', commerce)
        session.execute(update(t.pinned).values(body=json.loads(text)))
    with pytest.raises(GuardRefused, match="commercial"):
        any_hour.now_at_night(engine.database, run, reason="x", actor="ana", now=NOW)

    with engine.database.write() as session:
        session.execute(update(t.pinned).values(body=body))
        session.execute(update(t.run).values(state=RunState.CANCELLED))
    with pytest.raises(GuardRefused, match="cancelled"):
        any_hour.now_at_night(engine.database, run, reason="x", actor="ana", now=NOW)
