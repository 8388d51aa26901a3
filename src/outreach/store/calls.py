"""Calls that reached the contact center, known only by a keyed hash of the caller."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Dialect, case, func, select, true
from sqlalchemy.dialects import postgresql, sqlite

from outreach.model.words import Channel
from outreach.store import tables as t
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """One arrival, as stored less what the record says of its caller."""

    call_id: str
    at: datetime
    address_hash: bytes | None
    """None: withheld or unreadable."""
    dnis: str
    queue: str = ""
    contained: bool = False
    abandoned: bool = False
    wait_s: int | None = None
    talk_s: int | None = None
    source: str = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """How many calls came, and how many of them from a contact point of the record."""

    calls: int
    known: int

    @property
    def identified_share(self) -> float | None:
        return self.known / self.calls if self.calls else None


def add(session: Session, rows: Sequence[CallRow]) -> list[tuple[CallRow, bool]]:
    """Stores calls not stored before; returns those, each with whether the caller is known.

    rows: distinct call_ids, a few thousand at most (one parameter each).
    """
    stored = set(
        session.scalars(
            select(t.call.c.call_id).where(t.call.c.call_id.in_([row.call_id for row in rows]))
        )
    )
    fresh = [row for row in rows if row.call_id not in stored]
    if not fresh:
        return []
    known = known_hashes(session, (row.address_hash for row in fresh))
    session.execute(
        _insert_new(session.get_bind().dialect),
        [asdict(row) | {"known": row.address_hash in known} for row in fresh],
    )
    return [(row, row.address_hash in known) for row in fresh]


def known_hashes(session: Session, hashes: Iterable[bytes | None]) -> set[bytes]:
    """Which of these are contact points of the record."""
    wanted = {each for each in hashes if each is not None}
    point = t.contact_point
    found = session.scalars(
        select(point.c.address_hash).where(
            point.c.channel.in_(list(Channel)), point.c.address_hash.in_(wanted)
        )
    )
    return set(found)


def arrivals(
    session: Session, *, numbers: Sequence[str], since: datetime, until: datetime
) -> Arrivals:
    """Calls to these numbers (any, where none is given) in [since, until)."""
    known = func.sum(case((t.call.c.known, 1), else_=0))
    row = session.execute(
        select(func.count(), func.coalesce(known, 0)).where(within(numbers, since, until))
    ).one()
    return Arrivals(calls=row[0], known=row[1])


def waits(
    session: Session, *, numbers: Sequence[str], since: datetime, until: datetime
) -> list[int]:
    """Seconds waited by calls that arrived in [since, until) and were not contained in the IVR.

    An abandoned call counts with the time it held on, which is less than it would have waited.
    """
    found = session.scalars(
        select(t.call.c.wait_s).where(
            within(numbers, since, until),
            t.call.c.wait_s.is_not(None),
            t.call.c.contained.is_(False),
        )
    )
    return [wait for wait in found if wait is not None]


def within(numbers: Sequence[str], since: datetime, until: datetime) -> ColumnElement[bool]:
    """Condition on `call`: dialled one of the numbers, in [since, until)."""
    dialled = t.call.c.dnis.in_(list(numbers)) if numbers else true()
    return dialled & (t.call.c.at >= since) & (t.call.c.at < until)


def _insert_new(dialect: Dialect) -> Any:
    insert = sqlite.insert if dialect.name == "sqlite" else postgresql.insert
    return insert(t.call).on_conflict_do_nothing()
