"""What else the people of a wave live through: other outages, a storm's day, a blackout in which bills are silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from outreach.campaigns import pins
from outreach.model.campaign import Campaign, Step
from outreach.model.occasion import Occasion, Revision
from outreach.model.words import Audience, Event, OccasionState, Purpose, RunState
from outreach.outages import scoping
from outreach.store import daily_cap, mutes, overlap, runs
from outreach.store.freeze import Freezing
from outreach.store.runs import Run, Wave
from outreach.store.session import Session

_ENDS = {Event.RESTORED, Event.CORRECTION, Event.CANCELLED, Event.ENDED}
_LIVES = {RunState.ACTIVE, RunState.PAUSED}


def surrounded(
    session: Session, plan: Freezing, *, occasion: Occasion, campaign: Campaign, step: Step
) -> Freezing:
    """The plan beside all of it; where nothing is, the plan as it was."""
    if plan.lists:
        return plan  # a contact list has no premises
    now = plan.wave.created_at
    is_commerce = campaign.purpose is Purpose.COMMERCIAL
    return replace(
        plan,
        beside=_beside(session, plan, occasion, step),
        cap=None if _is_due_anyway(step) else daily_cap.of(session, occasion, now=now),
        muted=tuple(each.scope for each in mutes.places(session, now=now)) if is_commerce else (),
    )


def handed_over(
    session: Session, previous: Revision | None, occasion: Occasion, *, now: datetime
) -> tuple[Wave, ...]:
    """Opens waves of other outages, for whom they left out while this one told them and now tells no more.

    Asked after each revision of an outage, in its transaction. Where the scope did not shrink, nobody
    waits; merged, its people follow the survivor.
    """
    if previous is None or not _shrinks(previous, occasion.revision):
        return ()
    return tuple(
        wave
        for other in overlap.waiting(session, occasion)
        for run in runs.of(session, other.id)
        if run.state in _LIVES
        for wave in _joining(session, other, run, now=now)
    )


def take_back_ends(session: Session, previous: Revision | None, occasion: Occasion) -> int:
    """Ends what other outages still have to say of light that this one takes away again; how many.

    "Power is back", kept for the morning, is no truth for who lost it again by another outage at six.
    """
    current = occasion.revision
    if current.state not in overlap.BEGUN or not _grows(previous, current):
        return 0
    return overlap.take_back_ends(session, occasion)


def _grows(previous: Revision | None, current: Revision) -> bool:
    if previous is None or previous.state not in overlap.BEGUN or previous.scope != current.scope:
        return True
    return not scoping.without(previous.restored, current.restored).is_empty


def _beside(session: Session, plan: Freezing, occasion: Occasion, step: Step) -> overlap.Beside:
    """Who hears it elsewhere, of a first notice; for whom it is not over, of a last one."""
    if not plan.is_to_told:
        return overlap.telling(session, occasion, plan.scope)
    if step.on is Event.RESTORED or step.audience is Audience.LEFT:
        return overlap.closing(session, occasion)
    return overlap.ALONE


def _is_due_anyway(step: Step) -> bool:
    """What ends a story, or corrects one, is told to all who know its beginning."""
    return step.on in _ENDS or step.audience is Audience.LEFT


def _joining(session: Session, occasion: Occasion, run: Run, *, now: datetime) -> list[Wave]:
    version, has_etr = occasion.revision.version, occasion.revision.public_etr is not None
    opened = [
        runs.add_wave(session, run.id, version, step, now=now, again=True)
        for step in pins.campaign(session, run.pinned).steps_on(Event.JOINED)
        if step.audience is Audience.JOINED
        and not step.lists
        and (not step.when or has_etr is (step.when == "etr"))
    ]
    return [wave for wave in opened if wave is not None]


def _shrinks(previous: Revision, current: Revision) -> bool:
    if current.state is OccasionState.MERGED:
        return False
    before = (previous.state.is_open, previous.scope, previous.restored)
    return before != (current.state.is_open, current.scope, current.restored)
