"""Freezes a wave's audience into the ledger, slice by slice, then the queue in claim order.

Every slice is one short transaction that also moves the wave's mark, so that a crash repeats one
harmlessly and no other writer waits. The marks, in order: places and contact points while the audience
is written (`freeze_rows`), then numbers below -2 while the queue is filled (`freeze_queue`). Nothing of a
wave is claimed before its state is `frozen`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    func,
    literal,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from outreach.model.words import Audience, StepRunState
from outreach.store import audience, freeze_queue, freeze_rows, planning, tables as t
from outreach.store.freeze_queue import mark_wave
from outreach.store.freeze_rows import (
    Freezing,
    Release,
    from_ledger,
    from_reach,
    own_accounts,
    rows,
)
from outreach.store.runs import Wave
from outreach.store.session import Session

__all__ = ["Freezing", "Release", "at_slice", "freeze_slice", "rows"]

SLICE_ROWS = 20_000
"""Rows of reach a transaction takes: well under 0.5 s, so that other writers never wait longer."""
_LAST = (1 << 63) - 1
_OFF_NETWORK = -(1 << 62)
"""Marks from here on are contact points of premises off the network, which all stand at one place."""
_BEGIN = -2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slice:
    """Which rows a slice takes, and where the next one begins; None: it was the last of the audience."""

    rows: ColumnElement[bool]
    following: int | None


def freeze_slice(session: Session, plan: Freezing) -> bool:
    """Writes the next slice in the caller's transaction; True when it was the last and the wave is frozen."""
    wave = plan.wave
    if wave.state is StepRunState.FROZEN:
        return True
    planning.plan_each(session)
    if freeze_queue.is_filling(wave):
        return freeze_queue.fill(session, plan)
    is_told = wave.audience in {Audience.TOLD, Audience.LEFT}
    part = _of_told(session, plan) if is_told else _of_reach(session, plan)
    if is_told:
        _insert(session, from_ledger(plan, part.rows))
    else:
        by_premise = freeze_rows.is_by_premise(session, plan)
        found = freeze_rows.by_premise if by_premise else from_reach
        _insert(session, found(session, plan, part.rows))
        if wave.audience is Audience.AFFECTED:
            _leave_out(session, plan, part.rows)
    if part.following is None and not is_told and plan.posts_at is not None:
        _insert(session, own_accounts(plan))
    following = freeze_queue.BEGIN if part.following is None else part.following
    mark_wave(session, wave.id, slice_from=following)
    return False


def at_slice(plan: Freezing, wave: Wave) -> Freezing:
    """The plan, going on where the wave's mark stands."""
    return replace(plan, wave=wave)


def _of_reach(session: Session, plan: Freezing) -> _Slice:
    """A node's rows are never split, but those off the network are, by contact point."""
    r, mark = t.reach.c, plan.wave.slice_from
    if mark < 0 and not plan.scope.only_spans:
        low = 0 if mark == _BEGIN else mark - _OFF_NETWORK
        off = and_(r.tree_order == -1, r.contact_point_id >= low)
        high = _end(session, plan, r.contact_point_id, off)
        if high is None:
            return _Slice(rows=off, following=0)
        return _Slice(rows=and_(off, r.contact_point_id <= high), following=high + 1 + _OFF_NETWORK)
    low = max(mark, 0)
    high = _end(session, plan, r.tree_order, r.tree_order >= low)
    return _Slice(
        rows=r.tree_order.between(low, _LAST if high is None else high),
        following=None if high is None else high + 1,
    )


def _end(
    session: Session, plan: Freezing, column: ColumnElement[int], after: ColumnElement[bool]
) -> int | None:
    return session.execute(
        select(column)
        .where(plan.scope.covers(t.reach), after)
        .order_by(column)
        .offset(SLICE_ROWS)
        .limit(1)
    ).scalar()


def _of_told(session: Session, plan: Freezing) -> _Slice:
    """So many contact points that no earlier wave has more than SLICE_ROWS messages to them."""
    m, low = t.message.c, max(plan.wave.slice_from, 0)
    ends = [
        session.execute(
            select(m.contact_point_id)
            .where(m.step_run_id == wave, m.contact_point_id >= low)
            .order_by(m.contact_point_id)
            .offset(SLICE_ROWS)
            .limit(1)
        ).scalar()
        for wave in plan.earlier
    ]
    high = min((end for end in ends if end is not None), default=None)
    return _Slice(
        rows=m.contact_point_id.between(low, _LAST if high is None else high),
        following=None if high is None else high + 1,
    )


def _insert(session: Session, found: Select[Any]) -> None:
    """Inserts message rows; a contact point met in an earlier slice gains its further premises."""
    statement = _maker(session)(t.message).from_select(
        [column.name for column in found.selected_columns], found
    )
    worse = case(
        (statement.excluded.priority < t.message.c.priority, statement.excluded.priority),
        else_=t.message.c.priority,
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["step_run_id", "contact_point_id"],
            set_={
                "premises": t.message.c.premises + statement.excluded.premises,
                "priority": worse,
                "not_before": case(
                    (worse == t.message.c.priority, t.message.c.not_before),
                    else_=statement.excluded.not_before,
                ),
            },
        )
    )


def _leave_out(session: Session, plan: Freezing, part: ColumnElement[bool]) -> None:
    """Who is affected and has none of the step's channels, with the reason."""
    r, wave = t.reach.c, plan.wave
    reason = audience.why_not(r.customer_id, func.max(r.channels))
    found = (
        select(literal(wave.id), r.customer_id, reason)
        .where(part, *freeze_rows.of_audience(session, plan), audience.not_reached(plan.channels))
        .group_by(r.customer_id)
        .having(func.min(r.priority).in_(wave.classes))
    )
    statement = _maker(session)(t.left_out)
    session.execute(
        statement.from_select(["step_run_id", "customer_id", "reason"], found)
        .on_conflict_do_nothing()
    )  # fmt: skip


def _maker(session: Session) -> Any:
    is_postgres = session.get_bind().dialect.name == "postgresql"
    return postgresql.insert if is_postgres else sqlite.insert
