"""Whom the waves of a run have told, and whom not yet: asked before anybody is looked for again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, exists, func, or_, select

from outreach.model.words import NOT_NOW, TOLD_STATES, MessageState, PriorityClass
from outreach.store import tables as t
from outreach.store.runs import Wave
from outreach.store.session import Session


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


def has_untold(session: Session, waves: Sequence[int], classes: Collection[PriorityClass]) -> bool:
    """Whether these waves leave somebody of these classes who may be told yet: never reached, or told elsewhere for now."""
    return bool(session.execute(_untold(frozenset(classes)), {"waves": waves}).scalar_one())


@cache
def _untold(classes: frozenset[PriorityClass]) -> Select[bool]:
    """Made once: at every revision of a storm it is asked."""
    m, out, mine = t.message.c, t.left_out.c, t.account.c
    other, told = t.message.alias(), [*TOLD_STATES, MessageState.SENDING]
    waves: BindParameter[int] = bindparam("waves", expanding=True)
    # As a list, and not looked up for each: of a blackout whose notices were overtaken, that is half of all.
    heard = select(other.c.contact_point_id).where(
        other.c.step_run_id.in_(waves), other.c.state.in_(told)
    )
    unheard = exists().where(
        m.step_run_id.in_(waves),
        m.priority.in_(classes),
        m.state.not_in(told),
        m.contact_point_id.not_in(heard),
    )
    for_now: list[ColumnElement[bool]] = [out.step_run_id.in_(waves), out.reason.in_(NOT_NOW)]
    if PriorityClass.C not in classes:  # nobody of a higher class is without an account of it
        of_class = exists().where(mine.customer_id == out.customer_id, mine.priority.in_(classes))
        for_now.append(of_class)
    return select(or_(exists().where(*for_now), unheard))
