"""Webhooks: genuine ones are on disk before they are answered, forged ones change nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog
from tests.entry.web import PUBLIC, browser, make_app, make_context, receipt
from tests.make import KEYRING, NOW

from outreach.entry.http import receipts, wire
from outreach.entry.http.context import Callback
from outreach.entry.http.keeping import keep
from outreach.entry.http.receipts import MOST_EVENTS, GroupCommit
from outreach.entry.http.wire import BodyTooSlow
from outreach.model.errors import InputRefused, StoreUnusable
from outreach.model.message import Receipt

TOKEN = "12.1.abcdef"
PATH = f"/webhooks/twilio/status/{TOKEN}"
FORM = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+56987654321"}
SIGNED = {"X-Twilio-Signature": "good"}
EVENTS = {
    "Content-Type": "application/json",
    "X-Twilio-Email-Event-Webhook-Signature": "good",
    "X-Twilio-Email-Event-Webhook-Timestamp": "1",
}


FORM_TYPE = "application/x-www-form-urlencoded"


@pytest.fixture
def client(database, world):
    return browser(
        make_app(
            database,
            world,
            twilio_genuine=lambda url, _pairs, signature: (
                signature == "good" and url.startswith(PUBLIC + PATH)
            ),
            sendgrid_genuine=lambda _raw, signature, at: (signature, at) == ("good", "1"),
        )
    )


def test_a_genuine_receipt_is_kept_with_its_token_and_raw_body(client, world):
    answered = client.post(PATH, data=FORM, headers=SIGNED)

    assert answered.status_code == 204
    (callback,) = world.taken
    assert callback.receipts[0].token == TOKEN
    assert callback.raw.startswith(b"MessageSid=SM1")


def test_genuine_events_are_kept(client, world):
    assert client.post("/webhooks/sendgrid", content=b"[{}]\r\n", headers=EVENTS).status_code == 204
    assert world.taken[0].raw == b"[{}]\r\n"


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        (PATH, b"MessageSid=SM1", {}, 403),
        (PATH, b"MessageSid=SM1", {"X-Twilio-Signature": "bad"}, 403),
        ("/webhooks/twilio/status/other", b"MessageSid=SM1", SIGNED, 403),
        (PATH, b"a=\xff\xfe%ff", SIGNED, 400),
        (PATH, b"&".join(b"a=1" for _ in range(300)), SIGNED, 400),
        (PATH, b"{}", SIGNED | {"Content-Type": "application/json"}, 415),
        (PATH, b"x", SIGNED | {"Content-Encoding": "gzip"}, 415),
        (PATH, b"x" * (1024 * 1024 + 1), SIGNED, 413),
        ("/webhooks/sendgrid", b"[]", {"Content-Type": "application/json"}, 403),
        ("/webhooks/sendgrid", b"[]", EVENTS | {"Content-Type": "text/plain"}, 415),
        ("/webhooks/sendgrid", b"[" * (1024 * 1024 + 1), EVENTS, 413),
        ("/webhooks/sendgrid", b"[" * 200_000, EVENTS, 413),
        ("/webhooks/sendgrid", b'[{"a":' * 60, EVENTS, 413),
        (PATH, b"a=1", SIGNED | {"Content-Type": FORM_TYPE + "; charset=latin-1"}, 415),
    ],
)
def test_odd_or_forged_requests_are_refused_and_nothing_is_kept(
    client, world, path, body, headers, status
):
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    refused = client.post(path, content=body, headers=form | headers)

    assert (refused.status_code, world.taken) == (status, [])
    assert refused.headers["content-type"] == "application/problem+json"


def test_the_names_of_utf8_are_taken_as_twilio_writes_them(client, world):
    headers = SIGNED | {"Content-Type": f'{FORM_TYPE}; charset="UTF-8"'}

    assert client.post(PATH, content=b"MessageSid=SM1", headers=headers).status_code == 204


def test_a_thousand_flat_events_are_not_taken_for_deep_ones(client):
    body = b"[" + b",".join([b'{"sg_event_id": "]]"}'] * 1_000) + b"]"

    assert client.post("/webhooks/sendgrid", content=body, headers=EVENTS).status_code == 204


def test_a_forged_request_is_refused_without_a_word_of_its_body_in_the_log(client):
    with structlog.testing.capture_logs() as lines:
        refused = client.post(PATH, data=FORM, headers={"X-Twilio-Signature": "bad"})

    assert refused.status_code == 403
    assert "987654321" not in str(lines) + refused.text


def test_without_credentials_every_webhook_is_refused(database, world):
    client = browser(make_app(database, world))

    assert client.post(PATH, data=FORM, headers=SIGNED).status_code == 403
    assert client.post("/webhooks/sendgrid", content=b"[]", headers=EVENTS).status_code == 403


def test_a_body_that_grows_without_saying_so_is_cut_off(client, world):
    pieces = (b"a" * 65_536 for _ in range(40))

    assert client.post("/webhooks/sendgrid", content=pieces, headers=EVENTS).status_code == 413


def test_events_that_are_no_list_or_too_many_are_refused(database, world):
    def torn(_raw: bytes) -> list[Receipt]:
        raise InputRefused("not a list")

    answers = [
        browser(
            make_app(database, world, sendgrid_genuine=lambda *_: True, sendgrid_receipts=events)
        ).post("/webhooks/sendgrid", content=b"[]", headers=EVENTS).status_code
        for events in (torn, lambda _raw: [receipt({}, None)] * (MOST_EVENTS + 1))
    ]  # fmt: skip

    assert answers == [400, 413]


def test_what_cannot_be_kept_is_asked_for_again(client, world):
    world.fails = StoreUnusable("disk full for +56987654321")

    with structlog.testing.capture_logs() as lines:
        refused = client.post(PATH, data=FORM, headers=SIGNED)

    assert refused.status_code == 503
    assert "56987654321" not in str(lines) + refused.text


def test_other_methods_are_refused(client):
    assert client.get(PATH).status_code == 405


def test_receipts_that_come_together_share_a_commit(database, world):
    context = make_context(database, world)

    async def together() -> None:
        group = GroupCommit(context)
        each = Callback(receipts=(), raw=b"")
        await asyncio.gather(*(group.kept(each) for _ in range(600)))
        group.close()

    asyncio.run(together())

    assert (len(world.taken), world.commits) == (600, 2)


def test_a_commit_takes_only_so_many_events(database, world):
    context = make_context(database, world)
    events = tuple(receipt({"MessageSid": str(n)}, None) for n in range(900))

    async def together() -> None:
        group = GroupCommit(context)
        each = Callback(receipts=events, raw=b"")
        await asyncio.gather(*(group.kept(each) for _ in range(5)))
        group.close()

    asyncio.run(together())

    assert (len(world.taken), world.commits) == (5, 3)


def test_a_provider_that_hangs_up_does_not_disturb_the_others(database, world):
    context = make_context(database, world)

    async def one_leaves() -> None:
        group = GroupCommit(context)
        leaving = asyncio.ensure_future(group.kept(Callback(receipts=(), raw=b"1")))
        staying = asyncio.ensure_future(group.kept(Callback(receipts=(), raw=b"2")))
        await asyncio.sleep(0)
        leaving.cancel()
        await staying
        group.close()

    asyncio.run(one_leaves())

    assert len(world.taken) == 2


def test_a_body_that_never_ends_is_given_up(monkeypatch, client, world):
    monkeypatch.setattr(wire, "BODY_WITHIN_S", 0.0)

    async def first_piece_only() -> dict[str, Any]:
        return {"type": "http.request", "body": b"a", "more_body": True}

    async def dripping() -> bytes:
        return await wire.read_body({"headers": []}, hanging(), limit=10)

    def hanging() -> Any:
        pieces = [first_piece_only()]

        async def receive() -> dict[str, Any]:
            if pieces:
                return await pieces.pop()
            await asyncio.Event().wait()
            raise AssertionError

        return receive

    with pytest.raises(wire.BodyTooSlow):
        asyncio.run(dripping())


def test_kept_callbacks_are_on_disk_and_repeats_count_nothing(database):
    twice = [Callback(receipts=[receipt({"MessageSid": key}, None)], raw=b"x") for key in "aba"]

    first = keep(database, KEYRING, twice, NOW)
    second = keep(database, KEYRING, twice, NOW)

    assert (first, second) == (2, 0)


def test_a_body_too_slow_is_answered_408(monkeypatch, client):
    async def slow(scope, receive, *, limit):
        raise BodyTooSlow("the body did not arrive in time")

    monkeypatch.setattr(receipts, "read_body", slow)

    assert client.post(PATH, data=FORM, headers=SIGNED).status_code == 408
