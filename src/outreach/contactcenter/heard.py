"""Remembers what a caller heard, so that who calls again within two hours hears only what is new.

In memory and bounded: it outlives neither the process nor the two hours. Callers are keyed hashes.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.contactcenter.answer import Decision

AGAIN_WITHIN = timedelta(hours=2)
SAME_CALL = timedelta(seconds=60)
"""A platform that asks twice in so short a time asks for one call, where it does not name calls."""
MOST = 50_000


@dataclass(frozen=True, slots=True)
class _Heard:
    said: tuple[object, ...]
    as_of: datetime
    at: datetime
    call_id: str
    shown: datetime | None
    """What was answered to this call: asked again, it gets the same."""


class Heard:
    """Who heard what; `since` asks and notes at once. For one thread."""

    def __init__(self, *, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, _Heard] = OrderedDict()

    def since(
        self, caller: bytes, decision: Decision, *, call_id: str, now: datetime
    ) -> datetime | None:
        """As of when this caller heard just this; None on a first call, and where something is new."""
        said, before = news(decision), self._kept.get(caller)
        is_known = before is not None and before.said == said and _is_near(before, now)
        if before is None or not is_known:
            self._keep(caller, _Heard(said, decision.as_of, now, call_id, None))
            return None
        if _is_same_call(before, call_id, now):
            return before.shown
        self._keep(caller, _Heard(said, before.as_of, now, call_id, before.as_of))
        return before.as_of

    def _keep(self, caller: bytes, heard: _Heard) -> None:
        self._kept[caller] = heard
        self._kept.move_to_end(caller)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


def news(decision: Decision) -> tuple[object, ...]:
    """What of a decision is news to who heard another one: not its as-of time, nor the next promise."""
    facts = decision.facts
    if facts is None:
        return ()
    return (
        decision.outage_id, decision.status, decision.template, decision.locale, facts.area,
        facts.etr_at, facts.etr_from, facts.etr_confidence, facts.cause, facts.fact,
        facts.start_at, facts.end_at, facts.is_danger,
    )  # fmt: skip


def _is_near(before: _Heard, now: datetime) -> bool:
    return timedelta(0) <= now - before.at < AGAIN_WITHIN


def _is_same_call(before: _Heard, call_id: str, now: datetime) -> bool:
    if call_id and before.call_id:
        return call_id == before.call_id
    return now - before.at < SAME_CALL
