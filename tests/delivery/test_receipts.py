"""Receipts in any order, any number of times, before or after our own settle."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings, strategies
from sqlalchemy import func, select
from tests import make
from tests.store.test_claims import claim

from outreach.delivery import receipts
from outreach.model.message import Receipt
from outreach.model.words import TRANSITIONS, MessageState as S
from outreach.store import ledger, settle, tables as t
from outreach.store.receipts import Standing, Waiting
from outreach.store.session import Database
from outreach.store.settle import Settled


def event(
    message: int, state: S | None, *, try_: int = 1, key: str = "", **changes: Any
) -> Receipt:
    token = changes.pop("token", make.KEYRING.token(message, try_))
    values = {"provider": "carrier", "event_key": key or f"{message}{state}{try_}", "token": token}
    return Receipt(**(values | {"provider_ref": "SM1", "state": state} | changes))


MANY = 1_000
"""Messages whose receipts come in an order of their own each."""


def tell(database: Database, *events: Receipt, limit: int = 2) -> int:
    new = receipts.take_in(database, make.KEYRING, events, b"raw", now=make.NOW)
    with database.write() as session:
        while receipts.apply(session, make.KEYRING, now=make.NOW, limit=limit):
            pass
    return new


def row(database: Database, message: int) -> Any:
    with database.read() as session:
        return make.row_of(session, message)


def message_in(database: Database, state: S, **changes: Any) -> int:
    with database.write() as session:
        return make.make_message(session, state=state, **({"try": 1} | changes))


def test_a_receipt_moves_its_message_and_says_when(database: Database):
    message = message_in(database, S.ACCEPTED)

    tell(database, event(message, S.DELIVERED, at=make.NOW))

    assert row(database, message).state == S.DELIVERED
    assert row(database, message).delivered_at == make.NOW


def test_the_same_event_again_is_no_event(database: Database):
    message = message_in(database, S.ACCEPTED)
    one = event(message, S.SENT)

    assert (tell(database, one), tell(database, one), tell(database, one, one)) == (1, 0, 0)
    assert row(database, message).state == S.SENT


def test_the_raw_body_is_kept_sealed(database: Database):
    message = message_in(database, S.ACCEPTED)

    receipts.take_in(database, make.KEYRING, [event(message, S.SENT)], b"To=+569\xff", now=make.NOW)

    with database.read() as session:
        sealed = session.scalars(select(t.receipt.c.raw_sealed)).one()
    assert b"+569" not in sealed
    assert "+569" in make.KEYRING.open(sealed)


def test_no_events_change_nothing(database: Database):
    assert tell(database) == 0


@pytest.mark.parametrize("token", [None, "1.1.forged"])
def test_an_event_that_names_no_message_of_ours_is_kept_as_an_orphan(database: Database, token):
    message = message_in(database, S.ACCEPTED)

    tell(
        database, event(message, S.DELIVERED, token=token), event(999, S.DELIVERED, opted_out=True)
    )

    assert row(database, message).state == S.ACCEPTED
    with database.read() as session:
        assert session.scalars(select(t.receipt.c.message_id).order_by(t.receipt.c.id)).all() == [None, 999]  # fmt: skip
        assert session.execute(select(func.count(t.receipt.c.applied_at))).scalar_one() == 2


def test_an_event_that_moves_nothing_is_kept(database: Database):
    message = message_in(database, S.ACCEPTED)

    assert tell(database, event(message, None, key="open")) == 1
    assert row(database, message).state == S.ACCEPTED


def test_a_receipt_that_comes_before_our_settle_stands_and_the_settle_completes_it(
    database: Database,
):
    with database.write() as session:
        message = make.make_message(session)
    claim(database)
    tell(database, event(message, S.DELIVERED))

    late = Settled(id=message, try_=1, state=S.ACCEPTED, provider_ref="SM1", segments=2, body_hash=b"h")  # fmt: skip
    with database.write() as session:
        written = settle.settle(session, "w1", [late], provider="carrier", now=make.NOW)

    one = row(database, message)
    assert written == settle.Settlement(stale=(message,))
    assert (one.state, one.segments, one.body_hash) == (S.DELIVERED, 2, b"h")


def test_a_receipt_settles_a_doubt(database: Database):
    with database.write() as session:
        message = make.make_message(session)
    claim(database)
    with database.write() as session:
        ledger.lapse(session, now=make.NOW.replace(hour=8))

    tell(database, event(message, S.ACCEPTED))

    assert row(database, message).state == S.ACCEPTED
    with database.read() as session:
        assert session.scalars(select(t.attempt.c.settled_as)).all() == ["receipt"]


def test_good_news_of_an_earlier_try_takes_the_message_out_of_the_queue(database: Database):
    message = message_in(database, S.QUEUED)

    tell(database, event(message, S.UNDELIVERED))
    before = row(database, message).state
    tell(database, event(message, S.DELIVERED))

    assert (before, row(database, message).state) == (S.QUEUED, S.DELIVERED)
    with database.read() as session:
        assert ledger.adds_up(session)


def test_what_a_receipt_says_of_the_person_is_learnt(database: Database):
    message = message_in(database, S.ACCEPTED)

    tell(database, event(message, S.UNDELIVERED, address_is_bad=True, opted_out=True))

    with database.read() as session:
        assert session.scalars(select(t.contact_point.c.bad_since)).one() == make.NOW
        assert session.scalars(select(t.suppression.c.address_hash)).one() == make.address_hash_of(session, message)  # fmt: skip
        assert session.scalars(select(t.change.c.name)).all() == ["stop"]


# ── The rule, without a database ─────────────────────────────────────────────────────────────

STORIES = [
    [S.ACCEPTED],
    [S.ACCEPTED, S.SENT],
    [S.ACCEPTED, S.FAILED],
    [S.ACCEPTED, S.SENT, S.DELIVERED],
    [S.ACCEPTED, S.SENT, S.UNDELIVERED],
]
KNOWN = [S.SENDING, S.ACCEPTED, S.IN_DOUBT, S.UNKNOWN]


def waiting(state: S | None, try_: int = 1) -> Waiting:
    return Waiting(
        id=1, provider="carrier", message=1, try_=try_, state=state, at=make.NOW,
        provider_ref="SM1", address_is_bad=False, opted_out=False,
    )  # fmt: skip


@given(strategies.sampled_from(STORIES), strategies.sampled_from(KNOWN), strategies.data())
def test_any_order_and_any_number_of_times_ends_in_the_same_state(story, start, data):
    told = data.draw(strategies.permutations(story * 3))
    cuts = data.draw(strategies.lists(strategies.integers(0, len(told)), max_size=3))

    state = start
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), len(told)], strict=True):
        move = receipts.fold(
            Standing(id=1, try_=1, state=state), [waiting(one) for one in told[first:last]]
        )
        state = move.state if move else state

    assert state == story[-1]


SAID = [S.ACCEPTED, S.SENT, S.UNDELIVERED, S.DELIVERED]
"""Whatever a provider may say of one try, also what contradicts itself."""


@settings(max_examples=1_000, deadline=None)
@given(
    strategies.lists(strategies.sampled_from(SAID), min_size=1, max_size=4),
    strategies.sampled_from(KNOWN),
    strategies.data(),
)
def test_shuffled_and_five_times_repeated_a_thousand_times_it_is_the_same_state(said, start, data):
    told = data.draw(strategies.permutations(said * 5))
    cuts = data.draw(strategies.lists(strategies.integers(0, len(told)), max_size=4))

    state = start
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), len(told)], strict=True):
        move = receipts.fold(
            Standing(id=1, try_=1, state=state), [waiting(one) for one in told[first:last]]
        )
        state = move.state if move else state

    assert state == max(said, key=SAID.index)


def test_events_shuffled_repeated_and_mixed_with_forged_ones_leave_the_same_ledger(
    database: Database,
):
    said = [[S.ACCEPTED, S.SENT, S.DELIVERED], [S.ACCEPTED, S.UNDELIVERED], [S.SENT], [S.ACCEPTED]]
    ends = (S.DELIVERED, S.UNDELIVERED, S.SENT, S.ACCEPTED)
    with database.write() as session:
        messages = make.make_messages(
            session, MANY, state=S.SENDING, owner="w1", lane="sms", **{"try": 1}
        )
    told = [
        (message, state)
        for place, message in enumerate(messages)
        for state in said[place % len(said)]
    ]
    events = [event(message, state, key=f"{message}.{state}") for message, state in told] * 5
    forged = [event(one, S.DELIVERED, token=f"{one}.1.forged") for one in messages[3::40]]
    events += forged
    random.Random(4).shuffle(events)  # noqa: S311  an order, no secret

    for start in range(0, len(events), 97):
        tell(database, *events[start : start + 97], limit=200)

    with database.read() as session:
        found = dict(session.execute(select(t.message.c.id, t.message.c.state)).all())
    assert len(forged) == MANY // 40
    assert found == {message: ends[place % 4] for place, message in enumerate(messages)}


def test_a_thousand_events_of_one_body_are_kept_and_counted_once(database: Database):
    with database.write() as session:
        messages = make.make_messages(session, 3, state=S.ACCEPTED, **{"try": 1})
    events = [event(messages[n % 3], None, key=f"open{n}") for n in range(1_000)]

    first = receipts.take_in(database, make.KEYRING, events, b"raw", now=make.NOW)
    again = receipts.take_in(database, make.KEYRING, [*events, *events], b"raw", now=make.NOW)

    assert (first, again) == (1_000, 0)
    with database.read() as session:
        assert session.execute(select(func.count(t.receipt.c.id))).scalar_one() == 1_000


@given(
    strategies.sampled_from(list(S)),
    strategies.sampled_from([*S, None]),
    strategies.booleans(),
)
def test_a_receipt_only_goes_ways_the_ledger_knows(current, said, is_old):
    moved = receipts.next_state(current, said, is_old=is_old)

    assert moved is None or moved in reachable(current)


@given(
    strategies.sampled_from([s for s in S if not TRANSITIONS[s]]), strategies.sampled_from(list(S))
)
def test_a_last_word_is_never_taken_back(final, said):
    assert receipts.next_state(final, said) is None


def reachable(state: S) -> set[S]:
    """By the ledger's ways, through the states that a provider's word implies on the way."""
    seen, todo = set(), [state]
    while todo:
        for following in TRANSITIONS[todo.pop()]:
            if following not in seen:
                seen.add(following)
                if following in {S.SENDING, S.ACCEPTED}:
                    todo.append(following)
    return seen


def test_a_second_copy_that_a_receipt_tells_of_is_flagged(database: Database):
    message = message_in(database, S.ACCEPTED, provider_ref="SM1", **{"try": 2})

    tell(database, event(message, S.DELIVERED, try_=2))
    assert row(database, message).reason is None
    tell(database, event(message, S.SENT, try_=1, provider_ref="SM0"))

    assert row(database, message).reason == settle.DUPLICATE
    assert row(database, message).provider_ref == "SM1"
