"""Opt-outs, dead numbers and numbers that changed hands."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update
from tests import make
from tests.make import KEYRING, NOW

from outreach.model.words import Channel
from outreach.store import changes, suppressions, tables as t
from outreach.store.session import Database, Session

LATER = NOW + timedelta(days=1)
PHONE = "+56911111111"
HASH = KEYRING.hash(PHONE)


def _holder(session: Session, channel: Channel = Channel.SMS) -> tuple[int, int]:
    """(customer, contact point) with the phone."""
    customer = make.make_customer(session)
    point = make.make_contact_point(session, address=PHONE, channel=channel)
    make.make_customer_contact(session, customer=customer, contact_point=point)
    return customer, point


def _bad_since(session: Session, point: int) -> object:
    return session.scalar(select(t.contact_point.c.bad_since).where(t.contact_point.c.id == point))


def _noted(session: Session) -> set[int]:
    return set(session.scalars(select(t.touched_customer.c.customer_id)))


def test_an_opt_out_is_kept_once_with_its_first_reason_and_can_be_lifted(database: Database):
    with database.write() as session:
        suppressions.add(session, HASH, now=NOW, reason="told an agent")
        suppressions.add(session, HASH, now=LATER, reason="wrote a letter")
        suppressions.add(session, HASH, now=LATER, reason="e-mail", purpose="commercial")

    with database.write() as session:
        found = suppressions.by_address(session, [HASH, b"nobody"])
        assert [(one.channel, one.purpose, one.reason, one.at) for one in found[HASH]] == [
            ("*", "*", "told an agent", NOW),
            ("*", "commercial", "e-mail", LATER),
        ]
        assert list(found) == [HASH]
        assert changes.counters(session)["stop"] == 3
        assert suppressions.lift(session, HASH, now=LATER)
        assert not suppressions.lift(session, HASH, now=LATER)
        assert [one.purpose for one in suppressions.by_address(session, [HASH])[HASH]] == [
            "commercial"
        ]


def test_an_opt_out_of_a_message_stops_its_channel_alone(database: Database):
    with database.write() as session:
        customer, point = _holder(session)
        make.make_contact_point(session, address=PHONE, channel=Channel.VOICE)
        message = make.make_message(session, customer_id=customer, household_id=1, contact_point_id=point)  # fmt: skip

        suppressions.opt_out(session, [message], now=NOW)
        suppressions.opt_out(session, [message], now=LATER)
        suppressions.opt_out(session, [], now=LATER)

        [kept] = suppressions.by_address(session, [HASH])[HASH]
        assert (kept.channel, kept.purpose, kept.at) == ("sms", "*", NOW)


def test_a_bad_number_is_noted_for_reach_once_and_keeps_its_day(database: Database):
    with database.write() as session:
        customer, point = _holder(session)
        message = make.make_message(session, customer_id=customer, household_id=1, contact_point_id=point)  # fmt: skip

        suppressions.mark_bad(session, [message], now=NOW)
        assert _noted(session) == {customer}
        session.execute(delete(t.touched_customer))
        suppressions.mark_bad(session, [message], now=LATER)
        suppressions.mark_bad(session, [], now=LATER)

        assert _noted(session) == set()
        assert _bad_since(session, point) == NOW


def test_a_recycled_number_is_silent_on_every_channel_until_the_record_gives_it_anew(
    database: Database,
):
    with database.write() as session:
        before, point = _holder(session)
        voice = make.make_contact_point(session, address=PHONE, channel=Channel.VOICE)
        suppressions.mark_recycled(session, [point], now=NOW)
        suppressions.mark_recycled(session, [voice], now=LATER)
        assert (_bad_since(session, point), _bad_since(session, voice)) == (NOW, NOW)
        [kept] = suppressions.by_address(session, [HASH])[HASH]
        assert (kept.channel, kept.reason, kept.at) == ("*", suppressions.RECYCLED, NOW)
        assert _noted(session) == {before}

        assert suppressions.lift_recycled(session, now=LATER) == 0

        anew = make.make_customer(session)
        make.make_customer_contact(session, customer=anew, contact_point=voice, loaded_at=LATER)
        assert suppressions.lift_recycled(session, now=LATER) == 1

        assert (_bad_since(session, point), _bad_since(session, voice)) == (None, None)
        assert suppressions.by_address(session, [HASH]) == {}
        assert _noted(session) == {before, anew}


@pytest.mark.parametrize("recycled_first", [True, False])
def test_an_opt_out_outlives_the_new_owner_of_a_recycled_number(
    database: Database, *, recycled_first: bool
):
    with database.write() as session:
        customer, point = _holder(session)
        if recycled_first:
            suppressions.mark_recycled(session, [point], now=NOW)
        suppressions.add(session, HASH, now=NOW, reason="asked")
        suppressions.mark_recycled(session, [point], now=NOW)
        session.execute(
            update(t.customer_contact)
            .where(t.customer_contact.c.customer_id == customer)
            .values(loaded_at=LATER)
        )

        suppressions.lift_recycled(session, now=LATER)

        [kept] = suppressions.by_address(session, [HASH])[HASH]
        assert kept.reason == "asked"
