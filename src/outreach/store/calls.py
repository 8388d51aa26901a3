"""Contacts that reached the contact center, known only by a keyed hash of the caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, func, insert, select, true, update

from outreach.model.calls import FACTS, CallRow, ContactKind, known_to, merged
from outreach.store import points, tables as t
from outreach.store.session import Session
from outreach.store.types import from_micros, to_micros

__all__ = ["Added", "Arrivals", "CallRow", "add", "arrivals", "known_hashes", "take_in", "waits", "within"]  # fmt: skip

_WRITERS = 0x0CA11
"""Number of the advisory lock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """How many calls came, and how many of them from a contact point of the record."""

    calls: int
    known: int

    @property
    def identified_share(self) -> float | None:
        return self.known / self.calls if self.calls else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What some records brought."""

    new: list[tuple[CallRow, bool]]
    """Contacts not stored before, each with whether its caller is known."""
    completed: int
    """Contacts stored before of which more is known now, or an earlier time."""


def add(session: Session, rows: Sequence[CallRow]) -> list[tuple[CallRow, bool]]:
    """`take_in`, of which it returns what is new."""
    return take_in(session, rows).new


def take_in(session: Session, rows: Sequence[CallRow]) -> Added:
    """Stores contacts, and merges into stored ones what their records add.

    rows: a few thousand at most (one parameter each); several may be of one contact.
    """
    _alone(session)
    told = _folded(rows)
    stored = set(session.scalars(select(t.call.c.call_id).where(t.call.c.call_id.in_(list(told)))))
    fresh = [row for call_id, row in told.items() if call_id not in stored]
    known = known_hashes(session, (row.address_hash for row in fresh))
    if fresh:
        _insert(session, fresh, known)
    return Added(
        new=[(row, row.address_hash in known) for row in fresh],
        completed=_complete(session, {call_id: told[call_id] for call_id in stored}),
    )


def known_hashes(session: Session, hashes: Iterable[bytes | None]) -> set[bytes]:
    """Which of these are contact points of the record."""
    wanted = {each for each in hashes if each is not None}
    if not wanted:
        return set()
    return set(
        session.scalars(select(t.contact_point.c.address_hash).where(points.at(session, wanted)))
    )


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
    """Condition on `call`: a call, not a chat or a click, to one of the numbers, in [since, until)."""
    dialled = t.call.c.dnis.in_(list(numbers)) if numbers else true()
    is_call = t.call.c.kind == ContactKind.CALL.value
    return is_call & dialled & (t.call.c.at >= since) & (t.call.c.at < until)


def _alone(session: Session) -> None:
    """Two writers of one contact would each miss what the other adds; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_WRITERS)))


def _folded(rows: Iterable[CallRow]) -> dict[str, CallRow]:
    told: dict[str, CallRow] = {}
    for row in rows:
        before = told.get(row.call_id)
        told[row.call_id] = row if before is None else merged(before, row)
    return told


def _complete(session: Session, told: Mapping[str, CallRow]) -> int:
    """Writes the merged rows of those stored; what adds nothing is not written."""
    if not told:
        return 0
    found = session.execute(_STORED.where(t.call.c.call_id.in_(list(told)))).all()
    before = [_row(each) for each in found]
    after = [merged(row, told[row.call_id]) for row in before]
    changed = [now for now, then in zip(after, before, strict=True) if now != then]
    if changed:
        known = known_hashes(session, (row.address_hash for row in changed))
        known |= {each.address_hash for each in found if each.known}
        values = (dict(zip(_COLUMNS, _values(row, known), strict=True)) for row in changed)
        session.execute(_UPDATE, [row | {"of": row["call_id"]} for row in values])
    return len(changed)


_COLUMNS = (
    "call_id", "at", "address_hash", "known", "dnis", "queue", "contained", "abandoned", "wait_s",
    "talk_s", "source", "kind", "wrap_up", "known_to", "told",
)  # fmt: skip
_STORED = select(*(t.call.c[name] for name in _COLUMNS))
_UPDATE = update(t.call).where(t.call.c.call_id == bindparam("of"))
_KIND, _CONTAINED, _ABANDONED = (
    1 << FACTS.index(fact) for fact in ("kind", "contained", "abandoned")
)
"""Bits of `known_to` that tell a fact from the value that stands for an unknown one."""


def _insert(session: Session, rows: Sequence[CallRow], known: set[bytes]) -> None:
    """On SQLite by the driver's own statement: SQLAlchemy's costs as much as all else together."""
    values = (_values(row, known) for row in rows)
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        connection.execute(
            insert(t.call), [dict(zip(_COLUMNS, row, strict=True)) for row in values]
        )
        return
    marks = ", ".join("?" * len(_COLUMNS))
    connection.exec_driver_sql(
        f"INSERT INTO call ({', '.join(_COLUMNS)}) VALUES ({marks})",  # noqa: S608  names of ours
        [(row[0], to_micros(row[1]), *row[2:]) for row in values],
    )


def _values(row: CallRow, known: set[bytes]) -> tuple[Any, ...]:
    """In the order of the columns."""
    return (
        row.call_id,
        row.at,
        row.address_hash,
        row.address_hash in known,
        row.dnis,
        row.queue,
        bool(row.contained),
        bool(row.abandoned),
        row.wait_s,
        row.talk_s,
        row.source,
        row.kind or "call",
        row.wrap_up,
        known_to(row),
        " ".join(f"{fact}:{to_micros(at)}" for fact, at in row.told) if row.told else "",
    )


def _row(stored: Sequence[Any]) -> CallRow:
    (call_id, at, address_hash, _known, dnis, queue, contained, abandoned, wait_s, talk_s, source,
     kind, wrap_up, bits, told) = stored  # fmt: skip
    pairs = (each.partition(":") for each in told.split())
    return CallRow(
        call_id=call_id,
        at=at,
        address_hash=address_hash,
        dnis=dnis,
        queue=queue,
        # Rows of older versions have no bits; what they say yes to is known all the same.
        contained=contained if contained or bits & _CONTAINED else None,
        abandoned=abandoned if abandoned or bits & _ABANDONED else None,
        wait_s=wait_s,
        talk_s=talk_s,
        source=source,
        kind=kind if bits & _KIND else None,
        wrap_up=wrap_up,
        told=tuple((name, from_micros(int(micros))) for name, _colon, micros in pairs),
    )
