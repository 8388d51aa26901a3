"""Outage notifications that come by HTTP, and how long a feed is believed without a word."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from outreach.campaigns.engine import Engine
from outreach.campaigns.intake import take_in
from outreach.contactcenter.standing import Limits
from outreach.model.intake import Taken
from outreach.outages import intake_notifications
from outreach.settings import Settings

_NOT_A_NAME = re.compile(r"[^a-z0-9]+")


def take_notifications(engine: Engine, raw: bytes, now: datetime) -> Taken:
    """Takes a document in, for the feed that its system is. InputRefused if it is none."""
    feed = feed_name(intake_notifications.system(raw))
    return take_in(engine, feed, intake_notifications.read(raw), now=now)


def feed_name(system: str) -> str:
    """The feed of the settings that a system's own name stands for: `CCB-NMS` is `ccb-nms`."""
    return _NOT_A_NAME.sub("-", system.casefold()).strip("-") or "unnamed"


def freshness(settings: Settings) -> Limits:
    """How long the IVR speaks from a feed without a word: as long as the longest may be silent."""
    silences = [timedelta(seconds=feed.silent_after_s) for feed in settings.feeds]
    return Limits(feed_lapse=max(silences)) if silences else Limits()
