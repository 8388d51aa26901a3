"""What a person may ask of their data: a copy, its end, a restriction; on both databases."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary, delete, insert, select
from tests import make
from tests.make import KEYRING, NOW
from tests.record import make as record

from outreach.campaigns import person
from outreach.campaigns.person import Asked
from outreach.model.errors import GuardRefused
from outreach.model.record import Contact
from outreach.model.words import Channel, MessageState
from outreach.record import bodies
from outreach.record.bodies import Body
from outreach.record.sync import sync_record
from outreach.settings import Settings
from outreach.store import audit, claims, explain, person_requests, suppressions, tables as t
from outreach.store.session import Database, Session

PHONE, MAIL, NAME, STREET = (
    "+56971234567", "canela.urrutia@town.example", "Canela Urrutia", "Pasaje Los Tilos 77",
)  # fmt: skip
SHARED = "casa.tilos@town.example"
REF, ACCOUNT = "K-canela", "A-900417"
WHO = Asked(by="ana", reason="letter 2026-114", now=NOW)


def settle(session: Session) -> int:
    """One person with all that can be held on anybody; a shared mailbox; a word of hers in each room."""
    customer = make.make_customer(
        session, ref=REF, name_sealed=KEYRING.seal(NAME),
        household=make.make_household(session, ref=ACCOUNT),
    )  # fmt: skip
    contact = Contact(Channel.SMS, PHONE, "CL", consent=True)
    body = Body(NAME, "es", "America/Santiago", None, (contact,), ())
    account = make.make_account(
        session, customer=customer, ref=ACCOUNT, body_sealed=KEYRING.seal(bodies.written(body))
    )
    premise = make.make_premise(
        session, account=account, street_sealed=KEYRING.seal(STREET), holder=ACCOUNT
    )
    phone = make.make_contact_point(session, address=PHONE)
    mail = make.make_contact_point(session, address=MAIL, channel=Channel.EMAIL)
    shared = make.make_contact_point(session, address=SHARED, channel=Channel.EMAIL, customers=2)
    other = make.make_customer(session, ref="K-other")
    for holder, point in ((customer, phone), (customer, mail), (customer, shared), (other, shared)):
        make.make_customer_contact(session, customer=holder, contact_point=point)
    make.make_reach(session, customer=customer, contact_point=phone, premise=premise)
    told = make.make_message(
        session, customer_id=customer, household_id=1, contact_point_id=phone,
        state=MessageState.DELIVERED, provider_ref="SM1", reason=f"to {PHONE}",
    )  # fmt: skip
    make.make_message(session, customer_id=customer, household_id=1, contact_point_id=mail)
    make.make_message(session, customer_id=customer, household_id=1, contact_point_id=shared)
    _heard(session, customer, told)
    return customer


def _heard(session: Session, customer: int, message: int) -> None:
    form = KEYRING.hash(PHONE)
    kept = {"try": 1, "provider_ref": None, "address_is_bad": False, "opted_out": False}
    raw = KEYRING.seal(json.dumps(kept | {"raw": f"To={PHONE}"}))
    session.execute(insert(t.receipt).values(
        provider="twilio", event_key="SM1.delivered", message_id=message, code="", received_at=NOW,
        raw_sealed=raw,
    ))  # fmt: skip
    session.execute(insert(t.reply).values(
        at=NOW, channel="sms", provider="twilio", provider_ref="SM2", address_hash=form,
        address_sealed=KEYRING.seal(PHONE), body_sealed=KEYRING.seal(f"soy {NAME}"),
        customer_id=customer, message_id=message, locale="es", meaning="unsure", outcome="case",
    ))  # fmt: skip
    session.execute(insert(t.call).values(
        call_id="c1", at=NOW, address_hash=form, known=True, dnis="600", queue="", contained=False,
        abandoned=False, source="file",
    ))  # fmt: skip
    session.execute(insert(t.consent_change).values(
        at=NOW - timedelta(hours=1), address_hash=form, channel="sms", purpose="*", gave=False,
        via="reply",
    ))  # fmt: skip
    make.make_suppression(session, address_hash=form, channel="sms")


def opened(database: Database) -> str:
    """Every row of every table as text, with all that is sealed in clear."""
    with database.read() as session:
        return "\n".join(_cells(session))


def _cells(session: Session) -> Iterator[str]:
    for table in t.metadata.sorted_tables:
        for row in session.execute(select(table)).mappings():
            for column in table.c:
                value = row[column.name]
                if column.name.endswith("_sealed") and value:
                    yield KEYRING.open(bytes(value))
                elif isinstance(column.type, LargeBinary) and value:
                    yield bytes(value).hex()
                else:
                    yield str(value)


def file_bytes(database: Database) -> bytes:
    """What lies on the disk of SQLite: the file and its log."""
    path = Path(str(database.url.database))
    log = path.with_name(f"{path.name}-wal")
    return path.read_bytes() + (log.read_bytes() if log.exists() else b"")


def erased(database: Database) -> tuple[int, Any]:
    with database.write() as session:
        customer = settle(session)
    return customer, person.erase(database, KEYRING, customer, WHO, draw=secrets.token_bytes)


def test_after_an_erasure_no_row_holds_the_person_even_opened(database: Database):
    erased(database)

    dump = opened(database)

    assert [
        mark for mark in (PHONE, PHONE[-8:], MAIL, NAME, STREET, REF, ACCOUNT) if mark in dump
    ] == []
    assert SHARED in dump
    if database.is_sqlite:
        raw = file_bytes(database)
        assert [m for m in (PHONE, PHONE[-8:], MAIL, NAME, REF, ACCOUNT) if m.encode() in raw] == []


def test_of_the_address_only_the_hash_that_keeps_the_no_is_left(database: Database):
    erased(database)

    found = [line for line in opened(database).split("\n") if KEYRING.hash(PHONE).hex() in line]

    assert len(found) == 2, "the suppression, and the word that proves it"
    assert KEYRING.hash(MAIL).hex() not in opened(database)


def test_an_address_that_comes_back_after_an_erasure_is_still_not_written_to(database: Database):
    erased(database)
    with database.write() as session:
        make.make_lane(session)
        point = make.make_contact_point(session, address=PHONE)
        make.make_message(session, contact_point_id=point)
        wanted = claims.Claim(
            pool="sms:CL", lane="sms", owner="w1", limit=9, now=NOW,
            lease=timedelta(seconds=30),
        )  # fmt: skip

        taken = claims.claim(session, wanted)

    assert KEYRING.hash(PHONE) not in {one.address_hash for one in taken}


def test_messages_are_counted_as_before_and_what_waited_is_not_sent(database: Database):
    customer, done = erased(database)

    with database.read() as session:
        m = t.message.c
        states = list(session.scalars(select(m.state).where(m.customer_id == customer)))
        handed = session.execute(
            select(t.customer.c.ref).join(t.message, m.customer_id == t.customer.c.id).where(m.state == "queued")
        ).scalars().all()  # fmt: skip
        reach = session.execute(select(t.reach)).all()

    assert sorted(states) == ["cancelled", "delivered"]
    assert handed == ["K-other"], "who shares the mailbox hears still"
    assert reach == []
    assert (done.counts["messages"], done.counts["replies"], done.counts["calls"]) == (2, 1, 1)


def test_nobody_is_erased_while_a_message_to_them_is_in_flight(database: Database):
    with database.write() as session:
        customer = settle(session)
        make.make_message(session, customer_id=customer, household_id=1, state=MessageState.SENDING)

    with pytest.raises(GuardRefused, match="on its way"):
        person.erase(database, KEYRING, customer, WHO, draw=secrets.token_bytes)

    assert NAME in opened(database)


def test_a_load_that_brings_an_erased_person_back_says_so(database: Database):
    erased(database)
    later = NOW + timedelta(days=1)
    with database.write() as session:
        make.make_account(session, ref=ACCOUNT, loaded_at=later)
        make.make_account(session, ref="A-stranger", loaded_at=later)

    back = person.after_load(database, KEYRING, since=later, now=later)

    with database.read() as session:
        listed = person_requests.every(session, closed=False)
    assert back == 1
    assert [one.came_back for one in listed] == [later]


def test_the_audit_of_an_erasure_names_nobody_and_verifies(database: Database):
    erased(database)

    with database.read() as session:
        (entry,) = audit.newest(session, 9, action="person.")
        checked = audit.verify(session)

    assert entry.action == "person.erase"
    assert entry.subject.startswith("per_")
    assert "letter" not in str(entry.detail)
    assert checked.broken is None


def test_an_export_opens_all_that_is_held_with_its_time_and_basis(database: Database):
    with database.write() as session:
        customer = settle(session)
        session.execute(delete(t.queue))
        session.execute(delete(t.message))  # their texts are rendered from the pins of a real run

    held = person.export(database, Settings(), KEYRING, customer, WHO)["held"]

    assert held["customer"][0]["name"] == NAME
    assert held["accounts"][0]["body"][0] == NAME
    assert {one["address"] for one in held["contact_points"]} == {PHONE, MAIL, SHARED}
    assert held["replies"][0]["body"] == f"soy {NAME}"
    assert held["suppressions"][0]["reason"] == "asked"
    assert len(held["calls"]) == len(held["consent_changes"]) == 1
    assert not [name for rows in held.values() for row in rows for name in row if "sealed" in name]


def test_the_restricted_are_left_alone_but_for_emergencies_and_a_lift_keeps_their_own_no(
    database: Database,
):
    with database.write() as session:
        customer = settle(session)

    stopped, shared = person.restrict(database, KEYRING, customer, WHO)
    with database.read() as session:
        held = suppressions.by_address(session, [KEYRING.hash(MAIL)])[KEYRING.hash(MAIL)]
    lifted = person.lift(database, KEYRING, customer, WHO)

    with database.read() as session:
        after = suppressions.by_address(session, [KEYRING.hash(MAIL), KEYRING.hash(PHONE)])
    assert (stopped, shared, lifted) == (2, 1, 2)
    assert {one.purpose for one in held} == {"service", "commercial"}
    assert [one.reason for one in after[KEYRING.hash(PHONE)]] == ["asked"]
    assert KEYRING.hash(MAIL) not in after


def test_a_new_address_of_a_restricted_person_is_left_alone_too(database: Database):
    with database.write() as session:
        customer = settle(session)
    person.restrict(database, KEYRING, customer, WHO)
    with database.write() as session:
        point = make.make_contact_point(session, address="+56977777777")
        make.make_customer_contact(session, customer=customer, contact_point=point)

    person.after_load(database, KEYRING, since=NOW, now=NOW)

    with database.read() as session:
        held = suppressions.by_address(session, [KEYRING.hash("+56977777777")])
    assert len(held) == 1


def test_a_request_is_open_until_it_is_done(database: Database):
    with database.write() as session:
        customer = settle(session)
    person.ask(database, KEYRING, customer, "restrict", WHO)
    with database.read() as session:
        before = [one.kind for one in person_requests.every(session, closed=False)]

    person.restrict(database, KEYRING, customer, WHO)

    with database.read() as session:
        assert before == ["restrict"]
        assert person_requests.every(session, closed=False) == []


def test_the_next_load_of_the_same_source_works_reports_and_keeps_the_no(
    database: Database, tmp_path: Path
):
    accounts = [
        record.make_customer(f"{n}", phone=f"+5697112000{n}", name=f"Vecina {n}") for n in (1, 2)
    ]
    places = [record.make_premise(f"P{row['account']}", row["account"]) for row in accounts]
    mapping = record.make_company(tmp_path, accounts, places)
    sync_record(database, KEYRING, mapping, now=NOW, yes=True)
    form = KEYRING.hash("+56971120001")
    with database.write() as session:
        (customer,) = explain.by_address(session, [form])
        make.make_suppression(session, address_hash=form)
    person.erase(database, KEYRING, customer, WHO, draw=secrets.token_bytes)
    between = opened(database)
    later = NOW + timedelta(days=1)

    sync_record(database, KEYRING, mapping, now=later, yes=True)
    back = person.after_load(database, KEYRING, since=later, now=later)

    with database.read() as session:
        again = explain.by_address(session, [form])
        reach = session.execute(select(t.reach.c.customer_id).where(t.reach.c.customer_id == customer)).all()  # fmt: skip
        stopped = suppressions.by_address(session, [form])
    assert "Vecina 1" not in between
    assert "71120001" not in between
    assert back == 1
    assert customer not in again
    assert reach == []
    assert [one.reason for one in stopped[form]] == ["asked"]
