"""Receipts as they came, sealed, and what they move."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import RowMapping, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from outreach.addresses import Keyring
from outreach.model.message import Receipt
from outreach.model.words import MessageState
from outreach.store import tables as t
from outreach.store.session import Session
from outreach.store.types import UtcDateTime

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

    Each request's raw body is sealed with its first event. One statement for all, compiled once:
    a VALUES list of its own length for every call cost 700 µs a receipt.
    """
    rows = [
        _row(keyring, receipt, b"" if number else raw, now)
        for receipts, raw in requests
        for number, receipt in enumerate(receipts)
    ]
    if not rows:
        return 0
    is_postgres = session.get_bind().dialect.name == "postgresql"
    insert: Any = postgresql.insert if is_postgres else sqlite.insert
    stored = session.scalars(
        insert(t.receipt).on_conflict_do_nothing().returning(t.receipt.c.id), rows
    )
    return len(stored.all())


def waiting(session: Session, keyring: Keyring, *, limit: int) -> list[Waiting]:
    """The oldest receipts not applied yet, locked against other appliers."""
    rows = session.execute(
        select(t.receipt)
        .where(t.receipt.c.applied_at.is_(None))
        .order_by(t.receipt.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).mappings()
    return [_waiting(keyring, row) for row in rows]


def standing(session: Session, messages: Iterable[int]) -> dict[int, Standing]:
    """The messages that exist, locked."""
    m = t.message
    rows = session.execute(
        select(m.c.id, m.c["try"], m.c.state).where(m.c.id.in_(list(messages))).with_for_update()
    )
    return {row[0]: Standing(id=row[0], try_=row[1], state=MessageState(row[2])) for row in rows}


def write(session: Session, moves: Sequence[Move], *, now: datetime) -> None:
    """Moves the messages, out of the queue too, and settles what was in doubt about them."""
    if not moves:
        return
    ids = [move.id for move in moves]
    m, q, a = t.message, t.queue, t.attempt
    # By wave and message: the queue has an index on the wave only.
    waves = select(m.c.step_run_id).where(m.c.id.in_(ids), m.c.state == MessageState.QUEUED)
    session.execute(delete(q).where(q.c.step_run_id.in_(waves), q.c.message_id.in_(ids)))
    session.execute(
        update(m)
        .where(m.c.id == bindparam("b_id"))
        .values(
            state=bindparam("b_state"),
            owner=None,
            lease_until=None,
            provider=bindparam("b_provider"),
            provider_ref=func.coalesce(m.c.provider_ref, bindparam("b_ref")),
            accepted_at=func.coalesce(m.c.accepted_at, bindparam("b_at", type_=UtcDateTime)),
            delivered_at=bindparam("b_delivered", type_=UtcDateTime),
        )
        .execution_options(synchronize_session=False),
        [_values(move) for move in moves],
    )
    session.execute(
        update(a)
        .where(a.c.message_id.in_(ids), a.c.settled_at.is_(None), a.c.outcome == "in_doubt")
        .values(settled_at=now, settled_as="receipt")
    )


def mark_applied(session: Session, receipts: Sequence[int], *, now: datetime) -> None:
    session.execute(update(t.receipt).where(t.receipt.c.id.in_(receipts)).values(applied_at=now))


def _row(keyring: Keyring, receipt: Receipt, raw: bytes, now: datetime) -> dict[str, Any]:
    named = keyring.read_token(receipt.token) if receipt.token else None
    message, try_ = named or (None, 0)
    kept = {
        "try": try_,
        "provider_ref": receipt.provider_ref,
        "address_is_bad": receipt.address_is_bad,
        "opted_out": receipt.opted_out,
        "raw": raw.decode("utf-8", "surrogateescape"),
    }
    return {
        "provider": receipt.provider,
        "event_key": receipt.event_key,
        "message_id": message,
        "state": receipt.state,
        "code": receipt.code,
        "at": min(receipt.at, now) if receipt.at else None,  # a provider's clock may run ahead
        "received_at": now,
        "raw_sealed": keyring.seal(json.dumps(kept)),
    }


def _waiting(keyring: Keyring, row: RowMapping) -> Waiting:
    kept = json.loads(keyring.open(row["raw_sealed"]))
    return Waiting(
        id=row["id"],
        provider=row["provider"],
        message=row["message_id"],
        try_=kept["try"],
        state=MessageState(row["state"]) if row["state"] else None,
        at=row["at"] or row["received_at"],
        provider_ref=kept["provider_ref"],
        address_is_bad=kept["address_is_bad"],
        opted_out=kept["opted_out"],
    )


def _values(move: Move) -> dict[str, Any]:
    return {
        "b_id": move.id,
        "b_state": move.state.value,
        "b_provider": move.provider,
        "b_ref": move.provider_ref,
        "b_at": move.at,
        "b_delivered": move.at if move.state is MessageState.DELIVERED else None,
    }
