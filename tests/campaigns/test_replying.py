"""What people write back is kept, acted upon and answered, each at most once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from tests import make
from tests.campaigns.replied import (
    STRANGER,
    A,
    C,
    make_desk,
    rows,
    suppressed,
    text,
    town_engine,
    write,
)
from tests.campaigns.tell import NOW, launched, moved

from outreach.campaigns import replying, trouble
from outreach.campaigns.replying import take
from outreach.desk import automatic
from outreach.model.errors import StoreUnusable
from outreach.model.reply import Bounce, Meaning
from outreach.model.task import TaskKind
from outreach.model.words import Channel, MessageState
from outreach.store import cases, changes, consents, tables as t, tasks

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def engine(database, tmp_path):
    return town_engine(database, tmp_path)


@pytest.fixture
def desk(engine):
    return make_desk(engine)


def test_an_opt_out_stops_the_address_on_its_channel_and_is_confirmed_once_a_day(desk, engine):
    with engine.database.read() as session:
        before = changes.counters(session).get("stop", 0)

    first = write(desk, "BAJA")
    again = write(desk, "baja!!", at=NOW + HOUR)
    next_day = write(desk, "BAJA", at=NOW + DAY + HOUR)

    assert suppressed(engine, C) == {("sms", "opted out by reply (sms)")}
    assert "no le enviaremos" in (first.text or "")
    assert (again.text, again.outcome) == (None, "opted out")
    assert next_day.text is not None
    with engine.database.read() as session:
        assert changes.counters(session)["stop"] > before
        said = consents.said(session, make.KEYRING.hash(C))
    assert [(channel, gave, via) for _at, channel, gave, via in said] == [
        ("sms", False, "reply")
    ] * 3


def test_the_same_message_again_does_and_answers_nothing_more(desk, engine):
    said = text("BAJA")

    answers = [take(desk, said, now=NOW + timedelta(seconds=n)) for n in range(5)]

    assert [each.text is None for each in answers] == [False, True, True, True, True]
    assert len(rows(engine, t.reply)) == len(rows(engine, t.consent_change)) == 1


def test_what_twilio_confirmed_itself_is_not_confirmed_twice_and_is_a_block_of_the_carrier(
    desk, engine
):
    stopped = write(desk, "STOP", headers={"x-opt-out-type": "STOP"})

    assert stopped.text is None
    assert suppressed(engine, C) == {("sms", consents.PROVIDER)}


def test_alta_lifts_our_own_suppression_and_start_alone_the_carriers(desk, engine):
    write(desk, "BAJA")
    back = write(desk, "ALTA", at=NOW + MINUTE)
    assert (suppressed(engine, C), back.outcome) == (set(), "opted in")

    write(desk, "STOP", at=NOW + 2 * MINUTE, headers={"x-opt-out-type": "STOP"})
    blocked = write(desk, "ALTA", at=NOW + 3 * MINUTE)
    assert suppressed(engine, C) == {("sms", consents.PROVIDER)}
    assert "START" in (blocked.text or "")

    write(desk, "START", at=NOW + 4 * MINUTE)
    assert suppressed(engine, C) == set()


def test_whatsapp_is_about_the_number_that_we_text(desk, engine):
    write(desk, "BAJA", channel="whatsapp")

    assert {channel for channel, _why in suppressed(engine, C)} == {"sms", "whatsapp"}


def test_help_is_told_even_to_a_stranger_and_once_an_hour(desk):
    first = write(desk, "HELP", STRANGER)
    second = write(desk, "AYUDA", STRANGER, at=NOW + 59 * MINUTE)
    later = write(desk, "AYUDA", STRANGER, at=NOW + 61 * MINUTE)

    assert first.text is not None
    assert (second.text, second.outcome) == (None, "answered")
    assert later.text is not None


def test_help_leads_who_is_known_to_their_preferences(desk):
    known = write(desk, "AYUDA")
    stranger = write(desk, "AYUDA", STRANGER)

    assert known.text is not None
    assert stranger.text is not None
    assert "/p/" in known.text
    assert "/p/" not in stranger.text


def test_two_robots_talk_no_more_than_five_times_an_hour(desk):
    said = [write(desk, "ESTADO", at=NOW + n * MINUTE).text for n in range(9)]

    assert sum(each is not None for each in said) == 5


def test_status_is_the_truth_for_who_asks_and_says_so_where_there_is_none(desk, engine):
    none = write(desk, "ESTADO")
    launched(engine, etr_at=NOW + 3 * HOUR)
    now = write(desk, "ESTADO", at=NOW + MINUTE)
    stranger = write(desk, "ESTADO", STRANGER)

    assert "no tenemos un corte conocido" in (none.text or "")
    assert "corte de luz en Providencia" in (now.text or "")
    assert "no encontramos este número" in (stranger.text or "").replace("numero", "número")


def test_what_nobody_can_read_is_a_case_and_says_once_a_day_that_a_person_reads_it(desk, engine):
    first = write(desk, "BAJA PRECIO?")
    second = write(desk, "cuanto cuesta la baja del medidor de mi tia", at=NOW + MINUTE)

    with engine.database.read() as session:
        found = cases.every(session)
    assert [each.kind for each in found] == ["unsure", "unsure"]
    assert suppressed(engine, C) == set()
    assert "una persona" in (first.text or "")
    assert second.text is None


def test_thanks_machines_and_empty_texts_are_kept_and_nothing_is_said(desk, engine):
    heard = [
        write(desk, "gracias"),
        write(desk, ""),
        write(
            desk, "Estoy de vacaciones", "vecino@town.example", channel="email",
            provider="sendgrid", headers={"auto-submitted": "auto-replied"},
        ),
    ]  # fmt: skip

    assert {(each.text, each.outcome) for each in heard} == {(None, "kept")}
    assert len(rows(engine, t.reply)) == 3


def test_words_and_addresses_are_sealed_and_threaded_to_what_was_sent(desk, engine):
    launched(engine)
    (message, *_rest) = moved(engine, MessageState.ACCEPTED, at=NOW)
    with engine.database.read() as session:
        point, customer = session.execute(
            select(t.message.c.contact_point_id, t.message.c.customer_id).where(
                t.message.c.id == message
            )
        ).one()
        sealed = session.execute(
            select(t.contact_point.c.address_sealed).where(t.contact_point.c.id == point)
        ).scalar_one()
    address = make.KEYRING.open(sealed)

    write(desk, "gracias", address, at=NOW + MINUTE)

    (kept,) = rows(engine, t.reply)
    assert (kept["message_id"], kept["customer_id"]) == (message, customer)
    assert b"gracias" not in kept["body_sealed"]
    assert address.encode() not in kept["address_sealed"]
    assert make.KEYRING.open(kept["body_sealed"]) == "\ngracias"


def test_a_priority_customer_who_opts_out_is_a_task_and_their_yes_closes_one(desk, engine):
    launched(engine)
    moved(engine, MessageState.ACCEPTED, at=NOW)

    heard = write(desk, "SI", A, at=NOW + MINUTE)
    stopped = write(desk, "BAJA", A, at=NOW + 2 * MINUTE)

    with engine.database.read() as session:
        (task,) = tasks.every(session)
    assert heard.outcome == "heard"
    assert [each["meaning"] for each in rows(engine, t.answer)] == ["heard"]
    assert (task.kind, task.why) == (TaskKind.UNREACHABLE, "opted_out")
    assert "task" in stopped.outcome
    assert {channel for channel, _why in suppressed(engine, A)} == {"sms"}


def test_a_priority_customers_no_or_unclear_words_are_a_cry_for_help(desk, engine):
    launched(engine)
    moved(engine, MessageState.ACCEPTED, at=NOW)

    write(desk, "NO", A, at=NOW + MINUTE)

    with engine.database.read() as session:
        (task,) = tasks.every(session)
    assert task.kind is TaskKind.NEEDS_HELP


def test_a_priority_customer_without_an_open_outage_who_opts_out_is_a_case(desk, engine):
    write(desk, "BAJA", A)

    with engine.database.read() as session:
        (case,) = cases.every(session)
    assert case.kind == cases.PRIORITY


def test_a_report_is_settled_and_answered_with_the_known_outage(desk, engine):
    launched(engine, etr_at=NOW + 3 * HOUR)

    told = write(desk, "sin luz", at=NOW + MINUTE)

    (kept,) = rows(engine, t.reply)
    assert told.outcome == "report: known_outage"
    assert "Providencia" in (told.text or "")
    assert kept["settled_at"] is not None


def test_a_report_that_a_crash_left_is_done_when_the_provider_comes_again(
    desk, engine, monkeypatch
):
    said = text("sin luz")

    def crash(*_args, **_given):
        raise StoreUnusable("away")

    with monkeypatch.context() as broken:
        broken.setattr(trouble, "report", crash)
        with pytest.raises(StoreUnusable):
            take(desk, said, now=NOW)
    (kept,) = rows(engine, t.reply)
    assert kept["settled_at"] is None

    again = take(desk, said, now=NOW + MINUTE)

    assert again.outcome == "report: kept"
    assert again.text is not None
    assert replying.take_waiting(desk, now=NOW + DAY) == 0


def test_reports_that_nobody_brings_again_are_taken_from_what_was_kept(desk, engine, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(trouble, "report", lambda *_a, **_g: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write(desk, "sin luz")

    assert replying.take_waiting(desk, now=NOW + 2 * MINUTE) == 1

    (kept,) = rows(engine, t.reply)
    assert kept["outcome"] == "report: kept"


def test_a_hard_bounce_marks_its_address_and_a_complaint_stops_it(desk, engine, monkeypatch):
    with engine.database.write() as session:
        for name in ("gone", "vecino"):
            make.make_contact_point(session, channel=Channel.EMAIL, address=f"{name}@town.example")
    found = [
        Bounce(
            address="gone@town.example",
            status="5.1.1",
            is_permanent=True,
            in_reply_to=f"<{make.KEYRING.token(7, 1)}@example.com>",
        ),
        Bounce(
            address="vecino@town.example",
            status="5.1.1",
            is_permanent=True,
            in_reply_to="<7.1.forged@example.com>",
        ),
        Bounce(address="full@town.example", status="4.2.2"),
        Bounce(address="angry@town.example", is_complaint=True),
    ]
    monkeypatch.setattr(automatic, "is_automatic", lambda _reply: Meaning.BOUNCE)
    monkeypatch.setattr(automatic, "bounces", lambda _reply: found)

    write(desk, "report", "postmaster@town.example", channel="email", provider="mailbox")

    bad = [each for each in rows(engine, t.contact_point) if each["bad_since"]]
    assert len(bad) == 1
    assert suppressed(engine, "angry@town.example") == {("email", "complained of spam")}
    assert suppressed(engine, "full@town.example") == set()
