"""What became of messages since the last look: for events of their outcomes, found set-based behind two marks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, text

from outreach.model.words import MessageState
from outreach.store import tables as t
from outreach.store.session import Session

_ENDED = text("message.state IN ('failed', 'unknown')")
"""As the partial index has it: SQLite knows it again only with its values in the text."""
NO_RECEIPT = "no receipt"
"""Reason of `unknown` by `ledger.unknown_after`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One message of a run that has come to its end."""

    message: int
    run: int
    state: MessageState
    at: datetime


def newest_receipt(session: Session) -> int:
    """The number of the newest one; 0: there is none."""
    return session.execute(select(func.max(t.receipt.c.id))).scalar() or 0


def settled_receipt(session: Session, *, until: datetime, after: int, most: int) -> int:
    """The mark to go to: at most so many receipts on, all of them applied, and received before `until`.

    One received a moment ago may still have older numbers beside it whose transactions are not committed.
    """
    r = t.receipt.c
    window = (
        select(r.id, r.received_at, r.applied_at).where(r.id > after).order_by(r.id).limit(most)
    ).subquery()
    not_yet = select(func.min(window.c.id)).where(
        window.c.applied_at.is_(None) | (window.c.received_at >= until)
    )
    first = session.execute(not_yet).scalar()
    if first is not None:
        return int(first) - 1
    last = session.execute(select(func.max(window.c.id))).scalar()
    return int(last) if last is not None else after


def by_receipt(
    session: Session, states: Sequence[MessageState], *, after: int, until: int
) -> Iterator[Outcome]:
    """Messages whose state is what a receipt of these numbers said, once each, in the order of runs."""
    r, m = t.receipt.c, t.message.c
    at = func.max(r.received_at)
    found = (
        _of_runs(at)
        .join(t.receipt, r.message_id == m.id)
        .where(r.id > after, r.id <= until, r.state == m.state, m.state.in_(states))
        .group_by(m.id, t.step_run.c.run_id, m.state)
    )
    yield from _outcomes(session, found)


def by_claim(
    session: Session,
    state: MessageState,
    *,
    since: datetime,
    until: datetime,
    without_receipt: bool | None = None,
) -> Iterator[Outcome]:
    """Messages that ended in this state and were claimed in [since, until): one look sees each once.

    without_receipt: only those that ended because no receipt came (True), or for another reason (False).
    """
    m = t.message.c
    silent = func.coalesce(m.reason, "") == NO_RECEIPT
    of = [] if without_receipt is None else [silent if without_receipt else ~silent]
    found = _of_runs(m.claimed_at).where(
        _ENDED, m.state == state, m.claimed_at >= since, m.claimed_at < until, *of
    )
    yield from _outcomes(session, found)


def _of_runs(at: ColumnElement[Any]) -> Select[Any]:
    m, w, run = t.message.c, t.step_run.c, t.run.c
    return (
        select(m.id, w.run_id, m.state, at.label("at"))
        .select_from(t.message)
        .join(t.step_run, w.id == m.step_run_id)
        .join(t.run, run.id == w.run_id)
        .where(~run.drill)
        .order_by(w.run_id, m.id)
    )


def _outcomes(session: Session, found: Select[Any]) -> Iterator[Outcome]:
    for row in session.execute(found):
        yield Outcome(message=row[0], run=row[1], state=MessageState(row[2]), at=row[3])
