"""What a person was sent or not, in words, without their address on the screen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from tests import make, town
from tests.entry.cli_runs import NOW
from tests.entry.telling import LATER, lines, night, send, tripped

from outreach.model.words import Channel, MessageState
from outreach.store import tables as t

S = MessageState


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    made = night(tmp_path / "luz", sqlite_template, monkeypatch)
    with made.database.write() as session:
        town.resident(session, number=60, order=3, locality="Providencia", channel=None)
    return made


def explained(terminal, who: str = "K-0002", *, at=LATER) -> str:
    return "\n".join(lines(terminal.run("message", "explain", who, at=at)))


def test_the_list_is_masked_and_newest_first(terminal):
    tripped(terminal)

    shown = lines(terminal.run("message", "list"))
    found = terminal.answer("message", "list", "--limit", "3")

    assert len(found) == 3
    assert all(row["id"].startswith("msg_") for row in found)
    assert "+56970000002" not in "\n".join(shown)
    assert any("+569****02" in line for line in shown)


def test_the_list_is_chosen_by_occasion_state_and_channel(terminal):
    tripped(terminal)
    send(terminal, at=LATER, priority="B", state=S.FAILED)

    failed = terminal.answer("message", "list", "--which", "last", "--state", "failed")
    posts = terminal.answer("message", "list", "--channel", "social")

    assert [row["to"] for row in failed] == ["+569****05"]
    assert [row["to"] for row in posts] == ["@outreach"]


def test_a_paused_message_says_so_in_the_list(terminal):
    tripped(terminal)
    terminal.answer("campaign", "pause", "last")

    assert any("waiting: the" in line for line in lines(terminal.run("message", "list")))


def test_what_arrived_is_told_with_its_way_and_proved_text(terminal):
    tripped(terminal)
    send(terminal, at=LATER)
    with terminal.database.write() as session:
        message = session.execute(
            select(t.message.c.id).where(t.message.c.locality == "Providencia", t.message.c.priority == "C")
        ).scalars().first()  # fmt: skip
        for kind, state in (("sent", "delivered"), ("other", None)):
            session.execute(
                t.receipt.insert().values(
                    provider="twilio", event_key=kind, message_id=message, state=state, code="", at=LATER,
                    received_at=LATER, raw_sealed=b"",
                )
            )  # fmt: skip
        for number, outcome in ((1, "delayed"), (2, "in_doubt")):
            session.execute(
                t.attempt.insert().values(
                    {
                        "message_id": message, "try": number, "lane": "sms", "started_at": LATER, "code": "429",
                        "outcome": outcome, "reason": "slow down", "looks": 0,
                    }
                )
            )  # fmt: skip
    shown_id = make.KEYRING.public_id("msg", message)

    shown = explained(terminal, shown_id)

    assert "delivered: a receipt says that it arrived" in shown
    assert (
        "lane sms · try 1 · called 02:50:00 · accepted 02:50:00 · delivered 02:50:00 · segments: 1"
        in shown
    )
    assert "02:50:00 receipt: delivered\n" in shown
    assert "02:50:00 receipt: nothing that moves it" in shown
    assert "02:50:00 delayed: slow down 429" in shown
    assert "02:50:00 in doubt: slow down 429" in shown
    assert "proved by its hash" in shown
    assert "| Outreach: corte de luz en Providencia." in shown


def test_a_person_is_found_by_ref_account_phone_as_typed_and_email(terminal):
    tripped(terminal)
    with terminal.database.write() as session:
        customer = make.make_customer(session, ref="K-0090")
        point = make.make_contact_point(session, channel=Channel.EMAIL, address="ana@town.example")
        make.make_customer_contact(session, customer=customer, contact_point=point)
        town.resident(session, number=1234567, order=3, locality="Providencia", channel=Channel.SMS)

    found = {
        who: terminal.answer("message", "explain", who)[0]["customer"]
        for who in (
            "K-0002",
            "C-0002",
            "+56970000002",
            "+56 9 7123 4567",
            "971234567",
            "Ana@Town.example",
        )
    }

    assert list(found.values()) == ["K-0002"] * 3 + ["K-1234567"] * 2 + ["K-0090"]


def test_nobody_found_never_repeats_what_was_typed(terminal):
    shown = terminal.run("message", "explain", "+56987654321")

    assert shown.exit_code == 1
    assert "987654321" not in shown.output
    assert "nobody in the record" in shown.stderr


def test_who_was_left_out_reads_why(terminal):
    tripped(terminal)

    shown = explained(terminal, "K-0060")

    assert "ALM-F12 · opened@1\n  not written to: the record has no usable address" in shown
    assert (
        terminal.answer("message", "explain", "K-0060")[0]["left_out"][0]["reason"] == "no_contact"
    )


def test_who_is_touched_and_untold_reads_that_nothing_was_launched(terminal):
    terminal.answer("outage", "open", "ALM-F12")

    assert "touched by ALM-F12 (out_" in explained(terminal)


def test_who_is_not_touched_at_all_reads_that(terminal):
    assert "no open occasion touches them, and nothing was ever sent" in explained(terminal)


def test_what_waits_says_until_when_and_a_pause_why(terminal):
    tripped(terminal)
    waiting = explained(terminal, at=NOW)
    later = explained(terminal, at=LATER)
    terminal.answer("campaign", "pause", "last", "--reason", "look again")
    paused = explained(terminal)

    assert "waiting: it may leave from Thu 16 Jul 02:48 on" in waiting
    assert "waiting: it waits for its turn" in later
    assert "the campaign is paused: paused by" in paused
    assert "this is what it would say" in paused


def test_a_refusal_keeps_the_words_of_the_provider(terminal):
    tripped(terminal)
    send(terminal, at=LATER, state=S.FAILED)
    with terminal.database.write() as session:
        session.execute(update(t.message).values(reason="21610 opted out"))

    assert "refused: the provider refused it for good (21610 opted out)" in explained(terminal)


def test_a_changed_text_says_that_it_is_not_the_one_that_left(terminal):
    tripped(terminal)
    send(terminal, at=LATER)
    with (terminal.folder / "outreach.toml").open("a") as file:
        file.write('sender = "Otra"\n')

    shown = explained(terminal)

    assert "the text below is NOT the one that left" in shown
    assert "the company's own words may differ" in shown


def test_superseded_notices_show_no_text(terminal):
    tripped(terminal)
    terminal.answer("outage", "update", "last", "--cause", "un árbol", "--yes", at=LATER)

    shown = explained(terminal)

    assert "superseded: not sent: a newer version of the truth came first" in shown


def test_the_person_is_shown_with_what_the_record_says_of_each_address(terminal):
    with terminal.database.write() as session:
        own = t.contact_point.c.address_hash == make.KEYRING.hash("+56970000002")
        session.execute(update(t.contact_point).where(own).values(bad_since=NOW, customers=3))
        session.execute(update(t.customer_contact).values(usable=False, consent=None))
        session.execute(
            update(t.customer).values(preferred="sms", closed_at=NOW - timedelta(days=1))
        )
        make.make_suppression(session, address_hash=make.KEYRING.hash("+56970000002"))

    shown = explained(terminal)

    assert (
        "customer K-0002 · accounts C-0002 (C) · language es · prefers sms · no longer a customer"
        in shown
    )
    assert (
        "  SMS · +569****02 · consent not given · identifies callers only · does not exist, by a receipt of "
        "Thu 16 Jul 02:43 · SUPPRESSED: asked · held by 3 customers"
    ) in shown


def test_a_phone_of_two_customers_explains_both(terminal):
    with terminal.database.write() as session:
        other = make.make_customer(session, ref="K-0080")
        own = t.contact_point.c.address_hash == make.KEYRING.hash("+56970000002")
        point = session.execute(select(t.contact_point.c.id).where(own)).scalar_one()
        make.make_customer_contact(session, customer=other, contact_point=point)

    shown = terminal.run("message", "explain", "+56970000002")

    assert "customer K-0002" in shown.stdout
    assert "customer K-0080 · accounts none" in shown.stdout
    assert shown.stderr == "2 customers hold it\n"


def test_machines_get_the_proof_and_masked_addresses(terminal):
    tripped(terminal)
    send(terminal, at=LATER)

    [found] = terminal.answer("message", "explain", "K-0002")

    [message] = found["messages"]
    assert (message["proof"], message["to"], message["state"]) == (
        "match",
        "+569****02",
        "delivered",
    )
    assert "+56970000002" not in str(found)
