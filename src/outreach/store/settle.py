"""Writes what became of claimed messages: fenced by owner and try, a whole chunk at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, literal, select, text, update

from outreach.model.words import MessageState
from outreach.store import bulk, suppressions, tables as t
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
    _keep_attempts(session, ours, now=now)
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
                .where(bulk.among(session, m.c.id, ids), m.c.state == MessageState.QUEUED),
            )
        )  # fmt: skip


def _still_ours(session: Session, owner: str, results: Sequence[Settled]) -> set[tuple[int, int]]:
    """(message, try) of the rows that are still sending for us; locked."""
    m = t.message
    ours = (
        bulk.among(session, m.c.id, [one.id for one in results]),
        m.c.owner == owner,
        m.c.state == MessageState.SENDING,
    )
    if session.get_bind().dialect.name == "postgresql":
        rows = session.execute(select(m.c.id, m.c["try"]).where(*ours).with_for_update())
        return {(row[0], row[1]) for row in rows}
    # As one row: the driver lets go of the interpreter at each, and waits for it again.
    whole = session.execute(
        select(func.json_group_array(func.json_array(m.c.id, m.c["try"]))).where(*ours)
    ).scalar_one()
    return {(id_, try_) for id_, try_ in json.loads(whole)}


def _write(session: Session, ours: Sequence[Settled], *, provider: str, now: datetime) -> None:
    """One statement, one parameter: a round trip, or a bound value, a row costs more than the writing."""
    if not ours:
        return
    is_postgres = session.get_bind().dialect.name == "postgresql"
    hashes: dict[bytes, int] = {}
    rows = [_values(one, hashes) for one in ours]
    session.execute(
        _POSTGRESQL if is_postgres else _SQLITE,
        {
            "rows": json.dumps(rows),
            "hashes": b"".join(hashes),
            "provider": provider,
            "now": now,
        },
    )


_SET = """
    UPDATE message
    SET state = v.state, owner = NULL, lease_until = NULL, provider = :provider,
        provider_ref = coalesce(v.ref, provider_ref), segments = v.segments, body_hash = v.hash,
        reason = v.reason, not_before = v.not_before, failures = failures + v.spent,
        accepted_at = CASE WHEN v.state IN ('accepted', 'sent') THEN :now END
    """

_SQLITE = text(
    f"""{_SET}
    FROM (
        SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS state,
            json_extract(value, '$[2]') AS ref, json_extract(value, '$[3]') AS segments,
            CASE WHEN json_extract(value, '$[4]') IS NOT NULL
                THEN substr(:hashes, 1 + 32 * json_extract(value, '$[4]'), 32) END AS hash,
            json_extract(value, '$[5]') AS reason, json_extract(value, '$[6]') AS not_before,
            json_extract(value, '$[7]') AS spent
        FROM json_each(:rows)
    ) AS v
    WHERE message.id = v.id
    """  # noqa: S608  constant text
).bindparams(bindparam("now", type_=UtcDateTime()))

_POSTGRESQL = text(
    f"""{_SET.replace("failures + ", "message.failures + ").replace("ref, provider_ref", "ref, message.provider_ref")}
    FROM (
        SELECT CAST(e ->> 0 AS bigint) AS id, e ->> 1 AS state, e ->> 2 AS ref,
            CAST(e ->> 3 AS smallint) AS segments,
            CASE WHEN e ->> 4 IS NOT NULL
                THEN substring(CAST(:hashes AS bytea) FROM 1 + 32 * CAST(e ->> 4 AS integer) FOR 32)
                END AS hash,
            e ->> 5 AS reason,
            timestamptz 'epoch' + CAST(e ->> 6 AS bigint) * interval '1 microsecond' AS not_before,
            CAST(e ->> 7 AS smallint) AS spent
        FROM json_array_elements(CAST(:rows AS json)) AS e
    ) AS v
    WHERE message.id = v.id
    """  # noqa: S608  constant text
).bindparams(bindparam("now", type_=UtcDateTime()))


def _values(one: Settled, hashes: dict[bytes, int]) -> list[Any]:
    """One row as JSON; a hash by its place among those of the chunk, for JSON holds no bytes."""
    hashed = None
    if one.body_hash is not None:
        hashed = hashes.setdefault(one.body_hash, len(hashes))
    return [
        one.id,
        one.state.value,
        one.provider_ref,
        one.segments,
        hashed,
        one.reason,
        to_micros(one.not_before) if one.not_before else None,
        int(one.spent),
    ]


def _keep_attempts(session: Session, ours: Sequence[Settled], *, now: datetime) -> None:
    kept = {one.id: one for one in ours if one.delayed or one.state is MessageState.IN_DOUBT}
    if not kept:
        return
    m = t.message
    begun = session.execute(
        select(m.c.id, m.c.lane, m.c.claimed_at).where(bulk.among(session, m.c.id, kept))
    )
    rows = [_attempt(kept[row[0]], row[1], row[2], now=now) for row in begun]
    session.execute(insert(t.attempt), rows)


def _attempt(one: Settled, lane: str, started_at: datetime, *, now: datetime) -> dict[str, Any]:
    return {
        "message_id": one.id,
        "try": one.try_,
        "lane": lane,
        "started_at": started_at,
        "ended_at": now,
        "outcome": "in_doubt" if one.state is MessageState.IN_DOUBT else "delayed",
        "code": one.code,
        "reason": one.reason or "",
        "looks": 0,
    }


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
