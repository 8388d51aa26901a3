"""Who of a run was told and who was held out, and how many of each called: classes B and C alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select

from outreach.model.deflection import Called
from outreach.model.words import LeftOut, PriorityClass
from outreach.store import bulk, callers, risk, tables as t, waves
from outreach.store.callers import Calls, Snapshot
from outreach.store.calls import within
from outreach.store.session import Session
from outreach.store.waves import MISSED, REACHED


def compared(session: Session, run: int, calls: Calls, *, now: datetime) -> dict[str, Called]:
    """`told`, `delivered`, `undelivered` and `held_out` -> households, and those that called once at least.

    A call counts between the launch and the household's restoration. Both sides are known by what the
    record held at the freeze alone, for nobody wrote to those held out. Empty where nobody was.
    """
    held = _held_out(session, run)
    if not held:
        return {}
    called = _callers(session, run, calls, now=now)
    found = {"held_out": Called(households=len(held), called=len(held & called))}
    for name, homes in _told(session, run).items():
        found[name] = Called(households=len(homes), called=len(homes & called))
    return found


def _held_out(session: Session, run: int) -> set[int]:
    out = t.left_out.c
    return set(
        session.scalars(
            select(t.customer.c.household_id)
            .join(t.left_out, out.customer_id == t.customer.c.id)
            .join(t.step_run, t.step_run.c.id == out.step_run_id)
            .where(t.step_run.c.run_id == run, out.reason == LeftOut.HOLDOUT)
            .distinct()
        )
    )


def _told(session: Session, run: int) -> dict[str, set[int]]:
    """Households with a message: all, those of whom one arrived, and those of whom each failed."""
    m = t.message.c
    reached = func.max(case((m.state.in_(REACHED), 1), else_=0))
    open_ = func.max(case((m.state.in_(MISSED), 0), else_=1))
    rows = session.execute(
        select(m.household_id, reached, open_)
        .join(t.step_run, t.step_run.c.id == m.step_run_id)
        .where(t.step_run.c.run_id == run, m.household_id > 0)
        .group_by(m.household_id)
        .having(func.min(m.priority) != PriorityClass.A)
    ).all()
    return {
        "told": _ids(rows),
        "delivered": _ids(row for row in rows if row[1]),
        "undelivered": _ids(row for row in rows if not row[1] and not row[2]),
    }


def _ids(rows: Iterable[Any]) -> set[int]:
    return {row[0] for row in rows}


def _callers(session: Session, run: int, calls: Calls, *, now: datetime) -> set[int]:
    launch = waves.launch(session, run)
    call, home = t.call.c, t.household.c
    since = max(calls.since, launch.launched_at)
    made = session.execute(
        select(call.at, call.address_hash).where(
            within(calls.numbers, since, calls.until), call.address_hash.is_not(None)
        )
    ).all()
    of = Snapshot(waves=[], frozen_at=launch.frozen_at or launch.launched_at)
    homes = callers.known(session, of, {row.address_hash for row in made}, by_record=True)
    ends = risk.restorations(session, launch.occasion)
    numbers = select(home.id, ends.number(home.id)).where(
        bulk.among(session, home.id, set(homes.values()))
    )
    back: dict[int, int] = {row[0]: row[1] for row in session.execute(numbers)}
    known = [(row.at, homes[row.address_hash]) for row in made if row.address_hash in homes]
    return {number for at, number in known if at < (ends.ended(back[number]) or now)}
