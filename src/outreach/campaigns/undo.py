"""Takes back the last command: stops what has not left, and returns to the truth before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.campaigns import news
from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.merging import MERGE, SPLIT
from outreach.model.errors import GuardRefused
from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.words import MessageState, OccasionKind, RunState
from outreach.outages import revise, revise_planned
from outreach.outages.revise import Origin
from outreach.store import audit, ledger, occasions, promises, runs
from outreach.store.audit import Entry
from outreach.store.session import Session

WITHIN = timedelta(minutes=10)
"""Older commands are not undone by accident: they are corrected."""
_UNDOABLE = ("occasion.revise", "campaign.launch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What was taken back: messages that will not leave, and those that had left already."""

    occasion: Occasion
    action: str
    stopped: int
    left_already: int


def undo(engine: Engine, *, actor: str, now: datetime) -> Undone:
    """Takes back the newest command of a person; GuardRefused if there is none young enough.

    Messages to class A leave at once and so may have left: the new truth reaches those who heard.
    """
    with engine.database.write() as session:
        entry = _newest(session, now=now)
        waves = [int(wave) for wave in entry.detail["waves"]]
        stopped = ledger.cancel(session, step_runs=waves, now=now).stopped
        left = _left(session, waves)
        occasion = occasions.get(session, OccasionId(int(entry.subject.partition(":")[2])))
        if left == 0 and entry.action == "occasion.revise":
            revision = occasion.revision
            promises.take_back(
                session, occasion.id, revision.version, written_at=revision.recorded_at
            )
        if entry.action == "campaign.launch":
            _cancel_run(session, occasion, entry, now=now)
        audit.write(session, actor, "undo", entry.subject, now=now, undone=entry.id, waves=[])
    if entry.action == "occasion.revise":
        occasion = _back(engine, occasion, actor=actor, now=now).occasion
    return Undone(occasion=occasion, action=entry.action, stopped=stopped, left_already=left)


def _newest(session: Session, *, now: datetime) -> Entry:
    for entry in audit.newest(session, limit=20):
        if entry.actor == "clock" or now - entry.at > WITHIN:
            continue
        if entry.action == "undo":
            break
        if entry.action in {MERGE, SPLIT}:
            raise GuardRefused(
                "merging and splitting are not undone; move nodes with `outreach outage open --from`,"
                " or merge again"
            )
        if entry.action in _UNDOABLE:
            return entry
    minutes = int(WITHIN.total_seconds() // 60)
    raise GuardRefused(
        f"nothing to undo in the last {minutes} minutes; use `outreach outage update` or `outreach campaign correct`"
    )


def _left(session: Session, waves: list[int]) -> int:
    counted = [ledger.counts(session, step_run=wave) for wave in waves]
    stopped = {
        MessageState.QUEUED,
        MessageState.CANCELLED,
        MessageState.SUPERSEDED,
        MessageState.SUPPRESSED,
    }
    return sum(
        count for states in counted for state, count in states.items() if state not in stopped
    )


def _cancel_run(session: Session, occasion: Occasion, entry: Entry, *, now: datetime) -> None:
    for run in runs.of(session, occasion.id, campaign=str(entry.detail.get("campaign", ""))):
        runs.set_state(session, run.id, RunState.CANCELLED, "undone", now=now)
        news.of_run(session, run, RunState.CANCELLED, now=now)


def _back(engine: Engine, occasion: Occasion, *, actor: str, now: datetime) -> Applied:
    """The truth before the last revision, as a new one; a first revision is discarded or cancelled."""
    current, origin = occasion.revision, Origin(author=actor)
    if current.version > 1:
        with engine.database.read() as session:
            before = occasions.revision_at(session, occasion.id, current.version - 1)
        return engine.revise(
            occasion.id, revise.undone(current, before, now=now, origin=origin), now=now
        )
    gone = _never_was(occasion, origin, now=now)
    if gone is None:
        raise GuardRefused(f"{occasion.name} is {current.state}; nothing to take back")
    return engine.revise(occasion.id, gone, now=now)


def _never_was(occasion: Occasion, origin: Origin, *, now: datetime) -> Revision | None:
    match occasion.kind:
        case OccasionKind.OUTAGE:
            return revise.discarded(occasion.revision, now=now, origin=origin)
        case OccasionKind.PLANNED:
            return revise_planned.cancelled(occasion.revision, now=now, origin=origin)
        case OccasionKind.ADVISORY:
            return revise.ended(occasion.revision, now=now, origin=origin)
