"""Keys pressed in the IVR over HTTP: taken once, answered in the caller's words, forged ones refused."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import structlog
from lxml import etree
from tests.contactcenter.make_truths import NIGHT, make_truth, minutes
from tests.entry.web import FLOW, PUBLIC, World, browser, make_app
from tests.make import KEYRING
from twilio.request_validator import RequestValidator

from outreach.campaigns.pressed import Pressed, Taking
from outreach.channels.twilio_sms import is_genuine
from outreach.entry.http import pressed
from outreach.model.errors import StoreUnusable

CANARY = "+56987654321"
OUTAGE = KEYRING.public_id("out", 7)


class Taker:
    """Takes keys as it is told to, and remembers them."""

    def __init__(self) -> None:
        self.taken: list[Pressed] = []
        self.result: Taking | Exception = Taking.REPORTED
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, key: Pressed, now: Any) -> Taking:
        self.taken.append(key)
        self.may_go_on.wait(10)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@pytest.fixture
def taker():
    return Taker()


@pytest.fixture
def client(kept_sqlite, taker):
    world = World(live=[make_truth(public_etr=NIGHT + minutes(40))])
    yield browser(make_app(kept_sqlite, world, pressed=taker))
    world.close()


def test_a_key_in_json_is_taken_with_the_caller_as_a_hash(client, taker):
    heard = client.post(
        "/v1/ivr/pressed",
        json={"ani": CANARY, "digit": "2", "call_id": "c1", "outage_id": OUTAGE, "lang": "en"},
    )

    [key] = taker.taken
    assert (key.digit, key.call_id, key.occasion) == ("2", "c1", 7)
    assert key.addresses == (KEYRING.hash(CANARY),)
    assert heard.json() == {
        "done": "reported",
        "text": "Thank you. We have noted that you are still without service.",
    }
    assert CANARY not in repr(key)


def test_connect_hands_over_the_event_of_its_flow(client, taker):
    event = {
        "Details": {
            "ContactData": {"CustomerEndpoint": {"Address": CANARY}, "ContactId": "c9"},
            "Parameters": {"digit": "1", "outage_id": OUTAGE, "account": ""},
        }
    }
    taker.result = Taking.SENT

    heard = client.post("/v1/ivr/pressed", content=json.dumps(event))

    assert (taker.taken[0].digit, taker.taken[0].call_id) == ("1", "c9")
    assert heard.json() == {"done": "sent", "text": "Le enviamos un SMS con el enlace."}


def test_twilio_s_gather_says_thanks_and_goes_on(client, taker):
    heard = client.post(
        f"/v1/ivr/pressed?outage_id={OUTAGE}&lang=pt-BR",
        data={"From": CANARY, "CallSid": "CA1", "Digits": "2"},
    )

    document = etree.fromstring(heard.content)
    assert [each.tag for each in document] == ["Say", "Redirect"]
    assert document.findtext("Say").startswith("Obrigado")
    assert document.findtext("Redirect").startswith(FLOW)
    assert taker.taken[0].occasion == 7


def test_a_key_that_is_not_ours_reaches_the_company_s_own_flow(client, taker):
    taker.result = Taking.OTHER

    heard = client.post("/v1/ivr/pressed", data={"From": CANARY, "CallSid": "CA1", "Digits": "0"})

    document = etree.fromstring(heard.content)
    assert [each.tag for each in document] == ["Redirect"]
    assert document.findtext("Redirect").startswith(f"{FLOW}?Digits=0")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"digit": 2}', b'{"digit": "2"}', b"\xff", b"x" * 20_000],
    ids=["empty", "torn", "a list", "a number", "nobody", "not UTF-8", "absurd"],
)
def test_whatever_is_pressed_the_call_goes_on(client, taker, body):
    heard = client.post("/v1/ivr/pressed", content=body)

    assert heard.status_code == 200
    assert heard.json()["text"] == ""
    assert taker.taken == []


def test_trouble_is_silence_and_never_a_promise(client, taker):
    taker.result = StoreUnusable(f"locked for {CANARY}")

    with structlog.testing.capture_logs() as lines:
        heard = client.post(
            "/v1/ivr/pressed", json={"ani": CANARY, "digit": "1", "outage_id": OUTAGE}
        )

    assert heard.json() == {"done": "unknown", "text": ""}
    assert lines
    assert CANARY[1:] not in str(lines)


def test_who_waits_too_long_goes_on_without_a_word_and_the_key_is_taken_all_the_same(
    client, taker, monkeypatch
):
    monkeypatch.setattr(pressed, "WITHIN_S", 0.05)
    taker.may_go_on.clear()

    heard = client.post("/v1/ivr/pressed", json={"ani": CANARY, "digit": "1", "outage_id": OUTAGE})
    taker.may_go_on.set()

    assert heard.json() == {"done": "unknown", "text": ""}
    assert [each.digit for each in taker.taken] == ["1"]


def test_a_caller_never_goes_in_an_address(client, taker):
    refused = client.post(f"/v1/ivr/pressed?ani={CANARY[1:]}", json={"digit": "1"})

    assert refused.status_code == 400
    assert taker.taken == []


def test_a_forged_key_is_refused(kept_sqlite, taker):
    world = World()
    app = make_app(
        kept_sqlite,
        world,
        pressed=taker,
        twilio_genuine=lambda url, pairs, sign: is_genuine(url, pairs, sign, "secret"),
    )
    form = {"From": CANARY, "CallSid": "CA1", "Digits": "2"}
    address = f"/v1/ivr/pressed?outage_id={OUTAGE}"
    signed = RequestValidator("secret").compute_signature(f"{PUBLIC}{address}", form)

    def status(path: str, signature: str) -> int:
        sent = browser(app).post(path, data=form, headers={"X-Twilio-Signature": signature})
        return int(sent.status_code)

    assert status(address, signed) == 200
    assert status(address, "forged") == 403
    assert status(f"{address}x", signed) == 403
    assert len(taker.taken) == 1
    world.close()
