"""Whom an experiment keeps back, as SQL: the late tail and the holdout; never class A, nor who lives with it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, literal, select

from outreach.model import order
from outreach.model.words import PriorityClass
from outreach.store import generations, ranks, tables as t
from outreach.store.freezing import Freezing
from outreach.store.session import Session

TAIL, HOLDOUT = "tail", "holdout"
"""What the seed draws for, in front of the household's reference."""


def is_late(
    session: Session, plan: Freezing, first: Any, priority: ColumnElement[str]
) -> ColumnElement[bool]:
    """Whether the plan's tail has the household of a group of reach; `first` picks one row's value."""
    if plan.tail is None:
        raise ValueError("a plan without a tail keeps nobody back")
    named = literal(TAIL, String) + first(t.reach.c.household)
    rank = ranks.keyed_rank(plan.seed, named, session.get_bind().dialect)
    drawn = rank < order.drawn_below(plan.tail.share)
    return and_(drawn, _may_wait(plan, first(t.reach.c.household_id), priority))


def is_held_out(session: Session, plan: Freezing, row: Any) -> ColumnElement[bool]:
    """Whether the household of a would-be message is never told; one look at its row each."""
    dialect, household_id, priority = session.get_bind().dialect, row.c.household_id, row.c.priority
    drawn = ranks.is_drawn(plan.seed, HOLDOUT, household_id, dialect, share=plan.holdout)
    return and_(_may_wait(plan, household_id, priority), household_id > 0, drawn)


def _may_wait(
    plan: Freezing, household_id: ColumnElement[int], priority: ColumnElement[str]
) -> ColumnElement[bool]:
    return and_(priority != PriorityClass.A, household_id.not_in(_with_class_a(plan)))


def _with_class_a(plan: Freezing) -> Select[tuple[int]]:
    """Households with a member of class A in the scope, on whatever channel."""
    r = t.reach.alias()
    return select(r.c.household_id).where(
        plan.scope.covers(r),
        generations.visible(r, plan.wave.generation),
        r.c.priority == PriorityClass.A,
    )
