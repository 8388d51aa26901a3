"""Driving a lane: what leaves, what does not, and what the ledger says of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from tests import make
from tests.delivery.driven import drive, given, row, states
from tests.fakes.lane import Carrier, Clock, make_driver

from outreach.delivery.breaker import Breaker
from outreach.delivery.hands import Driven, Limits
from outreach.model.errors import InputRefused, StoreUnusable
from outreach.model.message import Accepted, Delayed, InDoubt, Outgoing, Refused
from outreach.model.words import MessageState as S, PriorityClass
from outreach.store import lanes, ledger, stop, tables as t
from outreach.store.session import Database, Session


def test_every_message_is_sent_once_and_recorded(database: Database):
    ids = given(database, 120)
    carrier = Carrier()

    driven = drive(database, carrier)

    assert sorted(carrier.ids) == ids
    assert driven == Driven(counts={S.ACCEPTED: 120})
    assert states(database) == {S.ACCEPTED: 120}
    one = row(database, ids[0])
    assert (one.provider, one.provider_ref, one.segments) == ("carrier", f"SM{ids[0]}", 1)
    assert (len(one.body_hash), one.accepted_at is None, one.owner) == (32, False, None)


def test_class_a_leaves_first_then_the_keyed_rank(database: Database):
    ids = given(database, 3, rank=5)
    with database.write() as session:
        last = make.make_message(session, rank=9)
        first = make.make_message(session, rank=7, priority=PriorityClass.A)
    carrier = Carrier()

    drive(database, carrier, limits=Limits(chunk=2, in_flight=1))

    assert carrier.ids == [first, *ids, last]


def test_what_leaves_carries_its_address_its_token_and_how_long_it_is_true(database: Database):
    (message,) = given(database, not_after=make.NOW + timedelta(minutes=30))
    carrier = Carrier()

    drive(database, carrier)

    ((_at, sent),) = carrier.calls
    assert make.KEYRING.read_token(sent.token) == (message, 1)
    assert sent.to.startswith("+569")
    assert sent.sender == "+56900000000"
    assert timedelta(minutes=29) < sent.valid_for <= timedelta(minutes=30)


def test_no_transaction_is_open_while_a_provider_is_called(database: Database):
    given(database, 5)
    carrier = Carrier()
    held = []
    carrier.before = lambda _batch: held.append(database.engine.pool.checkedout())  # type: ignore[attr-defined]

    drive(database, carrier)

    assert held == [0] * 5


def test_a_channel_without_receipts_has_its_last_word_at_once(database: Database):
    given(database)

    drive(database, Carrier(has_receipts=False))

    assert states(database) == {S.SENT: 1}


CASES: dict[str, tuple[Any, S]] = {
    "refused": (lambda o: Refused(id=o.id, code="21211", reason="bad number"), S.FAILED),
    "in doubt": (lambda o: InDoubt(id=o.id, reason="read timeout"), S.IN_DOUBT),
    "delayed": (
        lambda o: Delayed(id=o.id, code="503", reason="busy", retry_after=timedelta(seconds=9)),
        S.QUEUED,
    ),
    "channel broke": (lambda _o: RuntimeError("boom"), S.IN_DOUBT),
    "wrong outcome": (lambda o: Accepted(id=-o.id, provider_ref="x"), S.IN_DOUBT),
}


@pytest.mark.parametrize("case", CASES)
def test_every_outcome_has_its_state(database: Database, case: str):
    answer, becomes = CASES[case]
    ids = given(database, 2)
    carrier = Carrier(lambda o: answer(o) if o.id == ids[0] else None)

    drive(database, carrier)

    assert states(database) == {becomes: 1, S.ACCEPTED: 1}
    with database.read() as session:
        attempts = session.execute(select(t.attempt)).all()
    assert len(attempts) == (becomes in {S.IN_DOUBT, S.QUEUED})


def test_a_delayed_message_is_tried_three_times_and_then_has_failed(database: Database):
    (message,) = given(database)
    answer = CASES["delayed"][0]
    carrier = Carrier(answer)

    drive(database, carrier, linger=120)

    first, second, third = (at for at, _sent in carrier.calls)
    assert second - first >= 15
    assert third - second >= 60
    assert row(database, message).state == S.FAILED
    assert row(database, message).failures == 3


def test_a_throttle_spends_no_try_and_slows_the_lane(database: Database):
    ids = given(database, 2)
    throttled = Delayed(id=ids[0], code="20429", reason="", retry_after=timedelta(seconds=4), throttled=True)  # fmt: skip
    carrier = Carrier(lambda o: throttled if o.id == ids[0] and len(carrier.calls) == 1 else None)

    drive(database, carrier, linger=8, limits=Limits(in_flight=1))

    assert carrier.calls[1][0] - carrier.calls[0][0] >= 4
    assert states(database) == {S.ACCEPTED: 2}
    assert row(database, ids[0]).failures == 0


def test_a_throttle_longer_than_the_lease_gives_the_rest_back(database: Database):
    given(database, 3)
    answer = lambda o: Delayed(id=o.id, code="429", reason="", retry_after=timedelta(minutes=9), throttled=True)  # noqa: E731  # fmt: skip
    carrier = Carrier(answer)

    driven = drive(database, carrier, limits=Limits(in_flight=1))

    assert driven.halted == "the provider asks to wait"
    assert len(carrier.calls) == 1
    assert states(database) == {S.QUEUED: 3}


def test_an_opt_out_at_the_provider_holds_for_the_address(database: Database):
    (message,) = given(database)
    carrier = Carrier(lambda o: Refused(id=o.id, code="21610", reason="", opted_out=True))

    drive(database, carrier)

    with database.write() as session:
        point = row(database, message).contact_point_id
        again = make.make_message(session, contact_point_id=point)
    drive(database, carrier)
    assert carrier.ids == [message]
    assert row(database, again).state == S.SUPPRESSED


def test_a_dead_number_is_remembered(database: Database):
    given(database)
    carrier = Carrier(lambda o: Refused(id=o.id, code="21211", reason="", address_is_bad=True))

    drive(database, carrier)

    with database.read() as session:
        assert session.scalars(select(t.contact_point.c.bad_since)).one() is not None


def test_a_dead_account_stops_the_lane_and_keeps_the_queue(database: Database):
    given(database, 30)
    carrier = Carrier(
        lambda o: Refused(id=o.id, code="401", reason="bad credentials", stop_lane=True)
    )

    driven = drive(database, carrier, limits=Limits(in_flight=1))
    again = drive(database, carrier)

    assert len(carrier.calls) == 1
    assert driven.halted == "401 bad credentials"
    assert again.halted == "held by another sender, or stopped"
    assert states(database) == {S.QUEUED: 30}
    with database.read() as session:
        assert lanes.every(session)[0].stopped_reason == "401 bad credentials"


def test_wrong_keys_stop_the_lane_before_anything_leaves(database: Database):
    given(database, 3)

    def wrong(_sealed: bytes) -> str:
        raise InputRefused("the key file is not the one")

    carrier = Carrier()
    driven = drive(database, carrier, open_address=wrong)

    assert driven.halted == "the key file is not the one"
    assert carrier.calls == []
    assert states(database) == {S.QUEUED: 3}


def test_a_message_that_cannot_be_written_fails_alone_after_three_tries(database: Database):
    ids = given(database, 3)

    def render(one: Any, address: str) -> Any:
        if one.id == ids[1]:
            raise ZeroDivisionError(address)
        return make_driver(Clock()).hands.render(one, address)

    drive(database, Carrier(), linger=200, render=render)

    bad = row(database, ids[1])
    assert states(database) == {S.ACCEPTED: 2, S.FAILED: 1}
    assert (bad.reason, bad.failures) == ("render cannot be written: ZeroDivisionError", 3)


def test_too_many_errors_pause_the_run_and_say_so(database: Database):
    given(database, 40)
    carrier = Carrier(lambda o: Refused(id=o.id, code="30007", reason="filtered"))

    drive(database, carrier, breaker=Breaker(lambda _one: 5), limits=Limits(in_flight=1))

    assert len(carrier.calls) == 5
    assert states(database) == {S.FAILED: 5, S.QUEUED: 35}
    with database.read() as session:
        run = session.execute(select(t.run)).one()
    assert (run.state, run.reason) == ("paused", "5 of the last 5 messages met errors")


def test_a_wave_that_cannot_be_written_pauses_its_run_too(database: Database):
    given(database, 40)

    def render(_one: Any, _address: str) -> Any:
        raise KeyError

    drive(database, Carrier(), breaker=Breaker(lambda _one: 5), render=render)

    with database.read() as session:
        assert session.scalars(select(t.run.c.state)).one() == "paused"


def opt_everybody_out(session: Session) -> None:
    for address in session.scalars(select(t.contact_point.c.address_hash)).all():
        make.make_suppression(session, address_hash=address)


STOPS: dict[str, tuple[Any, S]] = {
    "superseded": (lambda s: ledger.supersede(s, occasion=1, version=2, now=make.NOW), S.SUPERSEDED),
    "cancelled": (lambda s: ledger.cancel(s, run=1, now=make.NOW), S.CANCELLED),
    "paused": (lambda s: stop.pause_run(s, 1, "wait", now=make.NOW), S.QUEUED),
    "opted out": (
        opt_everybody_out,
        S.SUPPRESSED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", STOPS)
def test_a_stop_reaches_messages_already_claimed_within_a_second(database: Database, case: str):
    given(database, 30, rate=10)
    act, becomes = STOPS[case]
    carrier = Carrier()
    stopped_at: list[float] = []

    def then_stop(_batch: list[Outgoing]) -> None:
        if len(carrier.calls) == 5:
            with database.write() as session:
                act(session)
            stopped_at.append(carrier.clock.seconds)

    carrier.before = then_stop
    drive(database, carrier, limits=Limits(in_flight=1))

    late = [at for at, _sent in carrier.calls if at > stopped_at[0] + 1.0]
    assert late == []
    assert len(carrier.calls) < 10
    assert states(database) == {S.ACCEPTED: len(carrier.calls), becomes: 30 - len(carrier.calls)}


def test_a_text_that_grows_untrue_in_hand_is_not_sent(database: Database):
    given(database, 20, rate=10, not_after=make.NOW + timedelta(seconds=1))
    carrier = Carrier()

    drive(database, carrier, limits=Limits(in_flight=1))

    assert max(at for at, _sent in carrier.calls) <= 1_001.0
    assert states(database)[S.EXPIRED] == 20 - len(carrier.calls)


def test_a_lane_that_cannot_see_the_stops_sends_nothing_more(database: Database, monkeypatch):
    given(database, 30, rate=10)

    def away(*_args: Any, **_named: Any) -> Any:
        raise StoreUnusable("away")

    monkeypatch.setattr(stop, "look", away)
    carrier = Carrier()
    driven = drive(database, carrier, limits=Limits(in_flight=1))

    assert driven.halted == "cannot see what has been stopped"
    assert max(at for at, _sent in carrier.calls) <= 1_000 + 1.0 + 0.1
    assert states(database) == {S.ACCEPTED: len(carrier.calls), S.QUEUED: 30 - len(carrier.calls)}
