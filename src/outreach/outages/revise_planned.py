"""Planned works, versioned: planned, moved, started, delayed, overrun, cancelled. `revise.restored` ends them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from outreach.model.errors import GuardRefused
from outreach.model.occasion import Revision, Scope
from outreach.model.words import OccasionState
from outreach.outages import guards
from outreach.outages.revise import PERSON, Change, Origin, following, next_revision
from outreach.outages.wall_time import read_wall_time

_S = OccasionState
NOTHING = Change()
_WALL = "%Y-%m-%dT%H:%M"


def planned(
    scope: Scope,
    *,
    start_at: datetime,
    end_at: datetime,
    now: datetime,
    change: Change = NOTHING,
    origin: Origin = PERSON,
) -> Revision:
    """Version 1 of a work; `change` brings its cause. GuardRefused if it has begun, is upside down, or looks like a slip."""
    guards.scope_named(scope)
    guards.window_allowed(start_at, end_at, now=now, confirmed=change.confirmed)
    return Revision(
        version=1,
        state=_S.SCHEDULED,
        scope=scope,
        start_at=start_at,
        end_at=end_at,
        next_update_at=start_at,
        cause=change.cause or "",
        recorded_at=now,
        author=origin.author,
        source=origin.source,
        source_seq=origin.source_seq,
    )


def moved(
    current: Revision,
    *,
    start_at: datetime,
    end_at: datetime,
    now: datetime,
    change: Change = NOTHING,
    origin: Origin = PERSON,
) -> Revision | None:
    """New times, and where `change` has them new scope and cause, of a work that has not begun."""
    if guards.is_repeat(current, origin.source_seq):
        return None
    guards.state_is(current, (_S.SCHEDULED,), "move")
    guards.window_allowed(start_at, end_at, now=now, confirmed=change.confirmed)
    if change.scope is not None:
        guards.scope_named(change.scope)
    return next_revision(
        current,
        now,
        origin,
        start_at=start_at,
        end_at=end_at,
        next_update_at=start_at,
        start_wall=current.start_wall if start_at == current.start_at else None,
        end_wall=current.end_wall if end_at == current.end_at else None,
        scope=change.scope or current.scope,
        cause=change.cause or current.cause,
    )


def started(current: Revision, *, now: datetime, origin: Origin = PERSON) -> Revision:
    """The work has begun; news is promised for its end."""
    guards.state_is(current, (_S.SCHEDULED,), "start")
    if now < current.start_at:
        raise GuardRefused("the work has not reached its start; move it if it begins earlier")
    return following(current, now, origin, state=_S.ACTIVE, next_update_at=current.end_at)


def delayed(
    current: Revision, *, end_at: datetime, now: datetime, origin: Origin = PERSON
) -> Revision | None:
    """A running work ends at another time; None if it is the same."""
    if guards.is_repeat(current, origin.source_seq):
        return None
    guards.aware(end=end_at)
    guards.state_is(current, (_S.ACTIVE, _S.PARTIAL), "delay")
    if end_at <= now:
        raise GuardRefused(
            "the new end is past; restore the work if it is over, or give a later end"
        )
    end_wall = current.end_wall if end_at == current.end_at else None
    return next_revision(
        current, now, origin, end_at=end_at, end_wall=end_wall, next_update_at=end_at
    )


def overran(
    current: Revision,
    *,
    now: datetime,
    cadence: timedelta = timedelta(minutes=60),
    origin: Origin = PERSON,
) -> Revision:
    """The end has passed and nobody said that it is over: no end is known now, only when news comes.

    The passed end is dropped, as a passed estimate is: nothing may tell it any more. Said again at
    each `next_update_at`, one cadence on. GuardRefused before the promised end or news, or for a
    work that is not running.
    """
    guards.state_is(current, (_S.ACTIVE, _S.PARTIAL), "overrun")
    promised = current.end_at or current.next_update_at
    if promised is not None and now < promised:
        raise GuardRefused("the work has not reached its end; delay it if it will last longer")
    return following(
        current, now, origin, end_at=None, end_wall=None, public_etr=None,
        next_update_at=now + cadence,
    )  # fmt: skip


def walled(
    revision: Revision | None, *, start: datetime | None = None, end: datetime | None = None
) -> Revision | None:
    """The same with its times as they were typed, naive and local; None: as it is.

    Kept so that the instants can move with the zone's rules: people come by the clock on the wall.
    """
    if revision is None:
        return None
    return replace(
        revision,
        start_wall=start.strftime(_WALL) if start else revision.start_wall,
        end_wall=end.strftime(_WALL) if end else revision.end_wall,
    )


def wall_of(at: datetime, zone: str) -> datetime | None:
    """The naive wall time that names this instant in a zone; None where it names an earlier one,
    as in the second of two hours that the clock has twice."""
    local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    return local if read_wall_time(local, zone).at == at else None


def cancelled(current: Revision, *, now: datetime, origin: Origin = PERSON) -> Revision | None:
    """The work will not be done; only before it begins."""
    if guards.is_repeat(current, origin.source_seq):
        return None
    guards.state_is(current, (_S.SCHEDULED,), "cancel")
    return next_revision(current, now, origin, state=_S.CANCELLED, next_update_at=None)
