"""How many rows a slice of merging takes: as the machine is quick, within bounds."""

from __future__ import annotations

import pytest

from outreach.record.merging import Pace


@pytest.mark.parametrize(
    ("seconds", "sizes"),
    [
        pytest.param(0.05, [750, 1125, 1687, 2000, 2000], id="a quick machine: more and more"),
        pytest.param(0.0, [750, 1125, 1687, 2000, 2000], id="a clock that does not move"),
        pytest.param(0.2, [500, 500, 500, 500, 500], id="just so"),
        pytest.param(
            1.0, [100, 100, 100, 100, 100], id="a slow one: less at once, but not nothing"
        ),
    ],
)
def test_a_slice_takes_about_a_fifth_of_a_second(seconds: float, sizes: list[int]) -> None:
    pace, taken = Pace(most=2_000), []

    for _slice in sizes:
        pace.took(seconds)
        taken.append(pace.size)

    assert taken == sizes


def test_a_slice_takes_at_least_one_row() -> None:
    pace = Pace(most=1)

    pace.took(10.0)

    assert pace.size == 1
