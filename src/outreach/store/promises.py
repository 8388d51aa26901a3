"""The ledger of estimates told to customers: made, kept, missed by how much."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from outreach.store import tables as t
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One public estimate that customers were told."""

    occasion_id: int
    version: int
    etr_at: datetime
    made_at: datetime
    settled_at: datetime | None
    kept: bool | None
    missed_by_s: int | None


def make(session: Session, occasion: int, version: int, etr_at: datetime, *, now: datetime) -> None:
    """Keeps a promise; the same revision promises once, however many campaigns tell it."""
    maker = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {"occasion_id": occasion, "version": version, "etr_at": etr_at, "made_at": now}
    session.execute(maker(t.promise).values(**row).on_conflict_do_nothing())


def of(session: Session, occasion: int) -> list[Promise]:
    """The promises of an occasion, oldest first."""
    rows = session.execute(
        select(t.promise).where(t.promise.c.occasion_id == occasion).order_by(t.promise.c.version)
    ).mappings()
    return [Promise(**row) for row in rows]


def told(session: Session, occasion: int, *, before_version: int | None = None) -> Promise | None:
    """The promise made last, at all or before a version."""
    made = of(session, occasion)
    earlier = [one for one in made if before_version is None or one.version < before_version]
    return earlier[-1] if earlier else None


def settle(
    session: Session, promise: Promise, *, kept: bool, missed_by: timedelta | None, now: datetime
) -> None:
    """Closes a promise: kept, or missed by so much (None: by an amount nobody knows)."""
    session.execute(
        update(t.promise)
        .where(
            t.promise.c.occasion_id == promise.occasion_id, t.promise.c.version == promise.version
        )
        .values(
            settled_at=now,
            kept=kept,
            missed_by_s=None if missed_by is None else int(missed_by.total_seconds()),
        )
    )


def take_back(session: Session, occasion: int, version: int, *, written_at: datetime) -> None:
    """Forgets what a revision promised and settled, where nobody heard of it."""
    mine = t.promise.c.occasion_id == occasion
    session.execute(delete(t.promise).where(mine, t.promise.c.version == version))
    session.execute(
        update(t.promise)
        .where(mine, t.promise.c.settled_at == written_at)
        .values(settled_at=None, kept=None, missed_by_s=None)
    )


def overdue(session: Session, *, now: datetime) -> int:
    """Promises that have passed while their occasion is open."""
    newest = (t.occasion.c.id == t.promise.c.occasion_id) & t.occasion.c.open
    rows = session.execute(
        select(t.promise.c.occasion_id)
        .join(t.occasion, newest)
        .where(t.promise.c.settled_at.is_(None), t.promise.c.etr_at < now)
        .distinct()
    )
    return len(rows.all())
