"""What the clock owes an occasion: planned notices, promised news, expiring estimates."""

from __future__ import annotations

from datetime import datetime

from outreach.campaigns import pins
from outreach.campaigns.plan import planned_dues
from outreach.model.occasion import Occasion
from outreach.model.words import Event, OccasionKind, OccasionState
from outreach.store import due
from outreach.store.runs import Run
from outreach.store.session import Session

OVERDUE = "overtaken by version"


def renew(session: Session, occasion: Occasion, *, fired: Event | None, now: datetime) -> None:
    """Replaces what was owed at older revisions by what the newest owes; `fired` has just been done."""
    revision = occasion.revision
    clock_events = [Event.STILL_UNKNOWN, Event.ETR_EXPIRING, Event.STARTED, Event.ENDED]
    for event in clock_events:
        outcome = "done" if event is fired else "overtaken"
        reason = "" if event is fired else f"{OVERDUE} {revision.version}"
        due.close(session, occasion.id, outcome, reason, now=now, what=event)
    if revision.state.is_open:
        due.add(
            session,
            [_due(occasion, what, at) for what, at in _instants(occasion) if at is not None],
        )


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
            return []
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
    due.close(
        session,
        occasion.id,
        "overtaken",
        f"{OVERDUE} {revision.version}",
        now=now,
        what=Event.NOTICE,
    )
    if revision.state is not OccasionState.SCHEDULED:
        return
    campaign = pins.of_run(session, run).campaign
    planned = planned_dues(campaign, revision.start_at, now)
    due.add(
        session,
        [
            due.NewDue(
                at=one.at, what=Event.NOTICE, occasion_id=occasion.id, run_id=run.id,
                step=one.step, too_late_at=one.too_late_at,
            )
            for one in planned
        ],
    )  # fmt: skip
