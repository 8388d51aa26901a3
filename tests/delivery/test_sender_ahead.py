"""A fast lane claims the next chunk while it sends: what that must not weaken."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import update
from tests import make
from tests.delivery.driven import drive, given, states
from tests.fakes.lane import Carrier

from outreach.delivery import sender, verdicts
from outreach.delivery.hands import Driven, Limits
from outreach.model.errors import StoreUnusable
from outreach.model.message import Outcome, Outgoing, Refused
from outreach.model.words import MessageState as S
from outreach.store import claims as store_claims, settle, stop, tables as t
from outreach.store.session import Database

LIMITS = Limits(chunk=200, in_flight=10)
"""Half of it leaves while the other half waits."""


class Waiting(Carrier):
    """Answers nothing from the hundredth message on until a second chunk has been claimed."""

    def __init__(self, claims: list[int], **changes: Any) -> None:
        super().__init__(**changes)
        self._claims = claims

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        for _turn in range(5_000):
            if len(self._claims) >= 2:
                break
            await asyncio.sleep(0.001)
        else:
            raise AssertionError("nothing was claimed while calls were in flight")
        return await super().send(batch, deadline)


@pytest.fixture
def claims(monkeypatch) -> list[int]:
    """The size of each claim, as it is made."""
    sizes: list[int] = []
    real = store_claims.claim

    def counted(*args: Any) -> Any:
        chunk = real(*args)
        sizes.append(len(chunk))
        return chunk

    monkeypatch.setattr(sender, "claim", counted)
    return sizes


def test_the_next_chunk_is_claimed_while_this_one_is_sent(database: Database, claims):
    ids = given(database, 250, rate=1_000)
    carrier = Waiting(claims)

    driven = drive(database, carrier, limits=LIMITS)

    assert driven == Driven(counts={S.ACCEPTED: 250})
    assert Counter(carrier.ids) == dict.fromkeys(ids, 1)
    assert claims[:3] == [100, 100, 50]


class Straggling(Carrier):
    """Does not answer its first message until it has been given one of the second chunk."""

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        if not self.calls:
            done = asyncio.create_task(super().send(batch, deadline))
            for _turn in range(5_000):
                if len(self.calls) > 100:
                    return await done
                await asyncio.sleep(0.001)
            raise AssertionError("the second chunk waited for the last call of the first")
        return await super().send(batch, deadline)


def test_the_next_chunk_begins_while_the_last_calls_of_this_one_run(database: Database, claims):
    ids = given(database, 250, rate=1_000)
    carrier = Straggling()

    driven = drive(database, carrier, limits=LIMITS)

    assert driven == Driven(counts={S.ACCEPTED: 250})
    assert Counter(carrier.ids) == dict.fromkeys(ids, 1)


def test_no_more_than_a_chunk_is_ever_in_hand(database: Database, claims, monkeypatch):
    given(database, 950, rate=1_000)
    real, settled, held = settle.settle, [0], []

    def counted(session: Any, owner: str, results: Any, **named: Any) -> Any:
        settled[0] += len(results)
        held.append(sum(claims) - settled[0])
        return real(session, owner, results, **named)

    monkeypatch.setattr(settle, "settle", counted)
    drive(database, Waiting(claims), limits=LIMITS)

    assert states(database) == {S.ACCEPTED: 950}
    assert claims[:10] == [100] * 9 + [50]
    # Before each claim of a hundred no more than the other half.
    assert held[:3] == [100, 100, 100]
    assert max(held) == 100


def test_a_slow_lane_has_one_chunk_in_hand_of_what_leaves_in_two_seconds(
    database: Database, claims
):
    given(database, 150, rate=40)

    drive(database, Carrier(), limits=LIMITS)

    assert claims == [80, 70, 0]


def test_a_lane_that_stops_in_the_middle_gives_the_chunk_claimed_ahead_back(database, claims):
    given(database, 250, rate=1_000)
    carrier = Waiting(claims)
    carrier.answer = lambda o: Refused(id=o.id, code="401", reason="no such key", stop_lane=True)

    driven = drive(database, carrier, limits=LIMITS)

    assert driven.halted == "401 no such key"
    assert len(carrier.calls) <= 10
    assert claims[1] == 100
    assert states(database) == {S.QUEUED: 250}


def test_told_to_stop_it_gives_the_chunk_claimed_ahead_back(database: Database, claims):
    given(database, 250, rate=1_000)
    carrier = Waiting(claims)

    drive(database, carrier, limits=LIMITS, wanted=lambda: not carrier.calls)

    assert claims == [100, 100]
    assert states(database) == {S.ACCEPTED: 100, S.QUEUED: 150}


def test_a_lane_that_was_lost_ends_with_what_is_in_hand_and_doubles_nothing(database, claims):
    given(database, 450, rate=1_000)
    carrier = Waiting(claims)

    def taken_over(_batch: list[Outgoing]) -> None:
        with database.write() as session:
            session.execute(update(t.lane).values(owner="other", fence=9))

    carrier.before = taken_over
    driven = drive(database, carrier, limits=LIMITS)

    left = len(carrier.calls)
    assert driven.halted == "the lane was taken over, or stopped"
    assert max(Counter(carrier.ids).values()) == 1
    assert left <= 200
    assert states(database) == {S.ACCEPTED: left, S.QUEUED: 450 - left}


STOPS: dict[str, tuple[Any, S]] = {
    "paused": (lambda s: stop.pause_run(s, 1, "wait", now=make.NOW), S.QUEUED),
    "superseded": (lambda s: s.execute(update(t.step_run).values(superseded_at=make.NOW)), S.SUPERSEDED),
}  # fmt: skip


@pytest.mark.parametrize("case", STOPS)
def test_a_stop_reaches_the_chunk_claimed_ahead_within_a_second(database, claims, case):
    given(database, 300, rate=100)
    act, becomes = STOPS[case]
    carrier = Waiting(claims)
    stopped_at: list[float] = []

    def then_stop(_batch: list[Outgoing]) -> None:
        if len(carrier.calls) == 40:
            with database.write() as session:
                act(session)
            stopped_at.append(carrier.clock.seconds)

    carrier.before = then_stop
    drive(database, carrier, limits=Limits(chunk=200, in_flight=1))

    sent = len(carrier.calls)
    assert claims[1] == 100
    assert [at for at, _sent in carrier.calls if at > stopped_at[0] + 1.0] == []
    assert sent < 200
    assert states(database) == {S.ACCEPTED: sent, becomes: 300 - sent}


def test_a_database_away_while_calls_are_in_flight_costs_no_result(database, claims, monkeypatch):
    given(database, 250, rate=1_000)
    real, failures = settle.settle, iter([True, True])

    def flaky(*args: Any, **named: Any) -> Any:
        if next(failures, False):
            raise StoreUnusable("locked")
        return real(*args, **named)

    monkeypatch.setattr(settle, "settle", flaky)
    drive(database, Waiting(claims), limits=LIMITS)

    assert states(database) == {S.ACCEPTED: 250}


def test_a_chunk_that_breaks_off_begins_no_further_calls(database: Database, monkeypatch):
    given(database, 250, rate=1_000)
    carrier, real = Carrier(), verdicts.of_outcome

    def breaks(*args: Any, **named: Any) -> Any:
        if len(carrier.calls) >= 20:
            raise StoreUnusable("gone")
        return real(*args, **named)

    monkeypatch.setattr(verdicts, "of_outcome", breaks)

    with pytest.raises(StoreUnusable, match="gone"):
        drive(database, carrier, limits=LIMITS)

    assert len(carrier.calls) <= 20 + LIMITS.in_flight
