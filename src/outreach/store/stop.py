"""What has been stopped of the messages that a lane holds in its hands: asked before every call."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import LargeBinary, Select, String, bindparam, func, select, update

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
    rows = session.execute(_WAVES, {"waves": list(waves)})
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
    if session.get_bind().dialect.name == "postgresql":
        rows = session.execute(
            _HELD.where(bulk.among(session, t.suppression.c.address_hash, addresses))
        )
    else:  # there, too, one parameter: this is asked five times a second about all in hand
        places = json.dumps(list(range(1, _HASH * len(addresses), _HASH)))
        given = {"places": places, "addresses": b"".join(addresses)}
        rows = session.execute(_held_in_pieces(), given)
    return frozenset((row[0], row[1], row[2]) for row in rows)


@cache
def _held_in_pieces() -> Select[Any]:
    each = func.json_each(bindparam("places", type_=String())).table_valued("value")
    whole = bindparam("addresses", type_=LargeBinary())
    one = func.substr(whole, each.c.value, _HASH)
    return _HELD.select_from(each.join(t.suppression, t.suppression.c.address_hash == one))


_WAVES = (
    select(
        t.step_run.c.id, t.step_run.c.superseded_at, t.step_run.c.cancelled_classes, t.run.c.state
    )
    .join(t.run, t.run.c.id == t.step_run.c.run_id)
    .where(t.step_run.c.id.in_(bindparam("waves", expanding=True)))
)
_HELD = select(
    t.suppression.c.address_hash, t.suppression.c.channel, t.suppression.c.purpose
).where(t.suppression.c.purpose.in_(["*", *Purpose]))
