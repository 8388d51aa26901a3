"""Pauses, resumes and cancels runs, and says exactly what had left by then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from outreach.campaigns.status import SENT, UNSURE
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import OccasionId
from outreach.model.words import MessageState, RunState
from outreach.store import audit, ledger, runs, status
from outreach.store.runs import Run
from outreach.store.session import Database, Session

_LIVING = (RunState.ACTIVE, RunState.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """One run after the command, and where its messages stand; a lane in mid-call may still settle."""

    run: Run
    sent: int
    stopped: int
    """Taken back by this command: they never leave."""
    waiting: int
    """Held until somebody resumes, or about to leave."""
    unknown: int
    """In a call at this moment, in doubt, or without a last word: may have left."""


def chosen(database: Database, occasion: OccasionId, campaign: str | None) -> list[Run]:
    """The runs of an occasion, or the one named; InputRefused if there is none."""
    with database.read() as session:
        found = runs.of(session, occasion, campaign=campaign)
    if not found:
        what = campaign or "no campaign"
        raise InputRefused(f"{what} was launched for it; see `outreach campaign status`")
    return found


def all_in(database: Database, state: RunState) -> list[Run]:
    """Every run of the installation in this state."""
    with database.read() as session:
        return status.in_state(session, state)


def pause(
    database: Database, chosen_runs: Sequence[Run], *, actor: str, reason: str = "", now: datetime
) -> list[Halted]:
    """Nothing more leaves; senders heed it within a second. Paused and ended runs stay as they are."""
    why = f"paused by {actor}" + (f": {reason}" if reason else "")
    return _each(database, chosen_runs, _to(RunState.PAUSED, (RunState.ACTIVE,), why, actor, now))


def resume(
    database: Database, chosen_runs: Sequence[Run], *, actor: str, now: datetime
) -> list[Halted]:
    """What is still true leaves; GuardRefused for a cancelled run."""
    for run in chosen_runs:
        if run.state is RunState.CANCELLED:
            raise GuardRefused(f"{run.campaign} was cancelled, and that is for good")
    return _each(database, chosen_runs, _to(RunState.ACTIVE, (RunState.PAUSED,), "", actor, now))


def cancel(
    database: Database, chosen_runs: Sequence[Run], *, actor: str, reason: str = "", now: datetime
) -> list[Halted]:
    """Takes back all that has not left, for good: the run is not launched again."""
    why = f"cancelled by {actor}" + (f": {reason}" if reason else "")
    return _each(database, chosen_runs, _to(RunState.CANCELLED, _LIVING, why, actor, now))


_Act = Callable[[Session, Run], int]
_ACTIONS = {
    RunState.PAUSED: "campaign.pause",
    RunState.ACTIVE: "campaign.resume",
    RunState.CANCELLED: "campaign.cancel",
}


def _to(state: RunState, out_of: tuple[RunState, ...], why: str, actor: str, now: datetime) -> _Act:
    """Moves one run, if it is in a state to be moved; how many messages that took back."""

    def move(session: Session, run: Run) -> int:
        if runs.get(session, run.id).state not in out_of:
            return 0
        runs.set_state(session, run.id, state, why, now=now)
        stopped = 0
        if state is RunState.CANCELLED:
            stopped = ledger.cancel(session, run=run.id, now=now).stopped
        audit.write(session, actor, _ACTIONS[state], f"run:{run.id}", now=now, stopped=stopped)
        return stopped

    return move


def _each(database: Database, chosen_runs: Sequence[Run], move: _Act) -> list[Halted]:
    with database.write() as session:
        return [_halted(session, run, move(session, run)) for run in chosen_runs]


def _halted(session: Session, run: Run, stopped: int) -> Halted:
    counts = ledger.counts(session, run=run.id)
    return Halted(
        run=runs.get(session, run.id),
        sent=sum(counts[state] for state in SENT),
        stopped=stopped,
        waiting=counts[MessageState.QUEUED],
        unknown=sum(counts[state] for state in UNSURE),
    )
