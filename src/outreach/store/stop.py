"""What has been stopped of the messages that a lane holds in its hands: asked before every call."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, literal, select, update

from outreach.model.words import MessageState, Purpose, RunState
from outreach.store import bulk, changes, tables as t
from outreach.store.session import Session

_HASH = 16
"""Bytes of an address's hash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """Stops among the waves and addresses asked for.

    waves: wave -> the state its messages take (`queued`: the run is paused, put back), by class.
    addresses: (address hash, channel or *, purpose or *).
    """

    waves: dict[tuple[int, str], MessageState] = field(default_factory=dict)
    addresses: frozenset[tuple[bytes, str, str]] = frozenset()


def look(session: Session, *, waves: Collection[int], addresses: Collection[bytes]) -> Stops:
    """Two small queries by key, over a chunk in flight: a forgotten change counter cannot hide a stop."""
    return Stops(waves=_waves(session, waves), addresses=_addresses(session, addresses))


def locked_state(session: Session, run: int) -> RunState:
    """The run's state; who else wants to move it waits for this transaction."""
    found = select(t.run.c.state).where(t.run.c.id == run).with_for_update()
    return RunState(session.execute(found).scalar_one())


def pause_run(session: Session, run: int, reason: str, *, now: datetime) -> None:
    """Pauses an active run by itself, saying why; a cancelled or finished one stays as it is."""
    session.execute(
        update(t.run)
        .where(t.run.c.id == run, t.run.c.state == RunState.ACTIVE)
        .values(state=RunState.PAUSED, reason=reason)
    )
    changes.bump(session, "stop", now=now)


def _waves(session: Session, waves: Collection[int]) -> dict[tuple[int, str], MessageState]:
    w = t.step_run
    rows = session.execute(
        select(w.c.id, w.c.superseded_at, w.c.cancelled_classes, t.run.c.state)
        .join(t.run, t.run.c.id == w.c.run_id)
        .where(w.c.id.in_(list(waves)))
    )
    found: dict[tuple[int, str], MessageState] = {}
    for wave, superseded_at, cancelled, state in rows:
        for letter in "ABC":
            if superseded_at is not None:
                found[wave, letter] = MessageState.SUPERSEDED
            elif state == RunState.CANCELLED or letter in cancelled:
                found[wave, letter] = MessageState.CANCELLED
            elif state == RunState.PAUSED:
                found[wave, letter] = MessageState.QUEUED
    return found


def _addresses(session: Session, addresses: Collection[bytes]) -> frozenset[tuple[bytes, str, str]]:
    s = t.suppression.c
    if session.get_bind().dialect.name == "postgresql":
        held = select(s.address_hash, s.channel, s.purpose).where(
            bulk.among(session, s.address_hash, addresses)
        )
    else:  # there, too, one parameter: this is asked five times a second about all in hand
        places = json.dumps(list(range(1, _HASH * len(addresses), _HASH)))
        each = func.json_each(places).table_valued("value")
        one = func.substr(literal(b"".join(addresses)), each.c.value, _HASH)
        held = select(s.address_hash, s.channel, s.purpose).select_from(
            each.join(t.suppression, s.address_hash == one)
        )
    rows = session.execute(held.where(s.purpose.in_(["*", *Purpose])))
    return frozenset((row[0], row[1], row[2]) for row in rows)
