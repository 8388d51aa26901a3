"""How a storm stands: its outages ranked by overdue promise, what was told when, and whether its clocks were kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from outreach.model.alarm import Alarm
from outreach.model.occasion import Occasion, Revision
from outreach.model.storm import Statement, Storm
from outreach.model.words import MessageState, OccasionKind, OccasionState
from outreach.outages import clocks
from outreach.outages.clocks import Clock, ClockKind, ClockState, Noticed
from outreach.store import alarms, audience, event_figures, events, notices_told, scopes
from outreach.store.event_figures import ClassA, Reached
from outreach.store.notices_told import First, Known
from outreach.store.promises import Promise
from outreach.store.session import Database, Session

_NEVER_TOLD = (OccasionState.DISCARDED, OccasionState.MERGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One outage of an event."""

    occasion: Occasion
    customers: int
    """Affected now; of a closed outage, all that its notices were for."""
    class_a: ClassA = field(default_factory=ClassA)
    reached: Reached = field(default_factory=Reached)
    states: dict[MessageState, int] = field(default_factory=dict)
    tasks: int = 0
    promises: tuple[Promise, ...] = ()
    known: Known
    first: tuple[First, ...] = ()
    """First notices by version, oldest first."""
    at: datetime

    @property
    def revision(self) -> Revision:
        return self.occasion.revision

    @property
    def errors(self) -> int:
        """Messages refused for good."""
        return self.states.get(MessageState.FAILED, 0)

    @property
    def promised(self) -> datetime | None:
        """The estimate that people wait for: the one that passed first, else the newest."""
        waiting = [one.etr_at for one in self.promises if one.settled_at is None]
        return min(waiting, default=self.revision.public_etr) if self._is_open else None

    @property
    def overdue(self) -> timedelta | None:
        """Since the first promise that passed: an estimate, or news."""
        instants = [self.promised, self.revision.next_update_at if self._is_open else None]
        passed = [at for at in instants if at is not None and at < self.at]
        return self.at - min(passed) if passed else None

    @property
    def clocks(self) -> tuple[Clock, ...]:
        """None for what never was an outage of ours, or is told as another one."""
        if self.occasion.kind is not OccasionKind.OUTAGE or self.revision.state in _NEVER_TOLD:
            return ()
        return clocks.clocks(
            Noticed(
                recognised_at=self.known.recognised_at,
                cause_known_at=self.known.cause_known_at,
                told_at=_first_at(self.first),
                cause_told_at=_first_at(
                    one for one in self.first if one.version >= (self.known.cause_version or 0)
                ),
                over_at=None if self._is_open else self.revision.recorded_at,
            )
        )

    @property
    def _is_open(self) -> bool:
        return self.revision.state.is_open


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An event with all that is known of it at one moment."""

    storm: Storm
    lines: tuple[Line, ...]
    """The most overdue first, then by what is due next."""
    alarms: tuple[Alarm, ...]
    """Open ones of the event and its outages."""
    statements: tuple[Statement, ...]
    at: datetime

    @property
    def open_lines(self) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.revision.state.is_open)

    @property
    def overdue(self) -> int:
        return sum(line.overdue is not None for line in self.lines)

    @property
    def tasks(self) -> int:
        return sum(line.tasks for line in self.lines)

    @property
    def class_a(self) -> ClassA:
        each = [line.class_a for line in self.lines]
        return ClassA(
            customers=sum(one.customers for one in each),
            unconfirmed=sum(one.unconfirmed for one in each),
        )

    @property
    def reached(self) -> Reached:
        each = [line.reached for line in self.lines]
        return Reached(
            addressed=sum(one.addressed for one in each), told=sum(one.told for one in each)
        )

    @property
    def states(self) -> dict[MessageState, int]:
        total: Counter[MessageState] = Counter()
        for line in self.lines:
            total.update(line.states)
        return dict(total)

    @property
    def clocks(self) -> dict[tuple[ClockKind, ClockState], int]:
        return clocks.tally((clock for line in self.lines for clock in line.clocks), self.at)

    @property
    def promises(self) -> tuple[int, int, int]:
        """Made, kept, missed."""
        every = [one for line in self.lines for one in line.promises]
        kept = sum(one.kept is True for one in every)
        return len(every), kept, sum(one.kept is False for one in every)


def status(database: Database, event_id: int, *, now: datetime, closed: bool = False) -> Standing:
    """Reads it in one consistent look; `closed`: with the outages that are over. KeyError: no such event."""
    with database.read() as session:
        storm = events.get(session, event_id)
        find = events.all_occasions if closed else events.open_occasions
        lines = _lines(session, find(session, event_id), now=now)
        subjects = {f"event:{event_id}", *(f"occasion:{line.occasion.id}" for line in lines)}
        open_ones = [one for one in alarms.open_ones(session) if one.subject in subjects]
        said = events.statements(session, event_id)
    return Standing(
        storm=storm,
        lines=tuple(sorted(lines, key=_urgency)),
        alarms=tuple(open_ones),
        statements=tuple(said),
        at=now,
    )


def _lines(session: Session, members: list[Occasion], *, now: datetime) -> list[Line]:
    ids = [int(one.id) for one in members]
    known = notices_told.known(session, ids)
    first: dict[int, list[First]] = {}
    for one in notices_told.first(session, ids):
        first.setdefault(one.occasion_id, []).append(one)
    class_a, reached = event_figures.class_a(session, ids), event_figures.reached(session, ids)
    states, tasks = event_figures.states(session, ids), event_figures.open_tasks(session, ids)
    promises = event_figures.promises(session, ids)
    return [
        Line(
            occasion=one,
            customers=_customers(session, one, reached.get(one.id)),
            class_a=class_a.get(one.id, ClassA()),
            reached=reached.get(one.id, Reached()),
            states=states.get(one.id, {}),
            tasks=tasks.get(one.id, 0),
            promises=tuple(promises.get(one.id, ())),
            known=known[one.id],
            first=tuple(first.get(one.id, ())),
            at=now,
        )
        for one in members
    ]


def _customers(session: Session, occasion: Occasion, reached: Reached | None) -> int:
    if occasion.revision.state.is_open:
        return audience.affected(session, scopes.remaining(session, occasion)).customers
    return reached.addressed if reached else 0


def _urgency(line: Line) -> tuple[bool, timedelta, float]:
    is_open = line.revision.state.is_open
    due = line.revision.next_update_at
    return not is_open, -(line.overdue or timedelta()), due.timestamp() if due else float("inf")


def _first_at(notices: Iterable[First]) -> datetime | None:
    return min((one.at for one in notices if one.at is not None), default=None)
