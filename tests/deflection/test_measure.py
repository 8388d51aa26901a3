"""A run is measured from what the ledger and the call log hold."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert
from tests.make import make_occasion, make_run, make_step_run

from outreach.addresses import Keyring
from outreach.deflection import simulate
from outreach.deflection.estimate import estimate
from outreach.deflection.measure import measure
from outreach.deflection.refusals import Design
from outreach.model import order
from outreach.model.deflection import Verdict
from outreach.store import calls as call_log, tables as t
from outreach.store.calls import CallRow
from outreach.store.session import Database, Session

WORLD = simulate.World(households=1_500, deflection=0.5, tail_share=0.0)
NOW = simulate.START + timedelta(minutes=360)


def test_a_run_of_the_ledger_gives_the_estimate_of_its_slots(database: Database, keyring: Keyring):
    drawn = simulate.draw(WORLD, 6)
    with database.write() as session:
        run = write_ledger(session, keyring, drawn)

    with database.read() as session:
        measured = measure(session, run, now=NOW, outage_numbers=("600 200-1111",))

    expected = estimate(
        [replace(slot, until=NOW) for slot in drawn.slots],
        drawn.calls,
        start=simulate.START,
        design=Design(seed=drawn.seed, seed_stored_at=simulate.START, first_sent_at=None),
        grace=dict(measured.grace),
    )
    assert measured.sums is not None
    assert expected.sums is not None
    assert asdict(measured.sums) == pytest.approx(asdict(expected.sums), rel=1e-9)
    assert measured.counts == expected.counts
    assert measured.measured_at == NOW
    assert measured.identified_share == 1.0
    assert measured.reasons == ()


def test_without_an_outage_number_every_call_counts_and_it_says_so(
    database: Database, keyring: Keyring
):
    with database.write() as session:
        run = write_ledger(session, keyring, simulate.draw(WORLD, 6))

    with database.read() as session:
        measured = measure(session, run, now=NOW)

    assert measured.reasons == ("no outage number is configured: calls to every number count",)


def test_a_run_that_sent_nothing_is_refused(database: Database):
    with database.write() as session:
        occasion = make_occasion(session, opened_at=simulate.START)
        run = make_run(session, occasion=occasion, launched_at=simulate.START)

    with database.read() as session:
        measured = measure(session, run, now=NOW, outage_numbers=("600",))

    assert measured.verdict is Verdict.REFUSED


def test_a_load_of_the_record_after_the_freeze_changes_nothing(
    database: Database, keyring: Keyring
):
    """Callers are known by the addresses written to and by what the record held then."""
    drawn = simulate.draw(WORLD, 6)
    with database.write() as session:
        run = write_ledger(session, keyring, drawn)
    with database.read() as session:
        before = measure(session, run, now=NOW, outage_numbers=("6002001111",))
    with database.write() as session:
        session.execute(t.customer_contact.delete())

    with database.read() as session:
        after = measure(session, run, now=NOW, outage_numbers=("6002001111",))

    assert after == before


def write_ledger(session: Session, keyring: Keyring, drawn: simulate.Drawn) -> int:
    """The drawn outage as messages, contacts and calls; nobody is restored before the end."""
    wave, run = _wave(session, drawn.seed)
    numbers = {slot.household: place for place, slot in enumerate(drawn.slots, start=1)}
    rows: dict[str, list[dict[str, object]]] = {
        "household": [],
        "customer": [],
        "contact_point": [],
        "customer_contact": [],
        "message": [],
    }
    for slot in drawn.slots:
        number = numbers[slot.household]
        rows["household"].append({"id": number, "ref": slot.household})
        rows["customer"].append(
            {"id": number, "ref": f"K{number}", "household_id": number, "name_sealed": b"",
             "locale": "es", "zone": "UTC", "loaded_at": simulate.START}
        )  # fmt: skip
        rows["contact_point"].append(
            {"id": number, "channel": "sms", "address_hash": keyring.hash(f"+{number}"),
             "address_sealed": b"", "country": "CL", "prefix": "", "customers": 1}
        )  # fmt: skip
        rows["customer_contact"].append(
            {"customer_id": number, "contact_point_id": number, "purpose": "service",
             "usable": True, "basis": "", "loaded_at": simulate.START}
        )  # fmt: skip
        rows["message"].append(
            {"step_run_id": wave, "contact_point_id": number, "customer_id": number,
             "household_id": number, "channel": "sms", "priority": slot.priority, "locale": "es",
             "zone": "UTC", "locality": "", "premises": 1, "pool": "sms:CL", "try": 1,
             "rank": order.rank(drawn.seed, slot.household), "failures": 0,
             "state": "delivered" if slot.delivered else "undelivered",
             "slot_at": slot.slot_at, "delivered_at": slot.receipt_at}
        )  # fmt: skip
    for table, values in rows.items():
        session.execute(insert(t.metadata.tables[table]), values)
    call_log.add(
        session,
        [
            CallRow(
                call_id=f"call-{place}",
                at=call.at,
                address_hash=keyring.hash(f"+{numbers[call.household]}"),
                dnis="6002001111",
            )
            for place, call in enumerate(drawn.calls)
        ],
    )
    return run


def _wave(session: Session, seed: bytes) -> tuple[int, int]:
    before: datetime = simulate.START
    occasion = make_occasion(session, opened_at=before)
    session.execute(t.revision.update().values(start_at=before, recorded_at=before))
    run = make_run(
        session,
        occasion=occasion,
        seed=seed,
        seed_hash=order.commitment(seed),
        launched_at=before,
    )
    return make_step_run(session, run=run, created_at=before, frozen_at=before), run
