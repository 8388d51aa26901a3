"""The outbox: a carrier without credentials, that keeps what it took and reports what became of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.channels.bench import outgoing
from tests.fakes.twilio import START

from outreach.channels.outbox import FILE, Outbox
from outreach.model.message import Accepted, Attempt, Delayed, Found, Outgoing, Refused
from outreach.model.words import Channel, MessageState

LATER = START + timedelta(minutes=1)


@contextmanager
def outbox(folder: Path, channel: Channel = Channel.SMS, **options: Any) -> Iterator[Outbox]:
    box = Outbox(folder, channel, seed=b"s" * 32, clock=lambda: START, **options)
    yield box
    asyncio.run(box.close())


def send(box: Outbox, *batch: Outgoing) -> Any:
    return asyncio.run(box.send(list(batch), 5))


def many(count: int) -> list[Outgoing]:
    return [outgoing("twilio", number) for number in range(count)]


def test_it_takes_every_message_once_with_one_outcome_in_its_order(tmp_path: Path) -> None:
    with outbox(tmp_path) as box:
        outcomes = send(box, *many(1000))

        assert [outcome.id for outcome in outcomes] == list(range(1000))
        assert {type(outcome) for outcome in outcomes} == {Accepted}
        assert len(box.messages(limit=5000)) == 1000


def test_a_token_sent_twice_is_kept_once_and_reported_once(tmp_path: Path) -> None:
    with outbox(tmp_path) as box:
        first, second = send(box, outgoing("twilio")), send(box, outgoing("twilio"))

        assert first == second
        assert len(box.messages()) == 1
        assert len(box.due_receipts(LATER)) == 1


def test_shares_fail_by_a_keyed_draw_that_is_the_same_in_every_run(tmp_path: Path) -> None:
    fates = []
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        with outbox(tmp_path / run, refused=0.05, undelivered=0.1) as box:
            outcomes = send(box, *many(4000))
            receipts = box.due_receipts(LATER)
        refused = [o.id for o in outcomes if isinstance(o, Refused) and o.address_is_bad]
        failed = [r.token for r in receipts if r.state is MessageState.UNDELIVERED]
        fates.append((refused, failed))

        assert 140 < len(refused) < 260
        assert 320 < len(failed) < 480
        assert len(receipts) == 4000 - len(refused)
    assert fates[0] == fates[1]


def test_a_receipt_comes_after_its_latency_and_names_the_try(tmp_path: Path) -> None:
    with outbox(tmp_path, undelivered=0.0, latency=timedelta(seconds=5)) as box:
        (accepted,) = send(box, outgoing("twilio"))

        assert box.due_receipts(START + timedelta(seconds=4)) == []
        (receipt,) = box.due_receipts(START + timedelta(seconds=5))
        assert box.due_receipts(LATER) == []
    assert (receipt.provider, receipt.token) == ("outbox", "1.1.mac1")
    assert receipt.provider_ref == accepted.provider_ref
    assert receipt.state is MessageState.DELIVERED
    assert receipt.at == START + timedelta(seconds=5)


def test_receipts_handed_out_before_a_crash_come_again(tmp_path: Path) -> None:
    with outbox(tmp_path) as box:
        send(box, *many(10))
        before = box.due_receipts(LATER, limit=4)
    with outbox(tmp_path) as box:
        again = box.due_receipts(LATER, limit=4)
        rest = box.due_receipts(LATER)

    assert again == before
    assert len(rest) == 6


def test_each_channel_gets_its_own_receipts_from_the_one_mailbox(tmp_path: Path) -> None:
    with outbox(tmp_path) as sms, outbox(tmp_path, Channel.EMAIL) as email:
        send(sms, outgoing("twilio", 1))
        send(email, outgoing("smtp", 2, channel=Channel.EMAIL))

        assert [receipt.token for receipt in email.due_receipts(LATER)] == ["2.1.mac2"]
        assert [receipt.token for receipt in sms.due_receipts(LATER)] == ["1.1.mac1"]
        assert len(sms.messages()) == 2
        assert [m.token for m in sms.messages(channel=Channel.EMAIL)] == ["2.1.mac2"]


def test_a_post_has_no_receipt(tmp_path: Path) -> None:
    with outbox(tmp_path, Channel.SOCIAL) as box:
        send(box, outgoing("x", channel=Channel.SOCIAL))

        assert not box.has_receipts
        assert box.due_receipts(LATER) == []
        assert box.messages()[0].fate == "sent"


def test_a_try_is_found_by_its_token_unless_it_was_refused(tmp_path: Path) -> None:
    sought = [
        Attempt(id=n, token=f"{n}.1.mac{n}", to="", sender="", body="", started_at=START)
        for n in (1, 2)
    ]
    with outbox(tmp_path) as box:
        send(box, outgoing("twilio", 1))

        found = asyncio.run(box.find(sought, 5))

    assert found == [
        Found(id=1, provider_ref="outbox.1.1.mac1"),
        Found(id=2, provider_ref=None),
    ]


def test_addresses_are_shown_masked_and_not_kept_in_clear(tmp_path: Path) -> None:
    with outbox(tmp_path) as box:
        send(box, outgoing("twilio", 1, to="+56922212345"))
        send(box, outgoing("smtp", 2, to="ana.rojas@example.com"))
        kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())

        shown = [message.to for message in box.messages()]

    assert shown == ["a***@example.com", "+569****45"]
    assert b"22212345" not in kept
    assert b"rojas" not in kept


def test_messages_are_found_by_words_or_by_a_whole_address(tmp_path: Path) -> None:
    with outbox(tmp_path) as box:
        send(box, *many(30))

        by_word = box.messages(search="REF 29")
        by_address = box.messages(search="+56922200007")

        assert [message.id for message in by_word] == [30]
        assert [message.body for message in by_address] == ["Corte en Maipú, ref 7"]
        assert box.messages(search="nobody") == []
        assert len(box.messages(search="MAIPÚ")) == 30
        assert [message.id for message in box.messages(limit=2)] == [30, 29]


def test_a_shown_message_has_everything_the_page_needs(tmp_path: Path) -> None:
    with outbox(tmp_path, undelivered=0.0) as box:
        send(box, outgoing("twilio"))

        (shown,) = box.messages()

    assert (shown.at, shown.channel, shown.sender) == (START, Channel.SMS, "+56220000000")
    assert (shown.subject, shown.segments, shown.fate) == ("Corte de luz", 1, "delivered")


def test_the_mailbox_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    with outbox(tmp_path) as box:
        send(box, outgoing("twilio"))

        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}

    assert modes[FILE] == 0o600
    assert set(modes.values()) == {0o600}


def test_a_mailbox_that_cannot_be_written_delays(tmp_path: Path) -> None:
    with outbox(tmp_path) as box:
        with sqlite3.connect(tmp_path / FILE) as other:
            other.execute("DROP TABLE message")
        other.close()

        outcomes = send(box, *many(3))

    assert [type(outcome) for outcome in outcomes] == [Delayed] * 3


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL, Channel.VOICE])
def test_every_channel_with_receipts_gives_them(tmp_path: Path, channel: Channel) -> None:
    with outbox(tmp_path, channel) as box:
        send(box, outgoing("twilio", channel=channel))

        assert len(box.due_receipts(LATER)) == 1
