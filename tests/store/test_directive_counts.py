"""What only SQL can count for the directives: who calls again, missed estimates, campaigns that send."""

from __future__ import annotations

from datetime import timedelta

from tests import make
from tests.make import NOW

from outreach.model.words import RunState
from outreach.store import calls, directives, promises
from outreach.store.calls import CallRow
from outreach.store.session import Database

HOUR = timedelta(hours=1)


def rung(
    number: int, address: bytes | None, *, minutes_ago: int = 10, dnis: str = "600"
) -> CallRow:
    return CallRow(
        call_id=str(number), at=NOW - timedelta(minutes=minutes_ago), address_hash=address,
        dnis=dnis, wait_s=5,
    )  # fmt: skip


def repeated(database: Database, rows: list[CallRow]) -> int:
    with database.write() as session:
        calls.add(session, rows)
    with database.read() as session:
        return directives.repeated_households(
            session, numbers=("600",), since=NOW - 2 * HOUR, until=NOW, least=2
        )


def test_a_household_that_calls_from_two_telephones_has_called_again(database: Database):
    with database.write() as session:
        household = make.make_household(session)
        for address in (b"a" * 32, b"b" * 32):
            customer = make.make_customer(session, household=household)
            point = make.make_contact_point(session, address_hash=address)
            make.make_customer_contact(session, customer=customer, contact_point=point)

    found = repeated(database, [rung(1, b"a" * 32), rung(2, b"b" * 32), rung(3, b"x" * 32)])

    assert found == 1


def test_strangers_count_by_number_and_the_hidden_the_old_and_other_lines_do_not(
    database: Database,
):
    rows = [
        rung(1, b"x" * 32),
        rung(2, b"x" * 32),
        rung(3, None),
        rung(4, None),
        rung(5, b"y" * 32),
        rung(6, b"y" * 32, minutes_ago=130),
        rung(7, b"z" * 32, dnis="800"),
        rung(8, b"z" * 32),
    ]

    assert repeated(database, rows) == 1


def test_estimates_that_passed_or_were_missed_are_counted_by_outage(database: Database):
    with database.write() as session:
        twice, kept = make.make_occasion(session), make.make_occasion(session)
        promises.make(session, twice, 1, NOW - 2 * HOUR, now=NOW - 3 * HOUR)
        promises.make(session, twice, 2, NOW - HOUR, now=NOW - 2 * HOUR)
        promises.make(session, twice, 3, NOW + HOUR, now=NOW - HOUR)
        promises.settle(
            session, promises.of(session, twice)[0], kept=False, missed_by=HOUR, now=NOW
        )
        promises.make(session, kept, 1, NOW - HOUR, now=NOW - 2 * HOUR)
        promises.settle(session, promises.of(session, kept)[0], kept=True, missed_by=None, now=NOW)

        found = directives.missed_estimates(session, [twice, kept], now=NOW)

    assert found == {twice: 2}


def test_a_campaign_sends_while_something_is_queued_or_we_have_paused_it(database: Database):
    with database.write() as session:
        busy = make.make_run(session, launched_at=NOW)
        make.make_message(session, step_run=make.make_step_run(session, run=busy))
        make.make_run(session, launched_at=NOW)
        ours = make.make_run(session, state=RunState.PAUSED, reason="paused by routing: calls")
        make.make_run(session, state=RunState.PAUSED, reason="paused by ana")

        found = directives.sending(session, since=NOW - HOUR, paused_like="paused by routing")

    assert [row[0] for row in found] == [ours, busy]


def test_the_generation_is_that_of_the_newest_decision(database: Database):
    with database.read() as session:
        assert directives.generation(session) == 0
