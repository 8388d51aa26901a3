"""The ledger of estimates told to customers: made, kept, missed by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, update

from outreach.model.words import OccasionKind
from outreach.store import tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session

_AT_ONCE = 500


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A promise with what it is judged by."""

    promise: Promise
    name: str
    """Of its outage."""
    feeder: str
    """That feeds the outage's first node; empty where no node is named or known."""
    cause: str
    zone: str


def ledger(
    session: Session, *, occasion: int | None = None, since: datetime | None = None
) -> list[Entry]:
    """Promises about outages, with feeder and cause as they are known now, oldest first."""
    p, o, r = t.promise.c, t.occasion.c, t.revision.c
    wanted = [o.kind == OccasionKind.OUTAGE, o.drill.is_(False)]
    wanted += [p.occasion_id == occasion] if occasion is not None else []
    wanted += [p.made_at >= since] if since is not None else []
    rows = session.execute(
        select(t.promise, o.name, o.zone, r.cause, r.scope)
        .join(t.occasion, o.id == p.occasion_id)
        .join(t.revision, (r.occasion_id == o.id) & (r.version == o.version))
        .where(*wanted)
        .order_by(p.made_at, p.occasion_id, p.version)
    ).all()
    places = [(row.scope.get("nodes") or [row.name])[0] for row in rows]
    feeders = _feeders(session, sorted(set(places)))
    return [
        Entry(
            promise=Promise(**{field.name: getattr(row, field.name) for field in fields(Promise)}),
            name=row.name,
            feeder=feeders.get(place, ""),
            cause=row.cause,
            zone=row.zone,
        )
        for row, place in zip(rows, places, strict=True)
    ]


def _feeders(session: Session, refs: Sequence[str]) -> dict[str, str]:
    """Node -> the feeder that it is or hangs on."""
    node, feeder = t.network_node, t.network_node.alias()
    found: dict[str, str] = {}
    for start in range(0, len(refs), _AT_ONCE):
        rows = session.execute(
            select(node.c.ref, feeder.c.ref)
            .join(feeder, node.c.tree_order.between(feeder.c.tree_order, feeder.c.tree_last))
            .where(node.c.ref.in_(refs[start : start + _AT_ONCE]), feeder.c.kind == "feeder")
        )
        found.update((ref, fed_by) for ref, fed_by in rows)
    return found


def make(session: Session, occasion: int, version: int, etr_at: datetime, *, now: datetime) -> None:
    """Keeps a promise; the same revision promises once, however many campaigns tell it."""
    row = {"occasion_id": occasion, "version": version, "etr_at": etr_at, "made_at": now}
    session.execute(insert_into(session, t.promise).values(**row).on_conflict_do_nothing())


def of(session: Session, occasion: int) -> list[Promise]:
    """The promises of an occasion, oldest first."""
    rows = session.execute(_OF, {"occasion": occasion}).mappings()
    return [Promise(**row) for row in rows]


_OF = (
    select(t.promise)
    .where(t.promise.c.occasion_id == bindparam("occasion"))
    .order_by(t.promise.c.version)
)


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


def reopen(session: Session, occasion: int, *, settled_since: datetime) -> None:
    """Opens again what was settled at or after an instant: the restoration that settled it was false."""
    session.execute(
        update(t.promise)
        .where(t.promise.c.occasion_id == occasion, t.promise.c.settled_at >= settled_since)
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
