"""The ledger's own housekeeping: what lapses, is overtaken, or taken back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select, update

from outreach.model.words import MessageState, PriorityClass
from outreach.store import changes, recalls, tables as t
from outreach.store.session import Session

_EVERY_CLASS = tuple(PriorityClass)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """What a stop reached: messages that will not leave, and those claimed a moment ago.

    Of the claimed, a lane stops those whose call has not begun; their states tell, once settled.
    """

    stopped: int = 0
    claimed: int = 0
    asked_back: int = 0
    """Those that a provider holds, or may hold, and is asked for; the claimed among them."""


def lapse(session: Session, *, now: datetime) -> int:
    """Claims whose lease ran out become `in_doubt`, each with an attempt row; returns how many."""
    m = t.message
    rows = session.execute(
        update(m)
        .where(m.c.state == MessageState.SENDING, m.c.lease_until < now)
        .values(state=MessageState.IN_DOUBT, owner=None, lease_until=None)
        .returning(m.c.id, m.c["try"], m.c.lane, m.c.claimed_at)
    ).all()
    attempts = [
        {
            "message_id": row[0],
            "try": row[1],
            "lane": row[2],
            "started_at": row[3],
            "ended_at": now,
            "outcome": "in_doubt",
            "code": "",
            "reason": "the sender stopped in mid-call",
            "looks": 0,
        }
        for row in rows
    ]
    if attempts:
        session.execute(insert(t.attempt), attempts)
    return len(attempts)


def supersede(
    session: Session,
    *,
    occasion: int,
    version: int,
    now: datetime,
    steps: Collection[str] | None = None,
) -> Stopped:
    """Stops what older revisions of the occasion still wanted to say (only `steps`, if given).

    In the commit of the newer revision. Lanes see it before their next call, within a second.
    """
    older = _OLDER if steps is None else _OLDER.where(t.step_run.c.step.in_(steps))
    waves = session.scalars(older, {"occasion": occasion, "version": version}).all()
    if not waves:
        return Stopped()
    session.execute(update(t.step_run).where(t.step_run.c.id.in_(waves)).values(superseded_at=now))
    return _stop_waves(session, waves, MessageState.SUPERSEDED, now=now)


_OLDER = (
    select(t.step_run.c.id)
    .join(t.run, t.run.c.id == t.step_run.c.run_id)
    .where(
        t.run.c.occasion_id == bindparam("occasion"),
        t.step_run.c.version < bindparam("version"),
        t.step_run.c.superseded_at.is_(None),
    )
)


def cancel(
    session: Session,
    *,
    now: datetime,
    run: int | None = None,
    step_runs: Sequence[int] = (),
    spare_class_a: bool = False,
) -> Stopped:
    """Takes back what has not left, of a whole run or of single waves (`undo` spares class A).

    The run's own state is the caller's to set; the same step may not come again at that revision.
    """
    waves = list(step_runs)
    if run is not None:
        waves += session.scalars(select(t.step_run.c.id).where(t.step_run.c.run_id == run)).all()
    classes = [one for one in _EVERY_CLASS if not (spare_class_a and one is PriorityClass.A)]
    session.execute(
        update(t.step_run)
        .where(t.step_run.c.id.in_(waves), t.step_run.c.cancelled_classes != "ABC")
        .values(cancelled_classes="".join(classes))
    )
    return _stop_waves(session, waves, MessageState.CANCELLED, now=now, classes=classes)


def _stop_waves(
    session: Session,
    waves: Sequence[int],
    state: MessageState,
    *,
    now: datetime,
    classes: Sequence[PriorityClass] = _EVERY_CLASS,
) -> Stopped:
    if not waves:
        return Stopped()
    m, q = t.message, t.queue
    theirs = (m.c.step_run_id.in_(waves), m.c.priority.in_(classes))
    unqueue = delete(q).where(q.c.step_run_id.in_(waves), q.c.priority.in_(classes))
    # The queue first, as a claim does, or the two would wait for each other for ever.
    session.execute(unqueue)
    stopped = session.scalars(
        update(m)
        .where(*theirs, m.c.state == MessageState.QUEUED)
        .values(state=state, reason=state)
        .returning(m.c.id)
    ).all()
    session.execute(unqueue)  # a settling lane may have put rows back in between
    claimed = session.execute(
        select(func.count()).where(*theirs, m.c.state == MessageState.SENDING)
    ).scalar_one()
    asked_back = recalls.of_waves(session, waves, classes, now=now)
    changes.bump(session, "stop", now=now)
    return Stopped(stopped=len(stopped), claimed=claimed, asked_back=asked_back)


def counts(
    session: Session, *, run: int | None = None, step_run: int | None = None
) -> dict[MessageState, int]:
    """Messages in each state (every state named), of a run, of a wave, or of all."""
    m = t.message
    rows = select(m.c.state, func.count()).where(*_of(run, step_run)).group_by(m.c.state)
    found = {row[0]: row[1] for row in session.execute(rows)}
    return {state: found.get(state.value, 0) for state in MessageState}


def adds_up(session: Session, *, run: int | None = None, step_run: int | None = None) -> bool:
    """Whether the states sum up to the frozen audience, and the queue to what is queued."""
    w = t.step_run
    of_run = [w.c.run_id == run] if run is not None else []
    of_wave = [w.c.id == step_run] if step_run is not None else []
    waves = select(w.c.id).where(*of_run, *of_wave)
    audience = session.execute(
        select(func.coalesce(func.sum(w.c.frozen), 0)).where(w.c.id.in_(waves))
    ).scalar_one()
    queued = session.execute(
        select(func.count()).where(t.queue.c.step_run_id.in_(waves))
    ).scalar_one()
    states = counts(session, run=run, step_run=step_run)
    return sum(states.values()) == audience and states[MessageState.QUEUED] == queued


def _of(run: int | None, step_run: int | None) -> list[ColumnElement[bool]]:
    m, w = t.message, t.step_run
    conditions: list[ColumnElement[bool]] = []
    if run is not None:
        conditions.append(m.c.step_run_id.in_(select(w.c.id).where(w.c.run_id == run)))
    if step_run is not None:
        conditions.append(m.c.step_run_id == step_run)
    return conditions
