"""Keeps calls to Genesys Cloud under its limit, and heeds what its answers say about it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

WINDOW_S = 60.0
LONGEST_S = 300.0
"""A longer wait than this is not believed."""
SPARE = 10
"""Requests of the platform's window that are left to others of the same client."""


class Pace:
    """At most `per_minute` calls in any 60 s; seconds are monotonic ones, given by the caller."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._made: deque[float] = deque()
        self._not_before = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next call may leave."""
        while self._made and self._made[0] <= now - WINDOW_S:
            self._made.popleft()
        full = len(self._made) >= self._per_minute
        turn = self._made[-self._per_minute] + WINDOW_S if full else now
        return max(0.0, turn - now, self._not_before - now)

    def spend(self, now: float) -> None:
        self._made.append(now)

    def heed(self, status: int, headers: Mapping[str, str], now: float) -> None:
        """Holds after a 429 for as long as it asks, and when the window is all but used up."""
        if status == 429:  # noqa: PLR2004  too many requests
            asked = _seconds(headers, "retry-after") or _seconds(headers, "inin-ratelimit-reset")
            self._hold(now, asked or WINDOW_S)
            return
        allowed = _seconds(headers, "inin-ratelimit-allowed")
        used = _seconds(headers, "inin-ratelimit-count")
        if allowed and used is not None and allowed - used <= min(SPARE, allowed / 10):
            self._hold(now, _seconds(headers, "inin-ratelimit-reset") or WINDOW_S)

    def _hold(self, now: float, seconds: float) -> None:
        self._not_before = max(self._not_before, now + min(seconds, LONGEST_S))


def _seconds(headers: Mapping[str, str], name: str) -> float | None:
    try:
        found = float(headers.get(name, ""))
    except ValueError:
        return None
    return found if 0 <= found <= LONGEST_S * 10 else None
