"""What was measured of calls, kept by the minute: the newest estimate of a run, and what it was made from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import RowMapping, Table, delete, func, insert, or_, select, tuple_

from outreach.model.deflection import (
    Bucket,
    CountedCall,
    Deflection,
    EpisodeCounts,
    Interval,
    Sums,
    Verdict,
)
from outreach.store import tables as t
from outreach.store.session import Session

_Row = TypeVar("_Row", Bucket, CountedCall)
_AT_ONCE = 200
"""Rows that one statement deletes: four parameters each, and SQLite takes some thousand."""
_INTERVALS = ("theta_interval", "itt_interval", "calls_avoided_interval")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A run whose calls may still come in."""

    run: int
    messages: int
    measured_at: datetime | None


def candidates(session: Session, *, since: datetime, begun: datetime) -> list[Candidate]:
    """Runs that sent to somebody and whose outage is open, or ended since; drills left out.

    `begun`: outages that began earlier are left out, for their minutes are counted one by one.
    """
    run, wave, truth, newest_one = t.run.c, t.step_run.c, t.occasion.c, t.revision.c
    rows = session.execute(
        select(run.id, func.sum(wave.frozen).label("messages"), t.measured.c.at)
        .join(t.occasion, truth.id == run.occasion_id)
        .join(
            t.revision,
            (newest_one.occasion_id == truth.id) & (newest_one.version == truth.version),
        )
        .join(t.step_run, wave.run_id == run.id)
        .outerjoin(t.measured, t.measured.c.run_id == run.id)
        .where(or_(truth.open, newest_one.recorded_at >= since), ~run.drill)
        .where(newest_one.start_at >= begun)
        .group_by(run.id, t.measured.c.at)
        .having(func.sum(wave.frozen) > 0)
        .order_by(run.id)
    )
    return [Candidate(run=row.id, messages=int(row.messages), measured_at=row.at) for row in rows]


def save(session: Session, run_id: int, found: Deflection, *, now: datetime) -> bool:
    """Keeps the newest estimate of a run; False: there is a newer one, and this changes nothing."""
    newest_at = session.execute(
        select(t.measured.c.at).where(t.measured.c.run_id == run_id).with_for_update()
    ).scalar()
    if newest_at is not None and newest_at > now:
        return False
    session.execute(delete(t.measured).where(t.measured.c.run_id == run_id))
    session.execute(insert(t.measured).values(run_id=run_id, at=now, body=_body(found)))
    return True


def newest(session: Session, run_id: int) -> Deflection | None:
    """The newest estimate of a run; None before there is one."""
    row = session.execute(select(t.measured).where(t.measured.c.run_id == run_id)).first()
    return None if row is None else _deflection(row.body, row.at)


def latest(session: Session) -> Deflection | None:
    """The estimate of the newest run whose outage is still open, one that may be published before others.

    A storm has hundreds of small runs, of which none says anything alone. None: nothing live was measured.
    """
    found = [each for _run, each in live(session)]
    return next((each for each in found if each.publishable), found[0] if found else None)


def live(session: Session) -> list[tuple[int, Deflection]]:
    """(run, its estimate) of what is still open, the newest run first; drills left out."""
    rows = session.execute(
        select(t.measured)
        .join(t.run, t.run.c.id == t.measured.c.run_id)
        .join(t.occasion, t.occasion.c.id == t.run.c.occasion_id)
        .where(t.occasion.c.open, ~t.run.c.drill)
        .order_by(t.measured.c.run_id.desc())
        .limit(_MOST_LIVE)
    )
    return [(row.run_id, _deflection(row.body, row.at)) for row in rows]


_MOST_LIVE = 200


def buckets(session: Session, waves: Sequence[int]) -> list[Bucket]:
    """Person-time and episodes of these waves by stratum and minute, in that order."""
    c = t.deflection_bucket.c
    rows = session.execute(
        select(t.deflection_bucket)
        .where(c.step_run_id.in_(waves))
        .order_by(c.step_run_id, c.priority, c.channel, c.minute)
    )
    return [_of(Bucket, row) for row in rows.mappings()]


def calls(session: Session, waves: Sequence[int]) -> list[CountedCall]:
    """Counted calls of these waves, in the order of time."""
    c = t.deflection_call.c
    rows = session.execute(
        select(t.deflection_call).where(c.step_run_id.in_(waves)).order_by(c.minute, c.call_id)
    )
    return [_of(CountedCall, row) for row in rows.mappings()]


def keep_buckets(session: Session, waves: Sequence[int], wanted: Iterable[Bucket]) -> int:
    """Brings the stored minutes of these waves up to `wanted`; how many rows were written."""
    key = ("step_run", "priority", "channel", "minute")
    return _keep(session, t.deflection_bucket, key, buckets(session, waves), wanted)


def keep_calls(session: Session, waves: Sequence[int], wanted: Iterable[CountedCall]) -> int:
    """Brings the counted calls of these waves up to `wanted`; how many rows were written."""
    key = ("call_id", "step_run")
    return _keep(session, t.deflection_call, key, calls(session, waves), wanted)


def _keep(
    session: Session,
    table: Table,
    key: tuple[str, ...],
    before: Iterable[_Row],
    wanted: Iterable[_Row],
) -> int:
    """Only what differs is written, so that a minute costs what happened in it."""
    stored = {tuple(getattr(row, name) for name in key): row for row in before}
    told = {tuple(getattr(row, name) for name in key): row for row in wanted}
    changed = [row for each, row in told.items() if stored.get(each) != row]
    gone = [each for each, row in stored.items() if told.get(each) != row]
    columns = [table.c[_COLUMN.get(name, name)] for name in key]
    for start in range(0, len(gone), _AT_ONCE):
        session.execute(delete(table).where(tuple_(*columns).in_(gone[start : start + _AT_ONCE])))
    if changed:
        session.execute(insert(table), [_values(row) for row in changed])
    return len(changed)


_COLUMN = {"step_run": "step_run_id"}


def _values(row: Bucket | CountedCall) -> dict[str, Any]:
    return {_COLUMN.get(name, name): value for name, value in asdict(row).items()}


def _of(kind: type[_Row], row: RowMapping) -> _Row:
    return kind(**{each.name: row[_COLUMN.get(each.name, each.name)] for each in fields(kind)})


def _body(found: Deflection) -> dict[str, Any]:
    return {name: value for name, value in asdict(found).items() if name != "measured_at"}


def _deflection(body: Mapping[str, Any], at: datetime) -> Deflection:
    """What an older version did not write has its default."""
    known = {each.name for each in fields(Deflection)}
    values = {name: value for name, value in body.items() if name in known}
    limits = {name: Interval(**values[name]) for name in _INTERVALS if values.get(name)}
    parts = {
        "sums": Sums(**values["sums"]) if values.get("sums") else None,
        "counts": EpisodeCounts(**values["counts"]) if values.get("counts") else None,
        "grace": tuple((channel, minutes) for channel, minutes in values.get("grace", ())),
        "reasons": tuple(values.get("reasons", ())),
        "design_reasons": tuple(values.get("design_reasons", ())),
        "verdict": Verdict(values["verdict"]),
        "measured_at": at,
    }
    return Deflection(**(values | limits | parts))
