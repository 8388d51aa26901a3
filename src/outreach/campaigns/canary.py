"""The canary: a random share leaves first, somebody looks, and with one word everybody else follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from outreach.campaigns import jobs
from outreach.campaigns.drill_lanes import every_lane
from outreach.campaigns.engine import Engine
from outreach.store import audit, backlog, runs
from outreach.store.runs import Run
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A run whose canary somebody has to look at. Of its bulk messages other than class A."""

    run: Run
    left: int
    waiting: int


def held(session: Session, chosen: Sequence[Run]) -> list[Held]:
    """Those of the runs that wait for a word."""
    return [
        Held(run=run, left=left, waiting=waiting)
        for run in chosen
        if run.canary_rank is not None
        for left, waiting in [backlog.canary(session, run.id, run.canary_rank)]
    ]


def go(engine: Engine, chosen: Sequence[Run], *, actor: str, now: datetime) -> list[Held]:
    """Everybody else leaves now. Runs without a canary, or that had their word, are left alone."""
    with engine.database.write() as session:
        waiting = [
            each for each in held(session, chosen) if runs.let_go(session, each.run.id, now=now)
        ]
        for each in waiting:
            audit.write(
                session, actor, "campaign.go", f"run:{each.run.id}", now=now,
                left=each.left, waiting=each.waiting,
            )  # fmt: skip
        if waiting:
            lanes = every_lane(engine.settings)
            engine.queue.defer(session, *[jobs.of(jobs.Kind.DRIVE, lane.name) for lane in lanes])
    return waiting
