"""What is true no more is asked back of its provider, and every answer is counted."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from tests import make
from tests.delivery.driven import drive
from tests.delivery.test_receipts import event, tell
from tests.fakes.lane import Carrier, Clock
from tests.store.test_claims import claim

from outreach.delivery import recall as recalling
from outreach.model.errors import StoreUnusable
from outreach.model.words import MessageState as S, RunState
from outreach.store import ledger, recalls, runs, settle, suppressions, tables as t
from outreach.store.recalls import Outcome
from outreach.store.session import Database
from outreach.store.settle import Settled

LATER = make.NOW + timedelta(minutes=1)


class Giving(Carrier):
    """A carrier that takes messages back as `said` has it: by reference, else too late."""

    def __init__(self, said: dict[str, str] | Exception, clock: Clock | None = None) -> None:
        super().__init__(clock=clock)
        self.said = said
        self.asked: list[list[str]] = []
        self.asked_at: list[float] = []

    async def recall(self, refs: list[str], deadline: float) -> dict[str, str]:
        self.asked.append(refs)
        self.asked_at.append(self.clock.seconds)
        if isinstance(self.said, Exception):
            raise self.said
        return {ref: self.said.get(ref, "refused") for ref in refs}


def ask(database: Database, carrier: Carrier) -> dict[Outcome, int]:
    return asyncio.run(
        recalling.recall(database, "sms", carrier, carrier.clock.times, deadline_s=10)
    )


def given(database: Database, *states: S, **changes: Any) -> tuple[int, list[int]]:
    """A wave of a run with one message in each of these states, all of lane `sms`; (run, messages)."""
    with database.write() as session:
        run = make.make_run(session)
        wave = make.make_step_run(session, run=run)
        messages = [
            make.make_message(
                session, step_run=wave, rank=number, state=state,
                **({"lane": "sms", "try": 1, "provider_ref": f"SM{number}"} | changes),
            )
            for number, state in enumerate(states)
        ]  # fmt: skip
    return run, messages


def cancel(database: Database, run: int) -> ledger.Stopped:
    with database.write() as session:
        runs.set_state(session, run, RunState.CANCELLED, "x", now=make.NOW)
        return ledger.cancel(session, run=run, now=make.NOW)


def counts(database: Database, **which: Any) -> dict[Outcome, int]:
    with database.read() as session:
        return {
            outcome: count for outcome, count in recalls.counts(session, **which).items() if count
        }


def states(database: Database, messages: list[int]) -> list[S]:
    with database.read() as session:
        return [make.state_of(session, message) for message in messages]


def due_lanes(database: Database) -> list[str]:
    with database.read() as session:
        return recalls.lanes(session, now=make.NOW, again=recalling.AGAIN)


def test_all_that_a_provider_holds_is_asked_back_in_the_commit_that_stops_it(database: Database):
    run, _messages = given(database, S.ACCEPTED, S.ACCEPTED, S.IN_DOUBT, S.SENT, S.DELIVERED)

    stopped = cancel(database, run)

    assert stopped.asked_back == 3
    assert counts(database, run=run) == {Outcome.WAITING: 3}
    assert due_lanes(database) == ["sms"]


def test_what_it_says_is_counted_and_what_it_gave_back_is_cancelled(database: Database):
    run, messages = given(database, S.ACCEPTED, S.ACCEPTED, S.ACCEPTED)
    cancel(database, run)

    found = ask(database, Giving({"SM0": "recalled", "SM1": "refused", "SM2": "untold"}))

    assert found == {Outcome.RECALLED: 1, Outcome.REFUSED: 1, Outcome.WAITING: 1}
    assert counts(database, run=run) == found
    assert states(database, messages) == [S.CANCELLED, S.ACCEPTED, S.ACCEPTED]


@pytest.mark.parametrize("receipt_first", [True, False])
def test_its_own_receipt_of_the_cancelling_changes_nothing(database: Database, receipt_first):
    run, [message] = given(database, S.ACCEPTED)
    cancel(database, run)

    for what in ["receipt", "answer"] if receipt_first else ["answer", "receipt"]:
        if what == "receipt":
            tell(database, event(message, S.UNDELIVERED))
        elif receipt_first:
            with database.write() as session:
                recalls.write(session, {message: Outcome.RECALLED})
        else:
            ask(database, Giving({"SM0": "recalled"}))

    assert states(database, [message]) == [S.CANCELLED]


def test_a_delivery_that_was_told_stands(database: Database):
    run, [message] = given(database, S.ACCEPTED)
    cancel(database, run)
    tell(database, event(message, S.DELIVERED))

    carrier = Giving({"SM0": "recalled"})
    ask(database, carrier)

    assert carrier.asked == []
    assert counts(database) == {Outcome.REFUSED: 1}
    assert states(database, [message]) == [S.DELIVERED]


def test_a_message_in_a_call_is_asked_back_once_its_reference_is_known(database: Database):
    with database.write() as session:
        run = make.make_run(session)
        message = make.make_message(session, step_run=make.make_step_run(session, run=run))
    claim(database)
    cancel(database, run)
    carrier = Giving({"SM7": "recalled"})

    too_early = (due_lanes(database), ask(database, carrier))
    settled = Settled(id=message, try_=1, state=S.ACCEPTED, provider_ref="SM7")
    with database.write() as session:
        settle.settle(session, "w1", [settled], provider="carrier", now=make.NOW)
    ask(database, carrier)

    assert too_early == ([], {})
    assert carrier.asked == [["SM7"]]
    assert counts(database, run=run) == {Outcome.RECALLED: 1}
    with database.read() as session:
        assert session.scalars(select(t.recall.c.provider_ref)).all() == ["SM7"]


def test_a_claimed_message_that_never_left_is_forgotten(database: Database):
    with database.write() as session:
        make.make_lane(session)
        run = make.make_run(session)
        make.make_messages(session, 3, step_run=make.make_step_run(session, run=run))
    carrier = Giving({})

    def stops(_batch: object) -> None:
        cancel(database, run)

    carrier.before = stops

    drive(database, carrier)
    ask(database, carrier)

    assert len(carrier.ids) + sum(one == S.CANCELLED for one in all_states(database)) == 3
    assert counts(database, run=run) == {Outcome.REFUSED: len(carrier.ids)}


def all_states(database: Database) -> list[S]:
    with database.read() as session:
        return [S(state) for state in session.scalars(select(t.message.c.state))]


def test_a_provider_that_takes_nothing_back_is_not_asked(database: Database):
    run, messages = given(database, S.ACCEPTED, S.UNKNOWN)
    cancel(database, run)

    found = ask(database, Carrier())

    assert found == {Outcome.UNTOLD: 1}
    assert counts(database, run=run) == {Outcome.UNTOLD: 1}
    assert states(database, messages) == [S.ACCEPTED, S.UNKNOWN]


def test_without_an_answer_it_is_asked_again_and_in_the_end_counted_as_untold(database: Database):
    run, _messages = given(database, S.ACCEPTED)
    cancel(database, run)
    clock = Clock()
    broken, mute = Giving(StoreUnusable("away"), clock), Giving({"SM0": "untold"}, clock)

    first = ask(database, broken)
    at_once = ask(database, mute)
    clock.seconds += 30
    second = ask(database, mute)
    clock.seconds += 15 * 60
    third = ask(database, mute)

    assert (first, at_once, second) == ({Outcome.WAITING: 1}, {}, {Outcome.WAITING: 1})
    assert third == {}
    assert (len(broken.asked), len(mute.asked)) == (1, 1)
    assert counts(database, run=run) == {Outcome.UNTOLD: 1}


def test_many_are_asked_at_a_pace_of_their_own(database: Database):
    run, _messages = given(database, *[S.ACCEPTED] * 120)
    cancel(database, run)
    carrier = Giving({})

    ask(database, carrier)

    assert [len(refs) for refs in carrier.asked] == [50, 50, 20]
    assert carrier.asked_at[-1] - carrier.asked_at[0] >= 70 / recalling.RATE


def test_a_newer_revision_asks_back_what_older_ones_said_and_nothing_else(database: Database):
    with database.write() as session:
        occasion = make.make_occasion(session, version=2)
        run = make.make_run(session, occasion=occasion)
        for version in (1, 2):
            wave = make.make_step_run(session, run=run, version=version)
            make.make_message(
                session, step_run=wave, state=S.ACCEPTED, lane="sms", provider_ref=f"SM{version}"
            )

    with database.write() as session:
        ledger.supersede(session, occasion=occasion, version=2, now=make.NOW)
    carrier = Giving({})
    ask(database, carrier)

    assert carrier.asked == [["SM1"]]
    assert counts(database, occasion=occasion, since=make.NOW) == {Outcome.REFUSED: 1}
    assert counts(database, occasion=occasion, since=LATER) == {}


def test_an_opt_out_asks_back_what_is_on_its_way_to_that_address(database: Database):
    with database.write() as session:
        point = make.make_contact_point(session, address="+56911111111")
        held: dict[str, Any] = {"state": S.ACCEPTED, "lane": "sms", "contact_point_id": point}
        told = make.make_message(session, **(held | {"state": S.DELIVERED}))
        make.make_message(session, **(held | {"provider_ref": "SM1"}))
        make.make_message(session, state=S.ACCEPTED, lane="sms", provider_ref="SM2")
        old = make.make_step_run(session, created_at=make.NOW - timedelta(hours=11))
        make.make_message(session, step_run=old, **(held | {"provider_ref": "SM3"}))

    with database.write() as session:
        suppressions.opt_out(session, [told], now=make.NOW)
    carrier = Giving({})
    ask(database, carrier)

    assert carrier.asked == [["SM1"]]


def test_two_workers_do_not_ask_for_the_same(database: Database):
    run, messages = given(database, S.ACCEPTED, S.ACCEPTED)
    cancel(database, run)

    with database.write() as session:
        first = recalls.take(session, "sms", now=make.NOW, again=recalling.AGAIN, limit=1)
    with database.write() as session:
        second = recalls.take(session, "sms", now=make.NOW, again=recalling.AGAIN, limit=9)

    assert [one.message for one in [*first, *second]] == messages


def test_asking_twice_for_the_same_counts_once(database: Database):
    run, _messages = given(database, S.ACCEPTED)
    first = cancel(database, run)
    with database.write() as session:
        session.execute(update(t.step_run).values(cancelled_classes=""))

    again = cancel(database, run)

    assert (first.asked_back, again.asked_back) == (1, 0)
    assert counts(database, run=run) == {Outcome.WAITING: 1}
