"""What the forecast of a minute stands on: outages with their customers over time, who is told when, and the calls."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from statistics import median

from outreach.deflection.exposure import QUARTERS, Outage, Steps
from outreach.deflection.forecast import WINDOW, Evidence
from outreach.model.occasion import Occasion, Revision
from outreach.model.words import OccasionKind, OccasionState
from outreach.store import arrivals, audience, occasions, scopes
from outreach.store.arrivals import Line, Wave
from outreach.store.session import Session

MINUTE = timedelta(minutes=1)
LOOKED_BACK = WINDOW * MINUTE
AHEAD = 75
"""Minutes for which the lanes' way through the queue is planned."""
_AHEAD_STEP = 5
LATE_AFTER = 15 * MINUTE
"""A log of calls that is silent for so long in an outage is taken for late, not for calm."""
_WEEKS = 4
_WEEK = timedelta(weeks=1)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dark:
    """The outages of the last hours, shared by all queues of a minute."""

    outages: tuple[Outage, ...]
    out: int
    """Customers without supply now; who is in two outages counts twice."""
    counted: dict[str, int]
    """`occasion:version` -> customers, of those looked at."""
    is_storm: bool = False


@dataclass(slots=True)
class Counted:
    """Customers of a revision's scope; what was counted before is not counted again."""

    session: Session
    before: Mapping[str, int]
    found: dict[str, int] = field(default_factory=dict)

    def customers(self, occasion: Occasion, revision: Revision) -> int:
        key = f"{occasion.id}:{revision.version}"
        if key not in self.found:
            self.found[key] = (
                self.before[key] if key in self.before else self._count(occasion, revision)
            )
        return self.found[key]

    def _count(self, occasion: Occasion, revision: Revision) -> int:
        scope = scopes.remaining(self.session, occasion, revision)
        return audience.affected(self.session, scope).customers


def dark(session: Session, *, now: datetime, before: Mapping[str, int]) -> Dark:
    """Outages that were open within the window; works and exercises bring no such calls."""
    counted = Counted(session, before)
    live = [each for each in occasions.since(session, now - LOOKED_BACK) if brings_calls(each)]
    waves: dict[int, list[Wave]] = {}
    for wave in arrivals.waves(session, [int(each.id) for each in live], now=now):
        waves.setdefault(wave.occasion, []).append(wave)
    pools = arrivals.pools(session, now=now)
    found: list[Outage] = []
    out = 0
    for each in live:
        steps = out_steps(each, occasions.history(session, each.id), counted)
        out += int(steps[-1][1])
        found.append(as_felt(each, steps, waves.get(int(each.id), []), pools, now=now))
    is_storm = any(each.event_id is not None for each in live)
    return Dark(outages=tuple(found), out=out, counted=counted.found, is_storm=is_storm)


def brings_calls(occasion: Occasion) -> bool:
    """Outages alone; people are told of works beforehand, and an exercise is none."""
    never_was = occasion.revision.state in {OccasionState.DISCARDED, OccasionState.SUSPECTED}
    return occasion.kind is OccasionKind.OUTAGE and not occasion.drill and not never_was


def out_steps(
    occasion: Occasion, history: Sequence[Revision], counted: Counted
) -> list[tuple[datetime, int]]:
    """(from when, customers without supply), by the versions that changed who is out."""
    steps: list[tuple[datetime, int]] = []
    before: tuple[object, ...] | None = None
    for each in history:
        places = (each.scope, each.restored, each.state.is_open)
        if places != before:
            count = counted.customers(occasion, each) if each.state.is_open else 0
            at = each.start_at if before is None else each.restored_at or each.recorded_at
            steps.append((max(at, steps[-1][0]) if steps else at, count))
        before = places
    return steps


def as_felt(
    occasion: Occasion,
    steps: Sequence[tuple[datetime, int]],
    waves: Sequence[Wave],
    pools: Mapping[str, tuple[int, float]],
    *,
    now: datetime,
) -> Outage:
    """The outage in minutes from `now`; an estimate that lies ahead ends it, one that has passed does not."""
    revision = occasion.revision
    out: list[tuple[float, float]] = [(_minutes(at, now), float(count)) for at, count in steps]
    until = revision.public_etr or revision.etr_at
    if revision.state.is_open and until is not None and until > now:
        out.append((_minutes(until, now), 0.0))
    most = max((count for _at, count in steps), default=0)
    return Outage(
        began=_minutes(revision.start_at, now),
        out=out,
        told=told_share(waves, pools, most=most, now=now) if most else (),
    )


def _minutes(at: datetime, now: datetime) -> float:
    return (at - now) / MINUTE


def told_share(
    waves: Sequence[Wave], pools: Mapping[str, tuple[int, float]], *, most: int, now: datetime
) -> Steps:
    """Share of `most` customers whose turn has come, so far and as the lanes will get there.

    Waves of one outage go by the same order, so that who goes furthest tells how far all are.
    """
    steps: list[tuple[float, float]] = []
    for wave in waves:
        steps += _wave(wave, pools, now=now)
    best = 0.0
    found: list[tuple[float, float]] = []
    for at, count in sorted(steps):
        best = max(best, count)
        found.append((at, min(1.0, best / most)))
    return found


def _wave(
    wave: Wave, pools: Mapping[str, tuple[int, float]], *, now: datetime
) -> Iterator[tuple[float, float]]:
    """(minute, messages released until then); ahead each pool drains at its lanes' rate, evenly over its waves."""
    released = list(accumulate(count for _at, count in wave.told))
    for (at, _count), sofar in zip(wave.told, released, strict=True):
        yield _minutes(at, now), float(sofar)
    done = float(released[-1]) if released else 0.0
    if not wave.waiting:
        return
    for minute in range(_AHEAD_STEP, AHEAD + 1, _AHEAD_STEP):
        drained = 0.0
        for pool, waiting in wave.waiting.items():
            queued, rate = pools.get(pool, (waiting, 0.0))
            drained += waiting * min(1.0, rate * 60 * minute / max(1, queued))
        yield float(minute), done + drained


def evidence(session: Session, line: Line, found: Dark, *, now: datetime) -> Evidence:
    """Calls of the window by minute, and the base load at this hour, beside the outages."""
    since = max(now - LOOKED_BACK, _begin(found, now))
    known_until = _known_until(session, line, since=since, now=now) if found.outages else now
    came = arrivals.by_minute(session, line, since=since, until=known_until)
    minutes = math.floor((known_until - since) / MINUTE)
    usual = base_load(session, line, now=now)
    return Evidence(
        outages=found.outages,
        calls=[float(came.get(since + each * MINUTE, 0)) for each in range(minutes)],
        unseen=math.ceil((now - known_until) / MINUTE),
        base=usual[0],
        base_ahead=usual[1:],
    )


def _begin(found: Dark, now: datetime) -> datetime:
    """From when calls are compared: the first outage; with none the last quarter-hour, for people to see."""
    began = min((each.began for each in found.outages), default=-15.0)
    return now + math.floor(began) * MINUTE


def _known_until(session: Session, line: Line, *, since: datetime, now: datetime) -> datetime:
    """Now, while calls come in; else the minute after the last one: silence may be a log that is late."""
    last = arrivals.last_call(session, line, since=since, until=now)
    if last is None:
        return since
    ended = last.replace(second=0, microsecond=0) + MINUTE
    return now if now - last < LATE_AFTER else max(since, ended)


def base_load(session: Session, line: Line, *, now: datetime) -> list[float]:
    """Calls a minute about other things: until now, and in each quarter-hour ahead.

    The median over the same hours of the last four weeks, of which a storm is at most one. A week without any
    record of calls is not counted.
    """
    weeks: list[Counter[int]] = []
    for back in range(1, _WEEKS + 1):
        begin = now - back * _WEEK - _HOUR
        came = arrivals.by_minute(session, line, since=begin, until=begin + 2 * _HOUR + 15 * MINUTE)
        if came or _has_records(session, line, begin):
            weeks.append(_by_stretch(came, begin))
    lengths = (60, *([15] * QUARTERS))
    return [
        median([week[place] for week in weeks]) / length if weeks else 0.0
        for place, length in enumerate(lengths)
    ]


def _has_records(session: Session, line: Line, begin: datetime) -> bool:
    """Whether anybody called on that day: an hour without a call is calm only where calls are written down."""
    day = timedelta(hours=12)
    return arrivals.last_call(session, line, since=begin - day, until=begin + day) is not None


def _by_stretch(came: Mapping[datetime, int], begin: datetime) -> Counter[int]:
    """Calls of the hour before (0), and of each quarter-hour after it (1 to 4)."""
    found: Counter[int] = Counter()
    for at, count in came.items():
        minute = (at - begin) / MINUTE
        found[0 if minute < 60 else 1 + int((minute - 60) // 15)] += count  # noqa: PLR2004
    return found
