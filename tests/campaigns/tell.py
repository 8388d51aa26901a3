"""Runs the small town's outage for tests of what staff see: launched, and moved state by state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from tests import make, town

from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.telling import Teller
from outreach.delivery.verdicts import body_hash
from outreach.model.occasion import NewOccasion, Scope
from outreach.model.words import MessageState, OccasionKind, Service
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.store import occasions, tables as t
from outreach.store.explain import Wanted, messages

NOW = make.NOW
UNPLANNED = "unplanned-outage"
OUTAGE = NewOccasion(
    kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=town.FEEDER, zone=make.ZONE
)


def opened(engine: Engine, **change: Any) -> Applied:
    scope = Scope(nodes=(town.FEEDER,))
    return engine.open(
        OUTAGE, revise.opened(scope, start_at=NOW, change=Change(**change), now=NOW), now=NOW
    )


def launched(engine: Engine, **change: Any) -> Applied:
    occasion = opened(engine, **change).occasion.id
    return engine.launch(occasion, UNPLANNED, actor="ana", now=NOW)


def updated(engine: Engine, applied: Applied, *, at: datetime, **change: Any) -> Applied:
    with engine.database.read() as session:
        current = occasions.get(session, applied.occasion.id).revision
    revision = revise.updated(current, Change(**change), now=at)
    assert revision is not None
    return engine.revise(applied.occasion.id, revision, now=at)


def moved(
    engine: Engine,
    state: MessageState,
    *,
    at: datetime = NOW,
    only: int | None = None,
    **changes: Any,
) -> list[int]:
    """What is queued (at most `only` of it) leaves and ends in this state; the ids."""
    teller = Teller(engine.database, engine.settings)
    with engine.database.read() as session:
        waiting = messages(session, Wanted(state=MessageState.QUEUED, limit=1000))[:only]
    for one in waiting:
        values = {
            "state": state, "try": 1, "lane": "sms", "provider": "outbox", "segments": 1, "claimed_at": at,
            "accepted_at": at, "slot_at": at, "body_hash": body_hash(teller.render(one.recipient, "")),
        }  # fmt: skip
        with engine.database.write() as session:
            session.execute(
                update(t.message).where(t.message.c.id == one.recipient.id).values(values | changes)
            )
            session.execute(t.queue.delete().where(t.queue.c.message_id == one.recipient.id))
    return [one.recipient.id for one in waiting]


def customer(engine: Engine, ref: str) -> int:
    with engine.database.read() as session:
        found: int = session.execute(
            select(t.customer.c.id).where(t.customer.c.ref == ref)
        ).scalar_one()
    return found
