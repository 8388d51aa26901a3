"""Planned works, versioned: planned, moved, started, delayed, cancelled. `revise.restored` ends them."""

from __future__ import annotations

from datetime import datetime

from outreach.model.errors import GuardRefused
from outreach.model.occasion import Revision, Scope
from outreach.model.words import OccasionState
from outreach.outages import guards
from outreach.outages.revise import PERSON, Change, Origin, following, next_revision

_S = OccasionState
NOTHING = Change()


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
    return next_revision(current, now, origin, end_at=end_at, next_update_at=end_at)


def cancelled(current: Revision, *, now: datetime, origin: Origin = PERSON) -> Revision | None:
    """The work will not be done; only before it begins."""
    if guards.is_repeat(current, origin.source_seq):
        return None
    guards.state_is(current, (_S.SCHEDULED,), "cancel")
    return next_revision(current, now, origin, state=_S.CANCELLED, next_update_at=None)
