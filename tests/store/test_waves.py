"""The ledger gives each household of a wave its slot, and the snapshot its calls."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.make import (
    KEYRING,
    NOW,
    SEED,
    make_contact_point,
    make_customer,
    make_customer_contact,
    make_household,
    make_message,
    make_node,
    make_occasion,
    make_premise,
    make_reach,
    make_revision,
    make_run,
    make_step_run,
)

from outreach.model.deflection import IdentifiedCall, Slot
from outreach.model.words import Channel, MessageState, PriorityClass
from outreach.store import callers, calls, tables as t, waves
from outreach.store.callers import Calls, Snapshot
from outreach.store.calls import CallRow
from outreach.store.session import Database, Session

LATER = NOW + timedelta(hours=5)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def slots(database: Database, run: int) -> list[Slot]:
    with database.read() as session:
        return waves.slots(session, run, now=LATER)


def make_wave(session: Session, **changes) -> tuple[int, int]:
    run = make_run(session)
    return run, make_step_run(session, run=run, step="opened", **changes)


def test_a_household_has_the_earliest_slot_of_its_messages(database: Database):
    with database.write() as session:
        run, wave = make_wave(session)
        home = make_household(session, ref="H-1")
        for minute in (12, 11):
            make_message(
                session,
                step_run=wave,
                household_id=home,
                state=MessageState.DELIVERED,
                slot_at=NOW + minutes(minute),
                delivered_at=NOW + minutes(minute + 1),
            )
        make_message(session, step_run=wave, household_id=home, state=MessageState.UNDELIVERED)

    (slot,) = slots(database, run)

    assert slot.household == "H-1"
    assert slot.wave == "opened@1"
    assert slot.slot_at == NOW + minutes(11)
    assert slot.receipt_at == NOW + minutes(12)
    assert slot.delivered is True
    assert slot.until == LATER


@pytest.mark.parametrize(
    ("states", "delivered"),
    [
        pytest.param(["undelivered", "delivered"], True, id="one got it"),
        pytest.param(["undelivered", "failed"], False, id="all failed"),
        pytest.param(["undelivered", "sent"], None, id="one is not known"),
        pytest.param(["accepted"], None, id="none is known"),
    ],
)
def test_a_household_is_undelivered_only_if_all_its_messages_are_known_to_be(
    database: Database, states, delivered
):
    with database.write() as session:
        run, wave = make_wave(session)
        home = make_household(session)
        for state in states:
            make_message(session, step_run=wave, household_id=home, state=state, slot_at=NOW)

    (slot,) = slots(database, run)

    assert slot.delivered is delivered


def test_the_stratum_is_that_of_the_highest_class_and_of_sms_before_email(database: Database):
    with database.write() as session:
        run, wave = make_wave(session)
        home = make_household(session)
        for priority, channel in (("C", Channel.SMS), ("A", Channel.EMAIL), ("A", Channel.SMS)):
            make_message(
                session, step_run=wave, household_id=home, channel=channel, priority=priority
            )

    (slot,) = slots(database, run)

    assert (slot.priority, slot.channel) == (PriorityClass.A, Channel.SMS)
    assert slot.slot_at is None
    assert len(slot.queue.split()) == 3


def test_households_without_any_usable_address_left_are_in_no_arm(database: Database):
    with database.write() as session:
        run, wave = make_wave(session)
        make_message(session, step_run=wave, state=MessageState.SUPPRESSED)
        make_message(session, step_run=wave, state=MessageState.SUPPRESSED, slot_at=NOW)

    assert len(slots(database, run)) == 1


def test_a_wave_ends_with_the_revision_that_overtook_it(database: Database):
    with database.write() as session:
        run, wave = make_wave(session, superseded_at=NOW + minutes(45), wave=2)
        make_message(session, step_run=wave)

    (slot,) = slots(database, run)

    assert slot.until == NOW + minutes(45)
    assert slot.wave == "opened@1.2"


def test_slots_come_in_the_order_of_release_and_the_unsent_last(database: Database):
    with database.write() as session:
        run, wave = make_wave(session)
        for ref, slot_at in (("H-3", None), ("H-2", NOW + minutes(2)), ("H-1", NOW + minutes(1))):
            home = make_household(session, ref=ref)
            make_message(session, step_run=wave, household_id=home, slot_at=slot_at)

    found = slots(database, run)

    assert [(slot.household, slot.order) for slot in found] == [("H-1", 1), ("H-2", 2), ("H-3", 3)]


def test_risk_ends_for_a_household_when_its_part_is_restored_and_begins_again_if_reopened(
    database: Database,
):
    with database.write() as session:
        for ref, order in (("N1", 1), ("N2", 2), ("N3", 3)):
            make_node(session, ref=ref, tree_order=order, tree_last=order)
        occasion = make_occasion(session)
        session.execute(
            t.revision.update().values(
                scope={"nodes": ["N1", "N2", "N3"], "localities": [], "premises": []}
            )
        )
        run = make_run(session, occasion=occasion)
        wave = make_step_run(session, run=run)
        for order in (1, 2, 3):
            _reachable(session, wave, order)
        for version, minute, back in ((2, 30, ["N1", "N2"]), (3, 40, ["N1"])):
            _partial(session, occasion, version=version, minute=minute, back=back)
        _closed(session, occasion, version=4, minute=60)

    ends = {slot.household: slot.until - NOW for slot in slots(database, run)}

    assert ends == {"H-1": minutes(30), "H-2": minutes(60), "H-3": minutes(60)}


def test_calls_are_matched_with_contacts_of_the_freeze_only(database: Database):
    with database.write() as session:
        run, wave = make_wave(session)
        home = make_household(session, ref="H-1")
        person = _phone_of(session, home, "+56911110001")
        _phone_of(session, home, "+56911110002", loaded_at=NOW + minutes(1))
        make_message(session, step_run=wave, household_id=home, customer_id=person)
        _phone_of(session, make_household(session, ref="H-2"), "+56911110003")
        _called(session, "+56911110001", "+56911110002", "+56911110003", "+56911110009")

    with database.read() as session:
        found = identified(session, run, numbers=("600",))

    assert [(call.household, call.at) for call in found] == [("H-1", NOW + minutes(10))]


def test_a_phone_of_two_households_identifies_nobody(database: Database):
    with database.write() as session:
        run, wave = make_wave(session)
        homes = [make_household(session), make_household(session)]
        point = make_contact_point(session, address="+56911110001", customers=2)
        for home in homes:
            person = make_customer(session, household=home)
            make_customer_contact(session, customer=person, contact_point=point)
            make_message(session, step_run=wave, household_id=home)
        _called(session, "+56911110001")

    with database.read() as session:
        found = identified(session, run, numbers=())

    assert found == []


def test_a_run_whose_audience_is_still_being_written_identifies_nobody(database: Database):
    with database.write() as session:
        run, _wave = make_wave(session, frozen_at=None)

    with database.read() as session:
        found = identified(session, run, numbers=())
        launch = waves.launch(session, run)

    assert found == []
    assert launch.seed == SEED
    assert launch.outage_start == NOW


def identified(session: Session, run: int, *, numbers: tuple[str, ...]) -> list[IdentifiedCall]:
    frozen_at = waves.launch(session, run).frozen_at
    of = Snapshot(waves=list(waves.names(session, run).values()), frozen_at=frozen_at)
    return callers.identified(session, of, Calls(numbers=numbers, since=NOW, until=LATER))


def _reachable(session: Session, wave: int, order: int) -> None:
    home = make_household(session, ref=f"H-{order}")
    person = make_customer(session, household=home)
    point = make_contact_point(session)
    premise = make_premise(session, tree_order=order)
    make_reach(session, customer=person, contact_point=point, premise=premise)
    make_message(
        session, step_run=wave, household_id=home, customer_id=person, contact_point_id=point
    )


def _partial(
    session: Session, occasion: int, *, version: int, minute: int, back: list[str]
) -> None:
    make_revision(
        session,
        occasion=occasion,
        version=version,
        state="partial",
        scope={"nodes": ["N1", "N2", "N3"], "localities": [], "premises": []},
        restored={"nodes": back, "localities": [], "premises": []},
        recorded_at=NOW + minutes(minute),
    )


def _closed(session: Session, occasion: int, *, version: int, minute: int) -> None:
    make_revision(
        session,
        occasion=occasion,
        version=version,
        state="restored",
        restored_at=NOW + minutes(minute),
        recorded_at=NOW + minutes(minute + 5),
    )
    session.execute(t.occasion.update().values(version=version, open=False))


def _phone_of(session: Session, household: int, address: str, **changes) -> int:
    person = make_customer(session, household=household)
    point = make_contact_point(session, address=address)
    make_customer_contact(session, customer=person, contact_point=point, **changes)
    return person


def _called(session: Session, *phones: str) -> None:
    calls.add(
        session,
        [
            CallRow(
                call_id=phone, at=NOW + minutes(10), address_hash=KEYRING.hash(phone), dnis="600"
            )
            for phone in phones
        ],
    )
