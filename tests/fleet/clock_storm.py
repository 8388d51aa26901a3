"""Several schedulers as processes, instants falling due all the while, and a count of what came of it.

Leases are 0.5 s instead of 10 s, ticks 0.1 s instead of 0.5 s, and a stopped leader is stopped for 1.5 s
instead of 30 s: the proportions of the product, in a twentieth of the time.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import func, select, update
from tests import make, town

from outreach import clock
from outreach.campaigns import pins
from outreach.campaigns.engine import Engine
from outreach.entry.lead import Beat
from outreach.entry.scheduler import Clock
from outreach.entry.wiring import Installation
from outreach.model.errors import OutreachError
from outreach.model.occasion import Scope
from outreach.model.words import Event
from outreach.settings import Settings
from outreach.store import due, leases, runs, tables as t
from outreach.store.leases import LEADER, Held
from outreach.store.session import Database, Session

SCALE = 20
BEAT = Beat(
    lease=timedelta(seconds=10) / SCALE,
    renewed_at=timedelta(seconds=6) / SCALE,
    tick_s=0.1,
)
STOPPED_S = 30.0 / SCALE
_STILL_S = 60.0
"""In which not one instant is fired although nobody is killed any more: the clock stands still."""
PER_KILL = 3
"""Instants that are written before each kill, by a process beside the schedulers, as an operator writes them."""
WITHIN_S = 1.5
"""They fall due within that time."""
NOTICES = 0.1
"""Of ten instants one is a notice of a planned work, whose audience is frozen as well."""
_KILLS_OF_4 = 3
"""Of four leaders three are killed, the fourth is stopped and goes on later."""
_PARENT_DEATH = 1
_MOST, _FEWEST = 5, 2


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a storm of kills came to. The last four must be 0."""

    database: str
    kills: int = 0
    stops: int = 0
    stopped_inside: int = 0
    """Stopped in the middle of a write of SQLite, where nobody else can take over: it goes on as the leader."""
    takeovers: int = 0
    slowest_takeover_s: float = 0.0
    fires: int = 0
    exactly_once: int = 0
    other_outcomes: int = 0
    """Recorded as expired or overtaken, with a reason."""
    latest_s: float = 0.0
    """The longest from an instant to its firing, kills included."""
    doubled: int = 0
    missed: int = 0
    old_leader_wrote: int = 0
    unreasoned: int = 0

    @property
    def is_clean(self) -> bool:
        return not (self.doubled or self.missed or self.old_leader_wrote or self.unreasoned)


@dataclass(slots=True, kw_only=True)
class Storm:
    """A town, its due instants, and the schedulers that are killed."""

    folder: Path
    database: Database
    engine: Engine
    tally: Tally
    draw: random.Random
    written_to: datetime = field(default_factory=clock.now)
    alive: list[ForkServerProcess] = field(default_factory=list)
    overtaken: dict[int, set[int]] = field(default_factory=dict)
    """Fence of a stopped leader -> instants it had settled when it was overtaken."""

    def raise_to(self, how_many: int) -> None:
        while len(self.alive) < how_many:
            url = self.database.url.render_as_string(hide_password=False)
            child = _CONTEXT.Process(target=_schedule, args=(str(self.folder), url), daemon=True)
            child.start()
            self.alive.append(child)

    def instants(self) -> None:
        """Writes further ones, in one transaction: news promised by an outage, notices of a planned work."""
        with self.database.write() as session:
            for _number in range(PER_KILL):
                at = clock.now() + timedelta(seconds=self.draw.uniform(0.0, WITHIN_S))
                self.written_to = max(self.written_to, at)
                (self._work if self.draw.random() < NOTICES else self._outage)(session, at)

    def _outage(self, session: Session, at: datetime) -> None:
        occasion = make.make_occasion(session)
        self._revised(
            session, occasion, next_update_at=at, scope=asdict(Scope(nodes=(town.NORTH,)))
        )
        due.add(session, [due.NewDue(at=at, what=Event.STILL_UNKNOWN, occasion_id=occasion, step="v1")])  # fmt: skip

    def _work(self, session: Session, at: datetime) -> None:
        pinned = pins.read(self.engine.settings, "planned-outage")
        step = next(one for one in pinned.campaign.steps_on(Event.NOTICE) if one.lead)
        assert step.lead is not None
        runs.pin(session, pinned.digest, pinned.body, now=at)
        occasion = make.make_occasion(session, kind="planned")
        self._revised(
            session, occasion, state="scheduled", scope=asdict(Scope(nodes=(town.SOUTH,))),
            start_at=at + step.lead, end_at=at + 2 * step.lead,
        )  # fmt: skip
        run = make.make_run(session, occasion=occasion, pinned=pinned.digest)
        due.add(
            session,
            [
                due.NewDue(
                    at=at, what=Event.NOTICE, occasion_id=occasion, run_id=run, step=step.name
                )
            ],
        )

    def _revised(self, session: Session, occasion: int, **values: Any) -> None:
        session.execute(
            update(t.revision).where(t.revision.c.occasion_id == occasion).values(**values)
        )

    def blow(self, kills: int) -> None:
        for number in range(kills):
            self.instants()
            self.raise_to(_FEWEST + number // 5 % (_MOST - _FEWEST + 1))
            _until(lambda: self._leader() is not None)
            _rest(self.draw.uniform(0.0, 0.3))
            (self._kill if number % 4 < _KILLS_OF_4 else self._stop)()

    def _kill(self) -> None:
        child, fence = self._led()
        child.kill()
        child.join()
        self.alive.remove(child)
        self.raise_to(_FEWEST)
        self.tally.kills += 1
        self._taken_over(fence)

    def _stop(self) -> None:
        """The old leader goes on after another has led; then it must not write a row by its old fence."""
        child, fence = self._led()
        os.kill(_pid(child), signal.SIGSTOP)
        since = clock.monotonic()
        self.tally.stops += 1
        try:
            if self._taken_over(fence, within=STOPPED_S * 2):
                self.overtaken[fence] = self._settled(fence)
            else:
                self.tally.stopped_inside += 1
            _rest(max(0.0, STOPPED_S - (clock.monotonic() - since)))
        finally:
            os.kill(_pid(child), signal.SIGCONT)

    def _led(self) -> tuple[ForkServerProcess, int]:
        def found() -> tuple[ForkServerProcess, int] | None:
            held = self._leader()
            owner = held.owner.split(":") if held else []
            by_pid = {str(child.pid): child for child in self.alive}
            return (by_pid[owner[1]], held.fence) if held and owner[1] in by_pid else None

        return _until(found)

    def _leader(self) -> Held | None:
        with self.database.read() as session:
            held = leases.held(session, LEADER)
        return held if held and held.owner and held.until >= clock.now() else None

    def _taken_over(self, fence: int, *, within: float = 60.0) -> bool:
        since = clock.monotonic()
        try:
            _until(lambda: (held := self._leader()) and held.fence > fence, seconds=within)
        except TimeoutError:
            return False
        self.tally.takeovers += 1
        took = clock.monotonic() - since
        self.tally.slowest_takeover_s = max(self.tally.slowest_takeover_s, round(took, 2))
        return True

    def _settled(self, fence: int) -> set[int]:
        with self.database.read() as session:
            return set(session.scalars(select(t.due.c.id).where(t.due.c.fence == fence)))

    def calm(self) -> None:
        """Nobody is killed any more until all that is due has been settled."""
        last = -1
        while (waiting := self._waiting()) and waiting != last:
            last = waiting
            with contextlib.suppress(TimeoutError):  # what waits without end is counted as missed
                _until(partial(self._moves_on, waiting), seconds=_STILL_S)
        _rest(STOPPED_S)
        for child in self.alive:
            child.kill()
            child.join()

    def _moves_on(self, before: int) -> bool:
        return self._waiting() != before

    def _waiting(self) -> int:
        waits = t.due.c.done_at.is_(None) & (t.due.c.at <= self.written_to)
        with self.database.read() as session:
            return session.execute(select(func.count()).where(waits)).scalar_one()

    def count(self) -> None:
        """Compares what was due with what the ledger, the revisions and the audit chain show."""
        tally, d, s = self.tally, t.due.c, t.step_run.c
        with self.database.read() as session:
            rows = session.execute(select(t.due).where(d.at <= self.written_to)).all()
            spoken = Counter(session.scalars(
                select(t.revision.c.occasion_id).where(t.revision.c.author == "clock")
            ))  # fmt: skip
            noted = Counter(session.scalars(select(t.audit.c.subject).where(t.audit.c.actor == "clock")))  # fmt: skip
            notices: Counter[tuple[int, str]] = Counter(
                (row.occasion_id, row.step)
                for row in session.execute(
                    select(t.run.c.occasion_id, s.step).join(t.run, t.run.c.id == s.run_id)
                )
            )
        done = [row for row in rows if row.outcome == "done"]
        tally.fires = len(done)
        tally.latest_s = max(((row.done_at - row.at).total_seconds() for row in done), default=0)
        tally.other_outcomes = sum(row.outcome in {"expired", "overtaken"} for row in rows)
        tally.unreasoned = sum(not row.reason for row in rows if row.outcome not in {"done", ""})
        tally.missed = sum(row.done_at is None for row in rows)
        spoke = Counter(row.occasion_id for row in done if row.what != Event.NOTICE)
        for row in done:
            if row.what == Event.NOTICE:
                seen = notices[row.occasion_id, row.step]
            else:
                times = spoken[row.occasion_id], noted[f"occasion:{row.occasion_id}"]
                seen = 1 if times == (spoke[row.occasion_id],) * 2 else max(times)
            tally.exactly_once += seen == 1
            tally.doubled += seen > 1
            tally.missed += seen < 1
        for fence, before in self.overtaken.items():
            tally.old_leader_wrote += len(self._settled(fence) - before)


@contextlib.contextmanager
def storm(folder: Path, database: Database, *, seed: int = 1) -> Iterator[Storm]:
    """A storm over an empty database; its schedulers are gone at the end."""
    with database.write() as session:
        town.build(session, north="AC", south="C")
    settings = town.workspace(folder)
    kind = "sqlite" if database.is_sqlite else "postgresql"
    one = Storm(
        folder=folder, database=database, engine=town.engine(database, settings),
        tally=Tally(database=kind), draw=random.Random(seed),  # noqa: S311  a schedule, not a secret
    )  # fmt: skip
    try:
        yield one
    finally:
        for child in one.alive:
            if child.is_alive():
                child.kill()
                child.join()


def played(folder: Path, database: Database, *, kills: int, seed: int = 1) -> Tally:
    """The whole of it."""
    with storm(folder, database, seed=seed) as one:
        one.instants()
        one.blow(kills)
        one.calm()
        one.count()
    return one.tally


def _schedule(folder: str, url: str) -> None:
    """A scheduler of its own process, until it is killed."""
    ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL)
    log = os.open(Path(folder) / "schedulers.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    settings = Settings(workspace=Path(folder), lanes=town.LANES)
    database = Database(url, durable=False)
    Clock(
        Installation(settings=settings, database=database, keyring=make.KEYRING),
        alone=True, beat=BEAT,
    ).start()  # fmt: skip
    while True:
        signal.pause()


_T = TypeVar("_T")
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.fleet.clock_storm"])


def _pid(child: ForkServerProcess) -> int:
    assert child.pid is not None
    return child.pid


def _until(found: Callable[[], _T | None], *, seconds: float = 60.0) -> _T:
    """What `found` gives, asked again and again; another process needs real time."""
    ends = clock.monotonic() + seconds
    while clock.monotonic() < ends:
        with contextlib.suppress(OutreachError):  # locked by one that was stopped inside a write
            if result := found():
                return result
        _rest(0.02)
    raise TimeoutError


def _rest(seconds: float) -> None:
    threading.Event().wait(seconds)
