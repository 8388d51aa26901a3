"""What a simulation needs of the store: a copy of the record alone, the next instant, and all that left."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Table, bindparam, func, insert, select

from outreach.model.words import Channel, PriorityClass, StepRunState
from outreach.store import tables as t
from outreach.store.metadata import metadata
from outreach.store.session import Database, Session
from outreach.store.types import UtcDateTime

RECORD = (
    t.record_load, t.record_state, t.record_source, t.household, t.customer, t.account, t.customer_tag,
    t.network_node, t.network_edge, t.premise, t.supply, t.contact_point, t.customer_contact,
    t.suppression, t.reach, t.headcount, t.recurrence, t.area, t.area_premise, t.stakeholder,
)  # fmt: skip
"""Who and where, and who may be written to; nothing of what happened or was sent."""
_SLICE = 5_000


def record_copied(database: Database, path: Path) -> Database:
    """A new SQLite database at `path` with the record of `database`, as it stands in one look at it.

    The source is read and nothing else; the copy is not durable. Memory does not grow with the record.
    """
    copy = Database(f"sqlite:///{path}", create=True, durable=False)
    path.chmod(0o600) if path.exists() else None
    metadata.create_all(copy.engine)
    tables = [table for table in metadata.sorted_tables if table in RECORD]
    if database.is_sqlite and database.url.database != ":memory:":
        _attached(path, str(database.url.database), tables)
    else:
        _row_by_row(database, copy, tables)
    return copy


def _attached(path: Path, source: str, tables: list[Table]) -> None:
    """Within SQLite: a hundred times faster than through Python."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("ATTACH DATABASE ? AS kept", (source,))
        connection.execute("BEGIN")
        for table in tables:
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            connection.execute(
                f'INSERT INTO main."{table.name}" ({columns})'  # noqa: S608  names of our own tables
                f' SELECT {columns} FROM kept."{table.name}"'
            )
        connection.execute("COMMIT")
    finally:
        connection.close()


def _row_by_row(database: Database, copy: Database, tables: list[Table]) -> None:
    with database.read() as source, copy.write() as session:
        for table in tables:
            rows = source.execute(select(table).execution_options(yield_per=_SLICE)).mappings()
            for part in rows.partitions():
                session.execute(insert(table), [dict(row) for row in part])


@dataclass(frozen=True, slots=True)
class Left:
    """One message that a carrier took; opaque ids only."""

    occasion: int
    step: str
    channel: Channel
    pool: str
    priority: PriorityClass
    customer: int
    """0: a post, or somebody on a contact list."""
    segments: int
    at: datetime
    wanted_at: datetime
    """When its wave was opened: from then on it was known that this person had to hear."""


def left(session: Session) -> Iterator[Left]:
    """All that left, in its order. A pass over the ledger."""
    m, w, r = t.message.c, t.step_run.c, t.run.c
    rows = session.execute(
        select(
            r.occasion_id, w.step, m.channel, m.pool, m.priority, m.customer_id, m.segments,
            m.accepted_at, w.created_at,
        )
        .join(t.step_run, w.id == m.step_run_id)
        .join(t.run, r.id == w.run_id)
        .where(m.accepted_at.is_not(None))
        .order_by(m.accepted_at, m.id)
        .execution_options(yield_per=_SLICE)
    )  # fmt: skip
    for row in rows:
        occasion, step, channel, pool, priority, customer, segments, at, wanted_at = row
        yield Left(
            occasion, step, Channel(channel), pool, PriorityClass(priority), customer,
            segments or 1, at, wanted_at,
        )  # fmt: skip


def next_due(session: Session) -> datetime | None:
    """The first instant that the clock still owes."""
    return session.execute(select(func.min(t.due.c.at)).where(t.due.c.done_at.is_(None))).scalar()


def next_leaving(session: Session, *, now: datetime) -> datetime | None:
    """When the first of what is held back may leave; None: nothing is."""
    return session.execute(_NEXT_LEAVING, {"now": now}).scalar()


_NEXT_LEAVING = (
    select(func.min(t.queue.c.not_before))
    .join(t.step_run, t.step_run.c.id == t.queue.c.step_run_id)
    .where(
        t.queue.c.not_before > bindparam("now", type_=UtcDateTime()),
        t.step_run.c.state == StepRunState.FROZEN,
    )
)


def stays(session: Session) -> tuple[int, int]:
    """(open occasions without a run, runs that were paused): what waits for a person."""
    o, r = t.occasion.c, t.run.c
    silent = session.execute(
        select(func.count())
        .select_from(t.occasion)
        .where(~select(r.id).where(r.occasion_id == o.id).exists())
    ).scalar_one()
    paused = session.execute(
        select(func.count()).select_from(t.run).where(r.state == "paused")
    ).scalar_one()
    return silent, paused
