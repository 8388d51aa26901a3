"""Figures of the whole installation, for the metrics and the status page; nothing personal in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from outreach.model.words import LoadState
from outreach.store import tables as t
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """One run with its messages by state."""

    id: int
    occasion_id: int
    occasion: str
    campaign: str
    state: str
    reason: str
    launched_at: datetime
    states: dict[str, int]


def messages(session: Session) -> dict[tuple[str, str], int]:
    """(channel, state) -> messages; a pass over the ledger, about 0.3 s a million."""
    m = t.message.c
    rows = session.execute(select(m.channel, m.state, func.count()).group_by(m.channel, m.state))
    return {(channel, state): count for channel, state, count in rows}


def queued(session: Session) -> dict[str, int]:
    """pool -> messages waiting."""
    rows = session.execute(select(t.queue.c.pool, func.count()).group_by(t.queue.c.pool))
    return {row[0]: row[1] for row in rows}


def record_loaded_at(session: Session) -> datetime | None:
    """When the record was last loaded to its end."""
    done = t.record_load.c.state == LoadState.DONE
    return session.execute(select(func.max(t.record_load.c.loaded_at)).where(done)).scalar()


def runs(session: Session, *, newest: int = 20) -> list[RunFigures]:
    """The newest runs, newest first."""
    rows = session.execute(
        select(t.run, t.occasion.c.name.label("occasion"))
        .join(t.occasion, t.occasion.c.id == t.run.c.occasion_id)
        .order_by(t.run.c.id.desc())
        .limit(newest)
    ).mappings().all()  # fmt: skip
    states = _states(session, [row["id"] for row in rows])
    return [
        RunFigures(
            id=row["id"],
            occasion_id=row["occasion_id"],
            occasion=row["occasion"],
            campaign=row["campaign"],
            state=row["state"],
            reason=row["reason"],
            launched_at=row["launched_at"],
            states=states.get(row["id"], {}),
        )
        for row in rows
    ]


def _states(session: Session, run_ids: list[int]) -> dict[int, dict[str, int]]:
    m, w = t.message, t.step_run
    rows = session.execute(
        select(w.c.run_id, m.c.state, func.count())
        .join(m, m.c.step_run_id == w.c.id)
        .where(w.c.run_id.in_(run_ids))
        .group_by(w.c.run_id, m.c.state)
        .order_by(m.c.state)
    )
    found: dict[int, dict[str, int]] = {}
    for run_id, state, count in rows:
        found.setdefault(run_id, {})[state] = count
    return found
