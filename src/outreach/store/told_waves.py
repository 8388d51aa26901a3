"""Whom the waves of a run have told, and whom not yet: asked before anybody is looked for again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    bindparam,
    exists,
    func,
    literal,
    select,
    union,
)

from outreach.model.words import NOT_NOW, TOLD_STATES, MessageState, PriorityClass
from outreach.store import tables as t
from outreach.store.freezing import Untold
from outreach.store.runs import Wave
from outreach.store.session import Session

_MOST = 1_000
"""Customers of whom a statement is told by name."""
Missed = tuple[tuple[int, str], ...]
"""Customers, each with the class of what did not reach them; empty of who was left out for now."""


def version_told(session: Session, run: int, step: str, *, since: datetime) -> int | None:
    """The newest version that a step has told somebody in a wave opened after `since`; None: nobody."""
    w, m = t.step_run.c, t.message.c
    heard = exists().where(m.step_run_id == w.id, m.state.in_(TOLD_STATES))
    return session.execute(
        select(func.max(w.version)).where(
            w.run_id == run, w.step == step, w.created_at > since, heard
        )
    ).scalar()


def was_overtaken(session: Session, wave: Wave, *, since: datetime) -> bool:
    """Whether a newer revision overtook a wave of the same step that was opened after `since`, with people in it."""
    w = t.step_run.c
    before = exists().where(
        w.run_id == wave.run_id,
        w.step == wave.step,
        w.id != wave.id,
        w.created_at > since,
        w.superseded_at.is_not(None),
        w.frozen > 0,
    )
    return session.execute(select(before)).scalar_one()


def missed(session: Session, waves: Sequence[int]) -> Missed | None:
    """Whom these waves leave to be told yet, of every class; None: so many that they are looked for in the record."""
    return _asked(session, waves, frozenset(PriorityClass))


def of_classes(session: Session, every: Missed, classes: Collection[PriorityClass]) -> Untold:
    """Those of some classes."""
    customers = {customer for customer, of in every if of in classes}
    left_out = {customer for customer, of in every if not of}
    if PriorityClass.C not in classes:  # nobody of a higher class is without an account of it
        given = {"customers": [*left_out], "classes": [*classes]}
        left_out = {*session.scalars(_OF_CLASS, given)} if left_out else set()
    return _with_points(session, customers | left_out)


def untold(
    session: Session, waves: Sequence[int], classes: Collection[PriorityClass]
) -> Untold | None:
    """The same of some classes alone, for a high class is few where all are too many."""
    found = _asked(session, waves, frozenset(classes))
    return None if found is None else _with_points(session, {customer for customer, _ in found})


def _asked(
    session: Session, waves: Sequence[int], classes: frozenset[PriorityClass]
) -> Missed | None:
    rows = session.execute(_untold(classes), {"waves": waves, "most": _MOST + 1}).all()
    return None if len(rows) > _MOST else tuple((customer, of) for customer, of in rows)


def _with_points(session: Session, customers: Collection[int]) -> Untold:
    if not customers:
        return Untold((), ())
    of = tuple(sorted(customers))
    return Untold(of, tuple(session.scalars(_POINTS, {"customers": of})))


def is_of(untold: Untold, column: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a customer is one of them, or a contact point is theirs."""
    mine = untold.customers if column.name == "customer_id" else untold.points
    return column.in_(bindparam("untold", mine, expanding=True, literal_execute=True, unique=True))


_POINTS = (
    select(t.customer_contact.c.contact_point_id)
    .where(t.customer_contact.c.customer_id.in_(bindparam("customers", expanding=True)))
    .distinct()
    .order_by(t.customer_contact.c.contact_point_id)
)
_OF_CLASS = (
    select(t.account.c.customer_id)
    .where(
        t.account.c.customer_id.in_(bindparam("customers", expanding=True)),
        t.account.c.priority.in_(bindparam("classes", expanding=True)),
    )
    .distinct()
)


@cache
def _untold(classes: frozenset[PriorityClass]) -> CompoundSelect[int, str]:
    """(customer, class of the message that did not reach them, empty of who was left out) of these waves.

    Made once: at every revision of a storm it is asked.
    """
    m, out, mine, held = t.message.c, t.left_out.c, t.account.c, t.customer_contact.c
    other, told = t.message.alias(), [*TOLD_STATES, MessageState.SENDING]
    waves: BindParameter[int] = bindparam("waves", expanding=True)
    # As lists, and not looked up for each: of a blackout whose notices were overtaken, that is half of all.
    heard = (other.c.step_run_id.in_(waves), other.c.state.in_(told))
    unheard = (
        select(m.customer_id, m.contact_point_id, m.priority)
        .where(
            m.step_run_id.in_(waves),
            m.priority.in_(classes),
            m.state.not_in(told),
            m.contact_point_id.not_in(select(other.c.contact_point_id).where(*heard)),
        )
        .cte("missed")
    )
    for_now: list[ColumnElement[bool]] = [
        out.step_run_id.in_(waves),
        out.reason.in_(NOT_NOW),
        out.customer_id.not_in(select(other.c.customer_id).where(*heard)),
    ]
    if PriorityClass.C not in classes:
        of_class = exists().where(mine.customer_id == out.customer_id, mine.priority.in_(classes))
        for_now.append(of_class)
    holders = select(held.customer_id, unheard.c.priority).where(
        held.contact_point_id == unheard.c.contact_point_id
    )
    return union(
        select(out.customer_id, literal("").label("priority")).where(*for_now),
        select(unheard.c.customer_id, unheard.c.priority),
        holders,
    ).limit(bindparam("most"))
