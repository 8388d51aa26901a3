"""Opt-outs, dead numbers, and numbers that were handed out again."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select
from tests import make
from tests.make import KEYRING, NOW

from outreach.model.words import Channel
from outreach.store import suppressions, tables as t
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


def test_a_dead_number_is_written_to_again_once_the_record_gives_it_to_somebody(database: Database):
    with database.write() as session:
        before, point = _holder(session)
        message = make.make_message(session, customer_id=before, household_id=1, contact_point_id=point)  # fmt: skip
        suppressions.mark_bad(session, [message], now=NOW)
        suppressions.opt_out(session, [message], now=NOW)
        session.execute(delete(t.touched_customer))

        assert suppressions.lift_given_anew(session, now=LATER) == 0
        assert _bad_since(session, point) == NOW

        anew = make.make_customer(session)
        make.make_customer_contact(session, customer=anew, contact_point=point, loaded_at=LATER)
        assert suppressions.lift_given_anew(session, now=LATER) == 1

        assert _bad_since(session, point) is None
        assert _noted(session) == {before, anew}
        assert list(suppressions.by_address(session, [HASH])) == [HASH]  # an opt-out stays
