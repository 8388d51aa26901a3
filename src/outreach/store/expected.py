"""Expected calls, agents planned, and live queues as their platform reports them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select

from outreach.model.forecast import (
    Curve,
    Forecast,
    ForecastStatus,
    Quarter,
    QueueReading,
    Staffed,
)
from outreach.store import tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session

KEPT_EVERY_MINUTE = timedelta(hours=2)
KEPT = timedelta(days=92)
"""Older than two hours only the first of each quarter-hour stays, to be judged afterwards."""
READINGS_KEPT = timedelta(days=2)
_QUARTER = timedelta(minutes=15)


def newest(session: Session, queue: str) -> Forecast | None:
    """The last forecast of a queue, however old: look at its made_at."""
    f = t.forecast.c
    row = session.execute(
        select(f.id, f.queue, f.made_at, f.body)
        .where(f.queue == queue)
        .order_by(f.made_at.desc())
        .limit(1)
    ).first()
    return None if row is None else _forecast(row)


def queues(session: Session) -> list[str]:
    """Queues that were ever forecast, by name."""
    return list(session.scalars(select(t.forecast.c.queue).distinct().order_by(t.forecast.c.queue)))


def put(session: Session, forecast: Forecast, *, counted: Mapping[str, int] | None = None) -> str:
    """Writes a forecast and returns its id.

    counted: `occasion:version` -> customers, so that the next minute need not count again; only the newest row keeps it.
    """
    f = t.forecast.c
    body = _body(forecast) | {"counted": dict(counted or {})}
    number = session.execute(
        insert(t.forecast)
        .values(queue=forecast.queue, made_at=forecast.made_at, body=body)
        .returning(f.id)
    ).scalar_one()
    return str(number)


def counted(session: Session) -> dict[str, int]:
    """What the last forecast of any queue had counted."""
    wanted = select(t.forecast.c.body).order_by(t.forecast.c.id.desc()).limit(1)
    body = session.execute(wanted).scalar()
    return dict(body.get("counted", {})) if body else {}


def prune(session: Session, queue: str, *, now: datetime) -> int:
    """Thins what is past; returns how many rows went. Cheap each minute: it looks at the minutes just past."""
    f = t.forecast.c
    session.execute(delete(t.queue_reading).where(t.queue_reading.c.at < now - READINGS_KEPT))
    gone = session.execute(
        delete(t.forecast).where(f.queue == queue, f.made_at < now - KEPT).returning(f.id)
    ).all()
    ended = now - KEPT_EVERY_MINUTE
    quarter = ended.replace(minute=ended.minute // 15 * 15, second=0, microsecond=0)
    begun = quarter - _QUARTER
    kept = (
        select(func.min(f.id))
        .where(f.queue == queue, f.made_at >= begun, f.made_at < quarter)
        .scalar_subquery()
    )
    thinned = session.execute(
        delete(t.forecast)
        .where(f.queue == queue, f.made_at >= begun, f.made_at < quarter, f.id != kept)
        .returning(f.id)
    ).all()
    return len(gone) + len(thinned)


def put_reading(session: Session, reading: QueueReading) -> None:
    """Notes a look at a live queue; the same instant again replaces it."""
    _upsert(session, t.queue_reading, [asdict(reading)], keys=("queue", "at"))


def reading(session: Session, queue: str) -> QueueReading | None:
    """The last look at a live queue, however old: look at its `at`."""
    r = t.queue_reading.c
    row = session.execute(
        select(r.queue, r.at, r.waiting, r.agents, r.wait_p80_s, r.source)
        .where(r.queue == queue)
        .order_by(r.at.desc())
        .limit(1)
    ).first()
    return None if row is None else QueueReading(**row._asdict())


def put_staffed(session: Session, planned: Iterable[Staffed]) -> int:
    """Writes agents planned by quarter-hour; what stood for the same one is replaced."""
    rows = [asdict(each) for each in planned]
    if rows:
        _upsert(session, t.staffing, rows, keys=("queue", "at"))
    return len(rows)


def staffed(session: Session, queue: str, at: datetime) -> int | None:
    """Agents planned for the quarter-hour that holds `at`; None: no plan for it."""
    s = t.staffing.c
    return session.execute(
        select(s.agents)
        .where(s.queue == queue, s.at <= at, s.at > at - _QUARTER)
        .order_by(s.at.desc())
        .limit(1)
    ).scalar()


def plan(session: Session, queue: str, *, since: datetime, until: datetime) -> list[Staffed]:
    """Agents planned in [since, until), in order of time."""
    s = t.staffing.c
    rows = session.execute(
        select(s.queue, s.at, s.agents, s.source)
        .where(s.queue == queue, s.at >= since, s.at < until)
        .order_by(s.at)
    )
    return [Staffed(**row._asdict()) for row in rows]


def put_curves(session: Session, curves: Sequence[Curve], *, now: datetime) -> None:
    """Writes learned curves; those of the same name are replaced."""
    rows = [
        {
            "name": each.name,
            "made_at": now,
            "source": each.source,
            "customers": each.customers,
            "rates": list(each.rates),
        }
        for each in curves
    ]
    if rows:
        _upsert(session, t.call_curve, rows, keys=("name",))


def curves(session: Session, *, most: int) -> list[Curve]:
    """Learned curves, the newest first."""
    c = t.call_curve.c
    rows = session.execute(
        select(c.name, c.rates, c.source, c.customers)
        .order_by(c.made_at.desc(), c.name)
        .limit(most)
    )
    return [
        Curve(name=row.name, rates=tuple(row.rates), source=row.source, customers=row.customers)
        for row in rows
    ]


def _upsert(
    session: Session, table: Any, rows: list[dict[str, Any]], *, keys: tuple[str, ...]
) -> None:
    statement = insert_into(session, table)
    rest = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    session.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=rest), rows)


def _body(forecast: Forecast) -> dict[str, Any]:
    body = asdict(forecast)
    quarters = [each | {"start_at": each["start_at"].isoformat()} for each in body["quarters"]]
    unneeded = ("id", "queue", "made_at", "quarters")
    return {key: value for key, value in body.items() if key not in unneeded} | {
        "quarters": quarters
    }


def _forecast(row: Any) -> Forecast:
    body = {key: value for key, value in row.body.items() if key != "counted"}
    quarters = tuple(
        Quarter(**each | {"start_at": datetime.fromisoformat(each["start_at"])})
        for each in body.pop("quarters")
    )
    status = ForecastStatus(body.pop("status"))
    return Forecast(
        id=str(row.id),
        queue=row.queue,
        made_at=row.made_at,
        quarters=quarters,
        status=status,
        **body,
    )
