"""Class A is texted and called at once; everybody else hears on one channel, and so does class A of later news."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from tests import make, town
from tests.campaigns.tell import NOW, UNPLANNED, launched, moved, opened, updated

from outreach.campaigns.engine import Engine
from outreach.campaigns.preview import preview
from outreach.model.words import Channel, MessageState
from outreach.settings import Lane
from outreach.store import ledger, tables as t

S = MessageState
VOICE = Lane(name="voice", channel=Channel.VOICE, sender="+56900000000", rate=1)
LINES = {"K-0001": "+56970000001", "K-0002": "+56970000002"}
"""A home of class A and one of class C: the same number can be texted and called."""


@pytest.fixture
def engine(database, tmp_path: Path) -> Engine:
    with database.write() as session:
        town.build(session)
        for ref, number in LINES.items():
            _can_be_called(session, ref, number)
    return town.engine(database, town.workspace(tmp_path, lanes=(*town.LANES, VOICE)))


def _can_be_called(session, ref: str, number: str) -> None:
    who = session.execute(select(t.customer.c.id).where(t.customer.c.ref == ref)).scalar_one()
    [row] = session.execute(select(t.reach).where(t.reach.c.customer_id == who)).mappings()
    point = make.make_contact_point(session, channel=Channel.VOICE, address=number)
    make.make_customer_contact(session, customer=who, contact_point=point)
    session.execute(update(t.reach).where(t.reach.c.customer_id == who).values(channels=1 | 4))
    values = dict(row) | {"contact_point_id": point, "channel": Channel.VOICE, "channels": 1 | 4}
    session.execute(t.reach.insert().values(**values))


def written(engine: Engine) -> dict[str, list[tuple[str, str]]]:
    """step -> (customer, channel) of its messages."""
    m, w = t.message.c, t.step_run.c
    with engine.database.read() as session:
        rows = session.execute(
            select(w.step, t.customer.c.ref, m.channel)
            .join(t.step_run, w.id == m.step_run_id)
            .join(t.customer, t.customer.c.id == m.customer_id)
            .order_by(w.id, t.customer.c.ref, m.channel)
        )
        found: dict[str, list[tuple[str, str]]] = {}
        for step, ref, channel in rows:
            found.setdefault(step, []).append((ref, channel))
    return found


def test_class_a_is_texted_and_called_by_one_wave_and_the_others_hear_once(engine):
    launched(engine)

    steps = written(engine)

    assert steps["opened_priority"] == [("K-0001", "sms"), ("K-0001", "voice")]
    assert {channel for _ref, channel in steps["opened"]} == {"sms"}
    assert len(steps["opened"]) == 6
    with engine.database.read() as session:
        assert ledger.adds_up(session)


def test_text_and_call_may_leave_at_the_same_moment(engine):
    launched(engine)

    with engine.database.read() as session:
        rows = session.execute(
            select(t.queue.c.pool, t.queue.c.tier, t.queue.c.not_before).where(
                t.queue.c.priority == "A"
            )
        ).all()

    assert sorted(tuple(row) for row in rows) == [("sms:*", 0, None), ("voice:*", 0, None)]


def test_the_preview_counts_the_very_rows(engine):
    occasion = opened(engine).occasion.id

    shown = preview(engine, occasion, UNPLANNED, now=NOW)
    engine.launch(occasion, UNPLANNED, actor="ana", now=NOW)

    steps = {step.step: (step.messages, step.by_channel) for step in shown.steps}
    assert steps["opened_priority"] == (2, {"sms": 1, "voice": 1})
    assert {step: len(rows) for step, rows in written(engine).items()} == {
        step: messages for step, (messages, _channels) in steps.items()
    }


def test_later_news_reaches_class_a_once_by_text(engine):
    applied = launched(engine)
    moved(engine, S.DELIVERED)

    updated(engine, applied, at=NOW + timedelta(minutes=7), etr_at=NOW + timedelta(hours=3))

    told = written(engine)["etr_set"]
    assert [one for one in told if one[0] == "K-0001"] == [("K-0001", "sms")]
    assert len(told) == 7


def test_whom_only_the_call_reached_hears_later_news_by_call(engine):
    applied = launched(engine)
    moved(engine, S.DELIVERED)
    with engine.database.write() as session:
        session.execute(
            update(t.message)
            .where(t.message.c.priority == "A", t.message.c.channel == "sms")
            .values(state=S.UNDELIVERED)
        )

    updated(engine, applied, at=NOW + timedelta(minutes=7), etr_at=NOW + timedelta(hours=3))

    assert ("K-0001", "voice") in written(engine)["etr_set"]
