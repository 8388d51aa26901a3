"""Tries in doubt: looked up, never blindly resent."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from tests import make
from tests.fakes.lane import Carrier, make_driver
from tests.store.test_claims import claim

from outreach.delivery import doubt
from outreach.model.message import Attempt, Found
from outreach.model.words import MessageState as S, PriorityClass
from outreach.store import attempts, lanes, ledger, settle, tables as t
from outreach.store.session import Database


class Listing(Carrier):
    """A carrier that can be asked what it holds."""

    def __init__(self, answer: Any, **changes: Any) -> None:
        super().__init__(**changes)
        self.listed: list[Attempt] = []
        self._answer = answer

    async def find(self, attempts: list[Attempt], deadline: float) -> list[Found]:
        self.listed += attempts
        return [found for each in attempts if (found := self._answer(each)) is not None]


def is_there(each: Attempt) -> Found:
    return Found(id=each.id, provider_ref="SM77")


def is_not_there(each: Attempt) -> Found:
    return Found(id=each.id, provider_ref=None)


def broken(_each: Attempt) -> Found:
    raise OSError


def in_doubt(database: Database, **changes: Any) -> int:
    with database.write() as session:
        make.make_lane(session)
        message = make.make_message(session, **changes)
    claim(database)
    with database.write() as session:
        ledger.lapse(session, now=make.NOW + timedelta(seconds=31))
        session.execute(update(t.attempt).values(ended_at=make.NOW))
    return message


def look(
    database: Database, channel: Carrier, *seconds: float, limit: int = 500, **changes: Any
) -> list[dict[S, int]]:
    counts = []
    with database.read() as session:
        (lane,) = lanes.every(session)
    for each in seconds:
        channel.clock.seconds = 1_000 + each
        driver = make_driver(channel.clock, **changes)
        counts.append(asyncio.run(doubt.settle(database, lane, channel, driver, limit=limit)))
    return counts


def state(database: Database, message: int) -> Any:
    with database.read() as session:
        assert ledger.adds_up(session)
        return make.row_of(session, message)


def test_nothing_is_looked_up_before_it_has_settled(database: Database):
    in_doubt(database)
    carrier = Listing(is_there)

    assert look(database, carrier, 29) == [{}]
    assert carrier.listed == []


def test_what_is_found_is_adopted(database: Database):
    message = in_doubt(database)
    carrier = Listing(is_there)

    assert look(database, carrier, 31) == [{S.ACCEPTED: 1}]

    one = state(database, message)
    assert (one.state, one.provider_ref, one.provider) == (S.ACCEPTED, "SM77", "carrier")
    assert carrier.listed[0].body == "corte de luz en Providencia"
    assert make.KEYRING.read_token(carrier.listed[0].token) == (message, 1)


def test_what_a_dead_worker_left_is_looked_up_at_once_while_the_provider_answers(
    database: Database,
):
    with database.write() as session:
        make.make_lane(session)
        for _each in range(5):
            make.make_message(session)
    claim(database)
    with database.write() as session:
        ledger.lapse(session, now=make.NOW + timedelta(seconds=31))
        session.execute(update(t.attempt).values(ended_at=make.NOW))
    there = Listing(lambda each: Found(id=each.id, provider_ref=f"SM{each.id}"))
    silent = Listing(lambda each: there._answer(each) if each.id % 2 else None)

    assert look(database, silent, 31, limit=2) == [{S.ACCEPTED: 1}]
    assert len(silent.listed) == 2
    assert look(database, there, 61, limit=2) == [{S.ACCEPTED: 4}]


def test_only_what_is_missing_twice_twenty_seconds_apart_is_sent_again(database: Database):
    message = in_doubt(database)

    counts = look(database, Listing(is_not_there), 31, 45, 52)

    assert counts == [{}, {}, {S.QUEUED: 1}]
    assert state(database, message).reason is None
    assert [one.try_ for one in claim(database)] == [2]


@pytest.mark.parametrize("why", ["superseded", "expired"])
def test_what_is_no_longer_true_is_not_sent_again(database: Database, why: str):
    message = in_doubt(database, not_after=make.NOW + timedelta(seconds=40))
    if why == "superseded":
        with database.write() as session:
            ledger.supersede(session, occasion=1, version=2, now=make.NOW)

    look(database, Listing(is_not_there), 31, 52)

    assert state(database, message).state == why


@pytest.mark.parametrize("channel", [Carrier(), Listing(broken), Listing(lambda _each: None)])
def test_without_proof_a_plain_notice_becomes_unknown(database: Database, channel: Carrier):
    message = in_doubt(database)

    counts = look(database, channel, 31, 70, 599, 601)

    assert counts == [{}, {}, {}, {S.UNKNOWN: 1}]
    assert state(database, message).reason == attempts.NO_PROOF


def test_without_proof_life_support_hears_again_and_it_is_flagged(database: Database):
    message = in_doubt(database, priority=PriorityClass.A)

    counts = look(database, Carrier(), 31, 61)

    assert counts == [{}, {S.QUEUED: 1}]
    assert state(database, message).reason == attempts.RESENT
    with database.read() as session:
        assert session.scalars(select(t.attempt.c.settled_as)).one() == attempts.RESENT


def test_what_cannot_be_written_again_cannot_be_looked_up(database: Database):
    message = in_doubt(database)
    carrier = Listing(is_there)

    def render(_one: Any, _address: str) -> Any:
        raise KeyError

    look(database, carrier, 31, 700, render=render)

    assert carrier.listed == []
    assert state(database, message).state == S.UNKNOWN


def test_what_a_receipt_settled_meanwhile_is_left_alone(database: Database):
    message = in_doubt(database)

    def settled_first(each: Attempt) -> Found:
        with database.write() as session:
            session.execute(update(t.message).values(state=S.DELIVERED))
        return is_there(each)

    assert look(database, Listing(settled_first), 31) == [{}]
    assert state(database, message).state == S.DELIVERED


def test_a_channel_without_receipts_adopts_as_sent(database: Database):
    message = in_doubt(database)

    look(database, Listing(is_there, has_receipts=False), 31)

    assert state(database, message).state == S.SENT


@pytest.mark.parametrize("priority", [PriorityClass.A, PriorityClass.C])
def test_of_several_alike_none_is_adopted_and_nothing_is_sent_again(
    database: Database, priority: PriorityClass
):
    message = in_doubt(database, priority=priority)
    alike = Listing(lambda each: Found(id=each.id, provider_ref=None, is_one_of_several=True))

    assert look(database, alike, 31, 70) == [{S.UNKNOWN: 1}, {}]
    assert state(database, message).reason == attempts.SEVERAL


def test_of_two_of_the_same_words_the_second_does_not_get_what_the_first_was_given_up_for(
    database: Database,
):
    with database.write() as session:
        ana = make.make_contact_point(session)
        second = make.make_message(session, contact_point_id=ana)
    first = in_doubt(database, contact_point_id=ana)
    a_minute_later = make.NOW + timedelta(minutes=1)
    with database.write() as session:
        its = t.attempt.c.message_id == second
        session.execute(update(t.attempt).where(its).values(ended_at=a_minute_later))

    assert look(database, Listing(is_there), 601, 661) == [{S.UNKNOWN: 1}, {S.UNKNOWN: 1}]
    assert state(database, first).reason == state(database, second).reason == attempts.NO_PROOF


def test_a_second_reference_in_receipts_is_a_second_copy(database: Database):
    with database.write() as session:
        one, two, three = make.make_messages(session, 3, state=S.ACCEPTED, provider_ref="SM1")
        session.execute(update(t.message).where(t.message.c.id == three).values(provider_ref=None))

        flagged = attempts.flag_copies(session, {one: {"SM1", "SM2"}, two: {"SM1"}, three: {"SM9"}})

        assert flagged == [one]
        assert attempts.flag_copies(session, {}) == []
        assert attempts.copies(session) == 1
        assert make.row_of(session, one).reason == settle.DUPLICATE
