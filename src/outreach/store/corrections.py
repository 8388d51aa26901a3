"""Who was told of an occasion, or may have been: whom a correction must reach."""

from __future__ import annotations

from sqlalchemy import Select, func, select

from outreach.model.words import TOLD_STATES, MessageState
from outreach.store import tables as t
from outreach.store.session import Session

MAYBE_TOLD = [*TOLD_STATES, MessageState.SENDING]
"""Was sent, or may have been: what is in a call at this moment counts."""


def told(session: Session, occasion: int) -> dict[str, int]:
    """Channel -> addresses (posts: accounts) that heard of it, or may have, once a campaign."""
    m, w = t.message.c, t.step_run.c
    each = (
        select(w.run_id, m.channel, m.contact_point_id)
        .join(t.step_run, w.id == m.step_run_id)
        .where(w.run_id.in_(_runs(occasion)), m.state.in_(MAYBE_TOLD))
        .distinct()
        .subquery()
    )
    rows = session.execute(select(each.c.channel, func.count()).group_by(each.c.channel))
    return {row[0]: row[1] for row in rows}


def runs_told(session: Session, occasion: int) -> list[int]:
    """The runs that told somebody, or may have."""
    m, w = t.message.c, t.step_run.c
    of_run = (
        select(m.id)
        .join(t.step_run, w.id == m.step_run_id)
        .where(w.run_id == t.run.c.id, m.state.in_(MAYBE_TOLD))
        .exists()
    )
    found = select(t.run.c.id).where(t.run.c.occasion_id == occasion, of_run).order_by(t.run.c.id)
    return list(session.scalars(found))


def _runs(occasion: int) -> Select[tuple[int]]:
    return select(t.run.c.id).where(t.run.c.occasion_id == occasion)
