"""Twilio SMS: what it is asked, what is found again, what its callbacks mean."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.channels.bench import PUBLIC_URL, SENDERS, bench, outgoing
from tests.channels.corpora import corpus, twilio_mistakes
from tests.fakes.twilio import AUTH_TOKEN, START

from outreach.channels.twilio_carrier import form_body
from outreach.channels.twilio_sms import is_genuine, receipt
from outreach.model.message import Attempt, Found
from outreach.model.words import MessageState

BODY = "Corte en Maipú, ref 1"


def attempt(number: int = 1, **changes: Any) -> Attempt:
    values = {
        "id": number,
        "token": f"{number}.1.mac",
        "to": f"+569222{1:05}",
        "sender": SENDERS["twilio"],
        "body": BODY,
        "started_at": START,
    }
    return Attempt(**{**values, **changes})


def find(under: Any, *attempts: Attempt) -> list[Found]:
    found: list[Found] = under.run(lambda channel: channel.find(list(attempts), 3))
    return found


def test_a_message_says_who_to_whom_what_how_long_and_where_to_report() -> None:
    with bench("twilio") as under:
        under.send(outgoing("twilio"), outgoing("twilio", 2, sender="MG" + "a" * 32))

        form, by_service = (request.form for request in under.fake.requests)

    assert form == {
        "To": "+56922200001",
        "From": "+56220000000",
        "Body": BODY,
        "StatusCallback": f"{PUBLIC_URL}/webhooks/twilio/status/1.1.mac1",
        "ValidityPeriod": "3600",
    }
    assert by_service["MessagingServiceSid"] == "MG" + "a" * 32
    assert "From" not in by_service


@pytest.mark.parametrize(
    ("hours", "seconds"), [(0, "6"), (0.01, "36"), (9, "32400"), (48, "36000")]
)
def test_validity_is_as_long_as_the_text_is_true_within_what_twilio_allows(
    hours: float, seconds: str
) -> None:
    with bench("twilio") as under:
        under.send(outgoing("twilio", valid_for=timedelta(hours=hours)))

        assert under.fake.requests[0].form["ValidityPeriod"] == seconds


def test_requests_are_what_the_vendor_describes() -> None:
    with bench("twilio") as under:
        under.send(outgoing("twilio"), outgoing("twilio", 2, sender="MG" + "a" * 32))
        find(under, attempt())

        requests = under.fake.requests

    assert [twilio_mistakes(request) for request in requests] == [[], [], []]
    assert requests[0].headers["authorization"].startswith("Basic ")


def test_the_description_would_catch_a_wrong_request() -> None:
    with bench("twilio") as under:
        under.send(outgoing("twilio"))
        request = under.fake.requests[0]

    assert twilio_mistakes(replace(request, body=request.body + b"&IdempotencyKey=1"))
    assert twilio_mistakes(replace(request, body=b"Body=a"))
    assert twilio_mistakes(replace(request, method="GET", query={"Since": "1"}))


def test_the_environment_of_the_process_does_not_reach_the_sdk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TWILIO_EDGE", "sydney")
    monkeypatch.setenv("TWILIO_REGION", "au1")
    with bench("twilio") as under:
        under.send(outgoing("twilio"))

        assert len(under.fake.ledger) == 1


def test_a_form_body_is_what_the_library_would_encode() -> None:
    from urllib.parse import urlencode  # noqa: PLC0415  only the reference here

    fields = {"To": "+56 9&=?", "Body": "ñandú 🚰 ~._-*/%\n\x00", "ValidityPeriod": 6}

    assert form_body(fields) == urlencode(fields).encode()


def test_a_lost_message_is_found_by_person_sender_text_and_time() -> None:
    with bench("twilio") as under:
        under.fake.lose()
        under.send(outgoing("twilio"))

        found = find(under, attempt(started_at=START + timedelta(seconds=4)))

        assert found == [Found(id=1, provider_ref=under.fake.ledger[0].sid)]


def test_a_message_sent_by_a_service_is_found_by_person() -> None:
    sender = "MG" + "a" * 32
    with bench("twilio") as under:
        under.send(outgoing("twilio", sender=sender))

        found = find(under, attempt(sender=sender))

        assert found[0].provider_ref == under.fake.ledger[0].sid
        assert "From" not in under.fake.requests[1].query


@pytest.mark.parametrize(
    "other",
    [
        attempt(body="another text"),
        attempt(to="+56911111111"),
        attempt(sender="+56223333333"),
        attempt(started_at=START + timedelta(seconds=6)),
    ],
    ids=["text", "person", "sender", "older than the try"],
)
def test_what_is_not_listed_is_absent(other: Attempt) -> None:
    with bench("twilio") as under:
        under.send(outgoing("twilio"))

        assert find(under, other) == [Found(id=1, provider_ref=None)]


def test_of_two_candidates_none_is_adopted_and_it_is_said() -> None:
    with bench("twilio") as under:
        under.send(outgoing("twilio"), outgoing("twilio"))

        assert find(under, attempt()) == [Found(id=1, provider_ref=None, is_one_of_several=True)]


def test_two_tries_with_one_candidate_are_no_answer() -> None:
    with bench("twilio") as under:
        under.send(outgoing("twilio"))

        assert find(under, attempt(1), attempt(2)) == []


def test_a_full_page_that_does_not_reach_back_is_no_answer() -> None:
    texts = [outgoing("twilio", token=f"{n}.1.m") for n in range(50)]
    with bench("twilio") as under:
        under.send(*texts)

        assert find(under, attempt(body="older text")) == []


@pytest.mark.parametrize(
    "how",
    [
        {"status": 500},
        {"status": 429},
        {"status": 200, "body": b"<html>"},
        {"status": 200, "body": {"messages": [{"date_created": 1}]}},
        {"status": 200, "body": {"messages": [{"body": BODY, "sid": None}]}},
        {"then": "drop"},
    ],
    ids=["500", "429", "html", "odd dates", "no sid", "dropped"],
)
def test_a_listing_that_fails_is_no_answer(how: dict[str, Any]) -> None:
    with bench("twilio") as under:
        under.fake.always(**how)

        assert find(under, attempt()) == []


def test_nothing_of_twilios_words_comes_through_for_they_hold_the_number() -> None:
    with bench("twilio") as under:
        under.fake.error(21211)

        outcomes = under.send(outgoing("twilio"))

    assert "569" not in repr(outcomes)


@pytest.mark.parametrize(
    ("status", "code", "state", "bad", "out"),
    [
        ("queued", "", MessageState.ACCEPTED, False, False),
        ("sent", "", MessageState.SENT, False, False),
        ("delivered", "", MessageState.DELIVERED, False, False),
        ("read", "", MessageState.DELIVERED, False, False),
        ("undelivered", "30003", MessageState.UNDELIVERED, False, False),
        ("undelivered", "30005", MessageState.UNDELIVERED, True, False),
        ("failed", "30006", MessageState.UNDELIVERED, True, False),
        ("failed", "21610", MessageState.UNDELIVERED, False, True),
        ("received", "", None, False, False),
        ("whatever", "x", None, False, False),
    ],
)
def test_a_callback_moves_the_message_and_teaches_the_record(
    status: str,
    code: str,
    state: MessageState | None,
    bad: bool,  # noqa: FBT001  columns of the table
    out: bool,  # noqa: FBT001
) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": status, "ErrorCode": code}

    read = receipt(form, "1.1.mac")

    assert (read.state, read.address_is_bad, read.opted_out) == (state, bad, out)
    assert (read.provider_ref, read.token, read.code) == ("SM1", "1.1.mac", code)
    assert read.event_key == f"SM1.{status}"


def test_a_cancelled_message_says_why_it_was_not_delivered() -> None:
    read = receipt({"MessageSid": "SM1", "MessageStatus": "canceled"}, None)

    assert (read.state, read.code) == (MessageState.UNDELIVERED, "canceled")


def test_a_callback_of_the_fake_is_genuine_and_any_change_is_not() -> None:
    with bench("twilio") as under:
        under.send(outgoing("twilio"))
        url, form, signature = under.fake.callback(under.fake.ledger[0], "delivered")
    pairs = list(form.items())

    assert is_genuine(url, pairs, signature, AUTH_TOKEN)
    assert not is_genuine(url + "x", pairs, signature, AUTH_TOKEN)
    assert not is_genuine(url, [*pairs, ("More", "1")], signature, AUTH_TOKEN)
    assert not is_genuine(url, pairs[1:], signature, AUTH_TOKEN)
    assert not is_genuine(url, pairs, signature[:-2] + "x=", AUTH_TOKEN)
    assert not is_genuine(url, pairs, "", AUTH_TOKEN)
    assert not is_genuine(url, pairs, "ñ", AUTH_TOKEN)
    assert not is_genuine(url, pairs, signature, "another")


def test_the_vendors_published_signature_is_genuine_with_and_without_the_port() -> None:
    vector = json.loads(corpus("webhook-signatures", "vectors.json").read_text())["twilio"]
    pairs, url, token = list(vector["params"].items()), vector["uri"], vector["auth_token"]
    with_port = url.replace("mycompany.com", "mycompany.com:443")

    assert is_genuine(url, pairs, vector["signature"], token)
    assert is_genuine(with_port, pairs, vector["signature"], token)
    assert not is_genuine(url.replace("https", "http"), pairs, vector["signature"], token)
    assert not is_genuine(
        url.replace("foo=1&bar=2", "bar=2&foo=1"), pairs, vector["signature"], token
    )
    for number, (name, value) in enumerate(pairs):
        changed = [*pairs[:number], (name, value + "0"), *pairs[number + 1 :]]
        assert not is_genuine(url, changed, vector["signature"], token)


def test_repeated_parameters_are_signed_once_each_and_sorted() -> None:
    from twilio.request_validator import RequestValidator  # noqa: PLC0415  the reference

    url = "https://a.example/x"
    signature = RequestValidator("t").compute_signature(url, {"A": "1", "B": "2"})
    expected = RequestValidator("t").compute_signature(url + "", {})

    assert is_genuine(url, [("B", "2"), ("A", "1"), ("A", "1")], signature, "t")
    assert not is_genuine(url, [("A", "1"), ("A", "3"), ("B", "2")], signature, "t")
    assert is_genuine(url, [], expected, "t")
