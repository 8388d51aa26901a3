"""Webhooks on their way: what waits, who takes it, what replaces it, and what is sent again."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text
from tests.make import NOW

from outreach.store import outgoing
from outreach.store.outgoing import NewParcel
from outreach.store.session import Database

LEASE = timedelta(seconds=60)
SOON = NOW + timedelta(minutes=10)


def put(database: Database, *names: str, minute: int = 0, subject: str = "directives") -> None:
    new = NewParcel(kind="directives", subject=subject, body=f"{minute}", expires_at=SOON)
    with database.write() as session:
        outgoing.replace(session, names, new, now=NOW + timedelta(minutes=minute))


def claimed(database: Database, minute: float = 0) -> list[outgoing.Parcel]:
    with database.write() as session:
        return outgoing.claim(
            session, ["wfm", "pbx"], now=NOW + timedelta(minutes=minute), lease=LEASE, most=10
        )


def test_a_newer_document_replaces_the_one_that_waits_and_no_other(database: Database):
    put(database, "wfm", "pbx", subject="other")
    put(database, "wfm", "pbx")
    put(database, "wfm", minute=1)

    found = claimed(database, 1)

    assert [(one.endpoint, one.subject, one.body) for one in found] == [
        ("pbx", "other", "0"),
        ("wfm", "other", "0"),
        ("pbx", "directives", "0"),
        ("wfm", "directives", "1"),
    ]


def test_what_one_process_took_nobody_takes_again_before_its_lease_ends(database: Database):
    put(database, "wfm")

    first, second, third = claimed(database), claimed(database, 0.9), claimed(database, 1)

    assert (len(first), len(second), len(third)) == (1, 0, 1)


def test_what_expired_never_leaves_and_says_why(database: Database):
    put(database, "wfm")
    with database.write() as session:
        gone = outgoing.expire(session, now=SOON)

    with database.read() as session:
        counts = outgoing.counts(session)
    assert gone == 1
    assert counts == {("wfm", "expired"): 1}
    assert claimed(database, 11) == []


def test_a_dead_letter_waits_again_unless_a_newer_one_has_arrived(database: Database):
    put(database, "wfm", "pbx")
    for parcel in claimed(database):
        with database.write() as session:
            outgoing.settle(session, parcel, state=outgoing.DEAD, status="500", now=NOW)
    put(database, "pbx", minute=1)

    with database.read() as session:
        letters = outgoing.undelivered(session)
    with database.write() as session:
        revived = outgoing.revive(session, now=NOW + timedelta(minutes=2))

    assert {one.endpoint for one in letters} == {"wfm", "pbx"}
    assert [one.endpoint for one in revived] == ["wfm"]
    assert revived[0].failures == 0


def test_what_arrived_is_sent_even_if_a_newer_one_replaced_it_meanwhile(database: Database):
    put(database, "wfm")
    (parcel,) = claimed(database)
    put(database, "wfm", minute=1)
    with database.write() as session:
        outgoing.settle(session, parcel, state=outgoing.SENT, status="204", now=NOW)
        outgoing.again_at(session, parcel, SOON, status="late")

    with database.read() as session:
        counts = outgoing.counts(session)

    assert counts == {("wfm", "sent"): 1, ("wfm", "waiting"): 1}


def test_an_endpoint_that_left_the_settings_is_given_up(database: Database):
    put(database, "wfm", "old")
    with database.write() as session:
        gone = outgoing.give_up_on_others(session, ["wfm"], now=NOW)

    with database.read() as session:
        (letter,) = outgoing.undelivered(session)
        waits = outgoing.is_waiting(session)
    assert gone == 1
    assert (letter.endpoint, letter.last_status) == ("old", "endpoint not in settings")
    assert waits


def test_what_was_settled_long_ago_is_forgotten(database: Database):
    put(database, "wfm")
    put(database, "wfm", minute=1)
    with database.write() as session:
        gone = outgoing.sweep(session, before=SOON, states=[outgoing.SUPERSEDED])

    assert gone == 1


def test_the_backlog_of_one_endpoint_keeps_nothing_of_another_from_leaving(database: Database):
    with database.write() as session:
        for number in range(12):
            new = NewParcel(kind="case.opened", subject=f"evt_{number}", body="{}")
            outgoing.add(session, ["wfm"], new, now=NOW)
    put(database, "pbx")

    found = claimed(database)

    assert [one.endpoint for one in found] == ["wfm"] * 10 + ["pbx"]


def test_what_waits_is_found_by_its_index(kept_sqlite: Database):
    with kept_sqlite.read() as session:
        plan = session.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT id FROM outgoing WHERE state = 'waiting'"
                " AND next_at <= :now AND endpoint = :name ORDER BY id LIMIT 10"
            ),
            {"now": 1, "name": "wfm"},
        ).all()

    assert "ix_outgoing_order" in str(plan)
