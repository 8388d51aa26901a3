"""Interval arithmetic, against sets of numbers."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, strategies as st

from outreach.audience.scope import Span, contains, merge, subtract

_spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


def _orders(spans: list[Span] | tuple[Span, ...]) -> set[int]:
    return {order for first, last in spans for order in range(first, last + 1)}


@given(spans=_spans)
def test_merging_keeps_every_order_in_the_fewest_spans(spans: list[Span]) -> None:
    merged = merge(spans)

    assert _orders(merged) == _orders(spans)
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(merged))


@given(spans=_spans, holes=_spans)
def test_subtracting_leaves_exactly_what_no_hole_covers(
    spans: list[Span], holes: list[Span]
) -> None:
    left = subtract(spans, holes)

    assert _orders(left) == _orders(spans) - _orders(holes)
    assert left == merge(left)


@pytest.mark.parametrize(
    ("holes", "left"),
    [
        pytest.param([(0, 3)], ((10, 20), (30, 40)), id="before"),
        pytest.param([(50, 60)], ((10, 20), (30, 40)), id="behind"),
        pytest.param([(22, 28)], ((10, 20), (30, 40)), id="between"),
        pytest.param([(15, 35)], ((10, 14), (36, 40)), id="across"),
        pytest.param(
            [(12, 13), (15, 15)], ((10, 11), (14, 14), (16, 20), (30, 40)), id="two-in-one"
        ),
        pytest.param([(0, 99)], (), id="everything"),
    ],
)
def test_a_hole_takes_only_what_it_covers(holes: list[Span], left: tuple[Span, ...]) -> None:
    assert subtract([(30, 40), (10, 20)], holes) == left


@given(spans=_spans, order=st.integers(-1, 41))
def test_an_order_is_contained_when_a_span_covers_it(spans: list[Span], order: int) -> None:
    assert contains(merge(spans), order) == (order in _orders(spans))
