"""SendGrid: equal texts in one request, events read, signatures checked."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.channels.bench import bench, outgoing
from tests.channels.corpora import corpus, sendgrid_mistakes
from tests.channels.test_cases import is_bad_address
from tests.fakes.sendgrid import API_KEY, SendGridFake, Taken, event

from outreach.channels import sendgrid_email
from outreach.channels.sendgrid_email import is_genuine, receipts
from outreach.model.errors import InputRefused
from outreach.model.message import Accepted, Content, Refused
from outreach.model.words import MessageState

SAME = Content(text="Corte en Maipú", subject="Corte de luz", html="<p>Corte en Maipú</p>")
TAKEN = Taken(
    to="ana@example.com", token="1.1.mac", message_id="msg1", subject="", text="", headers={}
)


def alike(number: int, **changes: Any) -> Any:
    return outgoing("sendgrid", number, **{"content": SAME, **changes})


def test_equal_texts_share_a_request_and_each_person_keeps_their_token() -> None:
    batch = [alike(n) for n in range(1, 1001)]
    with bench("sendgrid") as under:
        outcomes = under.send(*batch)

        assert len(under.fake.requests) == 1
        assert {taken.token for taken in under.fake.ledger} == {one.token for one in batch}
    assert [outcome.id for outcome in outcomes] == [one.id for one in batch]
    assert {type(outcome) for outcome in outcomes} == {Accepted}


def test_different_texts_or_senders_do_not_share_a_request() -> None:
    with bench("sendgrid") as under:
        under.send(alike(1), alike(2), alike(3, sender="otro@example.com"), outgoing("sendgrid", 4))

        assert sorted(len(json.loads(r.body)["personalizations"]) for r in under.fake.requests) == [
            1,
            1,
            2,
        ]


def test_an_answer_goes_alone_in_the_thread_of_what_it_answers() -> None:
    with bench("sendgrid") as under:
        under.send(alike(1, answers="<a@b.example>"), alike(2, answers=""), alike(3))

        heads = {
            person["custom_args"]["attempt"].partition(".")[0]: body["headers"]
            for body in (json.loads(request.body) for request in under.fake.requests)
            for person in body["personalizations"]
        }
    assert heads == {
        "1": {
            "Auto-Submitted": "auto-replied",
            "In-Reply-To": "<a@b.example>",
            "References": "<a@b.example>",
        },
        "2": {"Auto-Submitted": "auto-replied"},
        "3": {"Auto-Submitted": "auto-generated"},
    }


def test_each_person_gets_their_own_one_click_unsubscribe() -> None:
    with bench("sendgrid") as under:
        under.send(alike(1, unsubscribe_url="https://a.example/u/1"), alike(2))

        first, second = sorted(under.fake.ledger, key=lambda taken: taken.token)
    assert first.headers == {
        "List-Unsubscribe": "<https://a.example/u/1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert second.headers == {}


def test_requests_are_what_the_vendor_describes() -> None:
    with bench("sendgrid") as under:
        under.send(alike(1, unsubscribe_url="https://a.example/u/1"), outgoing("sendgrid", 2))

        requests = under.fake.requests

    assert [sendgrid_mistakes(request) for request in requests] == [[], []]
    assert requests[0].headers["authorization"] == f"Bearer {API_KEY}"
    assert requests[0].path == "/v3/mail/send"


def test_the_description_would_catch_a_wrong_request() -> None:
    with bench("sendgrid") as under:
        under.send(alike(1))
        request = under.fake.requests[0]
    body = json.loads(request.body)
    body["personalizations"] *= 1001

    wrong = type(request)(
        method="POST", path="", query={}, headers={}, body=json.dumps(body).encode()
    )

    assert sendgrid_mistakes(wrong)


def test_one_bad_address_does_not_hold_back_the_others() -> None:
    with bench("sendgrid") as under:
        fields = ["personalizations.1.to.0.email", "personalizations.7.to.0.email"]
        under.fake.next(400, body={"errors": [{"field": field} for field in fields]})

        outcomes = under.send(alike(1), alike(2), alike(3))

        assert [type(outcome) for outcome in outcomes] == [Accepted, Refused, Accepted]
        assert is_bad_address(outcomes[1])
        assert sorted(taken.token for taken in under.fake.ledger) == ["1.1.mac1", "3.1.mac3"]


def test_nothing_personal_and_no_key_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with bench("sendgrid") as under:
        under.send(alike(1))

    assert API_KEY not in caplog.text
    assert "ana1" not in caplog.text


@pytest.mark.parametrize(
    ("kind", "more", "state", "bad", "out"),
    [
        ("processed", {}, MessageState.ACCEPTED, False, False),
        ("delivered", {}, MessageState.DELIVERED, False, False),
        ("deferred", {}, None, False, False),
        ("bounce", {"type": "bounce", "status": "5.1.1"}, MessageState.UNDELIVERED, True, False),
        ("bounce", {"type": "blocked", "status": "4.0.0"}, MessageState.UNDELIVERED, False, False),
        ("dropped", {"reason": "Bounced Address"}, MessageState.UNDELIVERED, True, False),
        ("dropped", {"reason": "Unsubscribed Address"}, MessageState.UNDELIVERED, False, True),
        ("dropped", {"reason": "Spam Content"}, MessageState.UNDELIVERED, False, False),
        ("spamreport", {}, None, False, True),
        ("unsubscribe", {}, None, False, True),
        ("open", {}, None, False, False),
        ("click", {}, None, False, False),
        ("news_of_2031", {}, None, False, False),
    ],
)
def test_an_event_moves_the_message_and_teaches_the_record(
    kind: str,
    more: dict[str, Any],
    state: MessageState | None,
    bad: bool,  # noqa: FBT001  columns of the table
    out: bool,  # noqa: FBT001
) -> None:
    (read,) = receipts(json.dumps([event(TAKEN, kind, **more)]).encode())

    assert (read.state, read.address_is_bad, read.opted_out) == (state, bad, out)
    assert (read.token, read.provider_ref, read.event_key) == ("1.1.mac", "msg1", "event1")
    assert read.code == more.get("status", kind)
    assert read.at == datetime(2026, 8, 4, 7, 3, tzinfo=UTC)


def test_an_event_without_anything_is_kept() -> None:
    (read,) = receipts(b"[{}]")

    assert (read.state, read.token, read.provider_ref, read.at) == (None, None, None, None)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[1]", b"[" * 200_000, b"\xff"])
def test_a_body_that_is_no_list_of_events_is_refused(raw: bytes) -> None:
    with pytest.raises(InputRefused, match="SendGrid webhook"):
        receipts(raw)


def test_the_vendors_published_signature_is_genuine_and_any_change_is_not() -> None:
    vector = json.loads(corpus("webhook-signatures", "vectors.json").read_text())["sendgrid"]
    raw, key = vector["payload"].encode(), vector["public_key"]
    good = (vector["signature"], vector["timestamp"])

    assert is_genuine(raw, *good, key)
    assert [receipt.state for receipt in receipts(raw)] == [MessageState.UNDELIVERED]
    assert not is_genuine(raw.rstrip(), *good, key)
    for place in range(0, len(raw), 17):
        assert not is_genuine(raw[:place] + b"~" + raw[place + 1 :], *good, key)
    assert not is_genuine(raw, good[0], "1600112503", key)
    assert not is_genuine(raw, good[0][:-8] + "AAAAAAA=", good[1], key)
    assert not is_genuine(raw, "not base64", good[1], key)
    assert not is_genuine(b"\xff" + raw, *good, key)
    assert not is_genuine(raw, *good, "no key")
    assert not is_genuine(raw, *good, SendGridFake().public_key)


def test_events_of_the_fake_are_genuine() -> None:
    fake = SendGridFake()
    raw, signature = fake.events(event(TAKEN, "delivered"))

    assert is_genuine(raw, signature, "1785826980", fake.public_key)
    assert not is_genuine(raw, signature, "1785826981", fake.public_key)


def test_what_is_written_by_hand_is_the_json_of_the_same_mail() -> None:
    group = [
        outgoing("sendgrid", 1, unsubscribe_url="", to='"a\\"b"@example.com', token='1.1.x"y'),
        outgoing("sendgrid", 2, unsubscribe_url="https://luz.example.com/baja/ñ"),
    ]

    body = sendgrid_email._body(group)

    mail = json.loads(body)
    first, second = mail["personalizations"]
    assert body == json.dumps(mail).encode()
    assert first["to"] == [{"email": group[0].to}]
    assert first["custom_args"] == {"attempt": group[0].token}
    assert second["headers"]["List-Unsubscribe"] == f"<{group[1].unsubscribe_url}>"
