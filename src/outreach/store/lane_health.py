"""How lanes fare, by the minute: counted as chunks settle, read by whoever weighs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from outreach.store import dialects, tables as t
from outreach.store.lanes import Lane
from outreach.store.session import Session

READ_FOR = timedelta(minutes=5)
KEPT_FOR = timedelta(days=1)
FIRST_STEP = 20
"""Points with which a lane comes back after a probe that went well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """One minute of one lane, in messages. `took_ms`: the sum of how long their calls took."""

    minute: datetime
    calls: int = 0
    errors: int = 0
    """The provider's: not sent, 5xx, in doubt; never a refusal of a number."""
    throttles: int = 0
    doubts: int = 0
    took_ms: int = 0


def count(session: Session, lane: str, seen: Minute) -> None:
    """Adds to the lane's minute: one upsert a chunk; nothing where there were no calls."""
    if not seen.calls:
        return
    added = {name: getattr(seen, name) for name in _COUNTED}
    given = {"lane": lane, "minute": _minute(seen.minute), **added}
    session.execute(_added(session.get_bind().dialect.name), given)


_COUNTED = ("calls", "errors", "throttles", "doubts", "took_ms")


@cache
def _added(dialect: str) -> Any:
    into, h = dialects.INSERT[dialect](t.lane_minute), t.lane_minute.c
    names = ("lane", "minute", *_COUNTED)
    return into.values({name: bindparam(name) for name in names}).on_conflict_do_update(
        index_elements=["lane", "minute"],
        set_={name: h[name] + into.excluded[name] for name in _COUNTED},
    )


def recent(session: Session, *, now: datetime) -> dict[str, tuple[Minute, ...]]:
    """lane -> its minutes of the last 5, oldest first; lanes without calls are left away."""
    h = t.lane_minute.c
    rows = session.execute(
        select(h.lane, h.minute, h.calls, h.errors, h.throttles, h.doubts, h.took_ms)
        .where(h.minute > now - READ_FOR, h.minute <= now)
        .order_by(h.lane, h.minute)
    ).mappings()
    found: dict[str, tuple[Minute, ...]] = {}
    for row in rows:
        values: dict[str, Any] = dict(row)
        lane: str = values.pop("lane")
        found[lane] = (*found.get(lane, ()), Minute(**values))
    return found


def weigh(
    session: Session, lane: str, weight: int, *, cooled_until: datetime | None, now: datetime
) -> None:
    """Gives a lane its weight, in per cent of its rate."""
    session.execute(
        update(t.lane)
        .where(t.lane.c.name == lane)
        .values(weight=weight, weighed_at=now, cooled_until=cooled_until)
    )


def cool(session: Session, lane: str, *, until: datetime) -> None:
    """Nothing leaves by the lane until then, and then a probe; its weight stays."""
    session.execute(update(t.lane).where(t.lane.c.name == lane).values(cooled_until=until))


def probed(
    session: Session, lane: Lane, *, good: bool, home: int, now: datetime, wait: timedelta
) -> None:
    """What the one message of a cooled lane showed; written by who holds the lane, in its settling."""
    ours = (t.lane.c.name == lane.name) & (t.lane.c.cooled_until == lane.cooled_until)
    if not good:
        session.execute(update(t.lane).where(ours).values(cooled_until=now + wait))
        return
    weight = lane.weight or min(FIRST_STEP, home or FIRST_STEP)
    session.execute(
        update(t.lane).where(ours).values(cooled_until=None, weight=weight, weighed_at=now)
    )


def sweep(session: Session, *, now: datetime) -> None:
    """Forgets the minutes that are over for a day."""
    session.execute(delete(t.lane_minute).where(t.lane_minute.c.minute < now - KEPT_FOR))


def totals(minutes: Mapping[str, tuple[Minute, ...]], lane: str, *, now: datetime) -> Minute:
    """The sum over a lane's minutes."""
    ours = minutes.get(lane, ())
    return Minute(
        minute=now,
        calls=sum(each.calls for each in ours),
        errors=sum(each.errors for each in ours),
        throttles=sum(each.throttles for each in ours),
        doubts=sum(each.doubts for each in ours),
        took_ms=sum(each.took_ms for each in ours),
    )


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)
