"""SMTP: one connection reused, headers that cannot be injected, mails that say what they are."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest
from tests.channels.bench import Bench, bench, outgoing, smtp
from tests.fakes.smtp import SmtpFake

from outreach.channels.smtp_email import SmtpEmail, compose
from outreach.model.message import Accepted, Content, Delayed, Outcome, Refused

FULL = Content(text="Corte en Maipú", subject="Corte de luz: Ñuñoa", html="<p>Corte en Maipú</p>")


def test_a_mail_says_what_it_is_in_text_and_html() -> None:
    one = outgoing("smtp", content=FULL, unsubscribe_url="https://a.example/u/1")
    with bench("smtp") as under:
        (outcome,) = under.send(one)

        (mail,) = under.fake.ledger
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert mail["Subject"] == "Corte de luz: Ñuñoa"
    assert (mail["From"], mail["To"]) == ("avisos@example.com", "ana1@example.com")
    assert outcome == Accepted(id=1, provider_ref="<1.1.mac1@example.com>")
    assert mail["Message-ID"] == "<1.1.mac1@example.com>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == "<https://a.example/u/1>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert text is not None
    assert html is not None
    assert text.get_content().strip() == "Corte en Maipú"
    assert "<p>Corte en Maipú</p>" in html.get_content()


def test_a_mail_without_html_is_plain_and_dated() -> None:
    raw = compose(outgoing("smtp"), now=datetime(2026, 8, 4, 6, 43, tzinfo=UTC))

    mail = message_from_bytes(raw, policy=policy.default)
    assert mail.get_content_type() == "text/plain"
    assert mail["Date"] == "Tue, 04 Aug 2026 06:43:00 +0000"
    assert mail["List-Unsubscribe"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"to": "ana@example.com\r\nBcc: eva@example.com"},
        {"to": "ana@example.com>\nRCPT TO:<eva@example.com"},
        {"sender": "avisos@example.com\nX: y"},
        {"content": Content(text="a", subject="Corte\r\nBcc: eva@example.com")},
        {"unsubscribe_url": "https://a.example/\nX: y"},
        {"to": "ana\0@example.com"},
        {"answers": "<a@b.example>\r\nBcc: eva@example.com"},
    ],
    ids=["to", "to, envelope", "sender", "subject", "unsubscribe", "nul", "answers"],
)
def test_a_line_break_in_a_header_is_refused(change: dict[str, Any]) -> None:
    with bench("smtp") as under:
        (outcome,) = under.send(outgoing("smtp", **change))

        assert isinstance(outcome, Refused)
        assert not outcome.stop_lane
        assert under.fake.ledger == []


def test_an_address_outside_ascii_is_refused() -> None:
    with bench("smtp") as under:
        (outcome,) = under.send(outgoing("smtp", to="peña@example.com"))

    assert isinstance(outcome, Refused)


def test_connections_are_few_and_reused() -> None:
    with bench("smtp") as under:
        outcomes = under.send(*(outgoing("smtp", n) for n in range(60)))

        assert {type(outcome) for outcome in outcomes} == {Accepted}
        assert under.fake.connections <= 4
        assert len(under.fake.ledger) == 60


def test_a_refusal_does_not_spoil_the_connection_for_the_next() -> None:
    with SmtpFake() as fake:
        fake.script("RCPT", "550 no")
        under = replace(_bench(fake), make=lambda: smtp(fake.port, connections=1))

        outcomes = under.send(outgoing("smtp", 1), outgoing("smtp", 2))

        assert [type(outcome) for outcome in outcomes] == [Refused, Accepted]
        assert fake.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_is_opened_again() -> None:
    with bench("smtp") as under:

        async def twice(channel: Any) -> list[Outcome]:
            await channel.send([outgoing("smtp", 1)], 3)
            under.fake.close_idle()
            return list(await channel.send([outgoing("smtp", 2)], 3))

        (outcome,) = under.run(twice)

        assert isinstance(outcome, Accepted)
        assert under.fake.connections == 2


def test_a_wrong_password_stops_the_lane() -> None:
    with SmtpFake() as fake:
        fake.script("EHLO", "250-fake\r\n250 AUTH PLAIN LOGIN")
        fake.script("AUTH", "535 5.7.8 no", "535 5.7.8 no")
        make = lambda: smtp(fake.port, username="luz", password="wrong")  # noqa: E731

        (outcome,) = replace(_bench(fake), make=make).send(outgoing("smtp"))

    assert isinstance(outcome, Refused)
    assert outcome.stop_lane
    assert "wrong" not in repr(outcome)


def test_only_loopback_refuses_every_other_machine() -> None:
    far = SmtpEmail(host="192.0.2.1", port=25, tls="none", only_loopback=True)
    with SmtpFake() as fake:
        (outcome,) = replace(_bench(fake), make=lambda: far).send(outgoing("smtp"))

    assert isinstance(outcome, Delayed)


def test_without_the_guard_the_name_is_given_to_the_library() -> None:
    with SmtpFake() as fake:
        near = SmtpEmail(host="127.0.0.1", port=fake.port, tls="none")

        (outcome,) = replace(_bench(fake), make=lambda: near).send(outgoing("smtp"))

    assert isinstance(outcome, Accepted)


def test_a_server_without_tls_is_not_written_to_in_clear() -> None:
    with SmtpFake() as fake:
        careful = SmtpEmail(host="127.0.0.1", port=fake.port, only_loopback=True)

        (outcome,) = replace(_bench(fake), make=lambda: careful).send(outgoing("smtp"))

        assert isinstance(outcome, Delayed)
        assert fake.ledger == []


def test_a_server_that_does_not_answer_the_connection_is_given_up_in_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        with SmtpFake() as fake:
            under = replace(_bench(fake), make=lambda: smtp(silent.getsockname()[1]))

            (outcome,) = under.send(outgoing("smtp"), deadline=0.3)

    assert isinstance(outcome, Delayed)


def _bench(fake: SmtpFake) -> Any:
    return Bench(name="smtp", fake=fake, make=lambda: smtp(fake.port))
