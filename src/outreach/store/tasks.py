"""What waits for a person: tasks for customers of class A, from the moment they are due until somebody closes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    union_all,
    update,
)

from outreach.model.task import Outcome, Task, TaskKind
from outreach.model.words import (
    NOT_NOW,
    Audience,
    Channel,
    MessageState,
    PriorityClass,
    RunState,
)
from outreach.store import answers, tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

_S = MessageState
_REFUSED = (_S.FAILED, _S.UNDELIVERED, _S.SUPPRESSED, _S.EXPIRED)
"""Nothing of these reached anybody, and nothing more will come."""
_TAKEN_BACK = (_S.SUPERSEDED, _S.CANCELLED)
"""Taken back on purpose: a newer notice speaks in its place, or nobody was to hear."""
_AT_ONCE = 500
NO_ANSWER, REFUSED, NOT_SENT = "no_answer", "refused", "not_sent"
"""Words of `task.why`; a customer who was left out has the reason of `left_out`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One run that asks its customers of class A for an answer."""

    run: int
    occasion: int
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A way to reach the customer of a task, still sealed."""

    channel: Channel
    address_sealed: bytes
    is_bad: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What the duty phone is told: how many tasks nobody has taken, and since when the oldest waits."""

    tasks: int
    needs_help: int
    oldest_at: datetime
    occasions: tuple[str, ...]
    zone: str
    ids: tuple[int, ...]
    number: int
    """Of this push; names it in the callbacks of the provider."""


def telling(session: Session) -> list[tuple[int, int, str]]:
    """(run, occasion, digest of its campaign) of every run that tells an open occasion, paused ones too.

    Drills left out: the telephones of a task are real.
    """
    run, o = t.run.c, t.occasion.c
    rows = session.execute(
        select(run.id, o.id, run.pinned)
        .join(t.occasion, o.id == run.occasion_id)
        .where(o.open, ~o.drill, run.state.in_([RunState.ACTIVE, RunState.PAUSED]))
        .order_by(run.id)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def in_question(session: Session, asking: Sequence[Asking]) -> list[Asking]:
    """Those with somebody of class A without an answer and without a task: one look at all runs, as a storm has many."""
    found: set[int] = set()
    for start in range(0, len(asking), _AT_ONCE):
        found.update(_unsettled(session, [each.run for each in asking[start : start + _AT_ONCE]]))
    return [each for each in asking if each.run in found]


def _unsettled(session: Session, wanted: Sequence[int]) -> list[int]:
    m, w, out, run = t.message.c, t.step_run.c, t.left_out.c, t.run.c
    written = (
        select(w.run_id, m.customer_id)
        .join(t.message, m.step_run_id == w.id)
        .where(
            *_tells_first(wanted),
            m.priority == PriorityClass.A,
            m.customer_id > 0,
            m.state.not_in(_TAKEN_BACK),
        )
    )
    unwritten = (
        select(w.run_id, out.customer_id)
        .join(t.left_out, out.step_run_id == w.id)
        .where(*_tells_first(wanted), out.reason.not_in(NOT_NOW))
    )
    each = union_all(written, unwritten).subquery().c
    return list(
        session.scalars(
            select(each.run_id)
            .join(t.run, run.id == each.run_id)
            .where(
                not_(_has_task(run.occasion_id, each.customer_id)),
                not_(answers.is_answered(run.occasion_id, each.customer_id)),
            )
            .distinct()
        )
    )


def is_due(session: Session, asking: Asking, *, now: datetime) -> bool:
    """Whether `raise_due` would write anything: asked first, so that a quiet minute writes nothing."""
    return session.execute(_due(asking, now).limit(1)).first() is not None


def raise_due(session: Session, asking: Asking, *, now: datetime) -> int:
    """Opens a task for each customer of class A who did not answer in time or could not be told; how many.

    Once a customer and occasion: a task that a person closed is not opened again.
    """
    names = ["kind", "occasion_id", "run_id", "customer_id", "why", "opened_at"]
    opened = session.scalars(
        insert_into(session, t.task)
        .from_select(names, _due(asking, now), include_defaults=False)
        .on_conflict_do_nothing()
        .returning(t.task.c.id)
    )
    return len(opened.all())


def open_one(
    session: Session, task: answers.Asked, kind: TaskKind, *, now: datetime, why: str = "key"
) -> bool:
    """Opens a task at once; False: this customer has an open one of this kind."""
    opened = session.scalars(
        insert_into(session, t.task)
        .values(
            kind=kind, occasion_id=task.occasion, run_id=task.run, customer_id=task.customer,
            why=why, opened_at=now,
        )
        .on_conflict_do_nothing()
        .returning(t.task.c.id)
    ).all()  # fmt: skip
    return bool(opened)


def every(
    session: Session, *, occasion: int | None = None, closed: bool = False, limit: int = 1_000
) -> list[Task]:
    """Open tasks (also closed ones, if asked): those who need help first, then the oldest."""
    of = [t.task.c.occasion_id == occasion] if occasion is not None else []
    still = [] if closed else [t.task.c.closed_at.is_(None)]
    helps = case((t.task.c.kind == TaskKind.NEEDS_HELP, 0), else_=1)
    rows = session.execute(
        _shown().where(*of, *still).order_by(helps, t.task.c.opened_at, t.task.c.id).limit(limit)
    )
    return [_task(row) for row in rows]


def get(session: Session, number: int) -> Task | None:
    row = session.execute(_shown().where(t.task.c.id == number)).first()
    return _task(row) if row is not None else None


def count_open(session: Session, occasion: int) -> dict[TaskKind, int]:
    """Open tasks of an occasion by kind."""
    rows = session.execute(
        select(t.task.c.kind, func.count())
        .where(t.task.c.occasion_id == occasion, t.task.c.closed_at.is_(None))
        .group_by(t.task.c.kind)
        .order_by(t.task.c.kind)
    )
    return {TaskKind(row[0]): row[1] for row in rows}


def take(session: Session, number: int, who: str, *, of: str, now: datetime) -> bool:
    """Gives an open task to `who`, if `of` holds it now (empty: nobody); False: somebody was quicker."""
    taken = session.scalars(
        update(t.task)
        .where(t.task.c.id == number, t.task.c.closed_at.is_(None), t.task.c.taken_by == of)
        .values(taken_at=now, taken_by=who)
        .returning(t.task.c.id)
    )
    return taken.first() is not None


def close(
    session: Session, number: int, who: str, *, outcome: Outcome, note: bytes | None, now: datetime
) -> bool:
    """Closes an open task; False: it was closed. `note`: sealed, for it may name people."""
    closed = session.scalars(
        update(t.task)
        .where(t.task.c.id == number, t.task.c.closed_at.is_(None))
        .values(closed_at=now, closed_by=who, outcome=outcome, note_sealed=note)
        .returning(t.task.c.id)
    )
    return closed.first() is not None


def reach(session: Session, customer: int) -> list[Reached]:
    """The telephones of a customer, bad ones last; consent to messages does not bind a person who calls."""
    held, point = t.customer_contact.c, t.contact_point.c
    rows = session.execute(
        select(point.channel, point.address_sealed, point.bad_since.is_not(None))
        .join(t.contact_point, point.id == held.contact_point_id)
        .where(
            held.customer_id == customer,
            held.usable,
            point.channel.in_([Channel.SMS, Channel.VOICE]),
        )
        .order_by(point.bad_since.is_not(None), point.channel)
        .distinct()
    )
    return [
        Reached(channel=Channel(row[0]), address_sealed=row[1], is_bad=bool(row[2])) for row in rows
    ]


def claim_push(session: Session, *, now: datetime, every: timedelta) -> Push | None:
    """Marks the tasks that nobody has taken as pushed now, and says what to tell; None: nothing is due.

    At most one push in `every`, but for a cry for help that was not pushed yet, which waits for nobody.
    In one statement, so that of two workers one pushes.
    """
    c = t.task.c
    untaken = and_(c.closed_at.is_(None), c.taken_at.is_(None))
    other = t.task.alias()
    # Of the taken ones too: what they said a minute ago was read.
    recent = exists().where(other.c.pushed_at > now - every)
    cries = and_(c.kind == TaskKind.NEEDS_HELP, c.pushed_at.is_(None))
    # Each row by itself too: PostgreSQL asks a row again once another push lets go of it.
    rested = or_(c.pushed_at.is_(None), c.pushed_at <= now - every)
    pushed = session.execute(
        update(t.task)
        .where(untaken, or_(not_(recent) & rested, cries))
        .values(pushed_at=now, pushes=c.pushes + 1)
        .returning(c.id, c.kind, c.opened_at, c.occasion_id)
    ).all()
    if not pushed:
        return None
    named = session.execute(
        select(t.occasion.c.name, t.occasion.c.zone)
        .where(t.occasion.c.id.in_({row[3] for row in pushed}))
        .order_by(t.occasion.c.opened_at.desc())
    ).all()
    total = session.execute(select(func.coalesce(func.sum(c.pushes), 0))).scalar_one()
    return Push(
        tasks=len(pushed),
        needs_help=sum(1 for row in pushed if row[1] == TaskKind.NEEDS_HELP),
        oldest_at=min(row[2] for row in pushed),
        occasions=tuple(row[0] for row in named),
        zone=named[0][1],
        ids=tuple(row[0] for row in pushed),
        number=total,
    )


def push_again_at(session: Session, ids: Sequence[int], at: datetime) -> None:
    """A push that did not leave is due again as if it had been made at `at`."""
    session.execute(update(t.task).where(t.task.c.id.in_(ids)).values(pushed_at=at))


def _due(asking: Asking, now: datetime) -> Select[Any]:
    """The tasks that are to be opened, as rows of `task`."""
    found = union_all(_untold_or_silent(asking, now), _left_out(asking)).subquery()
    c = found.c
    known = _has_task(literal(asking.occasion), c.customer_id)
    return (
        select(
            case((func.min(c.why) == NO_ANSWER, TaskKind.UNANSWERED), else_=TaskKind.UNREACHABLE),
            literal(asking.occasion),
            literal(asking.run),
            c.customer_id,
            func.min(c.why),
            literal(now, UtcDateTime),
        )
        .where(not_(known), not_(answers.is_answered(asking.occasion, c.customer_id)))
        .group_by(c.customer_id)
    )


def _untold_or_silent(asking: Asking, now: datetime) -> Select[Any]:
    """Customers of class A who were written to: unanswered in time, all refused, or nothing left at all."""
    m, w = t.message.c, t.step_run.c
    can_hear = func.count(case((m.state.not_in(_REFUSED), 1)))
    since = func.min(func.coalesce(m.accepted_at, m.not_before, w.created_at))
    was_accepted = func.count(m.accepted_at) > 0
    late = since <= literal(now - asking.within, UtcDateTime)
    return (
        select(
            m.customer_id,
            case((can_hear == 0, REFUSED), (was_accepted, NO_ANSWER), else_=NOT_SENT).label("why"),
        )
        .join(t.step_run, w.id == m.step_run_id)
        .where(
            m.step_run_id.in_(_first_waves(asking.run)),
            m.priority == PriorityClass.A,
            m.customer_id > 0,
            m.state.not_in(_TAKEN_BACK),
        )
        .group_by(m.customer_id)
        .having(or_(can_hear == 0, late))
    )


def _left_out(asking: Asking) -> Select[Any]:
    """Customers of class A who have no way to be written to."""
    out, m = t.left_out.c, t.message.c
    waves = _first_waves(asking.run)
    return select(out.customer_id, func.min(out.reason).label("why")).where(
        out.step_run_id.in_(waves),
        out.reason.not_in(NOT_NOW),
        exists().where(
            t.account.c.customer_id == out.customer_id,
            t.account.c.priority == PriorityClass.A,
            t.account.c.closed_at.is_(None),
        ),
        not_(exists().where(m.customer_id == out.customer_id, m.step_run_id.in_(waves))),
    ).group_by(out.customer_id)  # fmt: skip


def _first_waves(run: int) -> Select[tuple[int]]:
    """The waves that tell people for the first time; later ones speak to those whom these told."""
    w = t.step_run.c
    return select(w.id).where(*_tells_first([run]))


def _tells_first(wanted: Sequence[int]) -> list[ColumnElement[bool]]:
    w = t.step_run.c
    return [
        w.run_id.in_(wanted),
        w.audience.in_([Audience.AFFECTED, Audience.JOINED]),
        w.classes.contains(PriorityClass.A.value),
        w.cancelled_classes.not_like(f"%{PriorityClass.A}%"),
    ]


def _has_task(occasion: ColumnElement[int], customer: ColumnElement[int]) -> ColumnElement[bool]:
    return exists().where(
        t.task.c.occasion_id == occasion,
        t.task.c.customer_id == customer,
        t.task.c.kind != TaskKind.NEEDS_HELP,
    )


def _shown() -> Select[Any]:
    return (
        select(t.task, t.occasion.c.name, t.occasion.c.zone, t.customer.c.ref.label("customer_ref"))
        .join(t.occasion, t.occasion.c.id == t.task.c.occasion_id)
        .join(t.customer, t.customer.c.id == t.task.c.customer_id)
    )


def _task(row: Any) -> Task:
    return Task(
        id=row.id,
        kind=TaskKind(row.kind),
        occasion=row.occasion_id,
        occasion_name=row.name,
        zone=row.zone,
        run=row.run_id,
        customer=row.customer_id,
        customer_ref=row.customer_ref,
        why=row.why,
        opened_at=row.opened_at,
        taken_at=row.taken_at,
        taken_by=row.taken_by,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        outcome=Outcome(row.outcome) if row.outcome else None,
        pushed_at=row.pushed_at,
        pushes=row.pushes,
    )
