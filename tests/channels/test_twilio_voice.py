"""Calls through Twilio: what is said, which key is heard, what is found again, and who picked up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from defusedxml.ElementTree import fromstring
from tests.channels.bench import PUBLIC_URL, SENDERS, bench, outgoing
from tests.channels.corpora import mistakes_of_call
from tests.fakes.twilio import ACCOUNT, AUTH_TOKEN, START
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from outreach.channels import twilio_voice
from outreach.channels.twilio_voice import document, receipt, said
from outreach.model.message import Attempt, Content, Found, Outgoing
from outreach.model.words import Channel, MessageState

S = MessageState
TEXT = "Luz del Valle. Hay un corte de luz en Maipú. Si tiene respaldo, marque uno."
ACTION = f"{PUBLIC_URL}/webhooks/twilio/voice/1.1.mac1"


def call(number: int = 1, **changes: Any) -> Outgoing:
    content = Content(text=TEXT, locale="es-CL")
    return outgoing("twilio_voice", number, channel=Channel.VOICE, content=content, **changes)


def attempt(**changes: Any) -> Attempt:
    values = {
        "id": 1, "token": "1.1.mac1", "to": "+56922200001", "sender": SENDERS["twilio_voice"],
        "body": TEXT, "started_at": START,
    }  # fmt: skip
    return Attempt(**{**values, **changes})


def find(under: Any, *attempts: Attempt) -> list[Found]:
    found: list[Found] = under.run(lambda channel: channel.find(list(attempts), 3))
    return found


def test_a_call_says_its_text_twice_in_its_language_and_waits_for_one_key() -> None:
    with bench("twilio_voice") as under:
        under.send(call())

        form = under.fake.requests[0].form

    root = fromstring(form["Twiml"])
    [gather] = root
    assert (gather.tag, gather.attrib) == (
        "Gather",
        {
            "numDigits": "1", "timeout": "8", "action": ACTION, "method": "POST",
            "actionOnEmptyResult": "true",
        },
    )  # fmt: skip
    assert [(one.tag, one.text, one.get("language")) for one in gather] == [
        ("Say", TEXT, "es-MX"), ("Pause", None, None), ("Say", TEXT, "es-MX"),
    ]  # fmt: skip


def test_a_call_says_who_calls_whom_for_how_long_and_where_to_report() -> None:
    with bench("twilio_voice") as under:
        under.send(call())

        [request] = under.fake.requests

    assert request.path.endswith(f"/Accounts/{ACCOUNT}/Calls.json")
    pairs = [pair for pair in parse_qsl(request.body.decode()) if pair[0] != "Twiml"]
    assert pairs == [
        ("To", "+56922200001"),
        ("From", "+56220000000"),
        ("StatusCallback", f"{PUBLIC_URL}/webhooks/twilio/status/1.1.mac1"),
        ("StatusCallbackEvent", "initiated"),
        ("StatusCallbackEvent", "ringing"),
        ("StatusCallbackEvent", "answered"),
        ("StatusCallbackEvent", "completed"),
        ("Timeout", "30"),
        ("MachineDetection", "Enable"),
    ]


class Kept(HttpClient):  # type: ignore[misc]  # twilio ships no types
    """The SDK's finished request, as its own HTTP client would be given it."""

    def __init__(self) -> None:
        self.is_async = False
        self.kept: dict[str, Any] = {}

    def request(self, method: str, url: str, **rest: Any) -> Response:
        self.kept = {"method": method, "url": url, **rest}
        return Response(201, '{"sid": "CA1"}')


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sender": "+5491122223333"},
        {"token": "1.1.a-_~/+=&ñ"},
        {"content": Content(text="ñandú & <b> 🚰 ~%", locale="pt-BR")},
        {"content": Content(text="", locale="")},
    ],
    ids=["plain", "sender", "token", "any sign", "no text"],
)
def test_the_request_is_what_the_sdk_would_send_for_every_parameter_we_use(
    changes: dict[str, Any],
) -> None:
    one = outgoing("twilio_voice", **{"content": Content(text=TEXT, locale="es"), **changes})
    kept = Kept()
    client = Client(ACCOUNT, AUTH_TOKEN, http_client=kept, environment={"": ""})
    client.calls.create(
        to=one.to,
        from_=one.sender,
        status_callback=f"{PUBLIC_URL}/webhooks/twilio/status/{one.token}",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
        timeout=30,
        machine_detection="Enable",
        twiml=document(one.content, action=f"{PUBLIC_URL}/webhooks/twilio/voice/{one.token}"),
    )

    with bench("twilio_voice") as under:
        under.send(one)
        [ours] = under.fake.requests

    assert (ours.method, ours.path) == (kept.kept["method"], urlsplit(kept.kept["url"]).path)
    assert ours.body.decode() == urlencode(kept.kept["data"], doseq=True)
    theirs = {name.lower(): value for name, value in kept.kept["headers"].items()}
    assert {name: ours.headers[name] for name in theirs} == theirs
    assert ours.headers["authorization"].startswith("Basic ")


def test_a_call_is_what_the_vendor_describes() -> None:
    with bench("twilio_voice") as under:
        under.send(call())
        find(under, attempt())
        requests = under.fake.requests

    assert [mistakes_of_call(request) for request in requests] == [[], []]


@pytest.mark.parametrize(
    ("locale", "voice"),
    [("es-CL", "es-MX"), ("pt_BR", "pt-BR"), ("en", "en-US"), ("", "es-MX"), ("qu-PE", "es-MX")],
)
def test_the_voice_speaks_the_language_of_the_text(locale: str, voice: str) -> None:
    assert f'language="{voice}"' in document(Content(text="a", locale=locale), action=ACTION)


def test_a_text_too_long_to_be_said_twice_is_said_once() -> None:
    written = document(Content(text="palabra " * 300, locale="es"), action=ACTION)

    assert written.count("<Say") == 1
    assert len(written) <= twilio_voice.MOST_TWIML


def test_after_a_key_it_thanks_and_hangs_up_or_asks_once_more() -> None:
    over, again = said(["Gracias."], "es"), said(["¿Sí?"], "pt", action=f"{ACTION}?again=1")

    assert over.endswith('<Say language="es-MX">Gracias.</Say><Hangup /></Response>')
    assert f'action="{ACTION}?again=1"' in again
    assert "<Hangup" not in again


# ── what is found again ─────────────────────────────────────────────────────────────────────────


def test_a_lost_call_is_found_by_person_sender_and_time() -> None:
    with bench("twilio_voice") as under:
        under.fake.lose()
        under.send(call())

        found = find(under, attempt(started_at=START + timedelta(seconds=4)))

        assert found == [Found(id=1, provider_ref=under.fake.calls[0].sid)]
        assert "StartTime" not in under.fake.requests[-1].query


@pytest.mark.parametrize(
    "other",
    [
        attempt(to="+56911111111"),
        attempt(sender="+56223333333"),
        attempt(started_at=START + timedelta(seconds=6)),
        attempt(started_at=START - timedelta(minutes=3)),
    ],
    ids=["person", "sender", "older than the try", "long after the try"],
)
def test_what_is_not_listed_is_absent(other: Attempt) -> None:
    with bench("twilio_voice") as under:
        under.send(call())

        assert find(under, other) == [Found(id=1, provider_ref=None)]


def test_two_calls_to_one_person_are_no_answer() -> None:
    several = Found(id=1, provider_ref=None, is_one_of_several=True)
    with bench("twilio_voice") as under:
        under.send(call(), call())

        assert find(under, attempt()) == [several]
        assert find(under, attempt(), attempt(id=2)) == []


@pytest.mark.parametrize("status", [429, 500, 404])
def test_a_listing_that_is_down_is_no_answer(status: int) -> None:
    with bench("twilio_voice") as under:
        under.fake.next(status, body={})

        assert find(under, attempt()) == []


# ── taken back ──────────────────────────────────────────────────────────────────────────────────


def test_a_call_that_nobody_has_answered_is_taken_back_and_the_others_are_counted() -> None:
    with bench("twilio_voice") as under:
        under.send(call(1), call(2))
        waiting, spoken = (one.sid for one in under.fake.calls)
        under.fake.answered.add(spoken)

        told = under.run(lambda channel: channel.recall([waiting, spoken, "CA" + "f" * 32], 3))
        under.fake.next(500, body={})
        broken = under.run(lambda channel: channel.recall([waiting], 3))
        under.fake.lose()
        lost = under.run(lambda channel: channel.recall([waiting], 3))

    assert told == {waiting: "recalled", spoken: "refused", "CA" + "f" * 32: "refused"}
    assert [broken[waiting], lost[waiting]] == ["untold", "untold"]
    assert under.fake.requests[2].form == {"Status": "canceled"}


# ── what its callbacks mean ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "answered_by", "state", "code"),
    [
        ("queued", "", S.ACCEPTED, ""),
        ("initiated", "", S.ACCEPTED, ""),
        ("ringing", "", S.ACCEPTED, ""),
        ("in-progress", "", S.SENT, ""),
        ("in-progress", "human", S.SENT, ""),
        ("completed", "human", S.DELIVERED, ""),
        ("completed", "", S.SENT, ""),
        ("completed", "unknown", S.SENT, ""),
        ("completed", "machine_start", S.UNDELIVERED, "machine"),
        ("completed", "machine_end_beep", S.UNDELIVERED, "machine"),
        ("in-progress", "machine_start", S.UNDELIVERED, "machine"),
        ("completed", "fax", S.UNDELIVERED, "machine"),
        ("busy", "", S.UNDELIVERED, "busy"),
        ("no-answer", "", S.UNDELIVERED, "no-answer"),
        ("failed", "", S.UNDELIVERED, "failed"),
        ("canceled", "", S.UNDELIVERED, "canceled"),
        ("abducted", "", None, ""),
    ],
)
def test_only_a_person_who_picked_up_counts_as_delivered(
    status: str, answered_by: str, state: MessageState | None, code: str
) -> None:
    form = {"CallSid": "CA1", "CallStatus": status, "AnsweredBy": answered_by}

    read = receipt(form, "1.1.mac")

    assert (read.state, read.code) == (state, code)
    assert (read.provider_ref, read.event_key) == ("CA1", f"CA1.{status}")


def test_a_refused_call_teaches_the_record_without_the_number() -> None:
    with bench("twilio_voice") as under:
        under.fake.error(21217)
        [outcome] = under.send(call())

    assert outcome.code == "21217"  # type: ignore[union-attr]
    assert "+569" not in outcome.reason  # type: ignore[union-attr]
