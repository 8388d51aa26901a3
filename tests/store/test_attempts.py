"""Whether a copy that a provider has may be another message's: only one to the same address can have it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert
from tests import make

from outreach.model.words import MessageState as S
from outreach.store import attempts, tables as t
from outreach.store.session import Database, Session

NOW = make.NOW
FOUND, OTHERS = "SM-found", "SM-other"


def person(session: Session) -> tuple[int, int]:
    """(customer, contact point) of somebody."""
    customer = make.make_customer(session)
    point = make.make_contact_point(session)
    make.make_customer_contact(session, customer=customer, contact_point=point)
    return customer, point


def sent(session: Session, who: tuple[int, int], **changes: object) -> int:
    customer, point = who
    wave = make.make_step_run(session)
    return make.make_message(
        session,
        step_run=wave,
        customer_id=customer,
        household_id=1,
        contact_point_id=point,
        **changes,
    )


def test_another_message_to_the_same_address_carries_it(database: Database) -> None:
    with database.write() as session:
        ana = person(session)
        doubt = sent(session, ana, state=S.IN_DOUBT)
        sent(session, ana, state=S.DELIVERED, provider_ref=FOUND)

        assert attempts.of_others(session, {doubt: FOUND}, since=NOW) == {doubt: True}


def test_another_of_the_same_words_is_in_doubt_itself(database: Database) -> None:
    with database.write() as session:
        ana = person(session)
        doubt, other = sent(session, ana, state=S.IN_DOUBT), sent(session, ana, state=S.SENDING)

        assert attempts.of_others(session, {doubt: FOUND}, since=NOW) == {doubt: False}
        assert attempts.of_others(session, {doubt: FOUND, other: OTHERS}, since=NOW) == {
            doubt: False, other: False,
        }  # fmt: skip


def tried(session: Session, message: int, settled_as: str) -> None:
    """A try in doubt that ended now and was settled so."""
    values = {"lane": "sms", "started_at": NOW, "ended_at": NOW, "outcome": "in_doubt", "looks": 0}
    settled = {"code": "", "reason": "", "settled_at": NOW, "settled_as": settled_as}
    session.execute(insert(t.attempt).values(message_id=message, **{"try": 1}, **values, **settled))


@pytest.mark.parametrize("settled_as", [attempts.NO_PROOF, attempts.SEVERAL, attempts.RESENT])
def test_another_of_the_same_words_was_given_up_without_proof(database: Database, settled_as: str):
    with database.write() as session:
        ana = person(session)
        doubt, other = sent(session, ana, state=S.IN_DOUBT), sent(session, ana, state=S.UNKNOWN)
        tried(session, other, settled_as=settled_as)

        assert attempts.of_others(session, {doubt: FOUND}, since=NOW) == {doubt: False}
        later = NOW + timedelta(seconds=1)
        assert attempts.of_others(session, {doubt: FOUND}, since=later) == {}


def test_a_try_of_another_that_was_proved_absent_is_no_doubt(database: Database) -> None:
    with database.write() as session:
        ana = person(session)
        doubt, other = sent(session, ana, state=S.IN_DOUBT), sent(session, ana, state=S.QUEUED)
        tried(session, other, settled_as=S.QUEUED)

        assert attempts.of_others(session, {doubt: FOUND}, since=NOW) == {}


def test_a_message_to_another_address_says_nothing_of_it(database: Database) -> None:
    with database.write() as session:
        doubt = sent(session, person(session), state=S.IN_DOUBT)
        other = sent(session, person(session), state=S.IN_DOUBT)
        eva = person(session)
        sent(session, eva, state=S.DELIVERED, provider_ref=FOUND)

        assert attempts.of_others(session, {doubt: FOUND, other: OTHERS}, since=NOW) == {}


def test_another_copy_of_the_same_person_is_no_doubt_about_this_one(database: Database) -> None:
    with database.write() as session:
        ana, eva = person(session), person(session)
        doubt, hers = sent(session, ana, state=S.IN_DOUBT), sent(session, eva, state=S.IN_DOUBT)
        sent(session, ana, state=S.DELIVERED, provider_ref=OTHERS)

        assert attempts.of_others(session, {doubt: FOUND, hers: OTHERS}, since=NOW) == {}


def test_whoever_holds_the_address_now_both_went_to_it(database: Database) -> None:
    with database.write() as session:
        _ana, point = person(session)
        doubt = sent(session, (make.make_customer(session), point), state=S.IN_DOUBT)
        sent(session, (make.make_customer(session), point), state=S.DELIVERED, provider_ref=FOUND)

        assert attempts.of_others(session, {doubt: FOUND}, since=NOW) == {doubt: True}


def test_nothing_found_asks_about_nobody(database: Database) -> None:
    with database.read() as session:
        assert attempts.of_others(session, {}, since=NOW) == {}
