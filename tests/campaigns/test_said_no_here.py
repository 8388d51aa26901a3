"""Who has said no to one channel is told on their next, and once; nobody is promised what will not leave."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests import make, town
from tests.campaigns.tell import NOW, UNPLANNED, customer, launched, moved, opened, updated

from outreach.campaigns.engine import Engine
from outreach.campaigns.preview import preview
from outreach.model.occasion import OccasionId
from outreach.model.words import Channel, MessageState
from outreach.store import consents, generations, reach, tables as t, touched

DOS, MAIL = "+56910002222", "dos@town.example"
HOUR = timedelta(hours=1)


@pytest.fixture
def engine(database, tmp_path: Path) -> Engine:
    """Six homes told by SMS; K-0002 has another number in place of theirs, and a mailbox."""
    with database.write() as session:
        town.build(session)
    engine = town.engine(database, town.workspace(tmp_path))
    who = customer(engine, "K-0002")
    with database.write() as session:
        held = t.customer_contact
        session.execute(held.delete().where(held.c.customer_id == who))
        for channel, address in ((Channel.SMS, DOS), (Channel.EMAIL, MAIL)):
            point = make.make_contact_point(session, channel=channel, address=address)
            make.make_customer_contact(session, customer=who, contact_point=point)
    reach.renew(database, now=NOW)
    generations.switch(database, now=NOW)
    return engine


def said_no(engine: Engine, purpose: str = "*") -> None:
    """K-0002, to texts."""
    hashed = make.KEYRING.hash(DOS)
    word = consents.Word(address_hash=hashed, channel=Channel.SMS, purpose=purpose, via="page")
    with engine.database.write() as session:
        consents.stop(session, word, now=NOW)
    reach.keep_up(engine.database, owner="worker", now=NOW)


def told(engine: Engine) -> list[tuple[str, str]]:
    """(channel, step) of all that was written to K-0002."""
    m, w = t.message.c, t.step_run.c
    mine: Any = select(m.channel, w.step).join(t.step_run, w.id == m.step_run_id)
    with engine.database.read() as session:
        rows = session.execute(
            mine.where(m.customer_id == customer(engine, "K-0002")).order_by(m.id)
        )
        return [(row.channel, row.step) for row in rows]


def test_who_stopped_the_texts_is_told_by_e_mail(engine):
    said_no(engine)

    launched(engine)

    assert [channel for channel, _step in told(engine)] == ["email"]


def test_a_preview_promises_what_a_launch_writes(engine):
    occasion = opened(engine).occasion.id
    before = promised(engine, occasion)
    said_no(engine)

    assert promised(engine, occasion) - before == {"email": 1}
    assert before - promised(engine, occasion) == {"sms": 1}


def promised(engine: Engine, occasion: OccasionId) -> Counter[str]:
    shown = preview(engine, occasion, UNPLANNED, now=NOW)
    return sum((Counter(step.by_channel) for step in shown.steps), Counter())


def test_who_was_texted_before_the_stop_has_not_just_joined(engine):
    applied = launched(engine)
    moved(engine, MessageState.DELIVERED)
    first = told(engine)
    said_no(engine)

    updated(engine, applied, at=NOW + HOUR, etr_at=NOW + 5 * HOUR)

    assert [channel for channel, _step in first] == ["sms"]
    assert ("email", "joined_with_etr") not in told(engine)
    assert all(channel == "sms" for channel, _step in told(engine)), "the claim stops what follows"


def test_who_wants_no_texts_of_service_hears_of_an_emergency_there_too(engine):
    file = engine.settings.workspace / "campaigns" / "unplanned-outage.toml"
    text = file.read_text()
    assert 'purpose = "service"' in text
    file.write_text(text.replace('purpose = "service"', 'purpose = "emergency"', 1))
    said_no(engine, "service")

    launched(engine)

    assert sorted(channel for channel, _step in told(engine)) == ["email", "sms"]


def test_nobody_is_left_out_of_an_emergency_who_hears_of_it(engine):
    file = engine.settings.workspace / "campaigns" / "unplanned-outage.toml"
    file.write_text(file.read_text().replace('purpose = "service"', 'purpose = "emergency"', 1))
    said_no(engine, "service")
    with engine.database.write() as session:
        mail = t.contact_point.c.address_hash == make.KEYRING.hash(MAIL)
        session.execute(t.contact_point.update().where(mail).values(bad_since=NOW))
        touched.holders_of_addresses(session, [make.KEYRING.hash(MAIL)])
    reach.keep_up(engine.database, owner="worker", now=NOW)

    launched(engine)

    assert [channel for channel, _step in told(engine)] == ["sms"]
    with engine.database.read() as session:
        assert customer(engine, "K-0002") not in set(
            session.scalars(select(t.left_out.c.customer_id))
        )
