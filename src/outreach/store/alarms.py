"""Alarms: raised once for a kind, a subject and an instant, kept after they are cleared."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, and_, exists, not_, or_, select, update

from outreach.model.alarm import Alarm, AlarmKind
from outreach.store.dialects import insert_into
from outreach.store.session import Session
from outreach.store.tables_events import alarm as _alarm


def raise_(
    session: Session, kind: AlarmKind, subject: str, due_at: datetime, now: datetime, **detail: Any
) -> bool:
    """Raises an alarm; False: the same one (kind, subject, due_at) was raised before, cleared or not.

    subject: `occasion:7`, `event:2`, `feed:oms`. detail: what JSON can hold, nothing personal.
    """
    row = {"kind": kind, "subject": subject, "due_at": due_at, "raised_at": now, "detail": detail}
    raised = session.execute(
        insert_into(session, _alarm).values(**row).on_conflict_do_nothing().returning(_alarm.c.id)
    )
    return raised.first() is not None


def clear(session: Session, kind: AlarmKind, subject: str, by: str, now: datetime) -> int:
    """Clears every open alarm of a kind and subject; how many. `by`: a name, or what was done."""
    return _cleared(session, [_alarm.c.kind == kind, _alarm.c.subject == subject], by, now)


def clear_one(session: Session, number: int, by: str, now: datetime) -> bool:
    """Clears one alarm; False: there is no open one of this number."""
    return _cleared(session, [_alarm.c.id == number], by, now) == 1


def _cleared(session: Session, which: list[Any], by: str, now: datetime) -> int:
    rows = session.execute(
        update(_alarm)
        .where(_alarm.c.cleared_at.is_(None), *which)
        .values(cleared_at=now, cleared_by=by)
        .returning(_alarm.c.id)
    )
    return len(rows.all())


def open_ones(session: Session, *, kinds: Collection[AlarmKind] = tuple(AlarmKind)) -> list[Alarm]:
    """Alarms that nobody and nothing has cleared, the most urgent first."""
    return _select(session, _alarm.c.cleared_at.is_(None), _alarm.c.kind.in_(list(kinds)))


def get(session: Session, number: int) -> Alarm | None:
    """One alarm; None if there is none of this number."""
    return next(iter(_select(session, _alarm.c.id == number)), None)


def of(session: Session, subjects: Collection[str]) -> list[Alarm]:
    """Every alarm of these subjects, cleared ones too, in order of their instants."""
    return _select(session, _alarm.c.subject.in_(list(subjects)))


def every(session: Session, *, limit: int = 1000) -> list[Alarm]:
    """Open and cleared ones: the newest `limit`, in order of their instants."""
    newest = select(_alarm.c.id).order_by(_alarm.c.id.desc()).limit(limit).subquery()
    return _select(session, _alarm.c.id.in_(select(newest.c.id)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """What the duty phone is told: every open alarm, the most urgent first."""

    alarms: tuple[Alarm, ...]


def claim_push(session: Session, *, now: datetime, every: timedelta) -> Push | None:
    """Marks the open alarms as told now, and says what to tell; None: nothing is due.

    At most one push in `every`, counting those cleared since. In one statement, so that of two workers one pushes.
    """
    c, other = _alarm.c, _alarm.alias()
    recent = exists().where(other.c.told_at > now - every)
    # Each row by itself too: PostgreSQL asks a row again once another push lets go of it.
    rested = or_(c.told_at.is_(None), c.told_at <= now - every)
    pushed = session.execute(
        update(_alarm)
        .where(c.cleared_at.is_(None), and_(not_(recent), rested))
        .values(told_at=now)
        .returning(c.id)
    ).all()
    if not pushed:
        return None
    return Push(alarms=tuple(_select(session, c.id.in_([row[0] for row in pushed]))))


def push_again_at(session: Session, push: Push, at: datetime) -> None:
    """A push that did not leave is due again as if it had been made at `at`."""
    numbers = [alarm.id for alarm in push.alarms]
    session.execute(update(_alarm).where(_alarm.c.id.in_(numbers)).values(told_at=at))


def _select(session: Session, *wanted: Any) -> list[Alarm]:
    rows = session.execute(
        select(_alarm).where(*wanted).order_by(_alarm.c.due_at, _alarm.c.id)
    ).mappings()
    return [_read(row) for row in rows]


def _read(row: RowMapping) -> Alarm:
    return Alarm(**{name: row[name] for name in Alarm.__slots__} | {"kind": AlarmKind(row["kind"])})
