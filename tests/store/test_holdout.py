"""Told and held out are counted alike: by what the record held at the freeze, until supply came back."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import insert
from tests import make
from tests.make import NOW

from outreach.campaigns import measuring, pins
from outreach.model.campaign import Campaign, Measurement
from outreach.model.deflection import Called
from outreach.model.words import LeftOut, OccasionKind
from outreach.settings import Settings
from outreach.store import calls, holdout, runs, tables as t
from outreach.store.callers import Calls
from outreach.store.calls import CallRow
from outreach.store.session import Database, Session

LATER = NOW + timedelta(hours=3)
WANTED = Calls(numbers=("600",), since=NOW, until=LATER)


def person(session: Session, number: int, *, loaded: int = -60) -> int:
    home = make.make_household(session)
    one = make.make_customer(session, household=home)
    point = make.make_contact_point(session, address=phone(number))
    loaded_at = NOW + timedelta(minutes=loaded)
    make.make_customer_contact(session, customer=one, contact_point=point, loaded_at=loaded_at)
    return one


def phone(number: int) -> str:
    return f"+5691111{number:04}"


def called(session: Session, *numbers: int, minute: int = 30) -> None:
    at = NOW + timedelta(minutes=minute)
    rows = [
        CallRow(
            call_id=f"{n}-{minute}", at=at, address_hash=make.KEYRING.hash(phone(n)), dnis="600"
        )
        for n in numbers
    ]
    calls.add(session, rows)


def told(session: Session, wave: int, customer: int, **changes: str) -> None:
    home = session.execute(
        t.customer.select().where(t.customer.c.id == customer)
    ).one().household_id  # fmt: skip
    make.make_message(session, step_run=wave, customer_id=customer, household_id=home, **changes)


def written(database: Database) -> int:
    """Three told (1 delivered, 2 not), one of class A, and two held out; 1, 3 and 5 call."""
    with database.write() as session:
        run = make.make_run(session)
        wave = make.make_step_run(session, run=run, frozen_at=NOW)
        people = [person(session, number) for number in range(7)]
        told(session, wave, people[0], state="delivered", priority="C")
        told(session, wave, people[1], state="undelivered", priority="B")
        told(session, wave, people[2], state="sent", priority="C")
        told(session, wave, people[3], state="delivered", priority="A")
        for one in people[4:6]:
            session.execute(
                insert(t.left_out).values(step_run_id=wave, customer_id=one, reason=LeftOut.HOLDOUT)
            )
        newcomer = person(session, 8, loaded=10)
        told(session, wave, newcomer, state="delivered", priority="C")
        called(session, 1, 3, 5, 8)
        called(session, 4, minute=-5)
        called(session, 2, minute=400)
    return run


def test_told_and_held_out_are_compared_by_the_same_rule(database: Database):
    run = written(database)

    with database.read() as session:
        found = holdout.compared(session, run, WANTED, now=LATER)

    assert found == {
        "told": Called(households=4, called=1),
        "delivered": Called(households=2, called=0),
        "undelivered": Called(households=1, called=1),
        "held_out": Called(households=2, called=1),
    }


def test_only_a_run_with_a_holdout_is_asked_for_one(database: Database, monkeypatch):
    run = written(database)
    plain = Campaign(name="storm", serves=OccasionKind.OUTAGE)
    held = Campaign(
        name="storm", serves=OccasionKind.OUTAGE, measurement=Measurement(holdout_share=0.1)
    )

    with database.read() as session:
        one = runs.get(session, run)
        monkeypatch.setattr(pins, "campaign", lambda *_given: plain)
        without = measuring.holdout(session, Settings(), one, now=LATER)
        monkeypatch.setattr(pins, "campaign", lambda *_given: held)
        found = measuring.holdout(session, Settings(), one, now=LATER)

    assert without is None
    assert found is not None
    assert found.difference == 1 / 2 - 1 / 4


def test_where_nobody_was_held_out_nothing_is_compared(database: Database):
    with database.write() as session:
        run = make.make_run(session)
        make.make_step_run(session, run=run, frozen_at=NOW)

    with database.read() as session:
        assert holdout.compared(session, run, WANTED, now=LATER) == {}
