"""Pauses, resumes and cancels runs, and says exactly what had left by then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from outreach.campaigns import news
from outreach.campaigns.status import SENT
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import OccasionId
from outreach.model.words import MessageState, RunState
from outreach.store import audit, ledger, recalls, runs, status, stop
from outreach.store.recalls import Outcome
from outreach.store.runs import Run
from outreach.store.session import Database, Session

_LIVING = (RunState.ACTIVE, RunState.PAUSED)


WAIT_S = 2.0
"""A lane sees a stop within a second, and mostly hears of its calls in the next."""
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Halted:
    """One run after the command, and where its messages stand."""

    run: Run
    sent: int
    stopped: int
    """Taken back by this command before they left."""
    waiting: int
    """Held until somebody resumes, or about to leave."""
    unknown: int
    """In doubt, or without a last word: may have left."""
    in_call: int = 0
    """In a call at this moment: until it ends, the other counts are not final."""
    asked_back: Mapping[Outcome, int] = field(default_factory=dict)
    """What providers were asked to take back, by their answer so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """One run as the command left it, and the messages that were cancelled before it."""

    run: Run
    cancelled_before: int


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
) -> Stopping:
    """Nothing more leaves; senders heed it within a second. Paused and ended runs stay as they are."""
    why = f"paused by {actor}" + (f": {reason}" if reason else "")
    return _each(database, chosen_runs, _to(RunState.PAUSED, (RunState.ACTIVE,), why, actor, now))


def resume(
    database: Database, chosen_runs: Sequence[Run], *, actor: str, now: datetime
) -> Stopping:
    """What is still true leaves; GuardRefused for a cancelled run."""
    return _each(database, chosen_runs, _to(RunState.ACTIVE, (RunState.PAUSED,), "", actor, now))


def cancel(
    database: Database, chosen_runs: Sequence[Run], *, actor: str, reason: str = "", now: datetime
) -> Stopping:
    """Takes back all that has not left, for good: the run is not launched again."""
    why = f"cancelled by {actor}" + (f": {reason}" if reason else "")
    return _each(database, chosen_runs, _to(RunState.CANCELLED, _LIVING, why, actor, now))


class Stopping:
    """Runs that were just stopped or resumed, whose counts settle within moments."""

    def __init__(self, database: Database, moved: Sequence[_Moved]) -> None:
        self._database = database
        self._moved = moved

    def counts(self) -> list[Halted]:
        """Where the messages stand now; what is in a call is named apart."""
        with self._database.read() as session:
            return [_halted(session, one) for one in self._moved]

    def final(
        self,
        *,
        monotonic: Callable[[], float],
        sleep: Callable[[float], None],
        within: float = WAIT_S,
    ) -> list[Halted]:
        """The counts once no message of these runs is in a call, or after `within` seconds."""
        until = monotonic() + within
        found = self.counts()
        while any(one.in_call for one in found) and monotonic() < until:
            sleep(_LOOK_EVERY_S)
            found = self.counts()
        return found


_Act = Callable[[Session, Run, RunState], None]
_ACTIONS = {
    RunState.PAUSED: "campaign.pause",
    RunState.ACTIVE: "campaign.resume",
    RunState.CANCELLED: "campaign.cancel",
}


def _to(state: RunState, out_of: tuple[RunState, ...], why: str, actor: str, now: datetime) -> _Act:
    """Moves one run, if it is in a state to be moved."""

    def move(session: Session, run: Run, current: RunState) -> None:
        if state is RunState.ACTIVE and current is RunState.CANCELLED:
            raise GuardRefused(f"{run.campaign} was cancelled, and that is for good")
        if current not in out_of:
            return
        runs.set_state(session, run.id, state, why, now=now)
        stopped = 0
        if state is RunState.CANCELLED:
            stopped = ledger.cancel(session, run=run.id, now=now).stopped
        audit.write(session, actor, _ACTIONS[state], f"run:{run.id}", now=now, stopped=stopped)
        news.of_run(session, run, state, now=now)

    return move


def _each(database: Database, chosen_runs: Sequence[Run], move: _Act) -> Stopping:
    moved = []
    with database.write() as session:
        # In one order, or two that stop everything would wait for each other.
        for run in sorted(chosen_runs, key=lambda one: one.id):
            # Locked, or a resume that read `paused` would revive what is cancelled meanwhile.
            current = stop.locked_state(session, run.id)
            before = _taken_back(session, run)
            move(session, run, current)
            moved.append(_Moved(run=runs.get(session, run.id), cancelled_before=before))
    return Stopping(database, moved)


def _taken_back(session: Session, run: Run) -> int:
    """Messages that were cancelled before they left: not those that a provider gave back."""
    recalled = recalls.counts(session, run=run.id)[Outcome.RECALLED]
    return ledger.counts(session, run=run.id)[MessageState.CANCELLED] - recalled


def _halted(session: Session, moved: _Moved) -> Halted:
    run = runs.get(session, moved.run.id)
    counts = ledger.counts(session, run=run.id)
    asked_back = recalls.counts(session, run=run.id)
    taken_back = counts[MessageState.CANCELLED] - asked_back[Outcome.RECALLED]
    return Halted(
        run=run,
        sent=sum(counts[state] for state in SENT) + asked_back[Outcome.RECALLED],
        stopped=taken_back - moved.cancelled_before,
        waiting=counts[MessageState.QUEUED],
        unknown=counts[MessageState.IN_DOUBT] + counts[MessageState.UNKNOWN],
        in_call=counts[MessageState.SENDING],
        asked_back=asked_back,
    )
