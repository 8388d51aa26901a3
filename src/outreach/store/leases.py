"""Who leads the clock: one row, a lease, and a fence that rises at each takeover.

On PostgreSQL a leader also holds an advisory lock on a connection of its own, which ends with the process,
however that ends: whoever gets the lock need not wait for the lease.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, NullPool, case, create_engine, or_, select, text, update
from sqlalchemy.exc import DBAPIError

from outreach.store import tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Database, Session

_INSTANT = timedelta(microseconds=1)
LEADER = "clock"
"""The lease of the process that leads the clock; whoever serves holds it."""
NOBODY = ""
"""The owner of a lease that was given back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A lease as its row says it."""

    owner: str
    until: datetime
    fence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """What a leader's writes stand on: the number of its lease."""

    number: int
    stopped_for: timedelta = timedelta(seconds=10)
    """PostgreSQL gives up a transaction whose process does nothing for so long."""


class Fenced(Exception):
    """Another process has taken the lease since: what was about to be written is not ours to write."""


def take(
    session: Session,
    name: str,
    owner: str,
    *,
    now: datetime,
    lease: timedelta,
    stale: Held | None = None,
) -> int | None:
    """Takes or prolongs the lease; its fence, or None while another owner holds it.

    `stale`: a holder that has not prolonged it for a whole lease, by the asker's own monotonic clock.
    It is overtaken wherever `until` lies, unless the row has changed meanwhile.
    """
    c = t.lease.c
    may = or_(c.owner == owner, c.until < now)
    if stale is not None:
        may |= (c.owner == stale.owner) & (c.until == stale.until) & (c.fence == stale.fence)
    mine = (c.name == name) & may
    current = session.execute(select(t.lease.c.owner).where(t.lease.c.name == name)).scalar()
    rises = 0 if current == owner else 1
    taken = session.execute(
        update(t.lease)
        .where(mine)
        .values(owner=owner, until=now + lease, fence=t.lease.c.fence + rises)
        .returning(t.lease.c.fence)
    ).scalar()
    if taken is not None or current is not None:
        return taken
    row = {"name": name, "owner": owner, "until": now + lease, "fence": 1}
    fence: int | None = session.execute(
        insert_into(session, t.lease)
        .values(**row)
        .on_conflict_do_nothing()
        .returning(t.lease.c.fence)
    ).scalar()
    return fence


def seize(session: Session, name: str, owner: str, *, now: datetime, lease: timedelta) -> int:
    """Takes the lease from whoever has it: only for who knows that the other is dead. Its fence."""
    ours = {"owner": owner, "until": now + lease}
    rises = case((t.lease.c.owner == owner, 0), else_=1)
    fence: int = session.execute(
        insert_into(session, t.lease)
        .values(name=name, fence=1, **ours)
        .on_conflict_do_update(
            index_elements=["name"], set_=ours | {"fence": t.lease.c.fence + rises}
        )
        .returning(t.lease.c.fence)
    ).scalar_one()
    return fence


def release(session: Session, name: str, owner: str, *, now: datetime) -> None:
    """Gives the lease back, if it is ours: the next one need not wait."""
    ours = (t.lease.c.name == name) & (t.lease.c.owner == owner)
    session.execute(update(t.lease).where(ours).values(owner=NOBODY, until=now - _INSTANT))


def held(session: Session, name: str) -> Held | None:
    """The lease as it stands, whether it has run out or not; None: nobody ever took it."""
    row = session.execute(
        select(t.lease.c.owner, t.lease.c.until, t.lease.c.fence).where(t.lease.c.name == name)
    ).first()
    return Held(owner=row.owner, until=row.until, fence=row.fence) if row else None


def stand(session: Session, name: str, fence: Fence) -> None:
    """Makes sure, until the caller's transaction ends, that nobody overtakes this fence; else raises Fenced.

    SQLite has one writer. On PostgreSQL the row is locked against a takeover, and a process that is
    stopped in the middle soon loses its transaction: it wakes to a dead connection.
    """
    if session.get_bind().dialect.name == "postgresql":
        limit = f"{fence.stopped_for / timedelta(milliseconds=1):.0f}ms"
        session.execute(_IDLE_AT_MOST, {"limit": limit})
    row = select(t.lease.c.fence).where(t.lease.c.name == name)
    newest = session.execute(row.with_for_update(read=True)).scalar()
    if newest != fence.number:
        raise Fenced(f"fence {fence.number} was overtaken by {newest}")


def lasts(session: Session, name: str, owner: str, *, until: datetime) -> bool:
    """Whether the lease is ours until then at least, so that it need not be written anew."""
    ours = (t.lease.c.name == name) & (t.lease.c.owner == owner) & (t.lease.c.until >= until)
    return session.execute(select(t.lease.c.name).where(ours)).first() is not None


def holder(session: Session, name: str, *, now: datetime) -> str | None:
    """Who holds the lease at `now`."""
    return session.execute(
        select(t.lease.c.owner).where(t.lease.c.name == name, t.lease.c.until >= now)
    ).scalar()


class Seat:
    """Locks that end with this process: on PostgreSQL a connection of its own, elsewhere nothing.

    Not through a pooler in transaction mode, which would share the connection.
    """

    def __init__(self, database: Database) -> None:
        self._engine: Engine | None = None
        if not database.is_sqlite:
            self._engine = create_engine(
                database.url, poolclass=NullPool, isolation_level="AUTOCOMMIT",
                connect_args={"connect_timeout": 5},
            )  # fmt: skip
        self._connection: Connection | None = None
        self._held: set[str] = set()
        self._guard = threading.Lock()

    def holds(self, name: str) -> bool:
        """Whether we hold the lock of that name, taking it if it is free. False without locks."""
        if self._engine is None:
            return False
        with self._guard:
            try:
                return self._asked(self._engine, name)
            except DBAPIError:
                self._drop()  # whatever we held is gone with the connection
                return False

    def close(self) -> None:
        with self._guard:
            self._drop()

    def _asked(self, engine: Engine, name: str) -> bool:
        connection = self._connection or self._connected(engine)
        if name in self._held:
            connection.execute(text("SELECT 1"))  # alive, and so is the lock
            return True
        if connection.execute(_TRY, {"space": _SPACE, "name": name}).scalar():
            self._held.add(name)
        return name in self._held

    def _connected(self, engine: Engine) -> Connection:
        self._connection = engine.connect()
        for setting in _NOTICED_WITHIN_15_S:
            self._connection.execute(text(f"SET {setting}"))
        return self._connection

    def _drop(self) -> None:
        self._held.clear()
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


def is_seated(session: Session, name: str) -> bool:
    """Whether some process holds the lock of that name. PostgreSQL only."""
    free = text("SELECT pg_try_advisory_xact_lock(hashtext(:space), hashtext(:name))")
    return not session.execute(free, {"space": _SPACE, "name": name}).scalar()


_IDLE_AT_MOST = text("SELECT set_config('idle_in_transaction_session_timeout', :limit, true)")
_SPACE = "outreach.seat"
_TRY = text("SELECT pg_try_advisory_lock(hashtext(:space), hashtext(:name))")
_NOTICED_WITHIN_15_S = (
    "tcp_keepalives_idle = 5", "tcp_keepalives_interval = 2", "tcp_keepalives_count = 5",
)  # fmt: skip
"""A host that vanishes says no goodbye: the server asks for it."""
