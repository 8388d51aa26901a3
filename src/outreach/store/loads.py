"""The log of loads: which one is at work, in which phase, what the last one found; and the sources read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update

from outreach.model.errors import StoreUnusable
from outreach.model.words import LoadState
from outreach.store import leases, planning, tables as t
from outreach.store.session import Session

LEASE = "record"
"""One load at a time, whichever process runs it."""
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_load = t.record_load.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A load that was checked and whose merging has not ended."""

    id: int
    phase: str
    counts: dict[str, Any]


def begin(session: Session, *, source: str, mode: str, fingerprint: str, now: datetime) -> int:
    """A new load, staging; one that was staging when its process died is given up."""
    session.execute(
        update(t.record_load)
        .where(_load.state == LoadState.STAGING)
        .values(state=LoadState.REFUSED, phase="")
    )
    made = insert(t.record_load).values(
        source=source,
        loaded_at=now,
        counts={},
        state=LoadState.STAGING,
        mode=mode,
        fingerprint=fingerprint,
    )
    id_: int = session.execute(made.returning(_load.id)).scalar_one()
    return id_


def note(session: Session, load: int, **values: Any) -> None:
    """Writes `state`, `phase`, `counts` or `loaded_at` of one load."""
    session.execute(update(t.record_load).where(_load.id == load).values(**values))


def unfinished(session: Session) -> Unfinished | None:
    """The load whose merging was interrupted, if there is one."""
    row = session.execute(
        select(_load.id, _load.phase, _load.counts).where(_load.state == LoadState.MERGING)
    ).first()
    return row and Unfinished(id=row.id, phase=row.phase, counts=row.counts)


def last(session: Session) -> tuple[str, dict[str, Any]] | None:
    """Fingerprint and figures of the newest load that was done."""
    row = session.execute(
        select(_load.fingerprint, _load.counts)
        .where(_load.state == LoadState.DONE)
        .order_by(_load.id.desc())
        .limit(1)
    ).first()
    return row and (row.fingerprint, row.counts)


def hold(session: Session, owner: str, *, now: datetime, lease: timedelta) -> None:
    """Prolongs our lease in the caller's transaction; StoreUnusable once another load has it.

    Such a transaction waits for no disk on PostgreSQL. If the server dies, the last of them may be lost,
    but in their order: the load goes on from where they ended. What ends it, and releases the lease, waits.
    """
    planning.commit_later(session)
    if leases.take(session, LEASE, owner, now=now, lease=lease) is None:
        raise StoreUnusable(
            "another load of the record is at work; wait until it is done, then run this again"
        )


def release(session: Session, owner: str) -> None:
    """Lets the next load begin at once, whatever its clock says."""
    mine = (t.lease.c.name == LEASE) & (t.lease.c.owner == owner)
    session.execute(update(t.lease).where(mine).values(until=_LONG_AGO))


def source(session: Session, name: str) -> tuple[int, str]:
    """(id, watermark) of a source by its name; one that is new gets a row."""
    s = t.record_source.c
    known = session.execute(select(s.id, s.watermark).where(s.name == name)).first()
    if known is not None:
        return known.id, known.watermark
    made = insert(t.record_source).values(name=name, watermark="").returning(s.id)
    return session.execute(made).scalar_one(), ""


def read_to_its_end(session: Session, source: int, *, watermark: str, now: datetime) -> None:
    """Notes how far a source has been read, in the transaction that ends its load."""
    session.execute(
        update(t.record_source)
        .where(t.record_source.c.id == source)
        .values(watermark=watermark, read_at=now)
    )
