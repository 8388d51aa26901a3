"""The jobs: their names, what goes first, and how the rows tell which of them are due."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from outreach.delivery import recall
from outreach.store import answer_mails, backlog, lanes, recalls, runs
from outreach.store.job_queue import Job
from outreach.store.session import Session

__all__ = ["EVERY", "Job", "JobQueue", "Kind", "Unheard", "due", "of"]


class Kind(StrEnum):
    """What can be asked of a worker."""

    FREEZE = "freeze"
    """Write the audience of a step_run (key: its number)."""
    DRIVE = "drive"
    """Send what a lane's pool holds for at most 30 s (key: the lane)."""
    SETTLE = "settle"
    """Look up a lane's doubts at its provider (key: the lane)."""
    APPLY_RECEIPTS = "apply_receipts"
    KEEP_HOUSE = "keep_house"
    """Lapse, renew reach, sweep."""
    EXPIRE = "expire"
    """Take out of the queue what is too late to be true."""
    UNHEARD_OF = "unheard_of"
    """Give up on what no receipt speaks of."""
    RECALL = "recall"
    """Ask a lane's provider to cancel what is true no more (key: the lane)."""
    CLIMB = "climb"
    """Tell who was not reached in time by the next channel of their step."""
    TASKS = "tasks"
    """Open the tasks that class A needs a person for, and tell the duty phone."""
    ALARMS = "alarms"
    """Raise what staff must know before it is too late, and tell the duty phone."""
    ANSWER = "answer"
    """Carry our answers to e-mails."""
    FEEDS = "feeds"
    """Read the feeds of outages that are due, and watch for silence."""


PRIORITIES = {
    Kind.DRIVE: 60,
    Kind.TASKS: 55,
    Kind.ALARMS: 53,
    Kind.FREEZE: 50,
    Kind.ANSWER: 47,
    Kind.RECALL: 45,
    Kind.CLIMB: 40,
    Kind.FEEDS: 35,
    Kind.APPLY_RECEIPTS: 30,
    Kind.SETTLE: 20,
    Kind.KEEP_HOUSE: 10,
    Kind.EXPIRE: 5,
    Kind.UNHEARD_OF: 5,
}
"""Higher goes first: what a person waits for before what tidies up."""

_BY_LANE = {Kind.DRIVE, Kind.SETTLE, Kind.RECALL}


class JobQueue(Protocol):
    """Where jobs are put; `store.job_queue` has two."""

    def defer(self, session: Session, *jobs: Job) -> None:
        """Enqueues in the transaction of the rows that the jobs are about."""
        ...


class Unheard:
    """A queue that nobody works at: the tick of a process at work finds the rows instead."""

    def defer(self, session: Session, *jobs: Job) -> None:
        """Forgets them."""


def of(kind: Kind, key: str | int = "") -> Job:
    """The job of a kind for a lane or a step_run."""
    return Job(
        kind=kind.value,
        key=str(key),
        lane=str(key) if kind in _BY_LANE else "",
        priority=PRIORITIES[kind],
        again=kind is Kind.DRIVE,
    )


def due(session: Session, *, now: datetime, kinds: Collection[Kind]) -> list[Job]:
    """Every job of these kinds that the rows ask for at `now`; nothing else needs to be remembered."""
    return [job for kind in kinds for job in _DUE[kind](session, now)]


def _freezing(session: Session, _now: datetime) -> Iterable[Job]:
    return (of(Kind.FREEZE, wave.id) for wave in runs.freezing(session))


def _sendable(session: Session, now: datetime) -> Iterable[Job]:
    return (of(Kind.DRIVE, lane) for lane in lanes.idle_with_work(session, now=now))


def _doubted(session: Session, now: datetime) -> Iterable[Job]:
    return (of(Kind.SETTLE, lane) for lane in backlog.doubted_lanes(session, now=now))


def _held(session: Session, now: datetime) -> Iterable[Job]:
    return (of(Kind.RECALL, lane) for lane in recalls.lanes(session, now=now, again=recall.AGAIN))


def _receipts(session: Session, _now: datetime) -> Iterable[Job]:
    return [of(Kind.APPLY_RECEIPTS)] if backlog.has_receipts(session) else []


def _answers(session: Session, now: datetime) -> Iterable[Job]:
    return [of(Kind.ANSWER)] if answer_mails.are_waiting(session, now=now) else []


_DUE: dict[Kind, Callable[[Session, datetime], Iterable[Job]]] = {
    Kind.FREEZE: _freezing,
    Kind.DRIVE: _sendable,
    Kind.APPLY_RECEIPTS: _receipts,
    Kind.SETTLE: _doubted,
    Kind.RECALL: _held,
    Kind.KEEP_HOUSE: lambda _session, _now: [of(Kind.KEEP_HOUSE)],
    Kind.EXPIRE: lambda _session, _now: [of(Kind.EXPIRE)],
    Kind.UNHEARD_OF: lambda _session, _now: [of(Kind.UNHEARD_OF)],
    Kind.TASKS: lambda _session, _now: [of(Kind.TASKS)],
    Kind.CLIMB: lambda _session, _now: [of(Kind.CLIMB)],
    Kind.ANSWER: _answers,
    Kind.ALARMS: lambda _session, _now: [of(Kind.ALARMS)],
    Kind.FEEDS: lambda _session, _now: [of(Kind.FEEDS)],
}
"""One line for each kind that rows, or the time, can ask for."""

EVERY = {
    Kind.FREEZE: timedelta(0),
    Kind.DRIVE: timedelta(0),
    Kind.APPLY_RECEIPTS: timedelta(0),
    Kind.KEEP_HOUSE: timedelta(seconds=1),
    # Passes over the queue and the ledger. A claim refuses what is too late by itself.
    Kind.EXPIRE: timedelta(minutes=1),
    Kind.UNHEARD_OF: timedelta(hours=1),
    Kind.RECALL: timedelta(seconds=1),
    Kind.SETTLE: timedelta(seconds=10),
    Kind.TASKS: timedelta(seconds=5),
    Kind.CLIMB: timedelta(seconds=10),
    Kind.ALARMS: timedelta(seconds=10),
    Kind.FEEDS: timedelta(seconds=2),
    Kind.ANSWER: timedelta(seconds=1),
}
"""How often each is looked for; zero: at every tick."""
