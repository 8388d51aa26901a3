"""The board's clock may not go back, whichever way it reckons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from outreach.entry.http.live import INSISTED_FOR_S, SLACK, LaterClock

BEGAN = datetime(2026, 7, 1, tzinfo=UTC)
STEPS = st.lists(st.tuples(st.floats(-1_000, 1_000), st.floats(0, 1_000)) | st.tuples(st.floats(-3, 3), st.floats(0, 3)))  # fmt: skip
"""By how many seconds the wall clock and the steady clock move between two looks."""


@given(STEPS)
def test_a_wall_clock_is_believed_unless_it_fell_behind_the_steady_one(steps):
    wall, steady = BEGAN, 0.0
    clock = LaterClock(lambda: wall, lambda: steady)
    agreed_wall, agreed_steady = wall, steady

    for by_wall, by_steady in steps:
        wall, steady = wall + timedelta(seconds=by_wall), steady + by_steady
        elapsed = steady - agreed_steady
        expected = agreed_wall + timedelta(seconds=elapsed)
        if expected - wall <= SLACK or elapsed >= INSISTED_FOR_S:
            agreed_wall, agreed_steady, expected = wall, steady, wall

        assert clock() == expected
