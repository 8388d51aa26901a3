"""Plans ahead, purely: when notices are due, which are late, and who hears last."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from outreach.model.campaign import Campaign, Step
from outreach.model.words import Event


class Outlook(StrEnum):
    """What becomes of a due instant, seen from now."""

    AHEAD = "ahead"
    LATE = "late"
    """Past, but its text is still true: it goes out at once."""
    EXPIRED = "expired"
    """Past its too_late_at: recorded, never sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDue:
    """One instant at which a notice is due, and from when on it would no longer serve anybody."""

    at: datetime
    step: str
    too_late_at: datetime
    outlook: Outlook


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A notice period that can no longer be kept."""

    step: str
    due_at: datetime
    short_by: timedelta


def planned_dues(campaign: Campaign, start_at: datetime, now: datetime) -> list[PlannedDue]:
    """Due instants of a planned work's notices, ascending.

    Leads are elapsed time, taken off the instant: 72 h before a start on the morning after the
    clock changed is 71 or 73 hours on the wall. A notice is too late when its `too_late_after` is
    over, when the next notice is due (one is enough), or when the work begins.
    """
    notices = _notices(campaign, start_at)
    instants = [*(at for at, _ in notices), start_at]
    dues = []
    for (at, step), next_at in zip(notices, instants[1:], strict=True):
        too_late_at = _too_late(step, at=at, next_at=next_at)
        dues.append(
            PlannedDue(
                at=at,
                step=step.name,
                too_late_at=too_late_at,
                outlook=_outlook(at, too_late_at, now),
            )
        )
    return dues


def breaches(campaign: Campaign, *, start_at: datetime, now: datetime) -> list[Breach]:
    """The notice period, set by the longest lead of the campaign, if `now` is too late to keep it.

    A work that has begun is no breach of notice any more, but an outage.
    """
    notices = _notices(campaign, start_at)
    if not notices or start_at <= now:
        return []
    at, step = notices[0]
    return [Breach(step=step.name, due_at=at, short_by=now - at)] if at < now else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one pool of lanes has to carry: SMS segments, or messages, and how many a second it can."""

    segments: int
    rate: float
    """Sum over the lanes of the pool; 0 if it has none."""
    starts_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """When the first and the last person hear; for want of a lane `last_at` is None if some never
    do, and `first_at` too if nobody does."""

    first_at: datetime | None
    last_at: datetime | None


def drain(loads: Iterable[Load]) -> Drain | None:
    """First and last over pools that work side by side, each at its own rate; None if nothing is to send."""
    carried = [load for load in loads if load.segments > 0]
    if not carried:
        return None
    first_at = min((load.starts_at for load in carried if load.rate > 0), default=None)
    ends = [
        load.starts_at + timedelta(seconds=load.segments / load.rate) if load.rate > 0 else None
        for load in carried
    ]
    lasting = [end for end in ends if end is not None]
    return Drain(
        first_at=first_at,
        last_at=max(lasting) if len(lasting) == len(ends) else None,
    )


def _notices(campaign: Campaign, start_at: datetime) -> list[tuple[datetime, Step]]:
    steps = [(step.lead, step) for step in campaign.steps_on(Event.NOTICE) if step.lead is not None]
    return sorted(((start_at - lead, step) for lead, step in steps), key=lambda due: due[0])


def _too_late(step: Step, *, at: datetime, next_at: datetime) -> datetime:
    if step.too_late_after is None:
        return next_at
    return min(next_at, at + step.too_late_after)


def _outlook(at: datetime, too_late_at: datetime, now: datetime) -> Outlook:
    if at >= now:
        return Outlook.AHEAD
    return Outlook.LATE if now < too_late_at else Outlook.EXPIRED
