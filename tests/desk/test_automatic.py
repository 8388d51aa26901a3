"""Machines are told from people, and a bounce names whom it is about and whether for good."""

from __future__ import annotations

from email import message_from_bytes
from email.utils import parseaddr
from pathlib import Path

import pytest
from tests.desk.texts import mail

from outreach.desk import automatic
from outreach.desk.plain_bounces import is_gone
from outreach.model.reply import Meaning

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpora" / "bounce-mails"

AUTOMATIC = [
    ("auto-submitted", "auto-replied"), ("auto-submitted", "auto-generated; x=1"),
    ("x-autoreply", "yes"), ("x-autorespond", "Away"), ("precedence", "bulk"),
    ("precedence", "auto_reply"), ("list-id", "<vecinos.example.org>"),
    ("x-auto-response-suppress", "All"),
    ("content-type", "multipart/report; report-type=disposition-notification"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), AUTOMATIC)
def test_a_header_of_a_machine_is_enough(name, value):
    assert automatic.is_automatic(mail("STOP", headers={name: value})) == Meaning.AUTOMATIC


@pytest.mark.parametrize(
    "headers", [{}, {"auto-submitted": "no"}, {"precedence": "first-class"}, {"x-mailer": "Mail"}]
)
def test_a_person_with_ordinary_headers_is_no_machine(headers):
    assert automatic.is_automatic(mail("Sigo sin luz", headers=headers)) is None


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("Respuesta automática: Corte de luz", "Vuelvo el lunes."),
        ("Fuera de la oficina", "No estoy."),
        ("RESPOSTA AUTOMÁTICA", "Volto logo"),
        ("Ausência temporária", "Volto logo"),
        ("Automatic reply: outage", "Back Monday"),
        ("Out of Office Re: outage", "Back Monday"),
        ("Re: Corte", "Estoy fuera de la oficina hasta el 3. Para dar de baja llame al 600."),
        ("Re: Falta", "Olá! Estou de férias até dia 10."),
        ("Re: Outage", "I am currently out of the office with no access to email."),
        ("Leído: Corte de luz", "Su mensaje se leyó el martes"),
    ],
)
def test_an_absence_is_told_by_its_words(subject, body):
    assert automatic.is_automatic(mail(body, subject=subject)) == Meaning.AUTOMATIC


def test_a_text_message_of_a_business_robot_is_no_answer():
    robot = "Gracias por comunicarte con Ferretería Sur. En breve te responderemos."

    assert automatic.is_automatic(mail(robot, channel="whatsapp")) == Meaning.AUTOMATIC
    assert automatic.is_automatic(mail("auto-submitted", channel="sms")) is None


@pytest.mark.parametrize("text", ["estoy fuera de la oficina y en mi casa no hay luz", "BAJA"])
def test_who_says_something_plain_is_heard_though_it_sounds_like_a_machine(text):
    assert automatic.is_automatic(mail(text, channel="sms")) is None


def test_a_bounce_without_its_parts_is_read_from_its_words():
    body = (
        "Este es el sistema de correo.\n\n<ana@example.org>: host mx said: 550 5.1.1 User unknown\n"
        "<luis@example.org>: host mx said: 452 4.2.2 buzón lleno\n\n"
        "--- Below this line is a copy of the message.\nTo: otra@example.org\n"
    )
    reply = mail(body, subject="Undelivered Mail Returned to Sender", address="mailer-daemon@x.org")

    found = {bounce.address: bounce for bounce in automatic.bounces(reply)}

    assert automatic.is_automatic(reply) == Meaning.BOUNCE
    assert {address: bounce.is_permanent for address, bounce in found.items()} == {
        "ana@example.org": True,
        "luis@example.org": False,
    }


def test_a_person_who_writes_of_a_returned_mail_is_no_bounce():
    reply = mail("Me llegó devuelto su correo", subject="Re: Mail delivery")

    assert automatic.is_automatic(reply) is None
    assert automatic.bounces(reply) == ()


@pytest.mark.parametrize(
    ("status", "words", "gone"),
    [
        ("5.1.1", "", True), ("5.1.10", "", True), ("5.2.1", "", True), ("5.4.4", "", True),
        ("5.2.2", "mailbox full", False), ("5.7.1", "blocked by policy", False),
        ("5.3.4", "message too big", False), ("4.1.1", "user unknown", False),
        ("5.1.8", "bad sender", False), ("", "No such user here", True),
        ("5.0.0", "el usuario no existe", True), ("5.0.0", "spam detected", False), ("", "", False),
    ],
)  # fmt: skip
def test_only_a_mailbox_that_does_not_exist_is_gone(status, words, gone):
    assert is_gone(status, words) is gone


def corpus() -> dict[str, bytes]:
    if not CORPUS.exists():
        pytest.skip("needs ../shared/corpora/bounce-mails")
    return {file.stem: file.read_bytes() for file in sorted(CORPUS.glob("*.eml"))}


def as_came(raw: bytes):
    parsed = message_from_bytes(raw)
    return mail(
        "", subject=str(parsed.get("subject", "")), raw=raw,
        address=parseaddr(str(parsed.get("from", "")))[1], to=parseaddr(str(parsed.get("to", "")))[1],
    )  # fmt: skip


def test_the_bounces_of_many_mail_systems_are_told_and_their_addresses_found():
    mails = {name: as_came(raw) for name, raw in corpus().items()}

    told = {name: automatic.is_automatic(reply) for name, reply in mails.items()}
    found = {name: automatic.bounces(reply) for name, reply in mails.items()}

    away = {name for name, meaning in told.items() if meaning == Meaning.AUTOMATIC}
    assert away == {name for name in mails if name.startswith("rfc3834")}
    missed = {name for name, meaning in told.items() if meaning is None}
    assert len(missed) <= 4, missed
    complaints = {name for name, all_ in found.items() if any(one.is_complaint for one in all_)}
    assert complaints <= {name for name in mails if name.startswith("arf")}
    assert len(complaints) >= 5
    addressed = [name for name, all_ in found.items() if all_ and not name.startswith("arf")]
    assert len(addressed) >= 85


@pytest.mark.parametrize(
    ("name", "address", "status", "gone"),
    [
        ("lhost-postfix-01", "kijitora@example.org", "5.1.1", True),
        ("lhost-yahoo-02", "kijitora@example.ed.jp", "5.2.2", False),
        ("lhost-qmail-03", "kijitora@example.org", "5.7.1", False),
        ("lhost-exim-02", "sabatora@example.jp", "5.2.1", True),
        ("lhost-receivingses-03", "temperror@neko.example.jp", "4.0.0", False),
        ("rhost-google-03", "neko@example.co.jp", "5.7.26", False),
    ],
)
def test_a_known_bounce_says_who_and_whether_for_good(name, address, status, gone):
    found = {one.address: one for one in automatic.bounces(as_came(corpus()[name]))}

    assert (found[address].status, found[address].is_permanent) == (status, gone)


def test_messages_within_messages_without_end_are_nobody_s_bounce():
    raw = b"Content-Type: message/rfc822\n\n" * 20_000
    reply = mail("", subject="Undelivered", address="mailer-daemon@x.org", raw=raw)

    assert automatic.bounces(reply) == ()


def test_cut_or_broken_mails_never_crash_the_reading():
    for raw in list(corpus().values())[::4]:
        for cut in (0, 200, len(raw) // 2, len(raw) - 40):
            automatic.bounces(as_came(raw[:cut] + b"\xff\x00--\n"))
