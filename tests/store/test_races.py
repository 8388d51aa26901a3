"""Commands that meet: each pair of writers, in threads, on both databases; the books balance afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from tests import make
from tests.store.test_claims import wanted

from outreach.campaigns import stopping
from outreach.delivery import receipts
from outreach.model.errors import GuardRefused
from outreach.model.message import Receipt
from outreach.model.words import MessageState as S, Purpose, RunState
from outreach.store import claims, ledger, recalls, runs, settle, tables as t
from outreach.store.recalls import Outcome
from outreach.store.runs import NewRun, Run
from outreach.store.session import Database
from outreach.store.settle import Settled

MESSAGES = 60
_ENOUGH_S = 60


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Each in a thread of its own, begun at the same moment; what they returned, or raised."""
    gate = threading.Barrier(len(acts))

    def begun(act: Callable[[], Any]) -> Any:
        gate.wait(_ENOUGH_S)
        try:
            return act()
        except GuardRefused as refused:
            return refused

    with ThreadPoolExecutor(len(acts)) as threads:
        return [each.result(_ENOUGH_S) for each in [threads.submit(begun, act) for act in acts]]


def given(database: Database) -> Run:
    with database.write() as session:
        run = make.make_run(session)
        make.make_messages(session, MESSAGES, step_run=make.make_step_run(session, run=run))
    return run_of(database, run)


def run_of(database: Database, run: int) -> Run:
    with database.read() as session:
        return runs.get(session, run)


def sends(database: Database, owner: str, *, left: list[int]) -> Callable[[], None]:
    """Claims and settles as a lane does, until nothing may leave; `left` gathers what was called."""

    def act() -> None:
        while True:
            with database.write() as session:
                chunk = claims.claim(session, wanted(4, owner=owner))
            if not chunk:
                return
            left.extend(one.id for one in chunk)
            settled = [
                Settled(id=one.id, try_=one.try_, state=S.ACCEPTED, provider_ref=f"SM{one.id}")
                for one in chunk
            ]
            with database.write() as session:
                settle.settle(session, owner, settled, provider="carrier", now=make.NOW)

    return act


def cancels(database: Database, run: Run) -> Callable[[], stopping.Stopping]:
    return lambda: stopping.cancel(database, [run], actor="ana", now=make.NOW)


def test_cancel_against_send_counts_each_message_once(database: Database):
    run = given(database)
    left: list[int] = []

    _first, _second, cancelled = together(
        sends(database, "w1", left=left), sends(database, "w2", left=left), cancels(database, run)
    )
    [done] = cancelled.counts()

    assert len(left) == len(set(left))
    assert (done.sent, done.stopped) == (len(left), MESSAGES - len(left))
    assert (done.waiting, done.unknown, done.in_call) == (0, 0, 0)
    with database.read() as session:
        assert ledger.adds_up(session)


def test_whatever_left_before_a_cancel_is_asked_back(database: Database):
    run = given(database)
    left: list[int] = []

    together(sends(database, "w1", left=left), cancels(database, run))

    with database.read() as session:
        asked = set(session.scalars(select(t.recall.c.message_id)))
    assert asked == set(left)


@pytest.mark.parametrize("_round", range(3))
def test_a_cancelled_run_is_not_revived_by_a_resume_that_meets_it(database: Database, _round):
    run = given(database)
    stopping.pause(database, [run], actor="ana", now=make.NOW)

    together(
        cancels(database, run),
        lambda: stopping.resume(database, [run], actor="eva", now=make.NOW),
    )

    assert run_of(database, run.id).state is RunState.CANCELLED
    with database.read() as session:
        assert ledger.counts(session)[S.CANCELLED] == MESSAGES


def test_two_cancels_take_each_message_back_once(database: Database):
    run = given(database)

    done = [each.counts()[0] for each in together(cancels(database, run), cancels(database, run))]

    assert sorted(each.stopped for each in done) == [0, MESSAGES]


def test_a_cancel_meets_receipts_and_a_delivery_stands(database: Database):
    run = given(database)
    left: list[int] = []
    sends(database, "w1", left=left)()
    said = [
        Receipt(
            provider="carrier", event_key=f"{message}", token=make.KEYRING.token(message, 1),
            provider_ref=f"SM{message}", state=S.DELIVERED,
        )
        for message in left
    ]  # fmt: skip
    receipts.take_in(database, make.KEYRING, said, b"raw", now=make.NOW)

    def applies() -> None:
        applied = -1
        while applied:
            with database.write() as session:
                applied = receipts.apply(session, make.KEYRING, now=make.NOW, limit=7)

    _none, cancelled = together(applies, cancels(database, run))

    assert cancelled.counts()[0].sent == MESSAGES
    with database.read() as session:
        assert ledger.counts(session)[S.DELIVERED] == MESSAGES


def test_a_merge_of_addresses_meets_a_cancel(database: Database):
    run = given(database)

    def merges() -> None:
        """As the record does: contact points and customers change hands, messages stay."""
        for _each in range(20):
            with database.write() as session:
                session.execute(update(t.customer).values(loaded_at=make.NOW))
                session.execute(update(t.contact_point).values(customers=2))

    _none, cancelled = together(merges, cancels(database, run))

    assert cancelled.counts()[0].stopped == MESSAGES


def test_a_launch_twice_at_once_opens_one_run(database: Database):
    with database.write() as session:
        occasion = make.make_occasion(session)
        pinned = make.make_run(session)  # brings a pinned campaign with it
        digest = runs.get(session, pinned).pinned
    new = NewRun(
        occasion_id=occasion, campaign="c", purpose=Purpose.SERVICE, pinned=digest, seed=b"s",
        seed_hash="h", launched_by="ana", launched_at=make.NOW,
    )  # fmt: skip

    def launches() -> tuple[int, bool]:
        with database.write() as session:
            run, is_new = runs.open_run(session, new)
        return run.id, is_new

    found = together(*[launches] * 4)

    assert len({run for run, _is_new in found}) == 1
    assert sorted(is_new for _run, is_new in found) == [False, False, False, True]


# ── what the command says ────────────────────────────────────────────────────────────────────


class Waits:
    """A clock for the command: each sleep moves it on, and may let a lane settle."""

    def __init__(self, settles: Callable[[], None] = lambda: None) -> None:
        self.at, self._settles = 0.0, settles

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds
        self._settles()


def claimed(database: Database, run: Run, how_many: int) -> list[Any]:
    with database.write() as session:
        return claims.claim(session, wanted(how_many))


def test_the_counts_wait_for_calls_under_way_and_are_final(database: Database):
    run = given(database)
    chunk = claimed(database, run, 3)
    done = stopping.cancel(database, [run], actor="ana", now=make.NOW)

    def settles() -> None:
        sent, stopped, lost = chunk
        results = [
            Settled(id=sent.id, try_=1, state=S.ACCEPTED, provider_ref="SM1"),
            Settled(id=stopped.id, try_=1, state=S.CANCELLED),
            Settled(id=lost.id, try_=1, state=S.IN_DOUBT, reason="lost"),
        ]
        with database.write() as session:
            settle.settle(session, "w1", results, provider="carrier", now=make.NOW)

    [at_once] = done.counts()
    waits = Waits(settles)
    [final] = done.final(monotonic=waits.monotonic, sleep=waits.sleep)

    assert (at_once.in_call, at_once.stopped) == (3, MESSAGES - 3)
    assert (final.in_call, final.sent, final.stopped, final.unknown) == (0, 1, MESSAGES - 2, 1)
    assert sum(final.asked_back.values()) == 3


def test_counts_that_are_not_final_say_so_after_two_seconds(database: Database):
    run = given(database)
    claimed(database, run, 2)
    waits = Waits()

    done = stopping.pause(database, [run], actor="ana", now=make.NOW)
    [found] = done.final(monotonic=waits.monotonic, sleep=waits.sleep)

    assert (found.in_call, found.waiting, found.stopped) == (2, MESSAGES - 2, 0)
    assert stopping.WAIT_S <= waits.at < stopping.WAIT_S + 1


def test_what_a_provider_gave_back_had_left_and_is_not_counted_as_stopped(database: Database):
    run = given(database)
    sends(database, "w1", left=[])()
    done = stopping.cancel(database, [run], actor="ana", now=make.NOW)
    with database.write() as session:
        one = session.execute(select(func.min(t.message.c.id))).scalar_one()
        recalls.write(session, {one: Outcome.RECALLED})

    [found] = done.counts()

    assert (found.sent, found.stopped) == (MESSAGES, 0)
    assert found.asked_back[Outcome.RECALLED] == 1


def test_a_lease_that_runs_out_after_a_stop_is_in_doubt_and_asked_back_later(database: Database):
    run = given(database)
    claimed(database, run, 1)
    stopping.cancel(database, [run], actor="ana", now=make.NOW)

    with database.write() as session:
        ledger.lapse(session, now=make.NOW + timedelta(minutes=1))
        waiting = recalls.counts(session, run=run.id)[Outcome.WAITING]

    assert waiting == 1
