"""A key pressed on a call: kept before it is answered, spoken to in the person's language, forged ones refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from tests import make, town
from tests.campaigns.tell import NOW, launched, moved
from tests.entry.web import PUBLIC, World, browser, make_app

from outreach.campaigns.telling import Teller
from outreach.entry.answering import Keys
from outreach.model.errors import StoreUnusable
from outreach.model.words import MessageState
from outreach.settings import Http
from outreach.store import tables as t, tasks

SIGNED = {"X-Twilio-Signature": "good"}


@pytest.fixture
def world():
    world = World(now=NOW + timedelta(minutes=1))
    yield world
    world.close()


@pytest.fixture
def engine(database, tmp_path: Path):
    with database.write() as session:
        town.build(session)
    settings = town.workspace(tmp_path).model_copy(update={"http": Http(public_url=PUBLIC)})
    engine = town.engine(database, settings)
    launched(engine)
    moved(engine, MessageState.ACCEPTED)
    return engine


@pytest.fixture
def client(engine, world):
    return browser(_app(engine, world, press=keys(engine)))


def _app(engine, world, **changes: Any):
    def genuine(url: str, _pairs: Any, signature: str) -> bool:
        return signature == "good" and url.startswith(f"{PUBLIC}/webhooks/twilio/voice/")

    return make_app(engine.database, world, **({"twilio_genuine": genuine} | changes))


def keys(engine) -> Keys:
    teller = Teller(engine.database, engine.settings)
    return Keys(
        database=engine.database, keyring=make.KEYRING, settings=engine.settings, teller=teller
    )


def path(engine, *, locale: str = "") -> str:
    """Of the message of class A, spoken in this language."""
    with engine.database.write() as session:
        if locale:
            session.execute(update(t.message).values(locale=locale))
        message = session.execute(
            select(t.message.c.id).where(t.message.c.priority == "A")
        ).scalar_one()
    return f"/webhooks/twilio/voice/{make.KEYRING.token(message, 1)}"


def answers(engine) -> list[tuple[str, str]]:
    with engine.database.read() as session:
        return [tuple(row) for row in session.execute(select(t.answer.c.via, t.answer.c.meaning))]


@pytest.mark.parametrize(
    ("locale", "thanks"),
    [("es", "Registramos su respuesta"), ("pt", "Registramos a sua resposta"), ("en", "We have your answer"),
     ("qu", "Registramos su respuesta")],
)  # fmt: skip
def test_one_says_that_the_person_heard(client, engine, locale, thanks):
    answered = client.post(path(engine, locale=locale), data={"Digits": "1"}, headers=SIGNED)

    assert answered.status_code == 200
    assert thanks in answered.text
    assert "<Hangup" in answered.text
    assert answers(engine) == [("key", "heard")]


def test_two_says_that_the_person_needs_help_and_opens_a_task(client, engine):
    answered = client.post(path(engine), data={"Digits": "2"}, headers=SIGNED)

    assert "Lo llamaremos" in answered.text
    assert "uno tres tres" in answered.text
    assert answers(engine) == [("key", "needs_help")]
    with engine.database.read() as session:
        assert [one.why for one in tasks.every(session)] == ["key"]


@pytest.mark.parametrize("form", [{}, {"Digits": ""}, {"Digits": "7"}])
def test_nothing_or_another_key_hears_the_text_once_more_and_then_goodbye(client, engine, form):
    address = path(engine)

    first = client.post(address, data={"CallSid": "CA1", **form}, headers=SIGNED)
    second = client.post(f"{address}?again=1", data={"CallSid": "CA1", **form}, headers=SIGNED)

    assert f'action="{PUBLIC}{address}?again=1"' in first.text
    assert "¿Tiene respaldo?" in first.text
    assert "<Hangup" not in first.text
    assert "Una persona lo llamará" in second.text
    assert "<Hangup" in second.text
    assert answers(engine) == []


def test_the_question_alone_is_asked_where_the_text_cannot_be_said_again(client, engine):
    with engine.database.write() as session:
        session.execute(update(t.step_run).values(template="gone"))

    answered = client.post(path(engine), data={}, headers=SIGNED | {"Content-Type": "application/x-www-form-urlencoded"})  # fmt: skip

    assert "marque uno" in answered.text


@pytest.mark.parametrize("signature", ["", "bad"])
def test_a_forged_key_changes_nothing(client, engine, signature):
    answered = client.post(
        path(engine), data={"Digits": "1"}, headers={"X-Twilio-Signature": signature}
    )

    assert answered.status_code == 403
    assert answers(engine) == []


def test_without_a_signature_check_every_key_is_refused(engine, world):
    client = browser(_app(engine, world, press=keys(engine), twilio_genuine=None))

    assert client.post(path(engine), data={"Digits": "1"}, headers=SIGNED).status_code == 403


@pytest.mark.parametrize("digits", ["1", ""])
@pytest.mark.parametrize("token", ["12.1.forged", make.KEYRING.token(999_999, 1)])
def test_a_call_that_is_none_of_ours_is_not_found(client, token, digits):
    answered = client.post(
        f"/webhooks/twilio/voice/{token}", data={"CallSid": "CA1", "Digits": digits}, headers=SIGNED
    )

    assert answered.status_code == 404


def test_where_nobody_is_called_no_key_is_known(engine, world):
    client = browser(_app(engine, world))

    assert client.post(path(engine), data={"Digits": "1"}, headers=SIGNED).status_code == 404


def test_an_answer_that_cannot_be_kept_is_not_acknowledged(engine, world):
    def away(*_given: Any, **_more: Any) -> str:
        raise StoreUnusable("the disk is full")

    client = browser(_app(engine, world, press=away))

    assert client.post(path(engine), data={"Digits": "1"}, headers=SIGNED).status_code == 503


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"Digits=%ff", "application/x-www-form-urlencoded", 400),
        (b"Digits=" + b"1" * 20_000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_an_odd_request_is_refused(client, engine, body, kind, status):
    answered = client.post(path(engine), content=body, headers=SIGNED | {"Content-Type": kind})

    assert answered.status_code == status
    assert answers(engine) == []


def test_only_posts_are_taken(client, engine):
    assert client.get(path(engine)).status_code == 405
