"""What the clock does: fires due instants, once each, and drops none in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.campaigns import events, pins
from outreach.campaigns.engine import Engine
from outreach.model.errors import GuardRefused, OutreachError, StoreUnusable
from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.words import Event, RunState
from outreach.outages import change, revise, revise_planned
from outreach.outages.revise import Change, Origin
from outreach.store import due, leases, occasions, runs
from outreach.store.due import Due
from outreach.store.leases import Fence, Fenced
from outreach.store.runs import Run
from outreach.store.session import Session

CLOCK = Origin(author="clock", source="clock")
DEFAULT_CADENCE = timedelta(minutes=60)
Say = Callable[[str], None]
_LIVING = {RunState.ACTIVE, RunState.PAUSED}


def _unheard(_why: str) -> None:
    """For callers that have nobody to tell."""


class _Settled(Exception):
    """Another clock, or a newer revision, was first: nothing of this firing is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tick:
    engine: Engine
    now: datetime
    fence: Fence | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """An instant's occasion as it stood when the clock decided."""

    occasion: Occasion
    runs: tuple[Run, ...]
    cadence: timedelta


def tick(
    engine: Engine, *, now: datetime, fence: Fence | None = None, say: Say = _unheard
) -> Counter[str]:
    """Fires everything due at `now`; how many instants ended done, expired or overtaken.

    `waiting` counts those that met trouble, told to `say`: they are tried again at the next tick, and
    hold up none of the others. `fence`: of the leader; once it is overtaken nothing more is written.
    """
    turn = _Tick(engine=engine, now=now, fence=fence)
    with engine.database.read() as session:
        waiting = due.waiting(session, now=now)
    fired: Counter[str] = Counter()
    for one in waiting:
        try:
            fired[_fire(turn, one)] += 1
        except _Settled:
            continue
        except Fenced:
            say("another process leads the clock now; what it left here is that one's to fire")
            break
        except StoreUnusable:
            raise
        except OutreachError as error:
            fired["waiting"] += 1
            say(f"{one.what} of occasion {one.occasion_id}: {error}")
        except Exception as error:  # noqa: BLE001  one broken instant must not stop the clock
            fired["waiting"] += 1
            say(f"{one.what} of occasion {one.occasion_id} broke: {type(error).__name__}")
    return fired


def _fire(turn: _Tick, one: Due) -> str:
    """What the instant brings about and its settling are one transaction: both happen, once, or neither."""
    seen = _seen(turn, one)
    outcome, reason = _outcome(one, seen, now=turn.now)
    if outcome == due.DONE:
        try:
            _act(turn, one, seen)
        except GuardRefused as error:
            if _seen(turn, one).occasion.revision.version != seen.occasion.revision.version:
                raise  # somebody changed it meanwhile: decided anew at the next tick
            outcome, reason = due.EXPIRED, f"refused: {error}"
        else:
            return outcome
    with turn.engine.database.write() as session:
        _settling(turn, one, outcome=outcome, reason=reason)(session)
    return outcome


def _seen(turn: _Tick, one: Due) -> _Seen:
    with turn.engine.database.read() as session:
        occasion = occasions.get(session, OccasionId(one.occasion_id))
        found = tuple(runs.of(session, occasion.id))
        cadence = events.news_in(session, occasion, now=turn.now) or _cadence(session, found)
        return _Seen(occasion=occasion, runs=found, cadence=cadence)


def _settling(
    turn: _Tick, one: Due, *, outcome: str = due.DONE, reason: str = ""
) -> Callable[[Session], None]:
    """Stands on the fence and settles the instant, inside the transaction of whatever it brings about."""

    def guard(session: Session) -> None:
        fence = turn.fence
        if fence is not None:
            leases.stand(session, leases.LEADER, fence)
        number = fence.number if fence else None
        if not due.settle(session, one.id, outcome, reason, now=turn.now, fence=number):
            raise _Settled

    return guard


def _outcome(one: Due, seen: _Seen, *, now: datetime) -> tuple[str, str]:
    state = seen.occasion.revision.state
    if not state.is_open:
        return due.OVERTAKEN, f"the {seen.occasion.kind} is {state}"
    if one.too_late_at is not None and now >= one.too_late_at:
        return due.EXPIRED, "too late: the notice would no longer serve anybody"
    is_notice = one.what == Event.NOTICE
    if is_notice and not any(run.state in _LIVING for run in seen.runs):
        return due.OVERTAKEN, "its campaign was cancelled"
    return due.DONE, ""


def _act(turn: _Tick, one: Due, seen: _Seen) -> None:
    revision, now = seen.occasion.revision, turn.now
    match Event(one.what):
        case Event.NOTICE:
            turn.engine.fire(
                seen.occasion.id, Event.NOTICE, step=one.step, now=now, guard=_settling(turn, one)
            )
        case Event.STILL_UNKNOWN | Event.ETR_EXPIRING as event:
            _revise(turn, one, seen, _next_news(seen, event, now=now))
        case Event.PARTIAL:
            turn.engine.fire(
                seen.occasion.id, Event.PARTIAL, step=one.step, now=now,
                guard=_settling(turn, one), again=True,
            )  # fmt: skip
        case Event.ETR_HELD:
            _revise(turn, one, seen, change.following(revision, now, CLOCK))
        case Event.STARTED:
            _revise(turn, one, seen, revise_planned.started(revision, now=now, origin=CLOCK))
        case Event.OVERRUN:
            over = revise_planned.overran(revision, now=now, cadence=seen.cadence, origin=CLOCK)
            _revise(turn, one, seen, over)
        case Event.ENDED:
            _revise(turn, one, seen, revise.ended(revision, now=now, origin=CLOCK))
        case other:
            raise GuardRefused(f"the clock knows no {other}")


def _next_news(seen: _Seen, event: Event, *, now: datetime) -> Revision | None:
    """Silence is a step: nobody brought news by the promised time, so people hear when the next will come."""
    silent = Change(
        withdrawn=event is Event.ETR_EXPIRING,
        next_update_at=now + seen.cadence,
        cadence=seen.cadence,
        confirmed=True,
    )
    return revise.updated(seen.occasion.revision, silent, now=now, origin=CLOCK)


def _revise(turn: _Tick, one: Due, seen: _Seen, revision: Revision | None) -> None:
    guard = _settling(turn, one)
    if revision is None:  # nothing changes, and so nothing is told
        with turn.engine.database.write() as session:
            guard(session)
        return
    turn.engine.revise(seen.occasion.id, revision, now=turn.now, clock=Event(one.what), guard=guard)


def _cadence(session: Session, found: tuple[Run, ...]) -> timedelta:
    return pins.campaign(session, found[0].pinned).cadence if found else DEFAULT_CADENCE
