"""Whoever writes an e-mail is answered by e-mail: once, in its thread, while it is an answer still."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select
from tests import make, town
from tests.campaigns.opened import UNPLANNED, open_outage
from tests.campaigns.replied import C, make_desk, rows, suppressed, text, write
from tests.campaigns.tell import NOW
from tests.entry.test_worker import Hand
from tests.fakes.smtp import SmtpFake

from outreach.campaigns import jobs as names
from outreach.campaigns.jobs import Kind
from outreach.campaigns.replying import take
from outreach.channels.smtp_email import SmtpEmail
from outreach.entry import jobs
from outreach.entry.jobs import Work
from outreach.entry.wiring import Clocks, Installation
from outreach.model.answer_mail import AnswerMail
from outreach.model.message import Outcome, Outgoing
from outreach.model.words import Channel
from outreach.settings import Lane, Smtp
from outreach.store import answer_mails, erasing, lanes, restoring, tables as t
from outreach.store.carried import Carried, Since

CUSTOMER = "vecino2@town.example"
STRANGER = "otro@elsewhere.example"
MAIL = {"channel": "email", "provider": "imap", "to": "avisos@example.com"}
THREAD = "<CAF+1@mail.example>"


@pytest.fixture
def carrier():
    with SmtpFake() as fake:
        yield fake


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def of(database, tmp_path, hand, carrier) -> Installation:
    with database.write() as session:
        town.build(session, channel=Channel.EMAIL)
    mail = Lane(name="mail", channel=Channel.EMAIL, provider="smtp", sender="avisos@example.com", rate=5)  # fmt: skip
    smtp = Smtp(host="127.0.0.1", port=carrier.port, tls="none")
    settings = town.workspace(tmp_path, lanes=(mail,)).model_copy(update={"smtp": smtp})
    of = Installation(
        settings=settings, database=database, keyring=make.KEYRING, owner="tests",
        clocks=Clocks(now=lambda: hand.at, monotonic=hand.monotonic, sleep=hand.sleep),
    )  # fmt: skip
    hand.at = NOW
    of.declare_lanes()
    return of


def turn(of: Installation, job: names.Job | None = None) -> None:
    async def one() -> None:
        await jobs.run(Work(of=of), job or names.of(Kind.ANSWER))
        await of.close()

    asyncio.run(one())


def write_mail(of: Installation, body: str, address: str = CUSTOMER, **changes: object) -> None:
    values = MAIL | {"subject": "Re: Corte de luz", "message_id": THREAD} | changes
    write(make_desk(of.engine), body, address, at=of.clocks.now(), **values)


def states(of: Installation) -> list[str]:
    found = rows(of.engine, t.answer_mail)
    return [row["state"] for row in sorted(found, key=lambda row: row["reply_id"])]


def test_an_opt_out_by_e_mail_is_confirmed_in_its_thread_and_no_machine_answers_it(of, carrier):
    write_mail(of, "BAJA")
    assert suppressed(of.engine, CUSTOMER) == {("email", "opted out by reply (email)")}

    turn(of)
    turn(of)

    (mail,) = carrier.ledger
    assert (mail["To"], mail["From"]) == (CUSTOMER, "avisos@example.com")
    assert mail["Subject"] == "Re: Corte de luz"
    assert (mail["In-Reply-To"], mail["References"]) == (THREAD, THREAD)
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["List-Unsubscribe"] is None
    assert "no le enviaremos" in mail.get_content()
    (row,) = rows(of.engine, t.answer_mail)
    assert (row["state"], row["body_sealed"], row["lane"]) == ("sent", None, "mail")
    assert row["provider_ref"] == mail["Message-ID"]


def test_the_same_e_mail_again_is_not_answered_again(of, carrier):
    said = text("BAJA", CUSTOMER, **MAIL)
    for _each in range(3):
        take(make_desk(of.engine), said, now=NOW)
        turn(of)

    assert len(carrier.ledger) == 1


def test_a_text_is_answered_by_its_own_carrier_alone(of, carrier):
    assert write(make_desk(of.engine), "BAJA", C).text
    turn(of)

    assert (carrier.ledger, rows(of.engine, t.answer_mail)) == ([], [])


@pytest.mark.parametrize(
    ("body", "changes"),
    [("I am away until Monday", {"headers": {"auto-submitted": "auto-replied"}}),
     ("me duele la cabeza, y ustedes?", {"address": STRANGER}),
     ("sin luz desde ayer", {"address": STRANGER})],
    ids=["machine", "stranger, unsure", "stranger, report"],
)  # fmt: skip
def test_machines_and_strangers_hear_nothing_that_they_did_not_ask_for(of, carrier, body, changes):
    write_mail(of, body, **changes)
    turn(of)

    assert carrier.ledger == []
    is_machine = "headers" in changes
    assert len(rows(of.engine, t.desk_case)) == (0 if is_machine else 1)


def test_a_stranger_who_asks_for_help_is_answered(of, carrier):
    write_mail(of, "AYUDA", STRANGER)
    turn(of)

    assert [mail["To"] for mail in carrier.ledger] == [STRANGER]


def test_two_robots_talk_no_more_than_five_times_an_hour(of, carrier):
    for number in range(12):
        write_mail(of, "ESTADO", message_id=f"<{number}@mail.example>")
        turn(of)

    assert len(carrier.ledger) == 5


def test_what_the_server_puts_off_goes_later_and_what_it_refuses_goes_never(of, carrier, hand):
    carrier.script("MAIL", "451 later")
    carrier.script("RCPT", "250 ok", "550 nobody here")
    write_mail(of, "AYUDA")
    turn(of)
    assert (states(of), carrier.ledger) == (["waiting"], [])

    hand.at = NOW + timedelta(minutes=2)
    turn(of)
    assert (states(of), len(carrier.ledger)) == (["sent"], 1)

    write_mail(of, "ESTADO")
    turn(of)
    turn(of)
    assert (states(of), len(carrier.ledger)) == (["sent", "refused"], 1)


def test_one_in_doubt_is_never_sent_again(of, carrier, hand):
    carrier.script("TEXT", "drop")  # the server takes it, and its word is lost
    write_mail(of, "AYUDA")
    turn(of)
    hand.at = NOW + timedelta(minutes=5)
    turn(of)

    assert (states(of), len(carrier.ledger)) == (["unknown"], 1)


def test_what_a_crash_left_in_a_call_is_unknown_and_what_waited_too_long_is_late(of, carrier, hand):
    write_mail(of, "AYUDA")
    with of.database.write() as session:
        assert len(answer_mails.take(session, "mail", limit=9, now=NOW)) == 1
        assert answer_mails.take(session, "mail", limit=9, now=NOW) == []
    with of.database.write() as session:
        lanes.stop(session, "mail", reason="401", now=NOW)
    write_mail(of, "ESTADO")

    hand.at = NOW + timedelta(minutes=1)
    turn(of)
    assert states(of) == ["sending", "waiting"]
    hand.at = NOW + timedelta(minutes=31)
    turn(of)

    assert (states(of), carrier.ledger) == (["unknown", "late"], [])


def test_a_login_that_is_refused_costs_no_answer(of, carrier, hand):
    carrier.script("MAIL", "535 who are you")
    write_mail(of, "AYUDA")
    turn(of)
    assert states(of) == ["waiting"]

    hand.at = NOW + timedelta(minutes=2)
    turn(of)
    assert states(of) == ["sent"]


def test_the_rows_ask_for_the_job(of):
    def asked() -> list[str]:
        with of.database.read() as session:
            return [job.kind for job in names.due(session, now=of.clocks.now(), kinds=[Kind.ANSWER])]  # fmt: skip

    assert asked() == []
    write_mail(of, "AYUDA")
    assert asked() == ["answer"]
    turn(of)
    assert asked() == []


def test_a_restore_answers_nothing(of, carrier):
    write_mail(of, "AYUDA")
    since = Since(carried=Carried(), keyring=make.KEYRING, draw=lambda count: b"\1" * count)
    with of.database.write() as session:
        restoring.still(session, backup_at=NOW, by="ana", lanes={}, since=since, now=NOW)
    turn(of)

    assert (states(of), carrier.ledger) == (["unknown"], [])


def test_who_is_erased_is_not_answered(of, carrier):
    write_mail(of, "AYUDA")
    with of.database.write() as session:
        number = session.scalars(select(t.reply.c.customer_id)).one()
        erasing.erase(session, make.KEYRING, number, draw=lambda count: b"\1" * count, now=NOW)
    turn(of)

    assert (carrier.ledger, rows(of.engine, t.answer_mail)) == ([], [])


@pytest.fixture
def calls(monkeypatch, hand) -> list[tuple[float, tuple[str, ...]]]:
    """(second, tokens) of each call of the carrier."""
    made: list[tuple[float, tuple[str, ...]]] = []
    send = SmtpEmail.send

    async def noted(self: SmtpEmail, batch: list[Outgoing], deadline_s: float) -> list[Outcome]:
        made.append((hand.seconds, tuple(one.token for one in batch)))
        return await send(self, batch, deadline_s)

    monkeypatch.setattr(SmtpEmail, "send", noted)
    return made


def most_in_a_second(calls: list[tuple[float, tuple[str, ...]]]) -> int:
    return max(
        sum(len(tokens) for at, tokens in calls if begin <= at < begin + 1.0)
        for begin, _tokens in calls
    )


def many(of: Installation, how_many: int) -> None:
    for number in range(how_many):
        write_mail(of, "AYUDA", f"vecino{number}@elsewhere.example")


def test_answers_leave_no_faster_than_their_lane(of, carrier, calls):
    many(of, 12)

    turn(of)

    assert states(of) == ["sent"] * 12
    assert most_in_a_second(calls) <= 5 + 1, "the rate, and a burst of one"


def a_campaign(of: Installation, hand: Hand) -> None:
    """Seven messages that wait for the lane."""
    outage = open_outage(of.engine)
    of.engine.launch(outage.occasion.id, UNPLANNED, actor="ana", now=NOW)
    hand.turn(360)


def test_answers_and_messages_share_the_pace_and_neither_waits_for_the_other_to_end(
    of, carrier, calls, hand
):
    a_campaign(of, hand)
    many(of, 7)

    turn(of, names.of(Kind.DRIVE, "mail"))

    order = ["answer" if tokens[0].startswith("ans_") else "message" for _at, tokens in calls]
    assert (order.count("answer"), order.count("message")) == (7, 7)
    assert most_in_a_second(calls) <= 5 + 1
    assert order not in (sorted(order), sorted(order, reverse=True))


def test_while_somebody_else_holds_the_lane_its_answers_are_theirs_to_carry(of, carrier):
    write_mail(of, "AYUDA")
    with of.database.write() as session:
        held = lanes.acquire(session, "mail", "elsewhere:1", now=NOW, lease=timedelta(seconds=30))
    assert held is not None
    turn(of)
    waits = states(of)

    with of.database.write() as session:
        lanes.release(session, held)
    turn(of)

    assert (waits, states(of), len(carrier.ledger)) == (["waiting"], ["sent"], 1)


def test_what_breaks_over_an_answer_costs_no_message(of, carrier, monkeypatch, hand):
    a_campaign(of, hand)
    write_mail(of, "AYUDA")

    def breaks(*_asked: object, **_more: object) -> None:
        raise ValueError

    monkeypatch.setattr(AnswerMail, "read", breaks)
    turn(of, names.of(Kind.DRIVE, "mail"))

    assert states(of) == ["sending"]
    assert len(carrier.ledger) == 7
