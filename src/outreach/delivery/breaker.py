"""Pauses a run whose messages keep failing, before it has failed them all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from outreach.model.message import Recipient

WINDOW = 200
"""The last so many outcomes of a run are looked at."""


class Breaker:
    """Remembers the last outcomes of every run, across the drives of a process.

    `threshold(recipient)` is the campaign's `pause_after_errors`.
    """

    def __init__(self, threshold: Callable[[Recipient], int] = lambda _one: 50) -> None:
        self._threshold = threshold
        self._recent: dict[int, deque[bool]] = {}

    def saw(self, one: Recipient, *, error: bool) -> str | None:
        """Counts an outcome; the reason to pause the run, once, when there are too many errors."""
        recent = self._recent.setdefault(one.run, deque(maxlen=WINDOW))
        recent.append(error)
        errors = sum(recent) if error else 0
        if not errors or errors < self._threshold(one):
            return None
        seen = len(recent)
        recent.clear()
        return f"{errors} of the last {seen} messages met errors"
