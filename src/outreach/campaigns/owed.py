"""What the clock owes an occasion: planned notices, promised news, expiring estimates, ends that pass."""

from __future__ import annotations

from datetime import datetime

from outreach.campaigns import pins
from outreach.campaigns.plan import PlannedDue, planned_dues
from outreach.model.campaign import Campaign, Renotify
from outreach.model.occasion import Occasion
from outreach.model.words import Event, OccasionKind, OccasionState
from outreach.store import due, occasions, promises, runs
from outreach.store.runs import Run
from outreach.store.session import Session

_BY = "overtaken by version"
_CLOCKED = (
    Event.STILL_UNKNOWN,
    Event.ETR_EXPIRING,
    Event.ETR_HELD,
    Event.STARTED,
    Event.OVERRUN,
    Event.ENDED,
)
"""What the clock says itself, once for each version."""


def renew(session: Session, occasion: Occasion, *, fired: Event | None, now: datetime) -> None:
    """Replaces what was owed at older revisions by what the newest owes; `fired` has just been done."""
    revision = occasion.revision
    if fired is not None:
        due.close(session, occasion.id, fired, (due.DONE, ""), now=now)
    due.close(session, occasion.id, _CLOCKED, _overtaken(occasion), now=now)
    if revision.state.is_open:
        wanted = [*_instants(occasion), (Event.ETR_HELD, _held_until(session, occasion, now=now))]
        due.add(session, [_due(occasion, what, at) for what, at in wanted if at is not None])


def _held_until(session: Session, occasion: Occasion, *, now: datetime) -> datetime | None:
    """When an estimate that was too little news to be told is looked at again: the old one is close to passing."""
    public, told = occasion.revision.public_etr, promises.told(session, occasion.id)
    if public is None or told is None or public == told.etr_at:
        return None
    at = told.etr_at - _rules(session, occasion).expiring_within
    return at if now < at < public else None


def _rules(session: Session, occasion: Occasion) -> Renotify:
    for run in runs.of(session, occasion.id):
        return pins.campaign(session, run.pinned).renotify
    return Renotify()


def _overtaken(occasion: Occasion) -> tuple[str, str]:
    return due.OVERTAKEN, f"{_BY} {occasion.revision.version}"


def _instants(occasion: Occasion) -> list[tuple[Event, datetime | None]]:
    revision = occasion.revision
    match occasion.kind:
        case OccasionKind.OUTAGE if revision.public_etr is not None:
            return [(Event.ETR_EXPIRING, revision.public_etr)]
        case OccasionKind.OUTAGE:
            return [(Event.STILL_UNKNOWN, revision.next_update_at)]
        case OccasionKind.PLANNED if revision.state is OccasionState.SCHEDULED:
            return [(Event.STARTED, revision.start_at)]
        case OccasionKind.PLANNED:
            # Once it has overrun no end is known; its next news is what is owed then.
            return [(Event.OVERRUN, revision.end_at or revision.next_update_at)]
        case OccasionKind.ADVISORY:
            return [(Event.ENDED, revision.end_at)]


def _due(occasion: Occasion, what: Event, at: datetime) -> due.NewDue:
    return due.NewDue(
        at=at, what=what, occasion_id=occasion.id, step=f"v{occasion.revision.version}"
    )


def notices(session: Session, occasion: Occasion, run: Run, *, now: datetime) -> None:
    """Writes the instants of a planned work's notices anew; those too late are kept, as expired."""
    if occasion.kind is not OccasionKind.PLANNED:
        return
    revision = occasion.revision
    due.close(session, occasion.id, Event.NOTICE, _overtaken(occasion), now=now, run=run.id)
    if revision.state is not OccasionState.SCHEDULED:
        return
    campaign = pins.campaign(session, run.pinned)
    told = _told(session, occasion, campaign)
    due.add(
        session,
        [
            _notice(occasion, run, one)
            for one in planned_dues(campaign, revision.start_at, now)
            if one.step not in told
        ],
    )


def _notice(occasion: Occasion, run: Run, planned: PlannedDue) -> due.NewDue:
    return due.NewDue(
        at=planned.at, what=Event.NOTICE, occasion_id=occasion.id, run_id=run.id,
        step=planned.step, too_late_at=planned.too_late_at,
    )  # fmt: skip


def _told(session: Session, occasion: Occasion, campaign: Campaign) -> set[str]:
    """Steps that were told of this start on the wall before the rules of its zone moved the instant.

    What counts as told once is the time people were told, and that is the one on the wall.
    """
    now_at, wall = occasion.revision.start_at, occasion.revision.start_wall
    if wall is None:
        return set()
    history = occasions.history(session, occasion.id)
    moved = {one.start_at for one in history if one.start_wall == wall} - {now_at}
    if not moved:
        return set()
    leads = {step.name: step.lead for step in campaign.steps_on(Event.NOTICE) if step.lead}
    return {
        one.step
        for one in due.of(session, occasion.id)
        if one.outcome == due.DONE and one.step in leads and one.at + leads[one.step] in moved
    }
