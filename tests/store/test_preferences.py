"""What people chose on their pages: kept, shown again, and stopping what they do not want."""

from __future__ import annotations

from sqlalchemy import select
from tests import make
from tests.entry import person_house
from tests.make import KEYRING, NOW

from outreach.model.words import Channel, Purpose
from outreach.store import changes, consents, preferences, tables as t
from outreach.store.preferences import Turn, Wish
from outreach.store.session import Database


def stops(database: Database, channel: str) -> set[str]:
    with database.read() as session:
        s = t.suppression.c
        rows = session.execute(select(s.purpose).where(s.channel == channel)).scalars()
        return set(rows)


def test_a_wish_is_kept_and_taken_back(database):
    house = person_house.build(database)
    wish = Wish(locale="pt", quiet=(22 * 60, 7 * 60))

    with database.write() as session:
        preferences.save(session, house.customer, wish, [], now=NOW)
        preferences.save(session, house.customer, wish, [], now=NOW)
        found = preferences.person(session, house.customer)
        hours = preferences.quiet_hours(session)
        preferences.save(session, house.customer, Wish(), [], now=NOW)
        left = preferences.has_any(session)

    assert found is not None
    assert found.wish == wish
    assert [way.channel for way in found.ways] == [Channel.SMS, Channel.VOICE, Channel.EMAIL]
    assert hours == [(22 * 60, 7 * 60)]
    assert left is False


def test_turning_one_purpose_off_and_on_touches_nothing_else(database):
    house = person_house.build(database)
    with database.write() as session:
        found = preferences.person(session, house.customer)
        assert found is not None
        sms = found.ways[0]
        off = [Turn(way=sms, purpose=each, on=False) for each in preferences.ASKED]
        before = changes.counters(session).get("stop", 0)
        preferences.save(session, house.customer, Wish(), off, now=NOW)
        counted = changes.counters(session)["stop"]
    first = stops(database, "sms")

    with database.write() as session:
        again = preferences.person(session, house.customer)
        assert again is not None
        on = [Turn(way=again.ways[0], purpose=Purpose.SERVICE, on=True)]
        preferences.save(session, house.customer, Wish(), on, now=NOW)
        said = consents.said(session, sms.address_hash)

    assert counted > before
    assert first == {"service", "commercial"}
    assert stops(database, "sms") == {"commercial"}
    assert [gave for _at, _channel, gave, _via in said] == [False, False, True]
    assert again.ways[0].off == {Purpose.SERVICE, Purpose.COMMERCIAL}
    assert again.ways[1].off == frozenset()


def test_a_stop_for_everything_becomes_one_for_all_but_what_was_allowed(database):
    house = person_house.build(database)
    with database.write() as session:
        hashed = KEYRING.hash(person_house.MAIL)
        make.make_suppression(session, address_hash=hashed, channel="*", purpose="*", reason="BAJA")
        found = preferences.person(session, house.customer)
        assert found is not None
        mail = found.ways[2]
        turns = [Turn(way=mail, purpose=Purpose.SERVICE, on=True)]
        preferences.save(session, house.customer, Wish(), turns, now=NOW)

    assert mail.off == {Purpose.SERVICE, Purpose.COMMERCIAL}
    assert stops(database, "email") == {"commercial"}
    assert stops(database, "sms") == {"service", "commercial", "emergency"}
    assert stops(database, "*") == set()


def test_what_a_carrier_blocks_is_not_lifted_by_a_page(database):
    house = person_house.build(database)
    with database.write() as session:
        make.make_suppression(
            session, address_hash=KEYRING.hash(person_house.PHONE), channel="sms", purpose="*",
            reason=consents.PROVIDER,
        )  # fmt: skip
        found = preferences.person(session, house.customer)
        assert found is not None
        turns = [Turn(way=found.ways[0], purpose=Purpose.SERVICE, on=True)]
        preferences.save(session, house.customer, Wish(), turns, now=NOW)

    assert found.ways[0].by_carrier
    assert stops(database, "sms") == {"*"}


def test_one_click_stops_the_address_once(database):
    house = person_house.build(database)

    with database.write() as session:
        preferences.unsubscribe(session, house.mail, now=NOW)
        first = changes.counters(session)["stop"]
        again = preferences.unsubscribe(session, house.mail, now=NOW)
        said = consents.said(session, KEYRING.hash(person_house.MAIL))
        second = changes.counters(session)["stop"]
        unknown = preferences.unsubscribe(session, 999_999, now=NOW)

    assert stops(database, "email") == {"*"}
    assert stops(database, "sms") == set()
    assert [(gave, via) for _at, _channel, gave, via in said] == [(False, "one_click")]
    assert (first, again is not None, unknown) == (second, True, None)


def test_one_click_on_an_offer_stops_offers_alone(database):
    with database.write() as session:
        run = make.make_run(session, purpose="commercial")
        wave = make.make_step_run(session, run=run)
        mail = make.make_message(session, step_run=wave, channel="email", state="delivered")
        preferences.unsubscribe(session, mail, now=NOW)

    assert stops(database, "email") == {"commercial"}


def test_a_telephone_of_many_is_nobodys_own_to_turn_off(database):
    house = person_house.build(database)
    with database.write() as session:
        session.execute(t.contact_point.update().values(customers=40))

        found = preferences.person(session, house.customer)

    assert found is not None
    assert found.ways == ()


def test_who_has_gone_has_no_preferences(database):
    house = person_house.build(database)
    with database.write() as session:
        session.execute(t.customer.update().values(closed_at=NOW))

        assert preferences.person(session, house.customer) is None
