"""Receipts as they came, sealed, and what they move."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, TypeAlias

from sqlalchemy import delete, select, text, update

from outreach.addresses import Keyring
from outreach.model.message import Receipt
from outreach.model.words import MessageState
from outreach.store import bulk, tables as t
from outreach.store.session import Session
from outreach.store.types import to_micros

Request: TypeAlias = tuple[Sequence[Receipt], bytes]
"""The verified events of one webhook request, and its raw body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A stored receipt that has not been applied; `message` None: an orphan."""

    id: int
    provider: str
    message: int | None
    try_: int
    state: MessageState | None
    at: datetime
    provider_ref: str | None
    address_is_bad: bool
    opted_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a message stands when receipts for it are applied."""

    id: int
    try_: int
    state: MessageState


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What the receipts of one message change."""

    id: int
    state: MessageState
    provider: str
    provider_ref: str | None
    at: datetime


def add(session: Session, keyring: Keyring, requests: Sequence[Request], *, now: datetime) -> int:
    """Stores the events of many webhook requests that were not seen before; returns how many are new.

    Each request's raw body is sealed with its first event. Many rows a statement, by the driver: a
    row at a time is four times the work, and on SQLite gives up the interpreter's lock at each.
    """
    if session.get_bind().dialect.name == "postgresql":
        return _add_all(session, _rows(keyring, requests, now, _as_it_is))
    return _add_in_chunks(session, _rows(keyring, requests, now, to_micros))


def _as_it_is(at: datetime) -> datetime:
    return at


def _add_all(session: Session, rows: Sequence[tuple[Any, ...]]) -> int:
    if not rows:
        return 0
    columns = dict(zip(_COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
    return _written(session.execute(_ADD, columns))


def _add_in_chunks(session: Session, rows: Sequence[tuple[Any, ...]]) -> int:
    """In chunks of few sizes, so that the driver compiles each statement once."""
    connection, new, start = session.connection(), 0, 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            flat = tuple(chain.from_iterable(rows[start : start + size]))
            new += _written(connection.exec_driver_sql(_ADD_CHUNK[size], flat))
            start += size
    return new


def _written(result: Any) -> int:
    return int(result.rowcount)


_COLUMNS = (
    "provider", "event_key", "message_id", "state", "code", "at", "received_at", "raw_sealed",
)  # fmt: skip
_INTO = f"INSERT INTO receipt ({', '.join(_COLUMNS)})"
_CHUNKS = (256, 64, 16, 4, 1)
_ADD_CHUNK = {
    size: f"{_INTO} VALUES {', '.join(['(?, ?, ?, ?, ?, ?, ?, ?)'] * size)} ON CONFLICT DO NOTHING"
    for size in _CHUNKS
}
_ADD = text(
    f"""
    {_INTO}
    SELECT * FROM unnest(
        CAST(:provider AS text[]), CAST(:event_key AS text[]), CAST(:message_id AS bigint[]),
        CAST(:state AS text[]), CAST(:code AS text[]), CAST(:at AS timestamptz[]),
        CAST(:received_at AS timestamptz[]), CAST(:raw_sealed AS bytea[])
    )
    ON CONFLICT DO NOTHING
    """  # noqa: S608  our own column names
)


def waiting(session: Session, keyring: Keyring, *, limit: int) -> list[Waiting]:
    """The oldest receipts not applied yet, locked against other appliers."""
    r = t.receipt.c
    rows = session.execute(
        select(r.id, r.provider, r.message_id, r.state, r.at, r.received_at, r.raw_sealed)
        .where(r.applied_at.is_(None))
        .order_by(r.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_waiting(keyring, row) for row in rows]


def standing(session: Session, messages: Iterable[int]) -> dict[int, Standing]:
    """The messages that exist, locked."""
    m = t.message
    rows = session.execute(
        select(m.c.id, m.c["try"], m.c.state)
        .where(bulk.among(session, m.c.id, list(messages)))
        .with_for_update()
    )
    return {row[0]: Standing(id=row[0], try_=row[1], state=MessageState(row[2])) for row in rows}


def write(session: Session, moves: Sequence[Move], *, now: datetime) -> None:
    """Moves the messages, out of the queue too, and settles what was in doubt about them."""
    if not moves:
        return
    ids = [move.id for move in moves]
    m, q, a = t.message, t.queue, t.attempt
    # By wave and message: the queue has an index on the wave only.
    waves = select(m.c.step_run_id).where(
        bulk.among(session, m.c.id, ids), m.c.state == MessageState.QUEUED
    )
    session.execute(
        delete(q).where(q.c.step_run_id.in_(waves), bulk.among(session, q.c.message_id, ids))
    )
    _move(session, moves)
    session.execute(
        update(a)
        .where(
            bulk.among(session, a.c.message_id, ids),
            a.c.settled_at.is_(None),
            a.c.outcome == "in_doubt",
        )
        .values(settled_at=now, settled_as="receipt")
    )


def mark_applied(session: Session, receipts: Sequence[int], *, now: datetime) -> None:
    chosen = bulk.among(session, t.receipt.c.id, receipts)
    session.execute(update(t.receipt).where(chosen).values(applied_at=now))


def _rows(
    keyring: Keyring, requests: Sequence[Request], now: datetime, instant: Callable[[datetime], Any]
) -> list[tuple[Any, ...]]:
    """As `_COLUMNS`; sealed together, for the nonces are drawn at once."""
    events = [
        (receipt, (keyring.read_token(receipt.token) if receipt.token else None) or _ORPHAN,
         b"" if number else raw)
        for receipts, raw in requests
        for number, receipt in enumerate(receipts)
    ]  # fmt: skip
    sealed = keyring.seal_each([_kept(receipt, named[1], raw) for receipt, named, raw in events])
    received_at = instant(now)
    return [
        (
            receipt.provider,
            receipt.event_key,
            named[0],
            receipt.state and receipt.state.value,
            receipt.code,
            # A provider's clock may run ahead.
            receipt.at and instant(min(receipt.at, now)),
            received_at,
            raw_sealed,
        )
        for (receipt, named, _raw), raw_sealed in zip(events, sealed, strict=True)
    ]


_ORPHAN = (None, 0)


def _kept(receipt: Receipt, try_: int, raw: bytes) -> str:
    return _json(
        {
            "try": try_,
            "provider_ref": receipt.provider_ref,
            "address_is_bad": receipt.address_is_bad,
            "opted_out": receipt.opted_out,
            "raw": raw.decode("utf-8", "surrogateescape"),
        }
    )


_json = json.JSONEncoder(check_circular=False).encode


def _waiting(keyring: Keyring, row: Any) -> Waiting:
    id_, provider, message, state, at, received_at, raw_sealed = row
    kept = json.loads(keyring.open(raw_sealed))
    return Waiting(
        id=id_,
        provider=provider,
        message=message,
        try_=kept["try"],
        state=_STATES[state],
        at=at or received_at,
        provider_ref=kept["provider_ref"],
        address_is_bad=kept["address_is_bad"],
        opted_out=kept["opted_out"],
    )


_STATES: dict[str | None, MessageState | None] = {
    None: None,
    **{state.value: state for state in MessageState},
}


def _move(session: Session, moves: Sequence[Move]) -> None:
    """By the driver, as `settle` writes: one statement on PostgreSQL, no conversion a value on SQLite."""
    if session.get_bind().dialect.name == "postgresql":
        columns = {
            "id": [move.id for move in moves],
            "state": [move.state.value for move in moves],
            "provider": [move.provider for move in moves],
            "ref": [move.provider_ref for move in moves],
            "at": [move.at for move in moves],
        }
        session.execute(_ALL_AT_ONCE, columns)
        return
    rows = [
        (move.state.value, move.provider, move.provider_ref, to_micros(move.at), move.id)
        for move in moves
    ]
    session.connection().exec_driver_sql(_ONE_BY_ONE, rows)


_ONE_BY_ONE = """
    UPDATE message
    SET state = ?1, owner = NULL, lease_until = NULL, provider = ?2,
        provider_ref = coalesce(provider_ref, ?3), accepted_at = coalesce(accepted_at, ?4),
        delivered_at = CASE ?1 WHEN 'delivered' THEN ?4 END
    WHERE id = ?5
    """
_ALL_AT_ONCE = text(
    """
    UPDATE message AS m
    SET state = v.state, owner = NULL, lease_until = NULL, provider = v.provider,
        provider_ref = coalesce(m.provider_ref, v.ref),
        accepted_at = coalesce(m.accepted_at, v.at),
        delivered_at = CASE v.state WHEN 'delivered' THEN v.at END
    FROM unnest(
        CAST(:id AS bigint[]), CAST(:state AS text[]), CAST(:provider AS text[]),
        CAST(:ref AS text[]), CAST(:at AS timestamptz[])
    ) AS v (id, state, provider, ref, at)
    WHERE m.id = v.id
    """
)
