"""How telling an occasion goes: states that add up, promises, doubts, and when the last person hears."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from outreach.campaigns import canary
from outreach.campaigns.canary import Held
from outreach.campaigns.drill_lanes import every_lane
from outreach.campaigns.plan import Load, drain
from outreach.model.occasion import Occasion, OccasionId
from outreach.model.task import TaskKind
from outreach.model.words import OPEN_STATES, LeftOut, MessageState, RunState, StepRunState
from outreach.settings import Settings
from outreach.store import ladder, lanes, occasions, promises, runs, status as ledger, tasks
from outreach.store.lanes import Lane
from outreach.store.promises import Promise
from outreach.store.runs import Run
from outreach.store.session import Database, Session
from outreach.store.status import WaveStanding

_S = MessageState
SENT = (_S.ACCEPTED, _S.SENT, _S.DELIVERED, _S.UNDELIVERED)
"""Left us for certain, whatever became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """One campaign of an occasion."""

    run: Run
    waves: tuple[WaveStanding, ...]
    left_out: dict[LeftOut, int]
    """Distinct customers by reason."""
    last_at: datetime | None
    """When the last person hears, or heard; None while nobody did or will."""
    canary: Held | None = None
    """What waits for a person to have looked at the first who heard."""
    climbed: dict[int, int] = field(default_factory=dict)
    """Wave -> customers who were tried on a further channel, for want of a receipt."""

    @property
    def states(self) -> Counter[MessageState]:
        total: Counter[MessageState] = Counter()
        for wave in self.waves:
            total.update(wave.states)
        return total

    @property
    def audience(self) -> int:
        """Messages that were frozen; the states add up to it."""
        return sum(wave.wave.frozen for wave in self.waves)

    @property
    def is_freezing(self) -> bool:
        return any(wave.wave.state is StepRunState.FREEZING for wave in self.waves)

    @property
    def adds_up(self) -> bool:
        return self.is_freezing or sum(self.states.values()) == self.audience


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """One occasion, as staff watch it."""

    occasion: Occasion
    runs: tuple[RunStatus, ...]
    promises: tuple[Promise, ...]
    priority_unconfirmed: int
    """Customers of class A without an answer: a key, a reply or an agent's word, never a receipt."""
    tasks: dict[TaskKind, int]
    """Open tasks for people, by kind."""
    stopped_lanes: tuple[Lane, ...]
    at: datetime

    @property
    def states(self) -> Counter[MessageState]:
        total: Counter[MessageState] = Counter()
        for run in self.runs:
            total.update(run.states)
        return total

    @property
    def errors(self) -> int:
        """Messages refused for good."""
        return self.states[MessageState.FAILED]

    @property
    def overdue(self) -> int:
        """Promises that passed while it is still open."""
        return sum(
            1
            for one in self.promises
            if one.settled_at is None
            and one.etr_at < self.at
            and self.occasion.revision.state.is_open
        )

    @property
    def last_at(self) -> datetime | None:
        return max((run.last_at for run in self.runs if run.last_at), default=None)

    @property
    def to_send(self) -> int:
        return sum(self.states[state] for state in OPEN_STATES)

    @property
    def is_over(self) -> bool:
        """Nothing more will happen by itself."""
        freezing = any(run.is_freezing for run in self.runs)
        return not (self.occasion.revision.state.is_open or self.to_send or freezing)

    @property
    def needs_a_person(self) -> bool:
        """A task is open, something is in doubt or unknown, a lane stopped, or the books do not balance."""
        doubtful = self.states[MessageState.IN_DOUBT] + self.states[MessageState.UNKNOWN]
        return bool(doubtful or self.stopped_lanes or self.tasks) or not all(
            run.adds_up for run in self.runs
        )


def status(
    database: Database, settings: Settings, occasion: OccasionId, *, now: datetime
) -> Status:
    """Reads it all in one consistent look; KeyError if there is no such occasion."""
    with database.read() as session:
        return Status(
            occasion=occasions.get(session, occasion),
            runs=tuple(_run(session, settings, run, now=now) for run in runs.of(session, occasion)),
            promises=tuple(promises.of(session, occasion)),
            priority_unconfirmed=ledger.priority_unconfirmed(session, occasion),
            tasks=tasks.count_open(session, occasion),
            stopped_lanes=tuple(lane for lane in lanes.every(session) if lane.stopped_at),
            at=now,
        )


def _run(session: Session, settings: Settings, run: Run, *, now: datetime) -> RunStatus:
    return RunStatus(
        run=run,
        waves=tuple(ledger.standings(session, run.id)),
        left_out=ledger.left_out(session, run.id),
        last_at=_last_at(session, settings, run, now=now),
        climbed=ladder.climbed(session, run.id),
        canary=next(iter(canary.held(session, [run])), None),
    )


def _last_at(session: Session, settings: Settings, run: Run, *, now: datetime) -> datetime | None:
    """At the lanes' rates, a segment a message; None while it is paused or has no lane."""
    waiting = ledger.waiting(session, run.id)
    if not waiting:
        return ledger.heard_last(session, run.id)
    if run.state is RunState.PAUSED:
        return None
    planned = drain(
        Load(
            segments=one.messages,
            rate=sum(lane.rate for lane in every_lane(settings) if lane.pool == one.pool),
            starts_at=max(now, one.not_before or now),
        )
        for one in waiting
    )
    return planned.last_at if planned else None
