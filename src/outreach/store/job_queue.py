"""The job queue: Procrastinate on PostgreSQL, for any number of workers on any hosts; memory on SQLite.

Jobs are hints and rows are the truth: whatever a lost job was about is found again in the rows within a
tick, so that nothing here needs a retry, and a queue that is emptied loses no message.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from outreach.model.errors import StoreUnusable
from outreach.store.session import Database, Session

if TYPE_CHECKING:
    from procrastinate import App
    from psycopg_pool import AsyncConnectionPool

RECONNECT_S = 1.0
"""Between two tries to reach a database that is away."""
REACH_S = 5.0
"""How long one try may take."""
SILENT_S = 10
"""A Procrastinate worker without a heartbeat for so long is dead: its jobs are given up, and found again."""
_HEARTBEAT_S = 2.0
_POLL_S = 1.0
"""Should a notification be lost."""
_SPACE = "outreach.job"
_HOUSE = "house"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to do: of two waiting jobs of one name, the second is dropped."""

    kind: str
    key: str = ""
    """A lane, or the number of a step_run; empty: the whole house."""
    lane: str = ""
    """Only workers of this lane run it; empty: any."""
    priority: int = 0
    """Higher first."""
    again: bool = False
    """May be offered while its twin runs, because the rows themselves say that nobody is at it."""

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.key}"


Run = Callable[[Job], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A worker's place at the queue: what it can run, how many at once, and until when."""

    run: Run
    kinds: Collection[str]
    lanes: Collection[str]
    at_once: int
    stopping: asyncio.Event
    grace_s: float = 15.0
    """How long jobs may take to end after a stop."""


class InProcessQueue:
    """Jobs of this process, best first; deferred ones appear when their transaction commits."""

    is_shared = False

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Job] = {}
        self._running: set[str] = set()
        self._wake: Callable[[], object] = _nobody

    def defer(self, session: Session, *jobs: Job) -> None:
        """Enqueues with the session's commit; a rolled-back transaction enqueues nothing."""
        if jobs:
            session.then(lambda: self._put(jobs))

    def offer(self, _database: Database, jobs: Iterable[Job]) -> None:
        """Enqueues at once what neither waits nor runs already."""
        self._put([job for job in jobs if job.again or job.name not in self._running])

    def waiting(self, _session: Session) -> dict[str, int]:
        """kind -> jobs that wait."""
        with self._lock:
            return dict(Counter(job.kind for job in self._waiting.values()))

    def sweep(self, _session: Session) -> int:
        """Nothing outlives the process."""
        return 0

    async def work(self, bench: Bench) -> None:
        """Runs jobs until told to stop, then waits for those under way."""
        woken, loop = asyncio.Event(), asyncio.get_running_loop()
        tasks: set[asyncio.Task[None]] = set()
        self._wake = lambda: loop.call_soon_threadsafe(woken.set)
        stopped = loop.create_task(_then(bench.stopping.wait(), woken.set))
        try:
            while not bench.stopping.is_set():
                woken.clear()
                while len(tasks) < bench.at_once and (job := self._next(bench.lanes)):
                    task = loop.create_task(self._run(job, bench.run))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
                await woken.wait()
        finally:
            self._wake = _nobody
            stopped.cancel()
            await _ended(tasks, bench.grace_s)

    def _put(self, jobs: Iterable[Job]) -> None:
        with self._lock:
            for job in jobs:
                self._waiting.setdefault(job.name, job)
        self._wake()

    def _next(self, lanes: Collection[str]) -> Job | None:
        with self._lock:
            ready = [
                job
                for name, job in self._waiting.items()
                if name not in self._running and (not job.lane or job.lane in lanes)
            ]
            if not ready:
                return None
            best = max(ready, key=lambda job: job.priority)  # the oldest of equals
            self._running.add(best.name)
            return self._waiting.pop(best.name)

    async def _run(self, job: Job, run: Run) -> None:
        try:
            await run(job)
        finally:
            self._running.discard(job.name)
            self._wake()


class ProcrastinateQueue:
    """Jobs in PostgreSQL. Only queueing locks are used: with run locks a dead worker's jobs would stall."""

    is_shared = True

    def __init__(self, database: Database) -> None:
        self._conninfo = database.url.set(drivername="postgresql").render_as_string(
            hide_password=False
        )
        self._deferring: App | None = None

    def defer(self, session: Session, *jobs: Job) -> None:
        """Enqueues in the session's transaction; a name that waits already is left as it is.

        Never waits for another transaction that is enqueueing the same: its own job will do.
        """
        for job in jobs:
            if session.execute(_FREE, {"space": _SPACE, "name": job.name}).scalar():
                self._insert(session, job)

    def offer(self, database: Database, jobs: Iterable[Job]) -> None:
        """Enqueues at once what neither waits nor runs already."""
        wanted = list(jobs)
        with database.write() as session:
            names = {"names": [job.name for job in wanted], "silent": SILENT_S}
            running = set(session.scalars(_RUNNING, names))
            self.defer(session, *[job for job in wanted if job.again or job.name not in running])

    def waiting(self, session: Session) -> dict[str, int]:
        """kind -> jobs that wait."""
        return {row[0]: row[1] for row in session.execute(_COUNTED)}

    def sweep(self, session: Session) -> int:
        """Drops what dead workers had in hand, for the tick to find again; how many jobs."""
        return len(session.execute(_SWEPT, {"silent": SILENT_S}).all())

    async def work(self, bench: Bench) -> None:
        """Runs jobs until told to stop, then waits for those under way; outlives a restart of the database."""
        import psycopg  # noqa: PLC0415  psycopg: only with the extra `postgres`
        import psycopg_pool  # noqa: PLC0415  the same
        from procrastinate.exceptions import (  # noqa: PLC0415  procrastinate takes 0.3 s
            ProcrastinateException,
        )

        while not bench.stopping.is_set():
            with suppress(ProcrastinateException, psycopg.Error, OSError):
                async with psycopg_pool.AsyncConnectionPool(
                    self._conninfo, min_size=1, max_size=4, open=False,
                    check=psycopg_pool.AsyncConnectionPool.check_connection,
                ) as pool:  # fmt: skip
                    await pool.wait(REACH_S)
                    await self._work(bench, pool)
            with suppress(TimeoutError):
                await asyncio.wait_for(bench.stopping.wait(), RECONNECT_S)

    async def _work(self, bench: Bench, pool: AsyncConnectionPool) -> None:
        app = _app_of(bench)
        async with app.open_async(pool):
            working = asyncio.create_task(
                app.run_worker_async(
                    queues=[_HOUSE, *(_lane_queue(lane) for lane in bench.lanes)],
                    concurrency=bench.at_once,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=_POLL_S,
                    update_heartbeat_interval=_HEARTBEAT_S,
                    stalled_worker_timeout=float(SILENT_S),
                    shutdown_graceful_timeout=bench.grace_s,
                    delete_jobs="always",
                )
            )
            stopped = asyncio.create_task(bench.stopping.wait())
            await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            working.cancel()  # Procrastinate takes this as a wish to end gracefully
            with suppress(asyncio.CancelledError):
                await working

    def _insert(self, session: Session, job: Job) -> None:
        from procrastinate.exceptions import (  # noqa: PLC0415  procrastinate takes 0.3 s
            AlreadyEnqueued,
            ConnectorException,
        )

        try:
            # In a savepoint: a twin that slipped in must not cost the rows of this transaction.
            with suppress(AlreadyEnqueued), session.begin_nested():
                self._app().configure_task(
                    job.kind,
                    queue=_lane_queue(job.lane) if job.lane else _HOUSE,
                    priority=job.priority,
                    queueing_lock=job.name,
                    connection=session.connection().connection.driver_connection,
                ).defer(key=job.key)
        except ConnectorException as error:
            raise StoreUnusable("the job queue does not answer; is PostgreSQL running?") from error

    def _app(self) -> App:
        """For deferring alone: it borrows the session's connection and opens none itself."""
        if self._deferring is None:
            from procrastinate import (  # noqa: PLC0415  procrastinate takes 0.3 s
                App,
                SyncPsycopgConnector,
            )

            self._deferring = App(connector=SyncPsycopgConnector(conninfo=self._conninfo))
        return self._deferring


def _app_of(bench: Bench) -> App:
    from procrastinate import App, PsycopgConnector  # noqa: PLC0415  procrastinate takes 0.3 s

    # Their errors carry arguments and tracebacks; what breaks in a job is said by who runs it.
    for name in ("procrastinate", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    app = App(connector=PsycopgConnector())
    for kind in bench.kinds:
        app.task(name=kind, queue=_HOUSE)(_task(kind, bench.run))
    return app


AnyQueue = InProcessQueue | ProcrastinateQueue


def of(database: Database) -> AnyQueue:
    """The queue that fits the database."""
    return InProcessQueue() if database.is_sqlite else ProcrastinateQueue(database)


def _lane_queue(lane: str) -> str:
    return f"lane:{lane}"


def _task(kind: str, run: Run) -> Callable[..., Awaitable[None]]:
    async def one(*, key: str) -> None:
        await run(Job(kind=kind, key=key))

    return one


def _nobody() -> None:
    """Nobody works at the queue: what is put there waits."""


async def _then(event_: Awaitable[Any], act: Callable[[], object]) -> None:
    await event_
    act()


async def _ended(tasks: Collection[asyncio.Task[None]], grace_s: float) -> None:
    """Waits for what is under way; what takes longer is cancelled, and its messages become doubts."""
    if not tasks:
        return
    _done, late = await asyncio.wait(tasks, timeout=grace_s)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


_FREE = text(
    "SELECT pg_try_advisory_xact_lock(hashtext(:space), hashtext(:name)) AND NOT EXISTS"
    " (SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = :name AND status = 'todo')"
)
_RUNNING = text(
    "SELECT j.queueing_lock FROM procrastinate_jobs j JOIN procrastinate_workers w"
    " ON w.id = j.worker_id AND w.last_heartbeat > now() - make_interval(secs => :silent)"
    " WHERE j.status = 'doing' AND j.queueing_lock = ANY(:names)"
)
"""By a living worker: what a dead one had in hand runs no more."""
_COUNTED = text(
    "SELECT task_name, count(*) FROM procrastinate_jobs WHERE status = 'todo' GROUP BY task_name"
)
_SWEPT = text(
    "DELETE FROM procrastinate_jobs j WHERE j.status = 'doing' AND NOT EXISTS"
    " (SELECT 1 FROM procrastinate_workers w WHERE w.id = j.worker_id"
    "  AND w.last_heartbeat > now() - make_interval(secs => :silent)) RETURNING j.id"
)
