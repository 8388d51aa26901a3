"""Claims queued messages for one lane, in order, and settles what stands in the way and may not leave."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CursorResult,
    Delete,
    Integer,
    LargeBinary,
    RowMapping,
    Select,
    Update,
    bindparam,
    case,
    delete,
    exists,
    func,
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
from outreach.store import backlog, bulk, overtaking, planning, spent, tables as t
from outreach.store.session import Session
from outreach.store.spent import UNCAPPED, Caps
from outreach.store.types import UtcDateTime, from_micros

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
    caps: Caps = UNCAPPED
    outbox: bool = False
    """Whether what this lane takes stays with us: only such a lane is given a drill."""


def claim(session: Session, wanted: Claim) -> list[Recipient]:
    """At most `limit` messages, now `sending` under this owner, in the order they must leave.

    Ordered by (tier, class, keyed rank). Rows met on the way that are superseded, cancelled,
    expired or suppressed are settled as such. Empty: nothing of this pool may leave now.
    """
    for _pass in range(_PASSES):
        waves = _claimable_waves(session, outbox=wanted.outbox)
        rows = _rows(session, wanted, waves) if waves else []
        if not rows:
            return []
        newer = [row[0] for row in rows if row[-1] is None and row[_VERSION] > 1]
        held = overtaking.held(session, newer, now=wanted.now)
        able = [row[0] for row in rows if row[-1] is None and row[0] not in held]
        held |= spent.sift(session, wanted.caps, able, now=wanted.now)
        rows = [row for row in rows if row[0] not in held] if held else rows
        if not rows:
            continue
        _unqueue(session, wanted.pool, rows)
        _stop(session, rows)
        free = [row for row in rows if row[-1] is None]
        taken = _take(session, wanted, [row[0] for row in free])
        if taken:
            return [_recipient(row, row[1] + 1) for row in free if row[0] in taken]
    return []


def suppressed(address_hash: Any, channel: Any) -> ColumnElement[bool]:
    """Whether this address may not be written to on this channel for what the run is about."""
    s = t.suppression
    return exists().where(
        s.c.address_hash == address_hash,
        _any(s.c.channel, channel),
        _any(s.c.purpose, t.run.c.purpose),
    )


def stopped_as(now: datetime | BindParameter[datetime]) -> ColumnElement[str | None]:
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


@dataclass(frozen=True, slots=True)
class _Waves:
    """Waves out of which may be claimed; falsy if there is none."""

    ids: Sequence[int]
    has_canary: bool

    def __bool__(self) -> bool:
        return bool(self.ids)


def _claimable_waves(session: Session, *, outbox: bool) -> _Waves:
    """Frozen waves that have queued rows, of runs that are not paused; few, so asked first."""
    found = session.execute(_claimable(outbox=outbox)).all()
    return _Waves([row[0] for row in found], any(row[1] is not None for row in found))


@cache
def _claimable(*, outbox: bool) -> Select[Any]:
    drills = [] if outbox else [t.run.c.drill.is_(False)]
    return (
        select(t.step_run.c.id, t.run.c.canary_rank)
        .join(t.run, t.run.c.id == t.step_run.c.run_id)
        .where(
            t.run.c.state != RunState.PAUSED,
            t.step_run.c.state == StepRunState.FROZEN,
            exists().where(t.queue.c.step_run_id == t.step_run.c.id),
            *drills,
        )
    )


def of_recipient() -> list[ColumnElement[Any]]:
    """The columns `recipient` reads, over message, step_run, run and contact_point, joined."""
    m, w, p, r = t.message, t.step_run, t.contact_point, t.run
    return [
        m.c.id, m.c["try"], m.c.failures, m.c.channel, m.c.locale, m.c.zone, m.c.priority,
        m.c.locality, m.c.premises, m.c.not_after, m.c.step_run_id, m.c.rank,
        p.c.address_sealed, p.c.address_hash, w.c.version, w.c.step, w.c.template, w.c.tier,
        w.c.run_id, r.c.occasion_id, r.c.campaign, r.c.pinned, r.c.purpose, r.c.drill,
    ]  # fmt: skip


@cache
def _candidates(*, has_canary: bool) -> Select[Any]:
    """For `pool`, `waves`, `now` and `limit`; made once, for making it takes as long as a small claim."""
    q, m, w, p = t.queue, t.message, t.step_run, t.contact_point
    now = bindparam("now", type_=UtcDateTime())
    stop = case((m.c.state != MessageState.QUEUED, _GONE), else_=stopped_as(now))
    return (
        select(*of_recipient(), stop.label("stop"))
        .select_from(q)
        .join(m, m.c.id == q.c.message_id)
        .join(w, w.c.id == q.c.step_run_id)
        .join(t.run, t.run.c.id == w.c.run_id)
        .join(p, p.c.id == m.c.contact_point_id)
        .where(
            q.c.pool == bindparam("pool"),
            # + 0 keeps the planner on the primary key: by wave it would have to sort them all
            (q.c.step_run_id + 0).in_(bindparam("waves", expanding=True)),
            or_(q.c.not_before.is_(None), q.c.not_before <= now),
            *([backlog.goes_before_a_word()] if has_canary else []),
        )
        .order_by(*_ORDER)
        .limit(bindparam("limit", type_=Integer()))
        .with_for_update(of=q, skip_locked=True)
    )


@cache
def _candidates_as_one(*, has_canary: bool) -> Select[Any]:
    inner = _candidates(has_canary=has_canary).subquery()
    columns = [func.hex(each) if isinstance(each.type, LargeBinary) else each for each in inner.c]
    return select(func.json_group_array(func.json_array(*columns)))


def _rows(session: Session, wanted: Claim, waves: _Waves) -> Sequence[Sequence[Any]]:
    """What may be claimed of these waves, in its order; on SQLite as one row.

    Its driver lets go of the interpreter at every row, and beside a busy event loop each of them
    would wait for its turn again.
    """
    given = {
        "pool": wanted.pool, "waves": waves.ids, "now": wanted.now, "limit": wanted.limit,
    }  # fmt: skip
    if session.get_bind().dialect.name == "postgresql":
        with planning.in_index_order(session):
            return session.execute(_candidates(has_canary=waves.has_canary), given).all()
    asked = _candidates_as_one(has_canary=waves.has_canary)
    rows: list[list[Any]] = json.loads(session.execute(asked, given).scalar_one())
    for row in rows:
        for index in _BYTES:
            row[index] = bytes.fromhex(row[index])
        row[_NOT_AFTER] = from_micros(row[_NOT_AFTER]) if row[_NOT_AFTER] else None
    return rows


def _unqueue(session: Session, pool: str, rows: Sequence[Sequence[Any]]) -> None:
    """One range of the queue's own order, less what stays: index work only."""
    dialect = session.get_bind().dialect.name
    given: dict[str, Any] = {
        f"{end}{place}": row[index]
        for end, row in (("first", rows[0]), ("last", rows[-1]))
        for place, index in enumerate(_IN_ORDER)
    }
    numbers = bulk.numbers([row[0] for row in rows], dialect)
    session.execute(_unqueued(dialect), {**given, "pool": pool, "numbers": numbers})


@cache
def _unqueued(dialect: str) -> Delete:
    """For `pool`, `numbers`, and what `_ORDER` says of the first and of the last."""
    first, last = (
        tuple_(*(bindparam(f"{end}{place}", type_=each.type) for place, each in enumerate(_ORDER)))
        for end in ("first", "last")
    )
    return delete(t.queue).where(
        t.queue.c.pool == bindparam("pool"),
        tuple_(*_ORDER) >= first,
        tuple_(*_ORDER) <= last,
        bulk.one_of(t.queue.c.message_id, "numbers", dialect),
    )


def _stop(session: Session, rows: Sequence[Sequence[Any]]) -> None:
    for state in {row[-1] for row in rows} - {None, _GONE}:
        session.execute(
            update(t.message)
            .where(
                bulk.among(session, t.message.c.id, [row[0] for row in rows if row[-1] == state]),
                t.message.c.state == MessageState.QUEUED,
            )
            .values(state=state, reason=state)
        )


def _take(session: Session, wanted: Claim, ids: Sequence[int]) -> Iterable[int]:
    """Those that were still queued when they were written; mostly all."""
    if not ids:
        return set()
    m, dialect = t.message, session.get_bind().dialect.name
    given = {
        "numbers": bulk.numbers(ids, dialect), "by": wanted.owner, "to": wanted.lane,
        "until": wanted.now + wanted.lease, "now": wanted.now,
    }  # fmt: skip
    written: Any = session.execute(_taken(dialect), given)
    assert isinstance(written, CursorResult)  # noqa: S101  what an UPDATE gives
    if written.rowcount == len(ids):
        return set(ids)
    # Queued a moment ago in this very transaction: if it is ours now, it was taken by us here.
    ours = select(m.c.id).where(
        bulk.among(session, m.c.id, ids),
        m.c.state == MessageState.SENDING,
        m.c.owner == wanted.owner,
        m.c.lane == wanted.lane,
        m.c.claimed_at == wanted.now,
    )
    return set(session.scalars(ours))


@cache
def _taken(dialect: str) -> Update:
    """For `numbers`, `by` whom, `to` which lane, `until` and `now`."""
    m, now = t.message.c, bindparam("now", type_=UtcDateTime())
    queued = (bulk.one_of(m.id, "numbers", dialect), m.state == MessageState.QUEUED)
    return (
        update(t.message)
        .where(*queued)
        .values(
            {
                "state": MessageState.SENDING,
                "owner": bindparam("by"),
                "lane": bindparam("to"),
                "lease_until": bindparam("until", type_=UtcDateTime()),
                "try": m["try"] + 1,
                "claimed_at": now,
                "slot_at": func.coalesce(m.slot_at, now),
            }
        )
    )


_NAMES = tuple(column.name for column in of_recipient())
_NOT_AFTER = _NAMES.index("not_after")
_BYTES = tuple(_NAMES.index(name) for name in ("address_sealed", "address_hash"))
_VERSION = _NAMES.index("version")
_IN_ORDER = tuple(_NAMES.index(name) for name in ("tier", "priority", "rank", "id"))
_CHANNELS = {each.value: each for each in Channel}
_CLASSES = {each.value: each for each in PriorityClass}
_PURPOSES = {each.value: each for each in Purpose}
_TIERS = {each.value: each for each in Tier}


def recipient(row: RowMapping, try_: int) -> Recipient:
    """One joined row as the values that rendering needs."""
    return _recipient([row[name] for name in _NAMES], try_)


def _recipient(row: Sequence[Any], try_: int) -> Recipient:
    (
        id_, _try, failures, channel, locale, zone, priority, locality, premises, not_after,
        step_run, _rank, sealed, address_hash, version, step, template, tier,
        run, occasion, campaign, pinned, purpose, drill,
    ) = row[:_WIDTH]  # fmt: skip
    return Recipient(
        id=id_,
        try_=try_,
        occasion=occasion,
        version=version,
        step=step,
        template=template,
        campaign=campaign,
        channel=_CHANNELS[channel],
        locale=locale,
        zone=zone,
        priority=_CLASSES[priority],
        address_sealed=sealed,
        locality=locality,
        premises=premises,
        not_after=not_after,
        purpose=_PURPOSES[purpose],
        run=run,
        step_run=step_run,
        pinned=pinned,
        tier=_TIERS[tier],
        address_hash=address_hash,
        failures=failures,
        drill=bool(drill),
    )


_WIDTH = len(_NAMES)
