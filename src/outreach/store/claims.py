"""Claims queued messages for one lane, in order, and settles what stands in the way and may not leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    case,
    delete,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)

from outreach.model.message import Recipient
from outreach.model.words import (
    Channel,
    MessageState,
    PriorityClass,
    Purpose,
    RunState,
    StepRunState,
    Tier,
)
from outreach.store import tables as t
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

_PASSES = 20
"""Chunks of stopped rows that one claim clears before it gives the lock back."""
_ORDER = (t.queue.c.tier, t.queue.c.priority, t.queue.c.rank, t.queue.c.message_id)
_GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who claims, out of which pool, and for how long."""

    lane: str
    pool: str
    owner: str
    now: datetime
    lease: timedelta
    limit: int


def claim(session: Session, wanted: Claim) -> list[Recipient]:
    """At most `limit` messages, now `sending` under this owner, in the order they must leave.

    Ordered by (tier, class, keyed rank). Rows met on the way that are superseded, cancelled,
    expired or suppressed are settled as such. Empty: nothing of this pool may leave now.
    """
    for _pass in range(_PASSES):
        waves = _claimable_waves(session)
        rows = session.execute(_candidates(wanted, waves)).mappings().all() if waves else []
        if not rows:
            return []
        _unqueue(session, wanted.pool, rows)
        _stop(session, rows)
        taken = _take(session, wanted, [row["id"] for row in rows if row["stop"] is None])
        if taken:
            return [recipient(row, taken[row["id"]]) for row in rows if row["id"] in taken]
    return []


def suppressed(address_hash: Any, channel: Any) -> ColumnElement[bool]:
    """Whether this address may not be written to on this channel for what the run is about."""
    s = t.suppression
    return exists().where(
        s.c.address_hash == address_hash,
        _any(s.c.channel, channel),
        _any(s.c.purpose, t.run.c.purpose),
    )


def stopped_as(now: datetime) -> ColumnElement[str | None]:
    """The state in which a message ends that must not leave any more; null while it may.

    Over message, contact_point, step_run and run, joined.
    """
    m, w = t.message, t.step_run
    return case(
        (w.c.superseded_at.is_not(None), MessageState.SUPERSEDED.value),
        (t.run.c.state == RunState.CANCELLED, MessageState.CANCELLED.value),
        (w.c.cancelled_classes.contains(m.c.priority), MessageState.CANCELLED.value),
        (m.c.not_after <= now, MessageState.EXPIRED.value),
        (t.contact_point.c.bad_since.is_not(None), MessageState.SUPPRESSED.value),
        (suppressed(t.contact_point.c.address_hash, m.c.channel), MessageState.SUPPRESSED.value),
        else_=null(),
    )


def _any(column: ColumnElement[str], value: ColumnElement[str]) -> ColumnElement[bool]:
    return or_(column == "*", column == value)


def _claimable_waves(session: Session) -> Sequence[int]:
    """Frozen waves that have queued rows, of runs that are not paused; few, so asked first."""
    return session.scalars(
        select(t.step_run.c.id)
        .join(t.run, t.run.c.id == t.step_run.c.run_id)
        .where(
            t.run.c.state != RunState.PAUSED,
            t.step_run.c.state == StepRunState.FROZEN,
            exists().where(t.queue.c.step_run_id == t.step_run.c.id),
        )
    ).all()


def of_recipient() -> list[ColumnElement[Any]]:
    """The columns `recipient` reads, over message, step_run, run and contact_point, joined."""
    m, w, p, r = t.message, t.step_run, t.contact_point, t.run
    return [
        m.c.id, m.c["try"], m.c.failures, m.c.channel, m.c.locale, m.c.zone, m.c.priority,
        m.c.locality, m.c.premises, m.c.not_after, m.c.step_run_id, m.c.rank,
        p.c.address_sealed, p.c.address_hash, w.c.version, w.c.step, w.c.template, w.c.tier,
        w.c.run_id, r.c.occasion_id, r.c.campaign, r.c.pinned, r.c.purpose,
    ]  # fmt: skip


def _candidates(wanted: Claim, waves: Sequence[int]) -> Select[Any]:
    q, m, w, p = t.queue, t.message, t.step_run, t.contact_point
    stop = case((m.c.state != MessageState.QUEUED, _GONE), else_=stopped_as(wanted.now))
    return (
        select(*of_recipient(), stop.label("stop"))
        .select_from(q)
        .join(m, m.c.id == q.c.message_id)
        .join(w, w.c.id == q.c.step_run_id)
        .join(t.run, t.run.c.id == w.c.run_id)
        .join(p, p.c.id == m.c.contact_point_id)
        .where(
            q.c.pool == wanted.pool,
            # + 0 keeps the planner on the primary key: by wave it would have to sort them all
            (q.c.step_run_id + 0).in_(waves),
            or_(q.c.not_before.is_(None), q.c.not_before <= wanted.now),
        )
        .order_by(*_ORDER)
        .limit(wanted.limit)
        .with_for_update(of=q, skip_locked=True)
    )


def _unqueue(session: Session, pool: str, rows: Sequence[RowMapping]) -> None:
    """One range of the queue's own order, less what stays: index work only."""
    ends = [
        tuple_(row["tier"], row["priority"], row["rank"], row["id"]) for row in (rows[0], rows[-1])
    ]
    session.execute(
        delete(t.queue).where(
            t.queue.c.pool == pool,
            tuple_(*_ORDER) >= ends[0],
            tuple_(*_ORDER) <= ends[1],
            t.queue.c.message_id.in_([row["id"] for row in rows]),
        )
    )


def _stop(session: Session, rows: Sequence[RowMapping]) -> None:
    for state in {row["stop"] for row in rows} - {None, _GONE}:
        session.execute(
            update(t.message)
            .where(
                t.message.c.id.in_([row["id"] for row in rows if row["stop"] == state]),
                t.message.c.state == MessageState.QUEUED,
            )
            .values(state=state, reason=state)
        )


def _take(session: Session, wanted: Claim, ids: Sequence[int]) -> dict[int, int]:
    """message -> its risen try, of those that were still queued when it was written."""
    if not ids:
        return {}
    m = t.message
    written: Sequence[Any] = session.execute(
        update(m)
        .where(m.c.id.in_(ids), m.c.state == MessageState.QUEUED)
        .values(
            {
                "state": MessageState.SENDING,
                "owner": wanted.owner,
                "lane": wanted.lane,
                "lease_until": wanted.now + wanted.lease,
                "try": m.c["try"] + 1,
                "claimed_at": wanted.now,
                "slot_at": func.coalesce(m.c.slot_at, literal(wanted.now, UtcDateTime)),
            }
        )
        .returning(m.c.id, m.c["try"])
    ).all()
    return dict(written)


def recipient(row: RowMapping, try_: int) -> Recipient:
    """One joined row as the values that rendering needs."""
    return Recipient(
        id=row["id"],
        try_=try_,
        occasion=row["occasion_id"],
        version=row["version"],
        step=row["step"],
        template=row["template"],
        campaign=row["campaign"],
        channel=Channel(row["channel"]),
        locale=row["locale"],
        zone=row["zone"],
        priority=PriorityClass(row["priority"]),
        address_sealed=row["address_sealed"],
        locality=row["locality"],
        premises=row["premises"],
        not_after=row["not_after"],
        purpose=Purpose(row["purpose"]),
        run=row["run_id"],
        step_run=row["step_run_id"],
        pinned=row["pinned"],
        tier=Tier(row["tier"]),
        address_hash=row["address_hash"],
        failures=row["failures"],
    )
