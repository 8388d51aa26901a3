"""Drives a fleet: starts its processes, kills them as the nemesis says, starts them again, and waits for the end."""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from tests.fleet import nemesis
from tests.fleet.nursery import Nursery
from tests.fleet.terms import Fleet, Lane

from outreach import clock
from outreach.model.errors import StoreUnusable
from outreach.model.words import MessageState
from outreach.store import ledger, tables as t
from outreach.store.session import Database

OPEN = (MessageState.QUEUED, MessageState.SENDING, MessageState.IN_DOUBT)
_LOOK_S = 0.5
_TURN_S = 0.02
_UP_WITHIN_S = 20.0
_MOST_CRASHES = 20
_STAMP = len("2026-07-12 06:40:00 ")
_BROKE = re.compile(r"\[error|raised an exception|^[A-Za-z.]*(Error|Exception)\b")
_ROLES = {"w": "worker", "c": "scheduler", "web": "web"}


def free_ports(*names: str) -> dict[str, int]:
    """A port for each name, all different."""
    with contextlib.ExitStack() as stack:
        found = {}
        for name in names:
            free = stack.enter_context(socket.socket())
            free.bind(("127.0.0.1", 0))
            found[name] = free.getsockname()[1]
        return found


def make_fleet(folder: Path, url: str, seed: int, *, lanes: tuple[Lane, ...], **more: Any) -> Fleet:
    """A fleet that begins now."""
    ports = free_ports("carrier", "web", "sms", "email")
    return Fleet(
        folder=folder, database_url=url, seed=seed, epoch=clock.monotonic(), lanes=lanes, ports=ports, **more
    )  # fmt: skip


@dataclass
class _Slot:
    """One place in the fleet and the process that holds it now."""

    name: str
    lives: Iterator[dict[str, Any]]
    life: dict[str, Any] = field(default_factory=dict)
    pid: int = 0
    dies_at: float = 0.0


class Driven:
    """A running fleet. Time in seconds of CLOCK_MONOTONIC."""

    def __init__(self, fleet: Fleet, nursery: Nursery, database: Database) -> None:
        self.fleet, self.nursery, self.database = fleet, nursery, database
        self.slots: dict[str, _Slot] = {}
        self.kills = 0
        self.crashes: Counter[str] = Counter()
        """Processes that ended by themselves: a bug of the product or of the fleet."""
        self.ails: dict[str, dict[str, Any]] = {}
        """What the next process of a slot suffers."""
        self.uneven = 0
        """Looks at which the states did not add up to the audience."""
        self.looks = 0
        self._looked_at = 0.0
        self._steady: dict[str, int] = {}

    def start(self, *, workers: int, clocks: int = 2, web: bool = True) -> None:
        """Carrier and proxy for good; the others in slots that are filled again."""
        for role in ("carrier", "proxy"):
            self._steady[role] = self.nursery.fork(role, self.fleet, {"slot": role})
        self._wait_for("carrier", "sms", "email")
        names = [f"w{n}" for n in range(workers)] + [f"clock{n}" for n in range(clocks)]
        for name in names + ["web"] * web:
            self.slots[name] = _Slot(name, nemesis.lives(self.fleet.seed, name, scale=self.fleet.scale))  # fmt: skip
            self.fill(name, quiet=True)
        if web:
            self._wait_for("web")

    def _wait_for(self, *ports: str) -> None:
        """Until all of these are listened on."""
        ends = clock.monotonic() + _UP_WITHIN_S
        while not all(listens(self.fleet.ports[name]) for name in ports):
            if clock.monotonic() > ends:
                raise TimeoutError("a process of the fleet did not come up; see its log")
            self.nursery.rest(_TURN_S)

    def fill(self, name: str, *, quiet: bool) -> int:
        """A new process in this slot, with the next life of its line, or one that nobody ends."""
        slot = self.slots[name]
        slot.life = {"slot": name} if quiet else next(slot.lives)
        slot.life |= self.ails.get(name, {})
        role = _ROLES["web" if name == "web" else name[0]]
        slot.pid = self.nursery.fork(role, self.fleet, slot.life)
        slot.dies_at = clock.monotonic() + slot.life.get("after_s", 1e9)
        return slot.pid

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        self.nursery.signal(self.slots[name].pid, number)

    def turn(self, *, quiet: bool) -> None:
        """One round: what is due to die dies, what died is replaced, the sums are looked at."""
        now = clock.monotonic()
        for name, slot in self.slots.items():
            if now >= slot.dies_at and not quiet:
                self.kill(name)
                slot.dies_at = now + 1e9
        exits = self.nursery.exits()
        for name, slot in self.slots.items():
            if slot.pid in exits:
                self._count(name, exits[slot.pid])
                self.fill(name, quiet=quiet)
        for role, pid in self._steady.items():
            if pid in exits:
                raise RuntimeError(f"the {role} died; see {self.fleet.folder / 'logs'}")
        if now - self._looked_at >= _LOOK_S:
            self._look(now)
        self.nursery.rest(_TURN_S)

    def _count(self, name: str, code: int) -> None:
        if code == -signal.SIGKILL:
            self.kills += 1
        else:
            self.crashes[f"{name.rstrip('0123456789')} exited {code}"] += 1
            if self.crashes.total() > _MOST_CRASHES:
                raise RuntimeError(f"{dict(self.crashes)}; see {self.fleet.folder / 'logs'}")

    def _look(self, now: float) -> None:
        """G23: the states add up to the audience at any moment."""
        self._looked_at = now
        with contextlib.suppress(StoreUnusable), self.database.read() as session:
            if not self.database.is_sqlite:  # one consistent look: the sums are several queries
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            self.looks += 1
            self.uneven += not ledger.adds_up(session)

    def storm(self, *, kills: int, seconds: float) -> None:
        """Kills until so many are dead, or the time is over."""
        ends, before = clock.monotonic() + seconds, self.kills
        for slot in self.slots.values():
            slot.dies_at = clock.monotonic()
        while self.kills - before < kills and clock.monotonic() < ends:
            self.turn(quiet=False)
        for name in self.slots:  # whoever still waits for a failpoint makes room
            self.kill(name)

    def settle(self, *, still: float, seconds: float = 3600.0) -> float:
        """Nothing more is done to it: seconds until nothing is open.

        Gives up when nothing has moved for `still` seconds: that is stuck, where a busy machine is slow.
        """
        began = moved_at = clock.monotonic()
        before = None
        while (now := clock.monotonic()) - began < seconds and now - moved_at < still:
            for _each in range(10):
                self.turn(quiet=True)
            counts = self.counts()
            if counts and not any(counts[state] for state in OPEN):
                break
            if counts != before:
                before, moved_at = counts, now
        return clock.monotonic() - began

    def counts(self) -> dict[MessageState, int]:
        """Messages by state; empty when the database cannot say."""
        with contextlib.suppress(StoreUnusable), self.database.read() as session:
            return ledger.counts(session)
        return {}

    def open(self) -> int:
        """Messages that are queued, sending or in doubt; 1 when the database cannot say."""
        counts = self.counts()
        return sum(counts[state] for state in OPEN) if counts else 1

    def sent(self) -> int:
        """Messages that are with the carrier, as far as we know."""
        m = t.message
        with self.database.read() as session:
            return session.execute(
                select(func.count()).where(m.c.accepted_at.is_not(None))
            ).scalar_one()

    def listen_on(self, *, seconds: float) -> None:
        """Lets callbacks that are under way come in."""
        ends = clock.monotonic() + seconds
        while clock.monotonic() < ends:
            self.turn(quiet=True)

    def until(self, true: Callable[[], bool], *, seconds: float) -> float:
        """Seconds until it is true; TimeoutError beyond `seconds`."""
        began = clock.monotonic()
        for number in itertools.count():
            if number % 3 == 0 and true():
                return clock.monotonic() - began
            if clock.monotonic() - began > seconds:
                raise TimeoutError(f"not within {seconds} s")
            self.turn(quiet=True)
        raise AssertionError

    def errors(self) -> Counter[str]:
        """Lines of the logs in which a process says that something broke."""
        logs = sorted((self.fleet.folder / "logs").glob("*.log"))
        return Counter(
            line[_STAMP:] for log in logs for line in log.read_text().splitlines() if _BROKE.search(line)
        )  # fmt: skip

    def stop(self) -> None:
        """Ends every process of the fleet, and waits until they are gone."""
        alive = {*self._steady.values(), *(slot.pid for slot in self.slots.values())}
        for pid in alive:
            self.nursery.signal(pid, signal.SIGKILL)
        ends = clock.monotonic() + 10
        while alive and clock.monotonic() < ends:
            alive -= set(self.nursery.exits())
            self.nursery.rest(_TURN_S)


@contextlib.contextmanager
def running(fleet: Fleet, nursery: Nursery, database: Database, **who: Any) -> Iterator[Driven]:
    """A fleet at work until the end of the block."""
    driven = Driven(fleet, nursery, database)
    try:
        driven.start(**who)
        yield driven
    finally:
        driven.stop()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
