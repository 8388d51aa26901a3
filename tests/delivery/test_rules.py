"""Retry, pace, stop board, breaker: the rules alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given, strategies
from tests import make
from tests.fakes.lane import Clock

from outreach.delivery.breaker import Breaker
from outreach.delivery.pace import Pace
from outreach.delivery.retry import next_try
from outreach.delivery.stops import StopBoard
from outreach.delivery.verdicts import is_error, valid_for
from outreach.model.message import Accepted, Delayed, InDoubt, Recipient, Refused
from outreach.model.words import Channel, MessageState, PriorityClass, Purpose
from outreach.store.stop import Stops

SECOND = timedelta(seconds=1)


def delayed(seconds: float = 0, *, throttled: bool = False) -> Delayed:
    after = timedelta(seconds=seconds)
    return Delayed(id=1, code="503", reason="", retry_after=after, throttled=throttled)


def recipient(**changes: object) -> Recipient:
    values = {
        "id": 1, "try_": 1, "occasion": 1, "version": 1, "step": "opened", "template": "opened",
        "campaign": "c", "channel": Channel.SMS, "locale": "es", "zone": make.ZONE,
        "priority": PriorityClass.C, "address_sealed": b"", "locality": "", "premises": 1,
        "not_after": None, "purpose": Purpose.SERVICE, "run": 1, "step_run": 7, "address_hash": b"h",
    }  # fmt: skip
    return Recipient(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("outcome", "failures", "seconds"),
    [
        (delayed(), 0, 15),
        (delayed(), 1, 60),
        (delayed(), 2, None),
        (delayed(40), 0, 40),
        (delayed(4_000), 0, 300),
        (delayed(2, throttled=True), 2, 2),
        (delayed(4_000, throttled=True), 9, 300),
    ],
)
def test_when_a_delayed_message_is_tried_again(outcome, failures, seconds):
    again = next_try(outcome, failures, now=make.NOW)

    assert again == (None if seconds is None else make.NOW + seconds * SECOND)


@given(strategies.floats(0, 1, exclude_max=True), strategies.integers(0, 1))
def test_jitter_only_stretches_a_wait_by_a_quarter(jitter, failures):
    plain = next_try(delayed(), failures, now=make.NOW)
    stretched = next_try(delayed(), failures, now=make.NOW, jitter=jitter)

    assert plain is not None
    assert stretched is not None
    assert plain - make.NOW <= stretched - make.NOW <= (plain - make.NOW) * 1.25


@given(
    strategies.floats(0.5, 500),
    strategies.lists(
        strategies.tuples(strategies.integers(1, 4), strategies.floats(0, 2)), max_size=60
    ),
)
def test_no_window_of_a_second_holds_more_than_rate_and_burst(rate, arrivals):
    clock = Clock()
    pace = Pace(rate, monotonic=clock.monotonic, sleep=clock.sleep)
    left: list[tuple[float, int]] = []

    async def send() -> None:
        for segments, pause in arrivals:
            clock.seconds += pause
            await pace.take(segments, until=1e9)
            left.append((clock.seconds, segments))

    asyncio.run(send())

    for start, first in left:
        within = sum(n for at, n in left if start <= at < start + 1.0)
        # One message may owe what it has beyond the burst: it is paid back before the next leaves.
        assert within <= rate + pace.burst + max(0, max(n for _at, n in left) - pace.burst) + first * 1e-6 + 1e-3  # fmt: skip


def test_a_hold_lets_nothing_leave_until_it_is_over():
    clock = Clock()
    pace = Pace(10, monotonic=clock.monotonic, sleep=clock.sleep)
    clock.seconds += 5
    pace.hold(4)

    assert not asyncio.run(pace.take(1, until=clock.seconds + 3))
    assert asyncio.run(pace.take(1, until=clock.seconds + 9))
    assert clock.seconds >= 1_009


def test_a_board_is_as_fresh_as_the_claim_and_goes_stale():
    board = StopBoard()
    board.hold([recipient()], asked_at=10.0)

    assert not board.wants_look(10.1)
    assert board.wants_look(10.25)
    assert not board.is_stale(10.75)
    assert board.is_stale(10.85)


def test_a_board_asks_only_for_what_is_in_hand():
    board = StopBoard()
    board.hold([recipient(), recipient(id=2, step_run=8, address_hash=b"i")], asked_at=0)
    board.let_go([1])
    board.hold([recipient(id=3, step_run=9, address_hash=b"j")], asked_at=5)

    assert (board.waves, board.addresses) == ({8, 9}, {b"i", b"j"})
    assert board.is_stale(1.5)


def test_what_is_claimed_with_other_messages_in_hand_makes_a_board_no_younger():
    board = StopBoard()
    board.hold([recipient()], asked_at=5.0)

    board.hold([recipient(id=2)], asked_at=4.0)

    assert board.is_stale(5.5)


def test_a_look_that_began_before_a_claim_does_not_answer_for_it():
    board = StopBoard()
    board.hold([recipient()], asked_at=1.0)
    waves, _addresses = board.asks()

    board.hold([recipient(id=2, step_run=8)], asked_at=1.5)
    board.renew(Stops(), asked_at=2.0)

    assert (8 in waves, board.is_stale(2.6)) == (False, True)
    assert 8 in board.asks()[0]
    board.renew(Stops(), asked_at=2.6)
    assert not board.is_stale(3.4)


@pytest.mark.parametrize(
    ("row", "stopped"),
    [
        ((b"h", "*", "*"), True),
        ((b"h", "sms", "service"), True),
        ((b"h", "email", "*"), False),
        ((b"h", "sms", "commercial"), False),
        ((b"other", "*", "*"), False),
    ],
)
def test_a_board_knows_whose_opt_out_it_is(row, stopped):
    board = StopBoard()
    board.renew(Stops(addresses=frozenset({row})), asked_at=0)

    state = board.allows(recipient(), now=make.NOW)

    assert state is (MessageState.SUPPRESSED if stopped else None)


def test_a_breaker_trips_once_and_then_counts_anew():
    breaker = Breaker(lambda _one: 3)

    reasons = [breaker.saw(recipient(), error=error) for error in (True, False, True, True, True)]

    assert reasons == [None, None, None, "3 of the last 4 messages met errors", None]


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Accepted(id=1, provider_ref="x"), False),
        (Refused(id=1, code="1", reason=""), True),
        (Refused(id=1, code="1", reason="", address_is_bad=True), False),
        (Refused(id=1, code="1", reason="", opted_out=True), False),
        (delayed(), False),
        (delayed(throttled=True), False),
        (InDoubt(id=1, reason=""), False),
    ],
)
def test_what_speaks_against_a_run(outcome, error):
    assert is_error(outcome) is error


@pytest.mark.parametrize(
    ("seconds", "valid"), [(None, 36_000), (1, 6), (600, 600), (90_000, 36_000)]
)
def test_a_text_is_valid_for_as_long_as_it_is_true_within_the_carriers_bounds(seconds, valid):
    not_after = None if seconds is None else make.NOW + seconds * SECOND

    assert valid_for(recipient(not_after=not_after), now=make.NOW) == valid * SECOND
