"""Web, worker and scheduler in one process: all that a co-operative of 20,000 customers needs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterator

import uvicorn

from outreach.entry import scheduler, wiring
from outreach.entry.http.app import create_app
from outreach.entry.wiring import Installation
from outreach.entry.worker import Worker

GRACE_S = 15.0
"""How long calls in flight may take to finish after a stop."""


def serve(installation: Installation) -> None:
    """Serves until SIGINT or SIGTERM, then finishes what is in flight."""
    asyncio.run(_serve(installation))


async def _serve(installation: Installation) -> None:
    http = installation.settings.http
    server = _Quiet(
        uvicorn.Config(
            create_app(wiring.web_context(installation)),
            host=http.host,
            port=http.port,
            log_level="warning",
            access_log=False,  # an access log would keep callers' paths and addresses
            server_header=False,
        )
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    working = Worker(installation)
    ticking = scheduler.started(installation)
    sending = asyncio.create_task(working.run())
    try:
        await server.serve()
    finally:
        ticking.shutdown(wait=False)
        working.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(sending, GRACE_S)
        await installation.close()


class _Quiet(uvicorn.Server):
    """Leaves signals to us: uvicorn's own raises them again, and a wanted stop would read as an error."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        self.should_exit = True
