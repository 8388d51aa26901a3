"""Runs the hand-written pipeline: fills its table, starts its workers, kills them, and reads what came out."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from peers import carrier
from peers.carrier import Taken
from peers.environment import HERE
from sqlalchemy import create_engine, text

from outreach.store.session import normalised_url

PATIENCE_S = 90.0
"""How long after a kill the rest may take."""
LAST_WAIT_S = 150.0
"""What is stuck by then may still come: the broker's client looks for it every 100 s."""
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Messages a second of the clock, and of the processor's time that the senders themselves took."""

    a_second: float
    a_cpu_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """What a kill -9 at a third of `how_many` came to."""

    how_many: int
    stuck: int
    """Rows that were not done 90 s after all that was not in hand."""
    lost: int
    """Rows not done, or recipients whom the carrier never got, when waiting ended."""
    doubled: int
    """Recipients whom the carrier got more than once by then."""
    seconds: float
    """From the kill to the last row, or to the end of waiting."""

    @property
    def well(self) -> int:
        """Recipients who were told once, and in time: a doubled one was stuck before."""
        return self.how_many - max(self.stuck, self.lost, self.doubled)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The peer with its interpreter, its broker, a database and a carrier, all running."""

    interpreter: Path
    broker_url: str
    database_url: str
    carrier_url: str

    def rate(self, how_many: int, *, processes: int, seconds: float) -> Rate:
        """At the carrier, from the first message on; for so many seconds at most."""
        self._prepare(how_many)
        with self._working(processes) as worker:
            if not self._wait(lambda: self._taken().accepted > 0, PATIENCE_S):
                raise SystemExit("the peer sent nothing")
            before, spent = self._taken(), _cpu_seconds(worker)
            self._wait(lambda: self._taken().accepted >= how_many, seconds)
            after = self._taken()
            spent = _cpu_seconds(worker) - spent
            return Rate(
                a_second=after.rate,
                a_cpu_second=(after.accepted - before.accepted) / max(spent, 0.01),
            )

    def killed(self, how_many: int, *, processes: int) -> Killed:
        """The worker and its processes die at a third, and it is started again at once."""
        self._prepare(how_many)
        began = time.monotonic()
        with self._working(processes):
            if not self._wait(lambda: self._taken().accepted >= how_many // 3, 10 * PATIENCE_S):
                raise SystemExit("the peer never came to a third of its messages")
        killed_at = time.monotonic()
        with self._working(processes):
            # What was still queued may go at the pace of before; the patience is for what was in hand.
            self._wait(lambda: not self._open(), PATIENCE_S + 2 * (killed_at - began))
            stuck = self._open()
            self._wait(lambda: not self._open(), LAST_WAIT_S)
            left, taken = self._open(), self._taken()
            return Killed(
                how_many=how_many, stuck=stuck, lost=max(left, how_many - taken.recipients),
                doubled=taken.doubled, seconds=time.monotonic() - killed_at,
            )  # fmt: skip

    def _prepare(self, how_many: int) -> None:
        for command in (["fill", str(how_many)], ["enqueue"]):
            subprocess.run(  # noqa: S603  our own file
                [self.interpreter, HERE / "celery_pipeline.py", *command], env=self._env, check=True
            )
        carrier.taken(self.carrier_url, forget=True)

    @contextmanager
    def _working(self, processes: int) -> Iterator[int]:
        """A worker with so many processes, all of one group, which ends by SIGKILL; the group's id."""
        worker = subprocess.Popen(  # noqa: S603  our own file
            [self.interpreter, "-m", "celery", "-A", "celery_pipeline", "worker", "-c", str(processes),
             "--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"],
            cwd=HERE, env=self._env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield worker.pid
        finally:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()

    @property
    def _env(self) -> dict[str, str]:
        url = normalised_url(self.database_url).render_as_string(hide_password=False)
        return {
            "PEER_DATABASE": url, "PEER_BROKER": self.broker_url, "PEER_CARRIER": self.carrier_url,
            "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin",
        }  # fmt: skip

    def _taken(self) -> Taken:
        return carrier.taken(self.carrier_url)

    def _open(self) -> int:
        engine = create_engine(normalised_url(self.database_url))
        with engine.connect() as connection:
            unsent = text("SELECT count(*) FROM peer_message WHERE status <> 'sent'")
            found: int = connection.execute(unsent).scalar_one()
        engine.dispose()
        return found

    @staticmethod
    def _wait(true: Callable[[], bool], seconds: float) -> bool:
        ends = time.monotonic() + seconds
        while not true():
            if time.monotonic() > ends:
                return False
            time.sleep(_LOOK_S)
        return True


def _cpu_seconds(group: int) -> float:
    """What the living processes of a group have taken so far."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
