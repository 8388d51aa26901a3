"""Lanes: one sender with its own rate, driven by one worker at a time under a lease."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    RowMapping,
    Select,
    and_,
    bindparam,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from outreach.model.words import Channel, RunState, StepRunState
from outreach.store import backlog, tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

BY_HAND = "by hand: "
"""Opens the reason of a lane that a person stopped: a restart does not let it go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A row of `lane`. `rate` in SMS segments, or messages, a second."""

    name: str
    pool: str
    channel: Channel
    sender: str
    rate: float
    owner: str | None = None
    lease_until: datetime | None = None
    fence: int = 0
    stopped_at: datetime | None = None
    stopped_reason: str | None = None
    provider: str = ""
    weight: int = 100
    """Per cent of its rate that it carries now."""
    weighed_at: datetime | None = None
    cooled_until: datetime | None = None
    """Nothing leaves by it until then; after it one message, as a probe, until that went well."""

    @property
    def effective_rate(self) -> float:
        """Segments a second that it carries at its weight."""
        return self.rate * self.weight / 100

    def may_answer(self, now: datetime) -> bool:
        """Whether a single mail may leave by it: its provider has not stopped it, nor does it rest."""
        rests = self.cooled_until is not None and self.cooled_until > now
        return self.stopped_at is None and not rests

    def carries(self, wanted: int, *, now: datetime) -> int:
        """How many of `wanted` messages may be claimed for it: all, one as a probe, or none."""
        if self.cooled_until is not None:
            return min(1, wanted) if self.cooled_until <= now else 0
        return wanted if self.weight > 0 else 0


def declare(session: Session, lanes: Iterable[Lane]) -> None:
    """Writes the lanes of the settings; leases, stops and weights of existing ones stay."""
    for lane in lanes:
        what = {
            "pool": lane.pool,
            "channel": lane.channel.value,
            "sender": lane.sender,
            "rate": lane.rate,
            "provider": lane.provider,
        }
        session.execute(
            insert_into(session, t.lane)
            .values(name=lane.name, fence=0, weight=lane.weight, **what)
            .on_conflict_do_update(index_elements=["name"], set_=what)
        )


def acquire(
    session: Session, name: str, owner: str, *, now: datetime, lease: timedelta
) -> Lane | None:
    """Takes the lane if nobody holds it and it is not stopped; the fence rises."""
    given = {"of_name": name, "new_owner": owner, "now": now, "until": now + lease}
    return _first(session.execute(_acquired(), given).mappings().all())


@cache
def _acquired() -> ReturningUpdate[Any]:
    return (
        update(t.lane)
        .where(
            t.lane.c.name == bindparam("of_name"),
            t.lane.c.stopped_at.is_(None),
            _is_free(bindparam("now", type_=UtcDateTime())),
        )
        .values(
            owner=bindparam("new_owner"), lease_until=bindparam("until"),
            fence=t.lane.c.fence + 1,
        )
        .returning(*t.lane.c)
    )  # fmt: skip


def renew(session: Session, lane: Lane, *, now: datetime, lease: timedelta) -> Lane | None:
    """Prolongs our lease; None if somebody else took the lane, or it was stopped."""
    given = _held_by(lane) | {"until": now + lease}
    return _first(session.execute(_RENEWED, given).mappings().all())


def _held_by(lane: Lane) -> dict[str, Any]:
    return {"of_name": lane.name, "of_owner": lane.owner, "of_fence": lane.fence}


_HELD = update(t.lane).where(
    t.lane.c.name == bindparam("of_name"),
    t.lane.c.owner == bindparam("of_owner"),
    t.lane.c.fence == bindparam("of_fence"),
)
_RELEASED = _HELD.values(owner=None, lease_until=None)
_RENEWED = (
    _HELD.where(t.lane.c.stopped_at.is_(None))
    .values(lease_until=bindparam("until"))
    .returning(*t.lane.c)
)
"""Made once: every claim renews its lane."""


def release(session: Session, lane: Lane) -> None:
    """Gives the lane back, if it is still ours."""
    session.execute(_RELEASED, _held_by(lane))


def stop(session: Session, name: str, reason: str, *, now: datetime) -> bool:
    """Nothing leaves by this lane until a person resumes it; False if it was stopped before."""
    gone = session.execute(
        update(t.lane)
        .where(t.lane.c.name == name, t.lane.c.stopped_at.is_(None))
        .values(stopped_at=now, stopped_reason=reason)
        .returning(t.lane.c.name)
    ).first()
    return gone is not None


def resume(session: Session, name: str, *, by_hand: bool = True) -> bool:
    """Lets a stopped lane go on; False if it was not stopped. What a person stopped, only by hand."""
    ours = [t.lane.c.name == name, t.lane.c.stopped_at.is_not(None)]
    if not by_hand:
        ours.append(t.lane.c.stopped_reason.not_like(f"{BY_HAND}%"))
    gone = session.execute(
        update(t.lane)
        .where(*ours)
        .values(stopped_at=None, stopped_reason=None)
        .returning(t.lane.c.name)
    ).first()
    return gone is not None


def every(session: Session) -> list[Lane]:
    """All lanes by name."""
    rows = session.execute(select(t.lane).order_by(t.lane.c.name)).mappings()
    return [_lane(row) for row in rows]


def idle_with_work(session: Session, *, now: datetime) -> list[str]:
    """Lanes that have something to send and may send now, and that nobody drives."""
    return list(session.scalars(_idle_with_work(), {"now": now}))


@cache
def _idle_with_work() -> Select[tuple[str]]:
    q, w, now = t.queue, t.step_run, bindparam("now", type_=UtcDateTime())
    work = exists().where(
        q.c.pool == t.lane.c.pool,
        or_(q.c.not_before.is_(None), q.c.not_before <= now),
        backlog.goes_before_a_word(),
        w.c.id == q.c.step_run_id,
        w.c.state == StepRunState.FROZEN,
        t.run.c.id == w.c.run_id,
        t.run.c.state != RunState.PAUSED,
    )
    return (
        select(t.lane.c.name)
        .where(t.lane.c.stopped_at.is_(None), _carries(now), _is_free(now), work)
        .order_by(t.lane.c.name)
    )


def _carries(now: BindParameter[datetime]) -> ColumnElement[bool]:
    """`Lane.carries`, for one message."""
    cooled = t.lane.c.cooled_until
    return or_(and_(cooled.is_(None), t.lane.c.weight > 0), cooled <= now)


def _is_free(now: BindParameter[datetime]) -> ColumnElement[bool]:
    return or_(t.lane.c.owner.is_(None), t.lane.c.lease_until < now)


def _first(rows: Sequence[RowMapping]) -> Lane | None:
    return _lane(rows[0]) if rows else None


def _lane(row: RowMapping) -> Lane:
    return Lane(**(dict(row) | {"channel": Channel(row["channel"])}))
