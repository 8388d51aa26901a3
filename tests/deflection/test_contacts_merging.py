"""Records of one contact, in any order and repetition, become one that never loses what it had."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from sqlalchemy import select

from outreach.model.calls import FACTS, CallRow, known_to, merged
from outreach.store import calls, tables as t
from outreach.store.session import Database

START = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)

records = st.builds(
    CallRow,
    call_id=st.just("1"),
    at=st.none(),
    address_hash=st.sampled_from([None, b"a" * 16, b"b" * 16]),
    dnis=st.sampled_from(["", "600", "700"]),
    queue=st.sampled_from(["", "OUTAGE", "BILLS"]),
    contained=st.sampled_from([None, True, False]),
    abandoned=st.sampled_from([None, True, False]),
    wait_s=st.sampled_from([None, 0, 70]),
    talk_s=st.sampled_from([None, 0, 30]),
    kind=st.sampled_from([None, "call", "chat"]),
    wrap_up=st.sampled_from(["", "paid", "told"]),
)


@st.composite
def streams(draw) -> tuple[list[CallRow], list[CallRow]]:
    """Records of different moments, and the same ones shuffled with repetitions."""
    plain = draw(st.lists(records, min_size=1, max_size=6))
    told = [at(row, number) for number, row in enumerate(plain)]
    again = draw(st.lists(st.sampled_from(told), max_size=4))
    return told, draw(st.permutations([*told, *again]))


def at(row: CallRow, second: int) -> CallRow:
    facts = {fact: getattr(row, fact) for fact in FACTS}
    return CallRow(call_id="1", at=START + timedelta(seconds=second), source=f"s{second}", **facts)


@given(streams())
@settings(max_examples=150, deadline=None)
def test_order_and_repetition_change_nothing(stream):
    in_order, shuffled = stream

    assert reduce(merged, shuffled) == reduce(merged, in_order)


@given(streams())
@settings(max_examples=100, deadline=None)
def test_groups_may_be_merged_first(stream):
    _in_order, shuffled = stream
    half = len(shuffled) // 2

    grouped = [reduce(merged, part) for part in (shuffled[:half], shuffled[half:]) if part]

    assert reduce(merged, grouped) == reduce(merged, shuffled)


@given(streams())
@settings(max_examples=100, deadline=None)
def test_what_is_known_stays_known(stream):
    row, *rest = stream[1]

    for other in rest:
        after = merged(row, other)
        assert known_to(row) & ~known_to(after) == 0
        assert after.at <= row.at
        row = after


def test_the_bits_follow_the_names_of_the_facts():
    nothing = make(0)
    values = {"address_hash": b"x", "dnis": "1", "queue": "q", "kind": "call", "wrap_up": "w"}

    bits = [known_to(make(0, **{fact: values.get(fact, 0)})) for fact in FACTS]

    assert bits == [1 << place for place in range(len(FACTS))]
    assert known_to(nothing) == 0


def test_moments_of_one_call_fill_it_in_the_store_in_any_order(database: Database):
    moments = [
        make(0, address_hash=b"k" * 16, dnis="600", kind="call"),
        make(5, queue="OUTAGE", contained=False),
        make(75, abandoned=False, wait_s=70),
        make(200, contained=True),
        make(230, wrap_up="told"),
    ]
    with database.write() as session:
        session.execute(t.contact_point.insert().values(
            channel="sms", address_hash=b"k" * 16, address_sealed=b"", country="CL", prefix="", customers=1,
        ))  # fmt: skip

    for order in (moments, moments[::-1]):
        with database.write() as session:
            session.execute(t.call.delete())
        done = [completed(database, moment) for moment in order]
        again = [completed(database, moment) for moment in order]
        with database.read() as session:
            [row] = session.execute(select(t.call)).all()

        assert (row.at, row.queue, row.wait_s, row.wrap_up) == (START, "OUTAGE", 70, "told")
        assert (row.contained, row.abandoned, row.known, row.kind) == (False, False, True, "call")
        assert done == [0, 1, 1, 1 if order is not moments else 0, 1]
        assert again == [0] * 5


def test_calls_from_before_the_bits_lose_nothing(database: Database):
    with database.write() as session:
        session.execute(t.call.insert().values(
            call_id="1", at=START, address_hash=None, known=False, dnis="600", queue="OUTAGE",
            contained=True, abandoned=True, wait_s=3, talk_s=None, source="file",
        ))  # fmt: skip

    completed(database, make(9, wrap_up="told"))

    with database.read() as session:
        [row] = session.execute(select(t.call)).all()
    assert (row.contained, row.abandoned, row.queue, row.wrap_up) == (True, True, "OUTAGE", "told")


@pytest.mark.parametrize("kind", ["chat", "message", "click"])
def test_only_calls_count(database: Database, kind):
    with database.write() as session:
        calls.add(session, [make(0, kind=kind, call_id="2"), make(0)])

    with database.read() as session:
        came = calls.arrivals(session, numbers=(), since=START, until=START + timedelta(minutes=1))

    assert came.calls == 1


def make(second: int, **facts: Any) -> CallRow:
    given: dict[str, Any] = {
        "call_id": "1",
        "address_hash": None,
        "at": START + timedelta(seconds=second),
    }
    return CallRow(**given | facts)


def completed(database: Database, row: CallRow) -> int:
    with database.write() as session:
        return calls.take_in(session, [row]).completed
