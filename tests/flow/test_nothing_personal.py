"""Canaries: a number, an address and every secret go through a whole flow, and show up nowhere but in the sends."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.fakes import sendgrid, twilio
from tests.flow import company
from tests.flow.company import Person
from tests.flow.house import Hand
from tests.flow.providers import PUBLIC, Connected
from twilio.request_validator import RequestValidator

from outreach.campaigns import page_links
from outreach.campaigns.page_links import Page
from outreach.store import explain, tables as t
from outreach.store.session import Database

PHONE, MAIL, NAME = "+56971239998", "canario9998@town.example", "Vecina Ñ 10000001"
INBOUND = "/webhooks/twilio/inbound"
CANARIES = {
    "phone": "71239998",
    "mail": "canario9998",
    "name": NAME,
    "Twilio's token": twilio.AUTH_TOKEN,
    "SendGrid's key": sendgrid.API_KEY,
}


def people() -> tuple[Person, ...]:
    first, second, *rest = company.town()
    by_mail = replace(second, phone="", email=MAIL, life_support=False)
    return (replace(first, phone=PHONE), by_mail, *rest)


@pytest.fixture
def line(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[Connected]:
    caplog.set_level(logging.DEBUG)
    with Connected(tmp_path / "luz", database, Hand()) as connected:
        yield connected


def lived(line: Connected, exports: Path) -> list[str]:
    """A night with trouble in it; everything that was printed or answered."""
    house, printed = line.house, []

    def types(*words: object, code: int = 0) -> None:
        printed.append(house.run(*words, code=code).output)

    types("record", "import", "--mapping", company.write(exports, people()))
    types("outage", "open", "ALM-F12")
    types("campaign", "preview", "unplanned-outage")
    types("campaign", "launch", "unplanned-outage", "--yes")
    house.work()
    line.twilio.next(400, body={"code": 21211, "message": f"The 'To' number {PHONE} is bad"})
    line.twilio.next(500, body={"message": f"cannot send to {PHONE}"})
    line.sendgrid.next(500, body={"errors": [{"message": f"cannot mail {MAIL}"}]})
    house.forward(minutes=6)
    house.work()
    house.forward(seconds=40)
    house.work(doubts=True)
    url, form, signature = line.twilio.callback(line.twilio.ledger[-1], "delivered")
    line.posts_form(url, form, signature)
    line.posts_form(url, form | {"To": PHONE}, signature)
    line.posts_mail(b'[{"email": "%s"}]' % MAIL.encode(), "forged")
    house.work()
    types("campaign", "status", code=4)
    types("message", "list", "--which", "last")
    types("message", "explain", PHONE)
    types("message", "explain", MAIL)
    types("message", "explain", "+56971230000", code=1)
    types("ivr", "answer", "--from", PHONE)
    types("audience", "count", "last")
    types("doctor", code=1)
    printed += talked(line)
    for words in AT_THE_DESK:
        types(*words)
    with house.database.read() as session:
        ref = explain.person(
            session, explain.by_address(session, [house.keyring.hash(MAIL)])[0]
        ).ref
    types("person", "erase", MAIL, "--reason", "letter 1", "--confirm", ref)
    printed += [house.browser.get(page).text for page in ("/metrics", "/outbox", "/openapi.json")]
    return printed


AT_THE_DESK = (
    ("reply", "list"), ("case", "list"), ("task", "list"), ("audit", "list"), ("queue", "audit"),
    ("person", "ask", PHONE, "--kind", "erase", "--reason", "letter 1"), ("person", "list"),
    ("person", "restrict", MAIL), ("person", "restrict", MAIL, "--lift"),
    ("retention", "show"), ("retention", "run"),
)  # fmt: skip
"""What is typed after it, and may not show whom it is about."""


def talked(line: Connected) -> list[str]:
    """The canaries write, call, open their pages and are asked about; all that was answered."""
    house, answers = line.house, []
    browser = house.browser
    for number, body in enumerate((f"soy {NAME} {MAIL}", "BAJA", f"sin luz, llamar al {PHONE}")):
        form = {"From": PHONE, "To": "+56900000000", "Body": body, "MessageSid": f"SM{number:032}",
                "AccountSid": twilio.ACCOUNT}  # fmt: skip
        signed = RequestValidator(twilio.AUTH_TOKEN).compute_signature(PUBLIC + INBOUND, form)
        for signature in (signed, "forged"):
            headers = {"X-Twilio-Signature": signature}
            answers.append(browser.post(INBOUND, data=form, headers=headers).text)
    with house.database.read() as session:
        customer = explain.by_address(session, [house.keyring.hash(PHONE)])[0]
    for page in Page:
        token = page_links.token(house.keyring, page, customer, now=house.hand.now())
        answers += [browser.get(f"/{page}/{token}").text, browser.get(f"/{page}/{token}x").text]
    for asked in ({"ani": PHONE}, {"ani": PHONE, "lang": NAME}, {"ani": [PHONE]}, [MAIL]):
        answers.append(browser.post("/v1/ivr/answer", json=asked).text)
        answers.append(browser.post("/v1/contacts", json=asked).text)
        answers.append(browser.post("/v1/mutes", json=asked).text)
    with house.database.read() as session:
        for table in (t.outgoing, t.audit, t.alarm, t.known, t.person_request):
            answers += [str(row) for row in session.execute(select(table))]
    return answers


def test_what_is_personal_or_secret_is_in_the_sends_alone(
    line: Connected,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
):
    printed = lived(line, tmp_path / "exports")

    stdout, stderr = capfd.readouterr()
    urls = [
        f"{one.method} {one.path}"  # a lookup at Twilio has no way but to name the number in its query
        for one in (*line.twilio.requests, *line.sendgrid.requests)
    ]
    places = {
        "printed": "\n".join(printed), "logged": caplog.text + stdout + stderr,
        "URLs": "\n".join(urls),
    }  # fmt: skip
    found = [
        f"{canary} in {place}"
        for place, text in places.items()
        for canary, written in CANARIES.items()
        if written in text
    ]
    assert found == []
    assert PHONE in {one.form["To"] for one in line.twilio.requests if one.method == "POST"}
    assert any(MAIL.encode() in one.body for one in line.sendgrid.requests), "they did go through"
