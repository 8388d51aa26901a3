"""Sends at night what a campaign holds for the morning: a person's word, for one run, with its reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from outreach.campaigns import pins, timing
from outreach.model.campaign import Campaign
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import OccasionId
from outreach.model.words import PriorityClass, Purpose, RunState
from outreach.store import audit, held, occasions, runs
from outreach.store.runs import Run
from outreach.store.session import Database

EVERYBODY = (PriorityClass.A, PriorityClass.B, PriorityClass.C)
_LIVING = {RunState.ACTIVE, RunState.PAUSED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What leaves now instead of in the morning."""

    run: Run
    messages: int
    from_: datetime
    """The undo time and the least age of an outage are kept."""


def refuse(campaign: Campaign, reason: str) -> None:
    """InputRefused without a reason; GuardRefused for advertising: asked before anything is launched."""
    if not reason.strip():
        raise InputRefused("reason: empty; say why people are woken")
    if campaign.purpose is Purpose.COMMERCIAL:
        raise GuardRefused(f"{campaign.name} is commercial; it never leaves at night")


def now_at_night(
    database: Database,
    run: Run,
    classes: Collection[PriorityClass] = EVERYBODY,
    *,
    reason: str,
    actor: str,
    now: datetime,
) -> Released:
    """Lets the messages of a run leave that wait for the end of somebody's night; audited with its reason.

    It holds for what waits now, never for a later notice: whoever wants that one out at night says so again.
    InputRefused without a reason; GuardRefused for advertising (its hours are law, reliability.md §4) and
    for a run that has ended.
    """
    with database.write() as session:
        run = runs.get(session, run.id)
        campaign = pins.of_run(session, run).campaign
        refuse(campaign, reason)
        if run.state not in _LIVING:
            raise GuardRefused(f"{run.campaign} is {run.state}; nothing of it leaves any more")
        occasion = occasions.get(session, OccasionId(run.occasion_id))
        from_ = timing.at_any_hour(campaign, start_at=occasion.revision.start_at, now=now)
        count = held.release(session, run.id, classes, from_=from_)
        audit.write(
            session, actor, "campaign.now_at_night", f"run:{run.id}", now=now,
            reason=reason.strip(), classes="".join(sorted(classes)), messages=count,
        )  # fmt: skip
    return Released(run=run, messages=count, from_=from_)
