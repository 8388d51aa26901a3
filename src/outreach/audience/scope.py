"""Interval arithmetic over tree order: everything fed through a node is one span of whole numbers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

Span = tuple[int, int]
"""First and last tree order, both inside: `NetworkNode.order` and `.last`."""


def merge(spans: Iterable[Span]) -> tuple[Span, ...]:
    """The same orders as the fewest spans, ascending, neither overlapping nor touching."""
    merged: list[Span] = []
    for first, last in sorted(span for span in spans if span[0] <= span[1]):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def subtract(spans: Iterable[Span], holes: Iterable[Span]) -> tuple[Span, ...]:
    """What lies in `spans` and in none of `holes`, merged; O(n log n + m log m)."""
    cut = merge(holes)
    left: list[Span] = []
    at = 0
    for first, last in merge(spans):
        while at < len(cut) and cut[at][1] < first:
            at += 1
        start, here = first, at
        while here < len(cut) and cut[here][0] <= last:
            left.append((start, cut[here][0] - 1))
            start, here = cut[here][1] + 1, here + 1
        left.append((start, last))
    return merge(left)


def contains(spans: Sequence[Span], order: int) -> bool:
    """Whether merged `spans` hold this order; O(log n)."""
    at = bisect_right(spans, order, key=lambda span: span[0])
    return at > 0 and spans[at - 1][1] >= order
