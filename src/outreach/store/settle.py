"""Writes what became of claimed messages: fenced by owner and try, a whole chunk at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, literal, select, text, update

from outreach.model.words import MessageState
from outreach.store import suppressions, tables as t
from outreach.store.session import Session
from outreach.store.types import UtcDateTime, to_micros

DUPLICATE = "duplicate"
"""Reason on a message of which the provider holds two copies; counted and reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of one try."""

    id: int
    try_: int
    state: MessageState
    provider_ref: str | None = None
    segments: int | None = None
    body_hash: bytes | None = None
    code: str = ""
    reason: str | None = None
    not_before: datetime | None = None
    """For `queued`: when it may be tried again."""
    spent: bool = False
    """Whether this try counts against the three that a message has."""
    delayed: bool = False
    """Whether the provider (or the rendering) asked for another try; kept as an attempt row."""
    address_is_bad: bool = False
    opted_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What the settling wrote, and what it could not: those had moved on under another hand."""

    counts: dict[MessageState, int] = field(default_factory=dict)
    stale: tuple[int, ...] = ()
    duplicates: tuple[int, ...] = ()


def settle(
    session: Session, owner: str, results: Sequence[Settled], *, provider: str, now: datetime
) -> Settlement:
    """Settles tries that `owner` claimed.

    A row that is no longer `sending` under this owner and try keeps its state: only what the
    provider told us about this very try is added to it.
    """
    live = _still_ours(session, owner, results)
    ours = [one for one in results if (one.id, one.try_) in live]
    stale = [one for one in results if (one.id, one.try_) not in live]
    _write(session, ours, provider=provider, now=now)
    _keep_attempts(session, ours, live, now=now)
    requeue(session, [one.id for one in ours if one.state is MessageState.QUEUED])
    _learn(session, results, now=now)
    return Settlement(
        counts=dict(Counter(one.state for one in ours)),
        stale=tuple(one.id for one in stale),
        duplicates=_complete(session, stale, provider=provider, now=now),
    )


def requeue(session: Session, ids: Sequence[int]) -> None:
    """Puts messages that are `queued` again back into the queue, at their old rank."""
    m = t.message
    if ids:
        session.execute(
            insert(t.queue).from_select(
                ["pool", "tier", "priority", "rank", "message_id", "step_run_id", "not_before"],
                select(m.c.pool, t.step_run.c.tier, m.c.priority, m.c.rank, m.c.id, m.c.step_run_id, m.c.not_before)
                .join(t.step_run, t.step_run.c.id == m.c.step_run_id)
                .where(m.c.id.in_(ids), m.c.state == MessageState.QUEUED),
            )
        )  # fmt: skip


def _still_ours(
    session: Session, owner: str, results: Sequence[Settled]
) -> dict[tuple[int, int], tuple[str, datetime]]:
    """(message, try) -> (lane, claimed_at) of the rows that are still sending for us; locked."""
    m = t.message
    rows = session.execute(
        select(m.c.id, m.c["try"], m.c.lane, m.c.claimed_at)
        .where(
            m.c.id.in_([one.id for one in results]),
            m.c.owner == owner,
            m.c.state == MessageState.SENDING,
        )
        .with_for_update()
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


def _write(session: Session, ours: Sequence[Settled], *, provider: str, now: datetime) -> None:
    rows = [_values(one, now) for one in ours]
    if not rows:
        return
    if session.get_bind().dialect.name == "postgresql":
        # One statement: a round trip a row holds a lane to a tenth of this.
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        session.execute(_ALL_AT_ONCE, columns | {"provider": provider})
        return
    # Through the driver: naming and converting each value of each row costs four times the writing.
    session.connection().exec_driver_sql(
        _ONE_BY_ONE, [_converted(row) | {"provider": provider} for row in rows]
    )


def _converted(row: dict[str, Any]) -> dict[str, Any]:
    """Instants as SQLite keeps them."""
    instants = {name: row[name] for name in ("b_not_before", "b_accepted")}
    return row | {name: at and to_micros(at) for name, at in instants.items()}


_ONE_BY_ONE = """
    UPDATE message
    SET state = :b_state, owner = NULL, lease_until = NULL, provider = :provider,
        provider_ref = coalesce(:b_ref, provider_ref), segments = :b_segments,
        body_hash = :b_hash, reason = :b_reason, not_before = :b_not_before,
        failures = failures + :b_spent, accepted_at = :b_accepted
    WHERE id = :b_id
    """

_ALL_AT_ONCE = text(
    """
    UPDATE message AS m
    SET state = v.state, owner = NULL, lease_until = NULL, provider = :provider,
        provider_ref = coalesce(v.ref, m.provider_ref), segments = v.segments,
        body_hash = v.hash, reason = v.reason, not_before = v.not_before,
        failures = m.failures + v.spent, accepted_at = v.accepted
    FROM unnest(
        CAST(:b_id AS bigint[]), CAST(:b_state AS text[]), CAST(:b_ref AS text[]),
        CAST(:b_segments AS smallint[]), CAST(:b_hash AS bytea[]), CAST(:b_reason AS text[]),
        CAST(:b_not_before AS timestamptz[]), CAST(:b_spent AS smallint[]),
        CAST(:b_accepted AS timestamptz[])
    ) AS v (id, state, ref, segments, hash, reason, not_before, spent, accepted)
    WHERE m.id = v.id
    """
)


def _values(one: Settled, now: datetime) -> dict[str, Any]:
    accepted = one.state in {MessageState.ACCEPTED, MessageState.SENT}
    return {
        "b_id": one.id,
        "b_state": one.state.value,
        "b_ref": one.provider_ref,
        "b_segments": one.segments,
        "b_hash": one.body_hash,
        "b_reason": one.reason,
        "b_not_before": one.not_before,
        "b_spent": int(one.spent),
        "b_accepted": now if accepted else None,
    }


def _keep_attempts(
    session: Session,
    ours: Sequence[Settled],
    live: dict[tuple[int, int], tuple[str, datetime]],
    *,
    now: datetime,
) -> None:
    rows = [
        {
            "message_id": one.id,
            "try": one.try_,
            "lane": live[one.id, one.try_][0],
            "started_at": live[one.id, one.try_][1],
            "ended_at": now,
            "outcome": "in_doubt" if one.state is MessageState.IN_DOUBT else "delayed",
            "code": one.code,
            "reason": one.reason or "",
            "looks": 0,
        }
        for one in ours
        if one.delayed or one.state is MessageState.IN_DOUBT
    ]
    if rows:
        session.execute(insert(t.attempt), rows)


def _learn(session: Session, results: Sequence[Settled], *, now: datetime) -> None:
    """What a refusal says about the person holds whoever owns the row by now."""
    suppressions.opt_out(session, [one.id for one in results if one.opted_out], now=now)
    suppressions.mark_bad(session, [one.id for one in results if one.address_is_bad], now=now)


def _complete(
    session: Session, stale: Sequence[Settled], *, provider: str, now: datetime
) -> tuple[int, ...]:
    """Adds reference, segments and hash to rows that a receipt moved first; names duplicates."""
    accepted = {one.id: one for one in stale if one.provider_ref}
    if not accepted:
        return ()
    m = t.message
    rows = session.execute(
        select(m.c.id, m.c["try"], m.c.provider_ref, m.c.state)
        .where(m.c.id.in_(list(accepted)))
        .with_for_update()
    ).all()
    doubled = tuple(row[0] for row in rows if _is_another_copy(row[1], row[2], accepted[row[0]]))
    for row in rows:
        values: dict[str, Any] = {"reason": DUPLICATE}
        if row[0] not in doubled:
            values = _completion(accepted[row[0]], provider, now)
        session.execute(update(m).where(m.c.id == row[0]).values(values))
    return doubled


def _is_another_copy(try_: int, ref: str | None, late: Settled) -> bool:
    return try_ != late.try_ or (ref is not None and ref != late.provider_ref)


def _completion(late: Settled, provider: str, now: datetime) -> dict[str, Any]:
    m = t.message
    return {
        "provider": provider,
        "provider_ref": late.provider_ref,
        "segments": late.segments,
        "body_hash": late.body_hash,
        "accepted_at": func.coalesce(m.c.accepted_at, literal(now, UtcDateTime)),
    }
