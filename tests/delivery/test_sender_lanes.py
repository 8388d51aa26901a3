"""A lane: its rate, its one driver, its lease, its batches."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update
from tests import make
from tests.delivery.driven import drive, given, states
from tests.fakes.lane import Carrier

from outreach.delivery.hands import Driven, Limits
from outreach.model.errors import StoreUnusable
from outreach.model.message import Content, Outgoing
from outreach.model.words import MessageState as S
from outreach.store import lanes, ledger, settle, tables as t
from outreach.store.session import Database


def test_no_second_holds_more_than_the_rate_and_its_burst(database: Database):
    given(database, 250, rate=40)
    carrier = Carrier()

    drive(database, carrier)

    at = [at for at, _sent in carrier.calls]
    assert len(at) == 250
    busiest = max(sum(start <= one < start + 1.0 for one in at) for start in at)
    assert busiest <= 40 + 2
    assert max(at) - min(at) <= 250 / 40 * 1.02


def test_segments_are_what_a_lane_is_charged_for(database: Database):
    given(database, 20, rate=10)
    carrier = Carrier()

    drive(database, carrier, render=lambda _one, _to: Content(text="x", segments=3))

    at = [at for at, _sent in carrier.calls]
    assert max(at) - min(at) >= 19 * 3 / 10 - 0.2


def test_a_lane_is_driven_by_one_sender_at_a_time(database: Database):
    given(database, 2)
    with database.write() as session:
        held = lanes.acquire(session, "sms", "other", now=make.NOW, lease=timedelta(seconds=30))

    driven = drive(database, Carrier())

    assert held is not None
    assert driven == Driven(halted="held by another sender, or stopped")
    assert states(database) == {S.QUEUED: 2}


def test_a_sender_that_lost_its_lane_claims_no_more(database: Database):
    given(database, 4)
    carrier = Carrier()

    def taken_over(_batch: list[Outgoing]) -> None:
        with database.write() as session:
            session.execute(update(t.lane).values(owner="other", fence=9))

    carrier.before = taken_over
    driven = drive(database, carrier, limits=Limits(chunk=2, in_flight=1))

    assert driven.halted == "the lane was taken over, or stopped"
    assert states(database) == {S.ACCEPTED: 2, S.QUEUED: 2}
    with database.read() as session:
        assert lanes.every(session)[0].owner == "other"


def test_told_to_stop_it_finishes_what_is_in_flight_and_claims_no_more(database: Database):
    given(database, 10)
    carrier = Carrier()

    drive(database, carrier, limits=Limits(chunk=4), wanted=lambda: not carrier.calls)

    assert states(database) == {S.ACCEPTED: 4, S.QUEUED: 6}


def test_calls_stop_before_the_lease_could_run_out(database: Database):
    given(database, 40, rate=1.0)
    carrier = Carrier()

    def slow(_batch: list[Outgoing]) -> None:
        carrier.clock.seconds += 15

    carrier.before = slow
    drive(database, carrier, limits=Limits(chunk=4, in_flight=1))

    assert set(Counter(carrier.ids).values()) == {1}
    assert S.IN_DOUBT not in states(database)


def test_a_database_that_is_away_for_a_moment_costs_no_result(database: Database, monkeypatch):
    given(database, 3)
    real, failures = settle.settle, iter([True, True])

    def flaky(*args: Any, **named: Any) -> Any:
        if next(failures, False):
            raise StoreUnusable("locked")
        return real(*args, **named)

    monkeypatch.setattr(settle, "settle", flaky)
    drive(database, Carrier())

    assert states(database) == {S.ACCEPTED: 3}


def test_a_database_that_stays_away_leaves_doubt_and_no_second_copy(
    database: Database, monkeypatch
):
    given(database, 3)

    def away(*_args: Any, **_named: Any) -> Any:
        raise StoreUnusable("gone")

    carrier = Carrier()
    with monkeypatch.context() as patch:
        patch.setattr(settle, "settle", away)
        with pytest.raises(StoreUnusable):
            drive(database, carrier)
    with database.write() as session:
        lapsed = ledger.lapse(session, now=make.NOW + timedelta(minutes=2))
    drive(database, carrier)

    assert lapsed == 3
    assert len(carrier.calls) == 3
    assert states(database) == {S.IN_DOUBT: 3}


def test_a_batch_goes_out_in_one_call(database: Database):
    given(database, 25, rate=1_000)
    carrier = Carrier(batch_size=10)
    sizes: list[int] = []
    carrier.before = lambda batch: sizes.append(len(batch))

    drive(database, carrier)

    assert sorted(sizes) == [5, 10, 10]
    assert states(database) == {S.ACCEPTED: 25}


def test_a_big_batch_is_cut_to_what_the_rate_allows_at_once(database: Database):
    given(database, 120, rate=40)
    carrier = Carrier(batch_size=1_000)

    drive(database, carrier)

    at = [at for at, _sent in carrier.calls]
    assert max(sum(start <= one < start + 1.0 for one in at) for start in at) <= 40 + 2
