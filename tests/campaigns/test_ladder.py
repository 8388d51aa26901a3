"""The ladder: no receipt in time, the next channel; nobody twice on one, nothing after the news has changed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from tests import make, town
from tests.campaigns.tell import NOW, customer, launched, moved, updated

from outreach.campaigns import ladder
from outreach.campaigns.engine import Engine
from outreach.campaigns.status import status
from outreach.model.words import Channel, MessageState
from outreach.settings import Lane
from outreach.store import ladder as rungs, ledger, tables as t

S = MessageState
MINUTE = timedelta(minutes=1)
RUNG = NOW + 15 * MINUTE
VOICE = Lane(name="voice", channel=Channel.VOICE, sender="+56900000000", rate=1)
REPLACED = 'channels = ["sms", "email", "social"]  # social: one post on our own accounts'


@pytest.fixture
def engine(database, tmp_path: Path) -> Engine:
    """Six homes told by SMS; K-0002 has a mailbox and a line too, K-0003 a mailbox that is bad."""
    with database.write() as session:
        town.build(session)
    settings = town.workspace(tmp_path, lanes=(*town.LANES, VOICE))
    file = tmp_path / "campaigns" / "unplanned-outage.toml"
    text = file.read_text()
    laddered = 'channels = ["sms", "email", "voice"]\nladder_after = "15m"'
    assert REPLACED in text
    file.write_text(text.replace(REPLACED, laddered, 1))
    engine = town.engine(database, settings)
    has(engine, "K-0002", Channel.EMAIL, "dos@town.example")
    has(engine, "K-0002", Channel.VOICE, "+56222222222")
    has(engine, "K-0003", Channel.EMAIL, "tres@town.example", bad_since=NOW)
    return engine


def has(engine: Engine, ref: str, channel: Channel, address: str, **changes: Any) -> None:
    who = customer(engine, ref)
    with engine.database.write() as session:
        point = make.make_contact_point(session, channel=channel, address=address, **changes)
        make.make_customer_contact(session, customer=who, contact_point=point)


def climb(engine: Engine, *, at=RUNG) -> int:
    return ladder.climb(engine.database, engine.settings, now=at)


def told(engine: Engine, ref: str) -> dict[str, str]:
    """channel -> state of the messages of one customer."""
    m = t.message.c
    with engine.database.read() as session:
        rows = session.execute(
            select(m.channel, m.state).where(m.customer_id == customer(engine, ref)).order_by(m.id)
        )
        return {row[0]: row[1] for row in rows}


def adds_up(engine: Engine) -> bool:
    with engine.database.read() as session:
        return ledger.adds_up(session)


@pytest.mark.parametrize(
    "state", [S.ACCEPTED, S.SENT, S.UNDELIVERED, S.FAILED, S.UNKNOWN, S.IN_DOUBT]
)
def test_without_a_receipt_in_time_the_next_channel_of_the_step_is_tried(engine, state):
    launched(engine)
    moved(engine, state)

    early = climb(engine, at=RUNG - timedelta(seconds=1))
    late = climb(engine, at=RUNG + ladder.APART)

    assert (early, late) == (0, 1)
    assert told(engine, "K-0002") == {"sms": state, "email": "queued"}
    assert told(engine, "K-0003") == {"sms": state}
    assert adds_up(engine)


@pytest.mark.parametrize("state", [S.DELIVERED, S.CANCELLED, S.EXPIRED, S.SUPERSEDED])
def test_who_heard_or_was_spared_on_purpose_is_left_alone(engine, state):
    launched(engine)
    moved(engine, state)

    assert climb(engine) == 0


def test_a_message_that_waits_is_not_climbed_past(engine):
    launched(engine)

    assert climb(engine, at=RUNG + 60 * MINUTE) == 0


def test_a_rung_is_climbed_once_and_the_next_after_as_long_again(engine):
    launched(engine)
    moved(engine, S.SENT)

    first = [climb(engine, at=RUNG + n * ladder.APART) for n in range(3)]
    moved(engine, S.SENT, at=RUNG)
    too_soon = climb(engine, at=RUNG + 14 * MINUTE)
    second = climb(engine, at=RUNG + 16 * MINUTE)
    moved(engine, S.SENT, at=RUNG + 16 * MINUTE)
    third = climb(engine, at=RUNG + 60 * MINUTE)

    assert (first, too_soon, second, third) == ([1, 0, 0], 0, 1, 0)
    assert list(told(engine, "K-0002")) == ["sms", "email", "voice"]


def test_two_workers_climb_a_rung_once(engine):
    launched(engine)
    moved(engine, S.SENT)
    with engine.database.read() as session:
        [wave] = [
            plan
            for one in rungs.waves(session, now=RUNG, apart=ladder.APART, young=ladder.YOUNG)
            if (plan := ladder._planned(session, engine.settings, one, now=RUNG))
        ]
        due = rungs.candidates(session, wave, limit=10)

    written = []
    for _worker in range(2):
        with engine.database.write() as session:
            written.append(rungs.climb(session, wave, due))

    assert written == [1, 0]
    assert adds_up(engine)


def test_a_provider_without_receipts_has_said_its_last_word(engine):
    launched(engine)
    moved(engine, S.SENT, provider="smtp")

    assert climb(engine) == 0


def test_nothing_climbs_once_the_news_has_changed(engine):
    applied = launched(engine)
    moved(engine, S.SENT)

    updated(engine, applied, at=NOW + MINUTE, cause="a tree")

    assert climb(engine) == 0


def test_a_wave_that_was_overtaken_in_between_takes_no_rung(engine):
    launched(engine)
    moved(engine, S.SENT)
    with engine.database.read() as session:
        plan = next(
            plan
            for one in rungs.waves(session, now=RUNG, apart=ladder.APART, young=ladder.YOUNG)
            if (plan := ladder._planned(session, engine.settings, one, now=RUNG))
        )
        due = rungs.candidates(session, plan, limit=10)
    with engine.database.write() as session:
        session.execute(update(t.step_run).values(superseded_at=RUNG))

    with engine.database.write() as session:
        assert rungs.climb(session, plan, due) == 0


def test_a_text_that_is_true_no_more_climbs_nowhere(engine):
    launched(engine)
    moved(engine, S.SENT)
    with engine.database.write() as session:
        session.execute(update(t.message).values(not_after=RUNG))

    assert climb(engine) == 0


def test_many_climb_in_slices(engine, monkeypatch):
    for number in (4, 5, 6):
        has(engine, f"K-000{number}", Channel.EMAIL, f"casa{number}@town.example")
    launched(engine)
    moved(engine, S.SENT)
    monkeypatch.setattr(ladder, "SLICE", 1)

    assert climb(engine) == 4
    assert adds_up(engine)


def test_status_says_how_many_were_tried_on_a_further_channel(engine):
    occasion = launched(engine).occasion.id
    moved(engine, S.SENT)
    climb(engine)

    [run] = status(engine.database, engine.settings, occasion, now=RUNG).runs

    assert list(run.climbed.values()) == [1]
    assert run.adds_up
