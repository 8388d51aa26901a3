"""The ladder of a step: without a receipt in time, the customer's next channel; a tick that costs little."""

from __future__ import annotations

from datetime import datetime, timedelta

from outreach.campaigns import pins, timing, waves
from outreach.campaigns.drill_lanes import DRILL
from outreach.model.campaign import Step
from outreach.model.occasion import OccasionId
from outreach.settings import Settings
from outreach.store import ladder, occasions, runs
from outreach.store.ladder import Climb
from outreach.store.runs import Wave
from outreach.store.session import Database, Session

APART = timedelta(seconds=30)
"""A wave is looked through at most so often: a look reads all of its messages."""
YOUNG = timedelta(hours=24)
SLICE = 1_000
"""Customers that one transaction moves up."""
MOST_SLICES = 20
"""Of one wave in one call; the rest waits for the next, so that no job takes long."""
SILENT_PROVIDERS = ("smtp", "x")


def climb(database: Database, settings: Settings, *, now: datetime) -> int:
    """Moves up whoever is due, in every wave whose step has a ladder; how many messages were added.

    Safe to call at any time and by several at once: a rung is written once.
    """
    with database.read() as session:
        if not any(_has_ladder(session, digest) for digest in runs.pinned_active(session)):
            return 0
        plans = [
            plan
            for wave in ladder.waves(session, now=now, apart=APART, young=YOUNG)
            if (plan := _planned(session, settings, wave, now=now)) is not None
        ]
    return sum(_climbed(database, plan) for plan in plans)


def _has_ladder(session: Session, digest: str) -> bool:
    steps = pins.campaign(session, digest).steps
    return any(step.ladder_after is not None for step in steps)


def step_of(session: Session, wave: Wave) -> Step | None:
    """The step of a wave, as it was pinned; None: the file has no such step any more."""
    campaign = pins.campaign(session, runs.get(session, wave.run_id).pinned)
    return next((step for step in campaign.steps if step.name == wave.step), None)


def _planned(session: Session, settings: Settings, wave: Wave, *, now: datetime) -> Climb | None:
    step = step_of(session, wave)
    if step is None or step.ladder_after is None:
        return None
    run = runs.get(session, wave.run_id)
    occasion = occasions.get(session, OccasionId(run.occasion_id))
    if occasion.revision.version != wave.version:
        return None
    campaign = pins.campaign(session, run.pinned)
    return Climb(
        wave=wave.id,
        channels=waves.people_channels(step, settings),
        after=step.ladder_after,
        now=now,
        pools=() if run.drill else waves.pools(settings),
        home=DRILL if run.drill else "*",
        releases=timing.releases(
            campaign, step, occasion, zones=ladder.zones(session, wave.id), now=now
        ),
        silent=SILENT_PROVIDERS,
    )


def _climbed(database: Database, plan: Climb) -> int:
    """Reads first, so that a wave without anybody due costs one short write, its mark."""
    added = 0
    for _slice in range(MOST_SLICES):
        with database.read() as session:
            due = ladder.candidates(session, plan, limit=SLICE)
        if not due:
            break
        with database.write() as session:
            written = ladder.climb(session, plan, due)
        if not written:
            break
        added += written
    with database.write() as session:
        ladder.looked_at(session, plan.wave, now=plan.now)
    return added
