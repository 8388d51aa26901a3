"""Decides what weight each lane of a pool carries, from how its last minutes went.

A lane with many errors leaves its load to the others, and comes back in steps after a probe that went
well; one that grows slow loses some of it. Nothing moves when there is no lane left that does better:
to move everything at once onto one provider floods it (GOV.UK Notify saw that). One owner at a time
writes what is decided, under a lease.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.model.message import Accepted, Delayed, InDoubt, Outcome, Refused
from outreach.store import lane_health, lanes, leases
from outreach.store.lane_health import Minute
from outreach.store.session import Database, Session

LEASE = "weights"
MOST_ERRORS = 50
"""Errors within a minute that open a lane's circuit."""
NOTHING_BUT_ERRORS = 5
"""So many without a single success open it too, where another lane can carry: a slow lane hung up at
10 s a call would take minutes to collect fifty."""
COOLED_FOR = timedelta(seconds=60)
APART = timedelta(seconds=60)
"""Between two moves of load in one pool."""
STEP = lane_health.FIRST_STEP
FULL = 100
LEAST = 10
"""A slow lane keeps so much, or nobody would see that it is well again."""
SLOWER = 2.0
FELT_MS = 500.0
"""A mean below this is felt by nobody, however much it has grown."""
FEWEST_CALLS = 5
_LEASED_FOR = timedelta(seconds=10)
_MINUTE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One lane as it is weighed. `home`: the weight of the settings; 0 is a standby."""

    lane: str
    weight: int
    home: int
    weighed_at: datetime | None = None
    cooled_until: datetime | None = None
    minutes: tuple[Minute, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of one lane, and why in words."""

    lane: str
    weight: int
    why: str
    cooled_until: datetime | None = None


def decide(pool: Sequence[Standing], *, now: datetime) -> list[Change]:
    """What changes now among the lanes of one pool that are not stopped."""
    failing = [each for each in pool if each.cooled_until is None and is_failing(each, now=now)]
    able = [each for each in pool if each.cooled_until is None and each not in failing]
    lone = {each.lane for each in failing if errors_of_late(each, now=now) >= MOST_ERRORS}
    if failing and not (able and _may_move(pool, failing, now)):
        return [_paused(each, now) for each in failing if each.lane in lone]
    if failing:
        return [_opened(each, now) for each in failing] + _taking_over(able, FULL)
    if not _may_move(pool, [], now):
        return []
    return _slowed(able, now) or _drifted(able, pool)


def is_failing(one: Standing, *, now: datetime) -> bool:
    """Whether the last minute calls for another lane."""
    calls, errors = _last_minute(one, now)
    return errors >= MOST_ERRORS or (calls >= NOTHING_BUT_ERRORS and errors >= calls)


def errors_of_late(one: Standing, *, now: datetime) -> float:
    """Errors of the last 60 seconds; of the minute before, as many as its part of them."""
    return _last_minute(one, now)[1]


def is_slow(one: Standing, *, now: datetime) -> bool:
    """Whether its calls take twice as long as over the last 5 minutes, and long enough to matter."""
    calls, took = _weighted(one, now, "calls"), _weighted(one, now, "took_ms")
    if calls < FEWEST_CALLS:
        return False
    usual = sum(each.took_ms for each in one.minutes) / sum(each.calls for each in one.minutes)
    mean = took / calls
    return mean >= FELT_MS and mean >= SLOWER * usual


class Tally:
    """What one drive saw of its provider since it was last asked."""

    def __init__(self) -> None:
        self._seen = Counter[str]()
        self._took_s = 0.0

    def saw(self, outcomes: Iterable[Outcome], *, took_s: float) -> None:
        """One call and what it gave; a call for many counts for each of them."""
        for outcome in outcomes:
            self._seen["calls"] += 1
            self._took_s += took_s
            match outcome:
                case InDoubt():
                    self._seen.update(("doubts", "errors"))
                case Delayed(throttled=True):
                    self._seen["throttles"] += 1
                case Delayed():
                    self._seen["errors"] += 1
                case Accepted() | Refused():
                    pass  # the provider works, whatever it thinks of the number

    def taken(self, *, now: datetime) -> Minute:
        """What was seen, as of `now`; the counting begins anew."""
        seen, took_s = self._seen, self._took_s
        self._seen, self._took_s = Counter(), 0.0
        return Minute(
            minute=now,
            calls=seen["calls"],
            errors=seen["errors"],
            throttles=seen["throttles"],
            doubts=seen["doubts"],
            took_ms=round(took_s * 1000),
        )


def weigh(
    database: Database, homes: Mapping[str, int], *, owner: str, now: datetime
) -> list[Change]:
    """Decides for every pool, and writes it if nobody else is at it. A read alone where nothing changes."""
    with database.read() as session:
        if not _decided(session, homes, now):
            return []
    with database.write() as session:
        if leases.take(session, LEASE, owner, now=now, lease=_LEASED_FOR) is None:
            return []
        changes = _decided(session, homes, now)
        for each in changes:
            lane_health.weigh(
                session, each.lane, each.weight, cooled_until=each.cooled_until, now=now
            )
        return changes


def _decided(session: Session, homes: Mapping[str, int], now: datetime) -> list[Change]:
    minutes = lane_health.recent(session, now=now)
    pools: dict[str, list[Standing]] = defaultdict(list)
    for lane in lanes.every(session):
        if lane.stopped_at is None and lane.name in homes:
            pools[lane.pool].append(
                Standing(
                    lane=lane.name,
                    weight=lane.weight,
                    home=homes[lane.name],
                    weighed_at=lane.weighed_at,
                    cooled_until=lane.cooled_until,
                    minutes=minutes.get(lane.name, ()),
                )
            )
    return [change for pool in pools.values() for change in decide(pool, now=now)]


def _last_minute(one: Standing, now: datetime) -> tuple[float, float]:
    return _weighted(one, now, "calls"), _weighted(one, now, "errors")


def _weighted(one: Standing, now: datetime, name: str) -> float:
    """A count over the last 60 s: this minute's, and of the one before the part that still counts.

    Minutes that were over when the lane was last weighed have been judged already.
    """
    into = now.second + now.microsecond / 1e6
    parts = {_floor(now): 1.0, _floor(now) - APART: 1 - into / _MINUTE_S}
    return sum(
        float(getattr(each, name)) * parts.get(each.minute, 0.0)
        for each in one.minutes
        if one.weighed_at is None or each.minute + APART > one.weighed_at
    )


def _floor(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


def _may_move(pool: Sequence[Standing], failing: Sequence[Standing], now: datetime) -> bool:
    """Once a minute; a lane that lost points a moment ago may lose the rest: it is the same move."""
    last = [(each.weighed_at, each) for each in pool if each.weighed_at is not None]
    fresh = [each for at, each in last if now - APART < at]
    return all(each in failing for each in fresh)


def _paused(one: Standing, now: datetime) -> Change:
    """Nobody takes over: it keeps its weight, waits, and asks with one message."""
    return Change(
        lane=one.lane, weight=one.weight, cooled_until=now + COOLED_FOR,
        why="errors, and no other lane to take over: waits for 60 s",
    )  # fmt: skip


def _opened(one: Standing, now: datetime) -> Change:
    return Change(
        lane=one.lane, weight=0, cooled_until=now + COOLED_FOR,
        why="errors: its load goes to the others",
    )  # fmt: skip


def _taking_over(able: Sequence[Standing], by: int) -> list[Change]:
    return [
        Change(lane=each.lane, weight=min(FULL, each.weight + by), why="takes over")
        for each in able
        if each.weight < FULL
    ]


def _slowed(able: Sequence[Standing], now: datetime) -> list[Change]:
    slow = [each for each in able if is_slow(each, now=now)]
    well = [each for each in able if each not in slow]
    down = [
        Change(lane=each.lane, weight=max(LEAST, each.weight - STEP), why="slow")
        for each in slow
        if each.weight > LEAST
    ]
    return down + _taking_over(well, STEP) if down and well else []


def _drifted(able: Sequence[Standing], pool: Sequence[Standing]) -> list[Change]:
    """Home by 20 points: first who is below, and once nobody is, who is above."""
    below = [each for each in able if each.weight < each.home]
    if below:
        return [
            Change(lane=each.lane, weight=min(each.home, each.weight + STEP), why="drifts home")
            for each in below
        ]
    if any(each.cooled_until is not None or each.weight < each.home for each in pool):
        return []
    return [
        Change(lane=each.lane, weight=max(each.home, each.weight - STEP), why="drifts home")
        for each in able
        if each.weight > each.home
    ]
