"""Takes the messages of a feed into the truth, one after the other, and counts what became of each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice

from outreach.campaigns import pins
from outreach.campaigns.due import DEFAULT_CADENCE
from outreach.campaigns.engine import Engine
from outreach.campaigns.intake_desk import Desk
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.intake import OutageMessage, Taken, Unreadable
from outreach.outages.intake_apply import Habits
from outreach.store import leases

CAMPAIGN = "unplanned-outage"
BATCH = 100
LEASE = timedelta(seconds=120)
"""One reader of a feed at a time; a reader that dies keeps the others out no longer than this."""


def take_in(
    engine: Engine,
    feed: str,
    messages: Iterable[OutageMessage | Unreadable],
    *,
    now: datetime,
    as_received: bool = False,
) -> Taken:
    """Applies messages in their order; each is a transaction of its own.

    `as_received`: each message's own time of arrival is its now, to replay what was recorded.
    GuardRefused: somebody else reads this feed at this moment. A crash in between repeats a
    message harmlessly: its sequence, or its content, is the truth already.
    """
    desk = Desk(
        engine=engine, feed=feed, source=source_of(engine, feed), habits=_habits(engine),
        as_received=as_received, silent_after=_silent_after(engine, feed), now=now,
    )  # fmt: skip
    owner = engine.random_bytes(8).hex()
    rest = iter(messages)
    _hold(engine, feed, owner, now=now)
    try:
        while batch := list(islice(rest, BATCH)):
            desk.take(batch)
            _hold(engine, feed, owner, now=now)
        desk.heard()
    finally:
        with engine.database.write() as session:
            leases.release(session, _lease(feed), owner, now=now)
    return desk.taken


def source_of(engine: Engine, feed: str) -> str:
    """`feed:oms` for a feed of the settings, which lives by its heartbeat; else `import:oms`."""
    kept = any(one.name == feed for one in engine.settings.feeds)
    return f"feed:{feed}" if kept else f"import:{feed}"


def _silent_after(engine: Engine, feed: str) -> timedelta:
    named = (one.silent_after_s for one in engine.settings.feeds if one.name == feed)
    return timedelta(seconds=next(named, 0))


def _lease(feed: str) -> str:
    return f"feed:{feed}"


def _hold(engine: Engine, feed: str, owner: str, *, now: datetime) -> None:
    with engine.database.write() as session:
        held = leases.take(session, _lease(feed), owner, now=now, lease=LEASE)
    if held is None:
        raise GuardRefused(f"feed {feed}: is being read at this moment; send it again in a minute")


def _habits(engine: Engine) -> Habits:
    try:
        cadence = pins.read(engine.settings, CAMPAIGN).campaign.cadence
    except InputRefused:  # the truth is kept whatever the state of the campaign files
        cadence = DEFAULT_CADENCE
    return Habits(etr_minutes=engine.settings.delivery.quarter_hour_etr, cadence=cadence)
