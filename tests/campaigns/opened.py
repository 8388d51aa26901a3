"""An engine with an outage, for the tests of the engine."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from sqlalchemy import select
from tests import make, town

from outreach.campaigns import pins
from outreach.campaigns.engine import Applied, Engine
from outreach.model.occasion import NewOccasion, Scope
from outreach.model.words import OccasionKind, Service
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.store import occasions, runs, tables as t

NOW = make.NOW
UNPLANNED = "unplanned-outage"
OUTAGE = NewOccasion(
    kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=town.FEEDER, zone=make.ZONE
)


def make_engine(database, tmp_path) -> Engine:
    with database.write() as session:
        town.build(session)
    return town.engine(database, town.workspace(tmp_path))


def open_outage(engine: Engine, *, node: str = town.FEEDER, **change) -> Applied:
    revision = revise.opened(Scope(nodes=(node,)), start_at=NOW, change=Change(**change), now=NOW)
    return engine.open(OUTAGE, revision, now=NOW)


def launched(engine: Engine, **change) -> Applied:
    applied = open_outage(engine, **change)
    return engine.launch(applied.occasion.id, UNPLANNED, actor="ana", now=NOW)


def update(engine: Engine, applied: Applied, *, after: timedelta, **change) -> Applied:
    now = NOW + after
    with engine.database.read() as session:
        current = occasions.get(session, applied.occasion.id).revision
    revision = revise.updated(current, Change(**change), now=now)
    assert revision is not None
    return engine.revise(applied.occasion.id, revision, now=now)


def told(engine: Engine) -> None:
    """Everything queued reaches the carrier."""
    with engine.database.write() as session:
        session.execute(
            t.message.update().where(t.message.c.state == "queued").values(state="accepted")
        )
        session.execute(t.queue.delete())


def steps(engine: Engine) -> dict[str, dict[str, int]]:
    """step -> state -> messages."""
    with engine.database.read() as session:
        rows = session.execute(
            select(t.step_run.c.step, t.message.c.state).join(
                t.message, t.message.c.step_run_id == t.step_run.c.id
            )
        ).all()
    found: dict[str, Counter[str]] = {}
    for step, state in rows:
        found.setdefault(step, Counter())[state] += 1
    return {step: dict(states) for step, states in found.items()}


def restore(
    engine: Engine, applied: Applied, *, after: timedelta, part: Scope | None = None
) -> Applied:
    now = NOW + after
    with engine.database.read() as session:
        current = occasions.get(session, applied.occasion.id).revision
    revision = revise.restored(current, part=part, known_how="crew", now=now)
    assert revision is not None
    return engine.revise(applied.occasion.id, revision, now=now)


def arm(engine: Engine) -> None:
    pinned = pins.read(engine.settings, UNPLANNED)
    with engine.database.write() as session:
        runs.pin(session, pinned.digest, pinned.body, now=NOW)
        armed = runs.Armed(
            campaign=UNPLANNED,
            pinned=pinned.digest,
            author="ana",
            approver="beto",
            at=NOW,
            until=None,
        )
        runs.arm(session, armed)
