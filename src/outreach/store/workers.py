"""Who is at work: a row for each process, a sign of life every second, and what the dead leave behind."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, delete, select, update

from outreach.model.words import MessageState
from outreach.store import leases, tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session

ALIVE_FOR = timedelta(seconds=15)
"""Without a sign of life for so long, nobody counts on a process any more."""
SILENT_FOR = timedelta(seconds=3)
"""Silent for so long, it may be asked for whether it is dead."""
_FORGOTTEN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process at work. `lanes` empty: all of them, or none of its affair."""

    owner: str
    kind: str
    """worker, scheduler, serve"""
    lanes: tuple[str, ...] = ()
    started_at: datetime
    seen_at: datetime
    stopping_at: datetime | None = None


def announce(session: Session, worker: Worker) -> None:
    """Writes the row of a process that begins, or is thought dead and is not."""
    values = {name: getattr(worker, name) for name in Worker.__slots__}
    values |= {"lanes": ",".join(worker.lanes)}
    session.execute(
        insert_into(session, t.worker).values(values).on_conflict_do_update(
            index_elements=["owner"], set_={"seen_at": worker.seen_at}
        )
    )  # fmt: skip


def stopping(session: Session, owner: str, *, now: datetime) -> None:
    """Says that the process takes nothing more in hand."""
    session.execute(update(t.worker).where(t.worker.c.owner == owner).values(stopping_at=now))


def leave(session: Session, owner: str) -> None:
    """Takes the row away: the process ends by itself, with its leases given back."""
    session.execute(delete(t.worker).where(t.worker.c.owner == owner))


def alive(session: Session, *, now: datetime) -> list[Worker]:
    """The processes seen lately, by owner."""
    seen = t.worker.c.seen_at > now - ALIVE_FOR
    rows = session.execute(select(t.worker).where(seen).order_by(t.worker.c.owner)).mappings()
    return [_worker(row) for row in rows]


def silent(session: Session, *, now: datetime) -> list[str]:
    """Owners without a sign of life: dead, stopped by a signal, or cut off."""
    return list(session.scalars(select(t.worker.c.owner).where(_is_silent(now))))


def bury(session: Session, owner: str, *, now: datetime) -> bool:
    """Frees the leases of a process that is dead for certain; False while that is not known.

    Certain is what a kernel says: on PostgreSQL that its connection has ended, on SQLite (one machine)
    that there is no such process. A machine that merely falls silent keeps its leases until they end.
    Its messages in flight become doubts now, and are looked up before anything is sent again.
    """
    still = select(t.worker.c.seen_at).where(t.worker.c.owner == owner, _is_silent(now))
    seen_at = session.execute(still).scalar()
    if seen_at is None or not _is_dead(session, owner):
        if seen_at is not None and seen_at < now - _FORGOTTEN_AFTER:
            leave(session, owner)
        return False
    session.execute(
        update(t.lane).where(t.lane.c.owner == owner).values(owner=None, lease_until=None)
    )
    m = t.message
    session.execute(
        update(m)
        .where(m.c.state == MessageState.SENDING, m.c.owner == owner, m.c.lease_until > now)
        .values(lease_until=now)
    )
    leases.release(session, leases.LEADER, owner, now=now)
    leave(session, owner)
    return True


def seat_name(owner: str) -> str:
    """The lock that a process holds for as long as it lives."""
    return f"worker:{owner}"


def owner_name(token: str) -> str:
    """`host:4711:9f3c2a1b`: names this process in leases."""
    return f"{socket.gethostname()}:{os.getpid()}:{token}"


def _is_silent(now: datetime) -> ColumnElement[bool]:
    return t.worker.c.seen_at < now - SILENT_FOR


def _is_dead(session: Session, owner: str) -> bool:
    if session.get_bind().dialect.name == "postgresql":
        return not leases.is_seated(session, seat_name(owner))
    host, _colon, rest = owner.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not rest.isdecimal():
        return False
    with suppress(PermissionError):  # alive, and somebody else's
        try:
            os.kill(int(rest), 0)
        except ProcessLookupError:
            return True
    return False


def _worker(row: RowMapping) -> Worker:
    lanes = tuple(row["lanes"].split(",")) if row["lanes"] else ()
    return Worker(**(dict(row) | {"lanes": lanes}))
