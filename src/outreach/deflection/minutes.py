"""Person-time by whole minute: spans of risk added to one stratum's buckets in constant time."""

from __future__ import annotations

from itertools import accumulate


class Minutes:
    """Household-minutes in each whole minute since the outage began.

    A span costs the same however long it is: the two minutes it ends in hold fractions, and a
    difference array holds the full minutes between. Adding is order-free and may be taken back.
    """

    __slots__ = ("_ends", "_steps")

    def __init__(self) -> None:
        self._ends: list[float] = [0.0]
        self._steps: list[int] = [0]

    def __len__(self) -> int:
        return len(self._ends)

    def begin(self, minute: float, households: int = 1) -> None:
        """So many are here from `minute` on; a negative number, no longer."""
        bucket = int(minute)
        if bucket + 1 >= len(self._ends):
            self._grow(bucket + 2)
        self._ends[bucket] += households * (bucket + 1 - minute)
        self._steps[bucket + 1] += households

    def add(self, low: float, high: float, households: int = 1) -> None:
        """Households at risk in [low, high); an empty span adds nothing."""
        if high > low:
            self.begin(low, households)
            self.begin(high, -households)

    def merge(self, other: Minutes) -> None:
        self._grow(len(other))
        for bucket, (end, step) in enumerate(zip(other._ends, other._steps, strict=True)):
            self._ends[bucket] += end
            self._steps[bucket] += step

    def totals(self, length: int) -> list[float]:
        """Household-minutes of the first `length` minutes."""
        full = list(accumulate(self._steps))
        known = [end + here for end, here in zip(self._ends, full, strict=True)]
        return (known + [float(full[-1])] * (length - len(known)))[:length]

    def _grow(self, length: int) -> None:
        missing = length - len(self._ends)
        if missing > 0:
            self._ends.extend([0.0] * missing)
            self._steps.extend([0] * missing)
