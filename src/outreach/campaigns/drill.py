"""An exercise: the whole way of a campaign with real people's rows, and nobody is reached.

Its occasion and its run bear the word, its texts open with it, its messages lie in pools of their own,
and only an outbox is given them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from outreach.campaigns import pins
from outreach.campaigns.drill_lanes import drill_lanes
from outreach.campaigns.engine import Applied, Engine
from outreach.model.errors import GuardRefused
from outreach.model.occasion import NewOccasion, Revision
from outreach.settings import Settings
from outreach.store import audit, lanes
from outreach.store.lanes import Lane
from outreach.store.session import Database


def drill(
    engine: Engine,
    campaign: str,
    new: NewOccasion,
    revision: Revision,
    *,
    actor: str,
    now: datetime,
) -> Applied:
    """Opens the exercise and launches `campaign` for it; no second person is needed, for nobody hears.

    GuardRefused: the campaign serves something else. Restore or cancel it as the real thing.
    """
    pinned = pins.read(engine.settings, campaign)
    if new.kind is not pinned.campaign.serves:
        raise GuardRefused(f"{campaign} serves {pinned.campaign.serves}, not {new.kind}")
    declare(engine.database, engine.settings)
    opened = engine.open(replace(new, drill=True), revision, now=now)
    with engine.database.write() as session:
        audit.write(
            session, actor, "campaign.drill", f"occasion:{opened.occasion.id}", now=now,
            campaign=campaign,
        )  # fmt: skip
    return engine.launch(opened.occasion.id, campaign, actor=actor, now=now, pinned=pinned)


def declare(database: Database, settings: Settings) -> None:
    """Writes the lanes that carry drills; installations that never held one have none."""
    rows = [
        Lane(
            name=lane.name,
            pool=lane.pool,
            channel=lane.channel,
            sender=lane.sender,
            rate=lane.rate,
            provider=lane.provider,
        )
        for lane in drill_lanes(settings)
    ]
    with database.write() as session:
        lanes.declare(session, rows)
