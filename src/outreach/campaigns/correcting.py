"""Corrects what was told wrongly: to exactly those who heard it, or may have, by every channel they heard it on.

Prepared in daylight: text and step were approved with the notice itself, so that nobody is asked now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from outreach.campaigns import news, pins
from outreach.campaigns.engine import Applied, Engine
from outreach.model.occasion import OccasionId, Revision
from outreach.model.words import Channel, Event, RunState
from outreach.store import audit, corrections, runs
from outreach.store.runs import Run
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What a correction did."""

    applied: Applied
    told: dict[Channel, int]
    """Addresses, and accounts of ours, that had heard or may have."""
    hear: int
    """Messages of the correction; the sum of `told`, unless a campaign is silent."""
    resumed: tuple[str, ...]
    """Campaigns that were paused, or cancelled, and let this one notice leave."""
    silent: tuple[str, ...]
    """Campaigns that told people and were launched without a step for corrections."""

    @property
    def people(self) -> int:
        """The same without the posts of our own accounts."""
        return max(0, self.hear - self.told.get(Channel.SOCIAL, 0))


def correct(
    engine: Engine, occasion: OccasionId, revision: Revision, *, actor: str, now: datetime
) -> Correction:
    """Writes the corrected truth (the IVR says it from that commit on) and tells it.

    A paused or cancelled campaign is no obstacle: all that was unsent of it is superseded in the same
    commit, and only the correction leaves. A cancelled one is over after it, all the same.
    """
    with engine.database.write() as session:
        told = corrections.told(session, occasion)
        mine = [runs.get(session, number) for number in corrections.runs_told(session, occasion)]
        silent = tuple(run.campaign for run in mine if not _steps(session, run))
        steps = {name for run in mine for name in _steps(session, run)}
        cancelled = [run for run in mine if run.state is RunState.CANCELLED]
        for run in cancelled:  # nothing is left of it: all it had to say was taken back
            runs.set_state(session, run.id, RunState.ACTIVE, run.reason, now=now)
    applied = engine.revise(occasion, revision, now=now)
    with engine.database.write() as session:
        for run in cancelled:
            runs.set_state(session, run.id, RunState.FINISHED, run.reason, now=now)
            news.of_run(session, run, RunState.FINISHED, now=now)
        paused = [run for run in runs.of(session, occasion) if _is_paused(run, mine)]
        for run in paused:
            runs.set_state(session, run.id, RunState.ACTIVE, "", now=now)
        audit.write(
            session, actor, "campaign.correct", f"occasion:{occasion}", now=now,
            version=revision.version, told=told, waves=[wave.id for wave in applied.waves],
            resumed=[run.id for run in (*paused, *cancelled)],
        )  # fmt: skip
    return Correction(
        applied=applied,
        told={Channel(channel): count for channel, count in told.items()},
        hear=sum(wave.frozen for wave in applied.waves if wave.step in steps),
        resumed=tuple(run.campaign for run in (*paused, *cancelled)),
        silent=silent,
    )


def _is_paused(run: Run, told: list[Run]) -> bool:
    return run.state is RunState.PAUSED and run.id in {each.id for each in told}


def _steps(session: Session, run: Run) -> list[str]:
    """The steps of a run's campaign that correct."""
    return [step.name for step in pins.of_run(session, run).campaign.steps_on(Event.CORRECTION)]
