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
    """Sum over the lanes of the pool, each at its weight; 0 if none carries."""
    starts_at: datetime
    pool: str = ""


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


QUEUE_LIMIT = timedelta(hours=10)
"""How long a carrier keeps an SMS that it could not send yet; then it fails with 30001 (Twilio)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlong:
    """What a pool cannot get rid of before `ends_at`: the text is untrue then, or the carrier drops it."""

    pool: str
    segments: int
    rate: float
    takes: timedelta
    """From the first that may leave to the last."""
    ends_at: datetime
    too_late: int
    """Segments that would leave after it."""
    is_untrue: bool
    """False: it is the carrier's limit that is passed first."""


def overlong(loads: Iterable[Load], *, true_until: datetime | None) -> list[Overlong]:
    """Pools that carry more than they can drain in time; one without a lane is no matter of time."""
    found = [_overlong(load, true_until) for load in loads if load.rate > 0]
    return [one for one in found if one is not None]


def _overlong(load: Load, true_until: datetime | None) -> Overlong | None:
    takes = timedelta(seconds=load.segments / load.rate)
    dropped_at = load.starts_at + QUEUE_LIMIT
    is_untrue = true_until is not None and true_until < dropped_at
    ends_at = true_until if is_untrue and true_until is not None else dropped_at
    if load.starts_at + takes <= ends_at:
        return None
    in_time = max(0.0, (ends_at - load.starts_at).total_seconds()) * load.rate
    return Overlong(
        pool=load.pool, segments=load.segments, rate=load.rate, takes=takes, ends_at=ends_at,
        too_late=load.segments - int(in_time), is_untrue=is_untrue,
    )  # fmt: skip


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
