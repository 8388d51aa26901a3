"""Where the waves of a run stand: states that add up, who is left out and why, and what is still to leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, func, not_, or_, select

from outreach.model.words import NOT_NOW, LeftOut, MessageState, PriorityClass, RunState
from outreach.store import answers, runs, tables as t
from outreach.store.runs import Run, Wave
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveStanding:
    """One wave: its messages by state, and customers without one by reason; zeroes are left away."""

    wave: Wave
    states: dict[MessageState, int]
    left_out: dict[LeftOut, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Queued messages of one pool that may leave from the same instant on; None: at once."""

    pool: str
    not_before: datetime | None
    messages: int


def standings(session: Session, run: int) -> list[WaveStanding]:
    """The waves of a run, oldest first, in three statements whatever their number."""
    waves = runs.waves(session, run)
    m, out = t.message.c, t.left_out.c
    states = _counted(session, run, select(m.step_run_id, m.state, func.count()))
    left = _counted(session, run, select(out.step_run_id, out.reason, func.count()))
    return [
        WaveStanding(
            wave=wave,
            states={MessageState(name): count for name, count in states.get(wave.id, {}).items()},
            left_out={LeftOut(name): count for name, count in left.get(wave.id, {}).items()},
        )
        for wave in waves
    ]


def left_out(session: Session, run: int) -> dict[LeftOut, int]:
    """Distinct customers whom some wave of the run left out, by reason; most first."""
    count = func.count(t.left_out.c.customer_id.distinct())
    rows = session.execute(
        select(t.left_out.c.reason, count)
        .where(t.left_out.c.step_run_id.in_(_waves(run)))
        .group_by(t.left_out.c.reason)
        .order_by(count.desc(), t.left_out.c.reason)
    )
    return {LeftOut(reason): number for reason, number in rows}


def waiting(session: Session, run: int) -> list[Waiting]:
    """What is queued of a run, by pool and first instant."""
    q = t.queue.c
    rows = session.execute(
        select(q.pool, q.not_before, func.count())
        .where(q.step_run_id.in_(_waves(run)))
        .group_by(q.pool, q.not_before)
    )
    return [Waiting(pool=row[0], not_before=row[1], messages=row[2]) for row in rows]


def heard_last(session: Session, run: int) -> datetime | None:
    """When the newest message of a run was accepted by a provider."""
    return session.execute(
        select(func.max(t.message.c.accepted_at)).where(t.message.c.step_run_id.in_(_waves(run)))
    ).scalar()


def priority_unconfirmed(session: Session, occasion: int) -> int:
    """Customers of class A of an occasion, written to or left out, who have not answered: no receipt counts."""
    m, out = t.message, t.left_out
    waves = (
        select(t.step_run.c.id)
        .join(t.run, t.run.c.id == t.step_run.c.run_id)
        .where(t.run.c.occasion_id == occasion)
    )
    of_class_a = exists().where(
        t.account.c.customer_id == t.customer.c.id,
        t.account.c.priority == PriorityClass.A,
        t.account.c.closed_at.is_(None),
    )
    written = select(m.c.customer_id).where(
        m.c.step_run_id.in_(waves), m.c.priority == PriorityClass.A
    )
    unwritten = select(out.c.customer_id).where(
        out.c.step_run_id.in_(waves), out.c.reason.not_in(NOT_NOW)
    )
    return session.execute(
        select(func.count())
        .select_from(t.customer)
        .where(
            or_(t.customer.c.id.in_(written), t.customer.c.id.in_(unwritten) & of_class_a),
            not_(answers.is_answered(occasion, t.customer.c.id)),
        )
    ).scalar_one()


def in_state(session: Session, state: RunState) -> list[Run]:
    """Every run in this state, oldest first."""
    numbers = session.scalars(select(t.run.c.id).where(t.run.c.state == state).order_by(t.run.c.id))
    return [runs.get(session, number) for number in numbers.all()]


def _waves(run: int) -> Select[tuple[int]]:
    return select(t.step_run.c.id).where(t.step_run.c.run_id == run)


def _counted(session: Session, run: int, rows: Select[Any]) -> dict[int, dict[str, int]]:
    """wave -> key -> count, of a select of these three."""
    wave, key, _count = rows.selected_columns
    found: dict[int, dict[str, int]] = {}
    for number, name, count in session.execute(_grouped(rows, run, wave, key)):
        found.setdefault(number, {})[name] = count
    return found


def _grouped(
    rows: Select[Any], run: int, wave: ColumnElement[Any], key: ColumnElement[Any]
) -> Select[Any]:
    return rows.where(wave.in_(_waves(run))).group_by(wave, key).order_by(wave, key)
