"""A source that changes its mind within minutes: the second word waits until it is settled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from outreach.model.occasion import Revision

SETTLED_AFTER = timedelta(minutes=10)
"""In 12 days of one public feed 607 outages vanished and came back; most within minutes."""
_RESPECTS: tuple[Callable[[Revision], object], ...] = (
    lambda revision: revision.state.is_open,
    lambda revision: revision.public_etr,
)
"""In what an outage flaps: whether it is out at all, and until when."""


def held_until(before: Sequence[Revision], new: Revision) -> datetime | None:
    """Until when who heard of it before need not hear of `new`; None: it may be told.

    `before`: the older revisions, oldest first. It changed the same way less than 10 minutes ago,
    so that it may well change back; a newer revision takes the unsent word away.
    """
    held = [
        changed_at + SETTLED_AFTER
        for said in _RESPECTS
        if before and said(new) != said(before[-1])
        for changed_at in _changes(before, said)
        if new.recorded_at < changed_at + SETTLED_AFTER
    ]
    return max(held, default=None)


def _changes(before: Sequence[Revision], said: Callable[[Revision], object]) -> list[datetime]:
    return [after.recorded_at for first, after in pairwise(before) if said(first) != said(after)]
