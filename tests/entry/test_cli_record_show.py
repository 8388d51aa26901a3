"""`outreach record show`: somebody as the record knows them, masked unless asked for."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import update
from tests import make
from tests.entry.cli_runs import NOW
from tests.entry.cli_town import Night
from tests.entry.telling import lines, night, rows

from outreach.model.words import Channel
from outreach.store import tables as t

PHONE = "+56983737357"


@pytest.fixture
def terminal(tmp_path, sqlite_template, monkeypatch):
    made = night(tmp_path / "luz", sqlite_template, monkeypatch)
    with made.database.write() as session:
        session.execute(
            update(t.contact_point)
            .where(t.contact_point.c.address_hash == make.KEYRING.hash("+56970000001"))
            .values(address_hash=make.KEYRING.hash(PHONE), address_sealed=make.KEYRING.seal(PHONE))
        )
    return made


def _account(terminal: Night, **values: object) -> None:
    with terminal.database.write() as session:
        session.execute(update(t.account).where(t.account.c.ref == "C-0001").values(**values))


@pytest.mark.parametrize(
    "who", ["K-0001", "C-0001", "S-0001", PHONE, "9 8373 7357", "0056 9 8373-7357", " C-0001 "]
)
def test_somebody_is_found_by_any_ref_and_in_any_spelling(terminal, who):
    [found] = terminal.answer("record", "show", who)

    assert (found["customer"], found["household"]) == ("K-0001", "H-0001")
    assert [one["account"] for one in found["accounts"]] == ["C-0001"]
    [premise] = found["premises"]
    assert (premise["premise"], premise["role"], premise["fed_by"]) == ("S-0001", "holder", ["T1"])
    [contact] = found["contacts"]
    assert (contact["address"], contact["basis"]) == ("+569****57", "contract")


def test_an_e_mail_finds_its_customer(terminal):
    with terminal.database.write() as session:
        customer = make.make_customer(session, ref="K-mail")
        point = make.make_contact_point(session, address="ana@x.example", channel=Channel.EMAIL)
        make.make_customer_contact(session, customer=customer, contact_point=point)

    [found] = terminal.answer("record", "show", "ANA@x.example")

    assert (found["customer"], found["contacts"][0]["address"]) == ("K-mail", "a***@x.example")


def test_nothing_in_clear_without_being_asked_for_and_audited_then(terminal):
    shown = terminal.run("record", "show", PHONE)
    assert "Calle" not in shown.output
    assert "Persona" not in shown.output
    assert PHONE not in shown.output
    assert rows(terminal, "audit") == []

    opened = terminal.run("record", "show", PHONE, "--with-addresses")

    assert "Calle 1" in opened.stdout
    assert PHONE in opened.stdout
    assert "Persona" in opened.stdout
    assert "personal data" in opened.stderr
    [entry] = rows(terminal, "audit")
    assert entry["action"] == "record.addresses"
    assert entry["subject"].startswith("customer:cus_")
    assert "K-0001" not in str(dict(entry))


def test_nobody_is_said_without_repeating_what_was_typed(terminal):
    shown = terminal.run("record", "show", "+56922223333")

    assert shown.exit_code == 1
    assert "nobody in the record by that" in shown.stderr
    assert "2222" not in shown.output


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"life_support": "valid"}, "on the life-support register"),
        (
            {"life_support": "valid", "life_support_until": date(2027, 1, 2)},
            "on the life-support register until 2027-01-02",
        ),
        (
            {"life_support": "expired", "priority": "C"},
            "its entry in the life-support register no longer holds: expired",
        ),
        ({"priority": "B"}, "by its type"),
        ({"priority": "C"}, ""),
    ],
)
def test_a_class_says_why(terminal, values, why):
    _account(terminal, **values)

    [found] = terminal.answer("record", "show", "C-0001")

    assert found["accounts"][0]["why"] == why


def test_people_read_who_where_and_why_somebody_is_not_written_to(terminal):
    with terminal.database.write() as session:
        session.execute(update(t.contact_point).values(bad_since=NOW))
        phone = make.KEYRING.hash(PHONE)
        make.make_suppression(session, address_hash=phone, reason="stopped", at=NOW)
        make.make_suppression(
            session, address_hash=phone, reason="asked", purpose="commercial", at=NOW
        )
        session.execute(update(t.customer_contact).values(basis=""))

    shown = " ".join(" ".join(lines(terminal.run("record", "show", "C-0001"))).split())

    assert "customer K-0001" in shown
    assert "no: no ground; no: bad since 2026-07-16" in shown
    for reason in ("stopped", "asked (commercial)"):
        assert reason in shown


def test_a_contact_that_works_is_written_to(terminal):
    shown = lines(terminal.run("record", "show", "C-0001"))

    assert any("+569****57" in line and line.endswith("yes") for line in shown)


def test_a_caretakers_number_shows_the_first_and_says_so(terminal):
    with terminal.database.write() as session:
        point = make.make_contact_point(session, address="+56983737399")
        for _ in range(21):
            customer = make.make_customer(session)
            make.make_customer_contact(session, customer=customer, contact_point=point)

    shown = terminal.run("record", "show", "+56983737399")

    assert "these are the first 20" in shown.stderr
