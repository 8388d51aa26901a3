"""Figures of many outages at once, for the screen of a storm and its report: one statement each, whatever their number."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, exists, func, literal, not_, select, union, union_all

from outreach.model.words import TOLD_STATES, MessageState, PriorityClass
from outreach.store import tables as t
from outreach.store.promises import Promise
from outreach.store.session import Session

Ids = Collection[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassA:
    """Customers of class A of one outage who were written to or left out."""

    customers: int = 0
    unconfirmed: int = 0
    """Without an answer: a key, a reply or an agent's word, never a receipt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Customers of one outage whom its notices were for, each counted once."""

    addressed: int = 0
    told: int = 0
    """A carrier took a notice, or may have."""

    @property
    def unreached(self) -> int:
        return self.addressed - self.told


def class_a(session: Session, occasions: Ids) -> dict[int, ClassA]:
    """By occasion; those without such customers are absent."""
    m, out = t.message.c, t.left_out.c
    of_class_a = exists().where(
        t.account.c.customer_id == out.customer_id,
        t.account.c.priority == PriorityClass.A,
        t.account.c.closed_at.is_(None),
    )
    written = _of(occasions, t.message, m.customer_id).where(m.priority == PriorityClass.A)
    unwritten = _of(occasions, t.left_out, out.customer_id).where(of_class_a)
    found = union(written, unwritten).subquery()
    answered = exists().where(
        t.answer.c.occasion_id == found.c.occasion_id,
        t.answer.c.customer_id == found.c.customer_id,
    )
    rows = session.execute(
        select(
            found.c.occasion_id,
            func.count(),
            func.count(case((not_(answered), 1))),
        ).group_by(found.c.occasion_id)
    )
    return {row[0]: ClassA(customers=row[1], unconfirmed=row[2]) for row in rows}


def reached(session: Session, occasions: Ids) -> dict[int, Reached]:
    """By occasion; a customer with two addresses is told if one of them was."""
    m, out = t.message.c, t.left_out.c
    is_told = case((m.state.in_(list(TOLD_STATES)), 1), else_=0).label("told")
    each = union_all(
        _of(occasions, t.message, m.customer_id, is_told).where(m.customer_id > 0),
        _of(occasions, t.left_out, out.customer_id, literal(0).label("told")),
    ).subquery()
    customers = (
        select(each.c.occasion_id, func.max(each.c.told).label("told"))
        .group_by(each.c.occasion_id, each.c.customer_id)
        .subquery()
    )
    rows = session.execute(
        select(customers.c.occasion_id, func.count(), func.sum(customers.c.told)).group_by(
            customers.c.occasion_id
        )
    )
    return {row[0]: Reached(addressed=row[1], told=int(row[2])) for row in rows}


def states(session: Session, occasions: Ids) -> dict[int, dict[MessageState, int]]:
    """Messages by occasion and state."""
    m, w, run = t.message.c, t.step_run.c, t.run.c
    rows = session.execute(
        select(run.occasion_id, m.state, func.count())
        .join(t.step_run, w.run_id == run.id)
        .join(t.message, m.step_run_id == w.id)
        .where(run.occasion_id.in_(list(occasions)))
        .group_by(run.occasion_id, m.state)
    )
    found: dict[int, dict[MessageState, int]] = {}
    for occasion, state, count in rows:
        found.setdefault(occasion, {})[MessageState(state)] = count
    return found


def open_tasks(session: Session, occasions: Ids) -> dict[int, int]:
    """Tasks that nobody has closed, by occasion."""
    c = t.task.c
    rows = session.execute(
        select(c.occasion_id, func.count())
        .where(c.occasion_id.in_(list(occasions)), c.closed_at.is_(None))
        .group_by(c.occasion_id)
    )
    return {row[0]: row[1] for row in rows}


def promises(session: Session, occasions: Ids) -> dict[int, list[Promise]]:
    """Every promise by occasion, oldest first."""
    c = t.promise.c
    rows = session.execute(
        select(t.promise)
        .where(c.occasion_id.in_(list(occasions)))
        .order_by(c.occasion_id, c.version)
    ).mappings()
    found: dict[int, list[Promise]] = {}
    for row in rows:
        found.setdefault(row["occasion_id"], []).append(Promise(**row))
    return found


def _of(occasions: Ids, table: Any, customer: Any, *more: Any) -> Select[Any]:
    """Customers of a table that hangs on waves, with their occasion."""
    w, run = t.step_run.c, t.run.c
    return (
        select(run.occasion_id, customer.label("customer_id"), *more)
        .join(t.step_run, w.run_id == run.id)
        .join(table, table.c.step_run_id == w.id)
        .where(run.occasion_id.in_(list(occasions)))
    )
