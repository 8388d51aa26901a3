"""Who is kept alive by electricity and stops a channel on a page becomes a matter for a person."""

from __future__ import annotations

import pytest
from sqlalchemy import update
from tests.contactcenter.make_truths import NIGHT
from tests.entry import person_house

from outreach.entry.alarming import words
from outreach.model.alarm import AlarmKind
from outreach.settings import Settings
from outreach.store import alarms, people, preferences, tables as t
from outreach.store.alarms import Push
from outreach.store.session import Database


@pytest.fixture
def house(database: Database) -> person_house.House:
    return person_house.build(database)


def stopped(house: person_house.House, *, purpose: str = "service", priority: str = "A") -> None:
    """One click on a mail of this purpose, by a customer of this class."""
    mine = t.account.c.customer_id == house.customer
    with house.database.write() as session:
        session.execute(update(t.account).where(mine).values(priority=priority))
        session.execute(update(t.run).values(purpose=purpose))
        preferences.unsubscribe(session, house.mail, now=NIGHT)


def raised(house: person_house.House):
    with house.database.read() as session:
        return alarms.open_ones(session)


def test_a_priority_customer_who_stops_a_channel_raises_an_alarm(house):
    stopped(house)

    [alarm] = raised(house)
    assert (alarm.kind, alarm.detail) == (AlarmKind.PRIORITY_OPT_OUT, {"channel": "email"})
    with house.database.read() as session:
        assert alarm.subject == f"customer:{house.customer}"
        assert people.ref_of(session, house.customer) != ""


@pytest.mark.parametrize("how", [{"purpose": "commercial"}, {"priority": "C"}])
def test_offers_and_everybody_else_raise_none(house, how):
    stopped(house, **how)

    assert raised(house) == []


def test_a_second_click_raises_no_second_alarm(house):
    stopped(house)
    stopped(house)

    assert len(raised(house)) == 1


def test_the_duty_phone_is_told_of_no_person(house):
    stopped(house)

    said = words(Push(alarms=tuple(raised(house))), Settings())

    assert "customer:" not in said
    assert "canal" in said
