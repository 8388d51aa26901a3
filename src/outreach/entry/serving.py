"""The processes: web, worker and scheduler, each alone or all three in one."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
from collections.abc import Coroutine, Iterator, Sequence
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
        await of.close()
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
    stop = asyncio.create_task(_then_stop(stopping, server))
    await server.serve()
    stop.cancel()


def _keep_what_stands() -> None:
    """Modules, routes and texts stand for good: a full collection that looks at them again stops every request."""
    gc.collect()
    gc.freeze()


async def _then_stop(stopping: asyncio.Event, part: _Quiet | Worker) -> None:
    await stopping.wait()
    part.stop()


async def _worked(
    of: Installation, stopping: asyncio.Event, *, lanes: Sequence[str], kind: str
) -> None:
    worker = Worker(of, lanes=lanes, kind=kind)
    stop = asyncio.create_task(_then_stop(stopping, worker))
    await worker.run()
    stop.cancel()


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
