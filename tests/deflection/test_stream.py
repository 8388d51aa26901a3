"""Fed event by event, in any order and any number of times, the estimate is the batch one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from operator import methodcaller
from random import Random

import pytest

from outreach.deflection import simulate
from outreach.deflection.episodes import minutes_since
from outreach.deflection.estimate import estimate
from outreach.deflection.refusals import Design
from outreach.deflection.stream import Stream
from outreach.model.deflection import Deflection, Verdict

WORLD = simulate.World(households=3_000, deflection=0.4)
GRACE = {"sms": 2.2}
Event = Callable[[Stream], object]


def events(drawn: simulate.Drawn) -> list[Event]:
    """Every event of an outage but the first ones, which say who is affected."""
    found: list[Event] = []
    for slot in drawn.slots:
        sent = minutes_since(simulate.START, slot.slot_at)
        until = minutes_since(simulate.START, slot.until)
        home = slot.household
        found.append(methodcaller("sent", home, "1", sent))
        found.append(methodcaller("left", home, "1", until))
        found.append(methodcaller("receipt", home, "1", delivered=slot.delivered))
    for number, call in enumerate(drawn.calls):
        minute = minutes_since(simulate.START, call.at)
        found.append(methodcaller("called", f"call-{number}", call.household, minute))
    return found


def fed(drawn: simulate.Drawn, doings: list[Event]) -> Stream:
    stream = Stream(GRACE)
    for slot in drawn.slots:
        stream.affected(slot.household, ("1", slot.priority, "sms"))
    for doing in doings:
        doing(stream)
    return stream


def batch(drawn: simulate.Drawn, *, closed: int = 360) -> Deflection:
    end = simulate.START + timedelta(minutes=closed)
    slots = [replace(slot, until=min(slot.until, end)) for slot in drawn.slots]
    return estimate(
        slots,
        drawn.calls,
        start=simulate.START,
        design=Design(seed=drawn.seed, seed_stored_at=simulate.START, first_sent_at=None),
        grace=GRACE,
    )


def assert_same(one: Deflection, other: Deflection) -> None:
    for name in ("theta_msg", "variance", "theta_itt", "itt_variance", "itt_clustered_variance"):
        mine, theirs = getattr(one, name), getattr(other, name)
        assert math.isclose(mine, theirs, rel_tol=1e-9), name
    assert one.counts == other.counts


def test_a_stream_equals_the_batch_to_nine_places():
    drawn = simulate.draw(WORLD, 7)

    stream = fed(drawn, events(drawn))

    assert_same(stream.estimate(closed=360), batch(drawn))


@pytest.mark.parametrize("shuffle", range(3))
def test_doubled_and_shuffled_events_lead_to_the_same_numbers(shuffle):
    drawn = simulate.draw(WORLD, 8)
    doings = events(drawn) * 2
    Random(shuffle).shuffle(doings)  # noqa: S311  an order

    stream = fed(drawn, doings)
    for slot in drawn.slots[:50]:
        stream.affected(slot.household, ("1", slot.priority, "sms"))

    assert_same(stream.estimate(closed=360), batch(drawn))


def test_only_closed_minutes_count_while_the_outage_runs():
    drawn = simulate.draw(WORLD, 9)

    stream = fed(drawn, events(drawn))

    assert_same(stream.estimate(closed=60), batch(drawn, closed=60))


def test_streams_of_disjoint_households_merge():
    drawn = simulate.draw(WORLD, 10)
    left, right = (
        simulate.Drawn(
            [slot for slot in drawn.slots if slot.order % 2 == side],
            [call for call in drawn.calls if _side(drawn, call.household) == side],
            drawn.seed,
        )
        for side in (0, 1)
    )
    whole = fed(left, events(left))

    whole.merge(fed(right, events(right)))

    assert_same(whole.estimate(closed=360), batch(drawn))


def test_a_stream_without_anything_to_compare_refuses():
    stream = Stream({})
    stream.affected("H-1", ("1", "C", "sms"))
    stream.called("call-1", "H-1", 5.0)
    stream.called("call-2", "H-stranger", 5.0)

    measured = stream.estimate(closed=10)

    assert measured.verdict is Verdict.REFUSED
    assert measured.counts is not None
    assert measured.counts.unsent == 1


def _side(drawn: simulate.Drawn, household: str) -> int:
    return next(slot.order % 2 for slot in drawn.slots if slot.household == household)
