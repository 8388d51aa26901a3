"""What is accepted is the product: sums over arrays equal the estimator's, on the same outages."""

from __future__ import annotations

from dataclasses import astuple
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from outreach.deflection import array_sums, simulate
from outreach.deflection.episodes import counted, episodes, exposure
from outreach.deflection.estimate import summed
from outreach.deflection.simulate import START, World
from outreach.model.deflection import IdentifiedCall, Slot

GRACE = {"sms": 2.0, "email": 3.5}


def both(slots: list[Slot], calls: list[IdentifiedCall]) -> Any:
    """(counts and sums of the product, those of the arrays)."""
    table = exposure(slots, START, GRACE)
    found, repeats = episodes(slots, calls, START, GRACE)
    log = array_sums.of_slots(slots, calls, start=START, grace=GRACE)
    of_arrays = array_sums.episodes(log)
    product = astuple(summed(table, found)), astuple(counted(found, repeats))
    arrays = astuple(array_sums.summed(log)), astuple(array_sums.counted(log, of_arrays))
    return product, arrays


@pytest.mark.parametrize(
    ("world", "number"),
    [
        pytest.param(World(households=5_000, deflection=0.4), 1, id="free"),
        pytest.param(World(households=5_000, tail_share=0.2, repeats=0.5), 2, id="tail"),
        pytest.param(World(households=5_000, holdout_share=0.1), 3, id="holdout"),
        pytest.param(World(households=2_000, calls_each=3.0, frailty=2.0), 4, id="many calls each"),
    ],
)
def test_a_simulated_outage_gives_the_same_sums_either_way(world, number):
    drawn = simulate.draw(world, number)

    (sums, counts), (array, array_counts) = both(drawn.slots, drawn.calls)

    assert array == pytest.approx(sums, rel=1e-9, abs=1e-9)
    assert array_counts == counts
    assert counts[0] > 50


minutes = st.floats(-30, 200, allow_nan=False).map(lambda minute: round(minute, 3))


@st.composite
def outages(draw):
    slots = [
        Slot(
            household=f"H{number}",
            priority=draw(st.sampled_from("AB")),
            channel=draw(st.sampled_from(["sms", "email"])),
            wave="1",
            order=number,
            slot_at=draw(st.none() | minutes.map(at)),
            delivered=draw(st.sampled_from([True, False, None])),
            receipt_at=None,
            until=at(draw(minutes)),
        )
        for number in range(draw(st.integers(1, 8)))
    ]
    calls = draw(st.lists(st.tuples(st.integers(0, 8), minutes), max_size=20))
    return slots, [IdentifiedCall(household=f"H{who}", at=at(minute)) for who, minute in calls]


def at(minute: float):
    return START + timedelta(minutes=minute)


@given(outages())
@settings(max_examples=60, deadline=None)
def test_any_log_gives_the_same_sums_either_way(outage):
    (sums, counts), (array, array_counts) = both(*outage)

    assert array == pytest.approx(sums, rel=1e-9, abs=1e-9)
    assert array_counts == counts
