"""What staff has to know before it is too late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class AlarmKind(StrEnum):
    """What is about to go wrong, or has."""

    NEWS_DUE = "news_due"
    """The promised next news is about to be missed."""
    ETR_EXPIRING = "etr_expiring"
    """A told estimate is about to pass."""
    CAUSE_CLOCK = "cause_clock"
    """The cause is known, and nobody has been told since."""
    EVENT_CLOCK = "event_clock"
    """An outage is known, and nobody has been told of it."""
    FEED_SILENT = "feed_silent"
    FEED_HALVED = "feed_halved"
    REGISTER = "register"
    PLANNED_BREACH = "planned_breach"
    ZONE_RULES = "zone_rules"
    """New rules of a time zone moved works, or a host still has old ones."""
    ALERT_ASKED = "alert_asked"
    """An alert from elsewhere waits for a person."""
    CALLS_ADDED = "calls_added"
    """Messages of a campaign bring calls that the queue cannot take; its sending was slowed."""
    ENDPOINT_GONE = "endpoint_gone"
    """An endpoint of webhooks answered that nobody listens there any more; it is not posted to."""
    SUSPECTED = "suspected"
    """Reports of customers point at an outage that nobody has confirmed."""
    PRIORITY_OPT_OUT = "priority_opt_out"
    """A customer of class A stopped a channel on a page: a person asks how else they are reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm, raised once for its kind, subject and instant."""

    id: int
    kind: AlarmKind
    subject: str
    """`occasion:7`, `event:2`, `feed:oms`."""
    due_at: datetime
    """When the promise or the clock runs out."""
    raised_at: datetime
    told_at: datetime | None
    """When the duty phone was last told."""
    cleared_at: datetime | None
    cleared_by: str
    detail: dict[str, Any]
