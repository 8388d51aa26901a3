"""The processes: web, worker and scheduler, each alone or all three in one."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import uvicorn

from outreach.entry import wiring
from outreach.entry.http.app import create_app
from outreach.entry.http.patience import PatientProtocol
from outreach.entry.scheduler import Clock
from outreach.entry.wiring import Installation
from outreach.entry.worker import Worker

GRACE_S = 15.0
"""How long calls in flight may take to finish after a stop."""
_REQUESTS_S = 10
"""How long requests under way may take."""
_ENDS_S = 5.0
"""How long the worker's thread may take to end; one that hangs in the database ends with the process."""


def serve(installation: Installation) -> None:
    """All three until SIGINT or SIGTERM; what is in flight is finished."""
    asyncio.run(_run(installation, web=True, worker=True, clock=True))


def web(installation: Installation) -> None:
    """The web side alone."""
    asyncio.run(_run(installation, web=True))


def work(installation: Installation, lanes: Sequence[str] = ()) -> None:
    """A worker alone, of these lanes or of all."""
    asyncio.run(_run(installation, worker=True, lanes=lanes))


def schedule(installation: Installation) -> None:
    """The clock alone."""
    asyncio.run(_run(installation, clock=True))


async def _run(
    of: Installation,
    *,
    web: bool = False,
    worker: bool = False,
    clock: bool = False,
    lanes: Sequence[str] = (),
) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    parts: list[Coroutine[Any, Any, None]] = []
    if web:
        parts.append(_served(of, stopping))
    if worker:
        parts.append(_worked(of, stopping, lanes=lanes, kind="serve" if web else "worker"))
    if clock:
        parts.append(_clocked(of, stopping, alone=not worker))
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.set()  # whichever part ends, all end
        done, late = await asyncio.wait(tasks, timeout=GRACE_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
    for task in done:
        task.result()


async def _served(of: Installation, stopping: asyncio.Event) -> None:
    http = of.settings.http
    server = _Quiet(
        uvicorn.Config(
            create_app(wiring.web_context(of)),
            host=http.host,
            port=http.port,
            log_level="warning",
            access_log=False,  # an access log would keep callers' paths and addresses
            server_header=False,
            proxy_headers=False,  # signatures are checked against the configured address
            http=PatientProtocol,
            ws="none",  # nothing here speaks WebSocket
            timeout_graceful_shutdown=_REQUESTS_S,
        )
    )
    _keep_what_stands()
    stop = asyncio.create_task(_then(stopping, server.stop))
    await server.serve()
    stop.cancel()


def _keep_what_stands() -> None:
    """Modules, routes and texts stand for good: a full collection that looks at them again stops every request."""
    gc.collect()
    gc.freeze()


async def _then(stopping: asyncio.Event, stop: Callable[[], object]) -> None:
    await stopping.wait()
    stop()


async def _worked(
    of: Installation, stopping: asyncio.Event, *, lanes: Sequence[str], kind: str
) -> None:
    """On a thread of its own: a database that hangs may hold up the worker, never a caller on the line."""
    worker = Worker(of, lanes=lanes, kind=kind)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=_turn, args=(loop,), name="worker", daemon=True)
    thread.start()
    working = asyncio.run_coroutine_threadsafe(_work(worker, of), loop)
    stop = asyncio.create_task(_then(stopping, lambda: loop.call_soon_threadsafe(worker.stop)))
    try:
        await asyncio.wrap_future(working)
    finally:
        stop.cancel()
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join, _ENDS_S)


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    """Until told to stop; then what was cancelled is let come to its end, for it gives its leases back."""
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            if not task.cancelling():  # cancelled twice, it would break off its own end
                task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
    finally:
        loop.close()


async def _work(worker: Worker, of: Installation) -> None:
    try:
        await worker.run()
    finally:
        await of.close()  # here: its connections live in this loop


async def _clocked(of: Installation, stopping: asyncio.Event, *, alone: bool) -> None:
    clock = Clock(of, alone=alone)
    clock.start()
    await stopping.wait()
    await asyncio.to_thread(clock.stop)


class _Quiet(uvicorn.Server):
    """Leaves signals to us: uvicorn's own raises them again, and a wanted stop would read as an error."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True
