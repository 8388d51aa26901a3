"""Calls are stored once, and only as hashes that the record may know."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.make import KEYRING, NOW, make_contact_point

from outreach.store import calls
from outreach.store.calls import CallRow
from outreach.store.session import Database

PHONE = "+56911112222"


def make_call(**changes) -> CallRow:
    given: dict[str, Any] = {
        "call_id": "1",
        "at": NOW,
        "address_hash": KEYRING.hash(PHONE),
        "dnis": "600",
    }
    return CallRow(**given | changes)


def test_a_call_is_stored_once_with_whether_its_caller_is_known(database: Database):
    with database.write() as session:
        make_contact_point(session, address=PHONE)

    with database.write() as session:
        first = calls.add(session, [make_call(), make_call(call_id="2", address_hash=None)])
        again = calls.add(session, [make_call(), make_call(call_id="2")])

    assert [(row.call_id, known) for row, known in first] == [("1", True), ("2", False)]
    assert again == []


def test_arrivals_count_only_the_named_numbers_in_the_window(database: Database):
    with database.write() as session:
        make_contact_point(session, address=PHONE)
        calls.add(
            session,
            [
                make_call(call_id="in"),
                make_call(call_id="stranger", address_hash=KEYRING.hash("+56900000001")),
                make_call(call_id="elsewhere", dnis="700"),
                make_call(call_id="late", at=NOW + timedelta(hours=1)),
            ],
        )
    window = {"since": NOW, "until": NOW + timedelta(hours=1)}

    with database.read() as session:
        named = calls.arrivals(session, numbers=("600",), **window)
        any_number = calls.arrivals(session, numbers=(), **window)
        none = calls.arrivals(session, numbers=("900",), **window)

    assert (named.calls, named.known, named.identified_share) == (2, 1, 0.5)
    assert any_number.calls == 3
    assert none.identified_share is None


def test_waits_leave_out_contained_calls_and_those_not_measured(database: Database):
    with database.write() as session:
        calls.add(
            session,
            [
                make_call(call_id="waited", wait_s=70),
                make_call(call_id="gave up", wait_s=30, abandoned=True),
                make_call(call_id="contained", wait_s=5, contained=True),
                make_call(call_id="unmeasured"),
            ],
        )

    with database.read() as session:
        found = calls.waits(session, numbers=(), since=NOW, until=NOW + timedelta(minutes=1))

    assert sorted(found) == [30, 70]
