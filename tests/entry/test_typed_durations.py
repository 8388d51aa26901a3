"""Lengths of time as people type and read them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from outreach.entry.cli.durations import duration, spelled
from outreach.model.errors import InputRefused


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("72h", 72 * 60),
        ("1h30", 90),
        ("1h30m", 90),
        ("1 h 30 min", 90),
        ("45m", 45),
        ("45min", 45),
        ("2d", 2880),
        ("1d12h", 36 * 60),
        (" 2H ", 120),
    ],
)
def test_a_length_is_read_as_people_write_it(text, minutes):
    assert duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "90", "0m", "h", "-2h", "2x", "1.5h", "1h 2h"])
def test_what_is_no_length_is_refused_with_the_forms(text):
    with pytest.raises(InputRefused, match="72h"):
        duration(text)


@pytest.mark.parametrize(
    ("minutes", "shown"),
    [(0, "0 min"), (30, "30 min"), (60, "1 h"), (165, "2 h 45 min"), (2880 + 190, "2 d 3 h")],
)
def test_a_length_is_spelled_in_its_two_largest_units(minutes, shown):
    assert spelled(timedelta(minutes=minutes)) == shown


@given(st.integers(1, 1439))
def test_what_is_spelled_within_a_day_is_read_back(minutes):
    assert duration(spelled(timedelta(minutes=minutes))) == timedelta(minutes=minutes)
