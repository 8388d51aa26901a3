"""A forged e-mail does nothing in the name of the customer it names, and nobody is answered; a person reads it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from tests import make, town
from tests.campaigns.replied import make_desk, rows, suppressed, write
from tests.campaigns.tell import NOW, launched, moved

from outreach.campaigns import desk_cases, replying
from outreach.campaigns.desk_cases import Closing
from outreach.campaigns.replying_rules import NOT_BY_THEM
from outreach.desk import automatic
from outreach.model.reply import Bounce, Meaning, Origin
from outreach.model.words import Channel, MessageState
from outreach.store import cases, claims, consents, tables as t
from outreach.store.claims import Claim

A, C, OTHER = (f"vecino{n}@town.example" for n in (1, 2, 3))
"""The town's household of class A, and two of class C."""
MINUTE = timedelta(minutes=1)
NOTHING = (None, NOT_BY_THEM)
STOPPED = {("email", "opted out by reply (email)")}


@pytest.fixture
def engine(database, tmp_path):
    with database.write() as session:
        town.build(session, north="ACC", south="C", channel=Channel.EMAIL)
    return town.engine(database, town.workspace(tmp_path))


@pytest.fixture
def desk(engine):
    return make_desk(engine)


def mail(desk: Any, body: str, address: str = C, **changes: Any) -> tuple[str | None, str]:
    """What was answered and what became of an e-mail that its domain disowns."""
    given = {
        "channel": "email", "provider": "imap", "to": "avisos@example.com", "origin": Origin.FORGED,
        "message_id": "<CAF+1@mail.example>",
    }  # fmt: skip
    answer = write(desk, body, address, **(given | changes))
    return answer.text, answer.outcome


def sent_to(engine: Any, address: str) -> int:
    """The message of the open outage that went to this address."""
    m, p = t.message.c, t.contact_point.c
    with engine.database.read() as session:
        found: int = session.execute(
            select(m.id)
            .join(t.contact_point, p.id == m.contact_point_id)
            .where(p.address_hash == make.KEYRING.hash(address))
        ).scalar_one()
    return found


def reply_to(message: int) -> str:
    return f"<{make.KEYRING.token(message, 1)}@example.com>"


def reached(engine: Any) -> set[str]:
    """The addresses that a lane of e-mail takes from an outage."""
    launched(engine)
    with engine.database.write() as session:
        (pool,) = session.scalars(select(t.queue.c.pool).distinct())
        in_the_morning = session.scalars(select(func.max(t.queue.c.not_before))).one()
        wanted = Claim(
            lane="email", pool=pool, owner="w1", now=in_the_morning, lease=MINUTE, limit=9
        )
        found = {one.id for one in claims.claim(session, wanted)}
    return {address for address in (A, C, OTHER) if sent_to(engine, address) in found}


def kinds(engine: Any) -> list[str]:
    with engine.database.read() as session:
        return [each.kind for each in cases.every(session)]


def test_a_forged_baja_is_a_case_and_the_person_is_still_reached(desk, engine):
    assert mail(desk, "BAJA") == NOTHING

    assert suppressed(engine, C) == set()
    assert rows(engine, t.consent_change) == []
    assert rows(engine, t.answer_mail) == []
    with engine.database.read() as session:
        (case,) = cases.every(session)
    assert (case.kind, case.customer_ref, case.done) == ("not_proven", "K-0002", NOT_BY_THEM)

    assert reached(engine) == {A, C, OTHER}


def test_the_same_with_the_token_that_this_address_was_sent_acts(desk, engine):
    launched(engine)
    moved(engine, MessageState.ACCEPTED)

    text, outcome = mail(desk, "BAJA", in_reply_to=reply_to(sent_to(engine, C)))

    assert outcome == "opted out"
    assert "no le enviaremos" in (text or "")
    assert suppressed(engine, C) == STOPPED
    assert kinds(engine) == []


def test_whose_baja_is_proven_is_not_reached(desk, engine):
    mail(desk, "BAJA", origin=Origin.PROVEN)

    assert reached(engine) == {A, OTHER}


def test_a_plus_address_with_the_token_proves_as_much(desk, engine):
    launched(engine)
    moved(engine, MessageState.ACCEPTED)
    token = make.KEYRING.token(sent_to(engine, C), 1)

    mail(desk, "BAJA", to=f"avisos+{token}@example.com")

    assert suppressed(engine, C) == STOPPED


def test_a_token_that_was_sent_to_somebody_else_proves_nothing(desk, engine):
    launched(engine)
    moved(engine, MessageState.ACCEPTED)

    assert mail(desk, "BAJA", in_reply_to=reply_to(sent_to(engine, OTHER))) == NOTHING
    assert mail(desk, "BAJA", in_reply_to=reply_to(10**9)) == NOTHING

    assert suppressed(engine, C) == suppressed(engine, OTHER) == set()


@pytest.mark.parametrize("origin", [Origin.PROVEN, Origin.UNKNOWN])
def test_what_is_proven_or_unknown_acts(desk, engine, origin):
    text, outcome = mail(desk, "BAJA", origin=origin)

    assert outcome == "opted out"
    assert text is not None
    assert suppressed(engine, C) == STOPPED


def test_a_forged_alta_lifts_no_stop(desk, engine):
    mail(desk, "BAJA", origin=Origin.PROVEN)

    assert mail(desk, "ALTA", at=NOW + MINUTE) == NOTHING

    assert suppressed(engine, C) == STOPPED


@pytest.mark.parametrize("body", ["ESTADO", "AYUDA", "sin luz", "sigo sin luz", "ya volvio", "1", "SI",
                                  "gracias", "cuanto cuesta un medidor"])  # fmt: skip
def test_a_forged_question_report_or_answer_does_and_says_nothing_and_is_kept(desk, engine, body):
    launched(engine)
    moved(engine, MessageState.ACCEPTED)

    assert mail(desk, body, A, at=NOW + MINUTE) == NOTHING

    for table in (t.report, t.dialogue, t.answer, t.task, t.answer_mail):
        assert rows(engine, table) == []
    (kept,) = rows(engine, t.reply)
    assert kept["message_id"] == sent_to(engine, A), "it stands in its thread"
    assert kept["settled_at"] is not None
    assert replying.take_waiting(desk, now=NOW + timedelta(days=1)) == 0
    assert kinds(engine) == ["not_proven"]


def test_forged_words_of_danger_are_read_first_and_nobody_is_answered(desk, engine):
    mail(desk, "gracias")

    assert mail(desk, "cable caido echando chispas", OTHER) == NOTHING

    assert kinds(engine) == [cases.URGENT, cases.NOT_PROVEN]


def test_machines_and_empty_mails_make_no_case(desk, engine):
    mail(desk, "Estoy de vacaciones", headers={"auto-submitted": "auto-replied"})
    mail(desk, "")

    assert kinds(engine) == []


def test_a_forged_complaint_stops_nobody_and_a_bounce_is_believed_by_what_it_returns(
    desk, engine, monkeypatch
):
    found = [
        Bounce(address=C, status="5.1.1", is_permanent=True, in_reply_to=reply_to(7)),
        Bounce(address=OTHER, is_complaint=True),
    ]
    monkeypatch.setattr(automatic, "is_automatic", lambda _reply: Meaning.BOUNCE)
    monkeypatch.setattr(automatic, "bounces", lambda _reply: found)

    assert mail(desk, "report", "postmaster@town.example") == NOTHING
    assert suppressed(engine, OTHER) == set()

    del found[1]
    assert mail(desk, "report", "postmaster@town.example")[1] == "bounced: address marked bad"


def test_a_person_who_has_asked_can_still_stop_the_address(desk, engine):
    mail(desk, "BAJA")
    with engine.database.read() as session:
        (case,) = cases.every(session)

    closing = Closing(who="ana", outcome="called: it was them", opt_out=True)
    desk_cases.close(engine.database, engine.keyring, case.id, closing, now=NOW + MINUTE)

    assert {channel for channel, _why in suppressed(engine, C)} == {"email"}
    with engine.database.read() as session:
        assert consents.said(session, make.KEYRING.hash(C))
