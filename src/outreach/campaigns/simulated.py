"""What a storm that was played leaves to tell: who heard what when, at what cost, which clocks were kept, and the calls."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from outreach.deflection.calls_expected import Dark
from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.words import Channel, OccasionState, PriorityClass
from outreach.outages import clocks
from outreach.outages.clocks import ClockKind, ClockState, Noticed
from outreach.store import (
    audience,
    contradictions as truth,
    lanes,
    notices_told,
    occasions,
    promises,
    scopes,
    simulated,
)
from outreach.store.session import Database, Session
from outreach.store.simulated import Left

QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Messages of one step by one channel in one quarter of an hour."""

    at: datetime
    step: str
    channel: Channel
    messages: int
    segments: int
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """How soon the people of one outage had their first message, from when it was known that they were out."""

    name: str
    opened_at: datetime
    state: OccasionState
    customers: int
    """At its largest."""
    told: int
    messages: int
    median: timedelta | None
    last: timedelta | None
    last_priority: timedelta | None
    """Of class A alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Promises of one kind."""

    made: int
    kept: int
    missed: int
    over: int = 0
    """Ended before it was due, or lies beyond the end of the storm."""
    worst: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything that a simulation says."""

    sums: tuple[Sum, ...]
    heard: tuple[Heard, ...]
    wrong: dict[str, int]
    """Broken rule -> texts: stale or contradictory ones; empty is the goal."""
    news: Kept
    estimates: Kept
    event_clock: Kept
    cause_clock: Kept
    dark: tuple[Dark, ...]
    open: tuple[tuple[datetime, int], ...]
    """(from when, how many outages are open)"""
    without_run: int
    paused: int
    stopped: dict[str, str] = field(default_factory=dict)
    """Lane -> why nothing more left by it."""

    @property
    def messages(self) -> int:
        return sum(each.messages for each in self.sums)

    @property
    def cost(self) -> float:
        return sum(each.cost for each in self.sums)

    def most_open(self) -> int:
        return max((count for _at, count in self.open), default=0)


@dataclass(slots=True)
class _Sent:
    """What left of one outage."""

    messages: int = 0
    first: dict[int, datetime] = field(default_factory=dict)
    """Customer -> first message."""
    waits: list[timedelta] = field(default_factory=list)
    priority: list[timedelta] = field(default_factory=list)

    def add(self, one: Left) -> None:
        self.messages += 1
        if not one.customer or one.customer in self.first:
            return
        self.first[one.customer] = one.at
        wait = max(timedelta(), one.at - one.wanted_at)
        self.waits.append(wait)
        if one.priority is PriorityClass.A:
            self.priority.append(wait)


def figures(database: Database, prices: dict[str, float], *, now: datetime) -> Figures:
    """Read from the ledger and the truth that a storm left; `prices` of an SMS segment by country."""
    with ThreadPoolExecutor(1) as beside, database.read() as session:
        # Its statements are long, and leave us the interpreter meanwhile.
        broken = beside.submit(_broken, database)
        sent, sums = _sent(simulated.left(session), prices)
        every = occasions.every(session, limit=1_000_000)
        history = {each.id: occasions.history(session, each.id) for each in every}
        out = {each.id: _out(session, each, history[each.id]) for each in every}
        event, cause = _clocks(session, history, now=now)
        made = promises.ledger(session)
        without_run, paused = simulated.stays(session)
        stopped = {
            lane.name: lane.stopped_reason or "" for lane in lanes.every(session) if lane.stopped_at
        }
    return Figures(
        sums=sums,
        heard=tuple(_heard(each, out[each.id], sent[each.id]) for each in every),
        wrong=dict(broken.result()),
        news=_news(history.values(), now=now),
        estimates=_estimates([one.promise for one in made], now=now),
        event_clock=event,
        cause_clock=cause,
        dark=tuple(_dark(history[each.id], out[each.id], sent[each.id]) for each in every),
        open=tuple(_open(history.values())),
        without_run=without_run,
        paused=paused,
        stopped=stopped,
    )


def _broken(database: Database) -> Counter[str]:
    with database.read() as session:
        return Counter(one.rule.value for one in truth.contradictions(session))


def _sent(
    rows: Iterable[Left], prices: dict[str, float]
) -> tuple[dict[int, _Sent], tuple[Sum, ...]]:
    sent: dict[int, _Sent] = defaultdict(_Sent)
    counts: Counter[tuple[datetime, str, Channel]] = Counter()
    segments: Counter[tuple[datetime, str, Channel]] = Counter()
    cost: Counter[tuple[datetime, str, Channel]] = Counter()
    for one in rows:
        sent[one.occasion].add(one)
        key = (_floor(one.at, QUARTER), one.step, one.channel)
        counts[key] += 1
        if one.channel is Channel.SMS:
            price = prices.get(one.pool.partition(":")[2], prices.get("*", 0.0))
            segments[key] += one.segments
            cost[key] += one.segments * price  # type: ignore[assignment]  # a Counter of floats
    sums = tuple(
        Sum(
            at=key[0], step=key[1], channel=key[2], messages=count, segments=segments[key],
            cost=float(cost[key]),
        )
        for key, count in sorted(counts.items())
    )  # fmt: skip
    return sent, sums


def _floor(at: datetime, step: timedelta) -> datetime:
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (at - midnight) // step * step


def _out(
    session: Session, occasion: Occasion, history: Sequence[Revision]
) -> list[tuple[datetime, int]]:
    """Customers without supply, by version; counted anew only where places or state changed."""
    found: list[tuple[datetime, int]] = []
    before: Revision | None = None
    for each in history:
        if before is None or _places(each) != _places(before):
            count = 0
            if each.state.is_open:
                scope = scopes.remaining(session, occasion, each)
                count = audience.customers(session, scope)
            at = each.start_at if before is None else each.recorded_at
            found.append((at, count))
        before = each
    return found


def _places(revision: Revision) -> tuple[object, ...]:
    return revision.scope, revision.restored, revision.state.is_open


def _heard(occasion: Occasion, out: list[tuple[datetime, int]], sent: _Sent) -> Heard:
    return Heard(
        name=occasion.name,
        opened_at=occasion.opened_at,
        state=occasion.revision.state,
        customers=max((count for _at, count in out), default=0),
        told=len(sent.first),
        messages=sent.messages,
        median=median(sent.waits) if sent.waits else None,  # type: ignore[type-var]
        last=max(sent.waits, default=None),
        last_priority=max(sent.priority, default=None),
    )


def _dark(history: Sequence[Revision], out: list[tuple[datetime, int]], sent: _Sent) -> Dark:
    told = sorted(sent.first.values())
    return Dark(
        start_at=history[0].start_at,
        out=tuple(out),
        told=tuple((at, number) for number, at in enumerate(told, 1)),
    )


def _open(histories: Iterable[Sequence[Revision]]) -> Iterator[tuple[datetime, int]]:
    """How many outages were open, at each change."""
    moves: Counter[datetime] = Counter()
    for history in histories:
        was_open = False
        for each in history:
            moves[each.recorded_at] += each.state.is_open - was_open
            was_open = each.state.is_open
    count = 0
    for at in sorted(moves):
        count += moves[at]
        yield at, count


# ── clocks ──────────────────────────────────────────────────────────────────────────────────────


def _news(histories: Iterable[Sequence[Revision]], *, now: datetime) -> Kept:
    """`Next news at`: kept if a newer version was written by then, whoever wrote it, a person, a feed or the clock."""
    made = kept = over = 0
    late: list[timedelta] = []
    for history in histories:
        following = [*history[1:], None]
        for each, newer in zip(history, following, strict=True):
            if each.next_update_at is None or not each.state.is_open:
                continue
            made += 1
            said_at = newer.recorded_at if newer else now
            if said_at <= each.next_update_at + truth.MOMENT:
                kept += newer is not None
                over += newer is None
            else:
                late.append(said_at - each.next_update_at)
    return Kept(made=made, kept=kept, missed=len(late), over=over, worst=max(late, default=None))


def _estimates(made: Sequence[promises.Promise], *, now: datetime) -> Kept:
    """By the company's own ledger of estimates told to people."""
    settled = [one for one in made if one.settled_at is not None]
    passed = [one for one in made if one.settled_at is None and one.etr_at < now]
    missed = [one for one in settled if not one.kept]
    late = [timedelta(seconds=one.missed_by_s) for one in missed if one.missed_by_s is not None]
    late += [now - one.etr_at for one in passed]
    return Kept(
        made=len(made),
        kept=len(settled) - len(missed),
        missed=len(missed) + len(passed),
        over=len(made) - len(settled) - len(passed),
        worst=max(late, default=None),
    )


def _clocks(
    session: Session, history: dict[OccasionId, list[Revision]], *, now: datetime
) -> tuple[Kept, Kept]:
    """The hour since an outage was recognised, and the quarter since its cause was known."""
    numbers = [int(number) for number in history]
    known = notices_told.known(session, numbers)
    told: dict[int, list[tuple[int, datetime]]] = defaultdict(list)
    for one in notices_told.first(session, numbers):
        if one.at is not None:
            told[one.occasion_id].append((one.version, one.at))
    running = [
        clock
        for number, of in history.items()
        for clock in clocks.clocks(_noticed(known[number], told[number], of))
    ]
    return _kept(running, ClockKind.EVENT, now=now), _kept(running, ClockKind.CAUSE, now=now)


def _noticed(
    known: notices_told.Known, told: list[tuple[int, datetime]], history: Sequence[Revision]
) -> Noticed:
    last = history[-1]
    cause = known.cause_version
    with_cause = [at for version, at in told if cause is not None and version >= cause]
    return Noticed(
        recognised_at=known.recognised_at,
        cause_known_at=known.cause_known_at,
        told_at=min((at for _version, at in told), default=None),
        cause_told_at=min(with_cause, default=None),
        over_at=None if last.state.is_open else last.recorded_at,
    )


def _kept(running: Iterable[clocks.Clock], kind: ClockKind, *, now: datetime) -> Kept:
    own = [clock for clock in running if clock.kind is kind]
    states = Counter(clock.state(now) for clock in own)
    late = [
        (clock.told_at or now) - clock.due_at
        for clock in own
        if clock.state(now) is ClockState.BROKEN
    ]
    return Kept(
        made=len(own),
        kept=states[ClockState.KEPT],
        missed=states[ClockState.BROKEN],
        over=states[ClockState.OVER] + states[ClockState.RUNNING],
        worst=max(late, default=None),
    )


def open_at(steps: Sequence[tuple[datetime, int]], at: datetime) -> int:
    """How many stand at an instant."""
    place = bisect_right(steps, at, key=lambda each: each[0])
    return steps[place - 1][1] if place else 0
