"""The webhooks of replies: genuine ones are acted upon before they are answered, forged ones change nothing."""

from __future__ import annotations

import base64
import hmac
import random
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, select
from tests import make
from tests.campaigns.replied import STRANGER, A, C, make_desk, rows, suppressed, town_engine
from tests.entry.web import PUBLIC, SETTINGS, World, browser, make_app

from outreach.campaigns import replying
from outreach.campaigns.replying_rules import Answer
from outreach.entry.http.replies import SENDGRID_INBOUND, TWILIO_INBOUND
from outreach.entry.wiring import _genuine_twilio
from outreach.model.errors import StoreUnusable
from outreach.model.reply import InboundReply
from outreach.settings import SendGrid
from outreach.store import tables as t

TOKEN = "e" * 32
AUTH = "auth-token"
FORM_TYPE = "application/x-www-form-urlencoded"
MAIL_SETTINGS = SETTINGS.model_copy(update={"sendgrid": SendGrid(inbound_token=SecretStr(TOKEN))})


class Taken:
    """Takes replies without a database."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.replies: list[InboundReply] = []

    def __call__(self, reply, now):
        if isinstance(self.answer, Exception):
            raise self.answer
        self.replies.append(reply)
        return self.answer


@pytest.fixture
def no_database(kept_sqlite, sqlite_template):
    """For routes that never get to it."""
    return kept_sqlite


def client_of(database: Any, world: World, take: Any, **changes: Any) -> Any:
    given: dict[str, Any] = {
        "settings": MAIL_SETTINGS,
        "take_reply": take,
        "twilio_genuine": partial(_genuine_twilio, (AUTH,)),
    }
    return browser(make_app(database, world, **(given | changes)))


def signature(form: dict[str, str], *, url: str = PUBLIC + TWILIO_INBOUND) -> str:
    """As Twilio's documentation describes it: the address, then each name and value, by name."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.digest(AUTH.encode(), text.encode(), "sha1")).decode()


def post(client: Any, form: dict[str, str], *, signed: str | None = None) -> Any:
    given = signature(form) if signed is None else signed
    headers = {"X-Twilio-Signature": given, "Content-Type": FORM_TYPE}
    return client.post(TWILIO_INBOUND, content=urlencode(form).encode(), headers=headers)


def text(body: str, address: str = C, *, sid: str = "SM1", **more: str) -> dict[str, str]:
    return {"MessageSid": sid, "From": address, "To": "+56900000000", "Body": body, **more}


def mail(**parts: str) -> tuple[bytes, str]:
    """As Inbound Parse posts it."""
    border = "xYzZY"
    body = "".join(
        f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts.items()
    )
    return f"{body}--{border}--\r\n".encode(), f"multipart/form-data; boundary={border}"


RAW = "From: Ana <vecino1@town.example>\nTo: avisos@example.com\nSubject: Re: corte\n\nBAJA\n"


def test_the_answer_is_one_message_of_twiml_escaped(no_database, world):
    take = Taken(Answer(text='<&> "ñ"', outcome="answered"))

    answered = post(client_of(no_database, world, take), text("ESTADO"))

    assert answered.status_code == 200
    assert answered.headers["content-type"].startswith("application/xml")
    assert '<Response><Message>&lt;&amp;&gt; "ñ"</Message></Response>' in answered.text
    (reply,) = take.replies
    assert (reply.channel, reply.provider_ref, reply.body) == ("sms", "SM1", "ESTADO")


def test_whatsapp_and_what_twilio_did_itself_are_read(no_database, world):
    take = Taken(Answer(text=None, outcome="opted out"))
    client = client_of(no_database, world, take)

    said = post(client, text("STOP", f"whatsapp:{C}", OptOutType="STOP"))

    assert said.text.endswith("<Response/>")
    (reply,) = take.replies
    assert (reply.channel, reply.address) == ("whatsapp", C)
    assert reply.headers == {"x-opt-out-type": "STOP"}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"Body": "BAJA "}, 403),
        ({"From": A}, 403),
        ({"MessageSid": "SM2"}, 403),
        ({"Added": ""}, 403),
    ],
)
def test_any_changed_field_is_refused_and_nothing_is_taken(no_database, world, change, status):
    take = Taken(Answer(text=None, outcome=""))
    form = text("BAJA")

    refused = post(client_of(no_database, world, take), form | change, signed=signature(form))

    assert (refused.status_code, take.replies) == (status, [])
    assert refused.headers["content-type"] == "application/problem+json"


def test_a_signature_for_another_address_or_by_nobody_is_refused(no_database, world):
    take = Taken(Answer(text=None, outcome=""))
    client = client_of(no_database, world, take)

    for signed in ("", "bad", signature(text("BAJA"), url="https://evil.example/webhooks/x")):
        assert post(client, text("BAJA"), signed=signed).status_code == 403
    assert client_of(no_database, world, take, twilio_genuine=None).post(
        TWILIO_INBOUND
    ).status_code in {403, 415}
    assert take.replies == []


def test_what_was_not_kept_is_asked_for_again(no_database, world):
    away = client_of(no_database, world, Taken(StoreUnusable("away")))
    body, kind = mail(email=RAW)
    path = f"{SENDGRID_INBOUND}/{TOKEN}"

    assert post(away, text("BAJA")).status_code == 503
    assert away.post(path, content=body, headers={"Content-Type": kind}).status_code == 503


def test_a_sender_that_is_no_number_is_answered_with_nothing(no_database, world):
    take = Taken(Answer(text="x", outcome=""))

    said = post(client_of(no_database, world, take), text("hola", "BANCO"))

    assert (said.status_code, take.replies) == (200, [])
    assert said.text.endswith("<Response/>")


@pytest.mark.parametrize(
    ("parts", "subject"),
    [
        ({"email": RAW}, "Re: corte"),
        ({"headers": "From: vecino1@town.example", "subject": "Hola", "text": "BAJA"}, "Hola"),
        ({"from": "vecino1@town.example", "subject": "Hola", "html": "<p>BAJA</p>"}, "Hola"),
    ],
)
def test_an_e_mail_is_taken_by_its_token_raw_or_in_fields(no_database, world, parts, subject):
    take = Taken(Answer(text=None, outcome="opted out"))
    body, kind = mail(**parts)

    client = client_of(no_database, world, take)
    done = client.post(f"{SENDGRID_INBOUND}/{TOKEN}", content=body, headers={"Content-Type": kind})

    assert done.status_code == 204
    (reply,) = take.replies
    assert (reply.address, reply.subject, reply.body.strip()) == (
        "vecino1@town.example",
        subject,
        "BAJA",
    )


def test_an_e_mail_is_forged_or_proven_by_the_findings_of_sendgrid(no_database, world):
    take = Taken(Answer(text=None, outcome=""))
    client = client_of(no_database, world, take)
    findings: list[dict[str, str]] = [{}, {"SPF": "softfail"}, {"dkim": "{@town.example : pass}"}]

    for found in findings:
        body, kind = mail(email=RAW, **found)
        client.post(f"{SENDGRID_INBOUND}/{TOKEN}", content=body, headers={"Content-Type": kind})

    assert [reply.origin for reply in take.replies] == ["unknown", "forged", "proven"]


def test_e_mails_without_token_or_signature_are_refused(no_database, world):
    take = Taken(Answer(text=None, outcome=""))
    body, kind = mail(email=RAW)
    headers = {"Content-Type": kind}
    client = client_of(no_database, world, take)
    signing = client_of(
        no_database,
        world,
        take,
        mail_genuine=lambda raw, _at, given: given == "good" and raw == body,
    )

    for path in (SENDGRID_INBOUND, f"{SENDGRID_INBOUND}/", f"{SENDGRID_INBOUND}/{TOKEN[:-1]}"):
        assert client.post(path, content=body, headers=headers).status_code == 403
    assert (
        signing.post(f"{SENDGRID_INBOUND}/{TOKEN}", content=body, headers=headers).status_code
        == 403
    )
    without = client_of(no_database, world, take, settings=SETTINGS)
    assert without.post(f"{SENDGRID_INBOUND}/", content=body, headers=headers).status_code == 403
    assert take.replies == []
    good = headers | {"X-Twilio-Email-Event-Webhook-Timestamp": "good"}
    assert signing.post(SENDGRID_INBOUND, content=body, headers=good).status_code == 204


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        (TWILIO_INBOUND, {"Content-Type": "application/json"}, b"{}", 415),
        (TWILIO_INBOUND, {"Content-Type": FORM_TYPE}, b"a=" + b"x" * (64 * 1024), 413),
        (TWILIO_INBOUND, {"Content-Type": FORM_TYPE, "Content-Encoding": "gzip"}, b"a=1", 415),
        (TWILIO_INBOUND, {"Content-Type": FORM_TYPE}, b"a=\xff%ff", 400),
        (TWILIO_INBOUND, {"Content-Type": FORM_TYPE}, b"&".join([b"a=1"] * 300), 400),
        (f"{SENDGRID_INBOUND}/{TOKEN}", {"Content-Type": FORM_TYPE}, b"a=1", 415),
        (f"{SENDGRID_INBOUND}/{TOKEN}", {"Content-Type": "multipart/form-data; boundary=x"}, b"x" * (1024 * 1024 + 1), 413),
        (f"{SENDGRID_INBOUND}/{TOKEN}", {"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\n" * 9_999, 204),
        (f"{SENDGRID_INBOUND}/{TOKEN}", {"Content-Type": "multipart/form-data"}, b"\x00" * 99, 204),
    ],
)  # fmt: skip
def test_what_is_too_much_or_of_another_kind_is_never_taken(
    no_database, world, path, headers, body, status
):
    take = Taken(Answer(text=None, outcome=""))
    client = client_of(no_database, world, take)

    assert client.post(path, content=body, headers=headers).status_code == status
    assert take.replies == []


@pytest.fixture
def engine(database, tmp_path):
    return town_engine(database, tmp_path)


def state_of(engine: Any) -> Any:
    """What follows from replies, without the order in which they came."""
    kept = {(each["provider_ref"], each["meaning"]) for each in rows(engine, t.reply)}
    stopped = {
        (address, way) for address in (A, C, STRANGER) for way in suppressed(engine, address)
    }
    return kept, stopped, len(rows(engine, t.desk_case)), len(rows(engine, t.consent_change))


def test_any_order_and_number_of_the_same_replies_is_the_same_state_and_no_forged_one_counts(
    engine, database, world
):
    desk = make_desk(engine)
    client = client_of(database, world, partial(_take, desk))
    forms = [text("BAJA", C, sid="SMa"), text("gracias", A, sid="SMb"), text("STOP", STRANGER, sid="SMc"),
             text("BAJA PRECIO?", C, sid="SMd"), text("HELP", STRANGER, sid="SMe")]  # fmt: skip
    chance, states = random.Random(7), []  # noqa: S311  an order, no secret

    for _round in range(2):
        with engine.database.write() as session:
            for table in (t.desk_case, t.reply, t.consent_change, t.suppression):
                session.execute(delete(table))
        events = forms * 5
        chance.shuffle(events)
        forged = [
            post(client, form | {"Body": "STOP", "From": A}, signed=signature(form))
            for form in forms[:1]
        ]
        answered = [post(client, form) for form in events]
        states.append(state_of(engine))
        assert {each.status_code for each in answered} == {200}
        assert {each.status_code for each in forged} == {403}

    assert all(each == states[0] for each in states)
    assert states[0][1] == {
        (C, ("sms", "opted out by reply (sms)")),
        (STRANGER, ("sms", "opted out by reply (sms)")),
    }


def _take(desk, reply, now):
    return replying.take(desk, reply, now=now)


def test_a_stop_from_a_number_nobody_has_holds_when_the_record_brings_it(engine, database, world):
    client = client_of(database, world, partial(_take, make_desk(engine)))

    post(client, text("STOP", STRANGER))

    with database.write() as session:
        make.make_contact_point(session, address=STRANGER)
        hashed = make.KEYRING.hash(STRANGER)
        held = session.scalars(
            select(t.suppression.c.channel).where(t.suppression.c.address_hash == hashed)
        ).all()
    assert held == ["sms"]
