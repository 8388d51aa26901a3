"""Decides whether a try that did not get through is made again, and when."""

from __future__ import annotations

from datetime import datetime, timedelta

from outreach.model.message import Delayed

MOST_FAILURES = 3
"""Tries a message may spend; a throttle spends none."""
FIRST_BACKOFF = timedelta(seconds=15)
LONGEST_WAIT = timedelta(minutes=5)
"""However long a provider asks to wait: a lane looks again after this."""


def next_try(
    outcome: Delayed, failures: int, *, now: datetime, jitter: float = 0.0
) -> datetime | None:
    """When to try again, or None when the message has failed.

    `failures` counts earlier spent tries; `jitter` in [0, 1) stretches the wait by up to a quarter,
    so that a whole lane does not come back in one instant. Back-off 15 s, 60 s; never shorter than
    the provider asked for, never longer than 5 minutes before jitter.
    """
    if outcome.throttled:
        return now + min(outcome.retry_after, LONGEST_WAIT) * (1 + jitter / 4)
    if failures + 1 >= MOST_FAILURES:
        return None
    wait = max(outcome.retry_after, FIRST_BACKOFF * int(4**failures))
    return now + min(wait, LONGEST_WAIT) * (1 + jitter / 4)
