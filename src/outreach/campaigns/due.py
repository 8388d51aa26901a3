"""What the clock does: fires due instants, once each, and drops none in silence."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from outreach.campaigns import pins
from outreach.campaigns.engine import Engine
from outreach.model.errors import GuardRefused
from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.words import Event
from outreach.outages import revise, revise_planned
from outreach.outages.revise import Change, Origin
from outreach.store import due, occasions, runs
from outreach.store.due import Due
from outreach.store.session import Session

CLOCK = Origin(author="clock", source="clock")
DEFAULT_CADENCE = timedelta(minutes=60)


def tick(engine: Engine, *, now: datetime) -> Counter[str]:
    """Fires everything due at `now`; how many instants ended done, expired or overtaken."""
    with engine.database.read() as session:
        waiting = due.waiting(session, now=now)
    return Counter(_fire(engine, one, now=now) for one in waiting)


def _fire(engine: Engine, one: Due, *, now: datetime) -> str:
    """A crash between firing and settling repeats the firing, which by then changes nothing:
    a new revision has overtaken the instant, and a wave is unique on its step and revision."""
    with engine.database.read() as session:
        occasion = occasions.get(session, OccasionId(one.occasion_id))
        cadence = _cadence(session, occasion)
    outcome, reason = _outcome(one, occasion, now=now)
    if outcome == "done":
        _act(engine, one, occasion, cadence=cadence, now=now)
    with engine.database.write() as session:
        due.settle(session, one.id, outcome, reason, now=now)
    return outcome


def _outcome(one: Due, occasion: Occasion, *, now: datetime) -> tuple[str, str]:
    if not occasion.revision.state.is_open:
        return "overtaken", f"the {occasion.kind} is {occasion.revision.state}"
    if one.too_late_at is not None and now > one.too_late_at:
        return "expired", "too late: the notice would no longer serve anybody"
    return "done", ""


def _act(
    engine: Engine, one: Due, occasion: Occasion, *, cadence: timedelta, now: datetime
) -> None:
    match Event(one.what):
        case Event.NOTICE:
            engine.fire(occasion.id, Event.NOTICE, step=one.step, now=now)
        case Event.STILL_UNKNOWN | Event.ETR_EXPIRING as event:
            _next_news(engine, occasion, event, cadence=cadence, now=now)
        case Event.STARTED:
            begun = revise_planned.started(occasion.revision, now=now, origin=CLOCK)
            _revise(engine, occasion, begun, Event.STARTED, now=now)
        case Event.ENDED:
            over = revise.ended(occasion.revision, now=now, origin=CLOCK)
            _revise(engine, occasion, over, Event.ENDED, now=now)
        case other:
            raise GuardRefused(f"the clock knows no {other}")


def _next_news(
    engine: Engine, occasion: Occasion, event: Event, *, cadence: timedelta, now: datetime
) -> None:
    """Silence is a step: nobody brought news by the promised time, so people hear when the next will come."""
    change = Change(
        withdrawn=event is Event.ETR_EXPIRING,
        next_update_at=now + cadence,
        cadence=cadence,
        confirmed=True,
    )
    revision = revise.updated(occasion.revision, change, now=now, origin=CLOCK)
    _revise(engine, occasion, revision, event, now=now)


def _revise(
    engine: Engine, occasion: Occasion, revision: Revision | None, event: Event, *, now: datetime
) -> None:
    if revision is not None:
        engine.revise(occasion.id, revision, now=now, clock=event)


def _cadence(session: Session, occasion: Occasion) -> timedelta:
    for run in runs.of(session, occasion.id):
        return pins.of_run(session, run).campaign.cadence
    return DEFAULT_CADENCE
