"""What the clock owes: instants as our own rows, each fired once, none dropped in silence."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Integer, bindparam, select, update

from outreach.store import tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session

DONE, EXPIRED, OVERTAKEN = "done", "expired", "overtaken"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDue:
    """One instant at which something has to happen; the same twice is one."""

    at: datetime
    what: str
    """A model.Event."""
    occasion_id: int
    run_id: int | None = None
    step: str = ""
    too_late_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A stored instant."""

    id: int
    at: datetime
    what: str
    occasion_id: int
    run_id: int | None
    step: str
    too_late_at: datetime | None
    done_at: datetime | None
    outcome: str
    reason: str
    fence: int | None
    """Of the leader that settled it."""


def add(session: Session, wanted: list[NewDue]) -> None:
    """Writes the instants that are not there yet; one that was overtaken and is wanted again waits anew.

    Fired ones stay fired: whatever is written later, an intended time is told once.
    """
    if not wanted:
        return
    waits = {"done_at": None, "outcome": "", "reason": "", "fence": None}
    rows = [{name: getattr(one, name) for name in NewDue.__slots__} | waits for one in wanted]
    into = insert_into(session, t.due)
    again = waits | {name: into.excluded[name] for name in ("run_id", "too_late_at")}
    session.execute(
        into.on_conflict_do_update(
            index_elements=["occasion_id", "what", "step", "at"],
            set_=again,
            where=t.due.c.outcome == OVERTAKEN,
        ),
        rows,
    )


def waiting(session: Session, *, now: datetime, limit: int = 200) -> list[Due]:
    """What is due at `now` and not done, oldest first."""
    rows = session.execute(_WAITING, {"now": now, "limit": limit}).mappings()
    return [Due(**row) for row in rows]


_WAITING = (
    select(t.due)
    .where(t.due.c.done_at.is_(None), t.due.c.at <= bindparam("now"))
    .order_by(t.due.c.at, t.due.c.id)
    .limit(bindparam("limit", type_=Integer()))
)


def of(session: Session, occasion: int) -> list[Due]:
    """Every instant of an occasion, in order of time."""
    rows = session.execute(
        select(t.due).where(t.due.c.occasion_id == occasion).order_by(t.due.c.at)
    ).mappings()
    return [Due(**row) for row in rows]


def oldest(session: Session, *, now: datetime) -> datetime | None:
    """The instant that has waited longest for a clock to fire it; None: nothing is overdue."""
    overdue = t.due.c.done_at.is_(None) & (t.due.c.at <= now)
    return session.execute(select(t.due.c.at).where(overdue).order_by(t.due.c.at).limit(1)).scalar()


def settle(
    session: Session,
    number: int,
    outcome: str,
    reason: str = "",
    *,
    now: datetime,
    fence: int | None = None,
) -> bool:
    """Marks an instant as done, expired or overtaken; False if another clock was first.

    In the transaction of what the instant brings about, so that both happen once or not at all. The
    occasion is locked first, as a person's revision locks it: nobody waits for each other in a circle.
    """
    session.execute(
        select(t.occasion.c.id)
        .join(t.due, t.due.c.occasion_id == t.occasion.c.id)
        .where(t.due.c.id == number)
        .with_for_update(of=t.occasion)
    )
    settled = session.execute(
        update(t.due)
        .where(t.due.c.id == number, t.due.c.done_at.is_(None))
        .values(done_at=now, outcome=outcome, reason=reason, fence=fence)
        .returning(t.due.c.id)
    ).first()
    return settled is not None


def close(
    session: Session,
    occasion: int,
    what: str | Collection[str],
    settled: tuple[str, str],
    *,
    now: datetime,
    run: int | None = None,
) -> None:
    """Settles, with an outcome and its reason, all of some kinds that waits for an occasion, or for one run of it."""
    kinds = [what] if isinstance(what, str) else list(what)
    waits = (t.due.c.occasion_id == occasion) & t.due.c.done_at.is_(None) & t.due.c.what.in_(kinds)
    if run is not None:
        waits &= t.due.c.run_id == run
    outcome, reason = settled
    session.execute(update(t.due).where(waits).values(done_at=now, outcome=outcome, reason=reason))
