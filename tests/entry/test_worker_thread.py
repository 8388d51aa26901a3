"""The worker's own thread: a worker that is stopped too late still gives back what it holds."""

from __future__ import annotations

import asyncio
from typing import cast

from tests.entry.processes import until

from outreach.entry import serving
from outreach.entry.wiring import Installation


class _Slow:
    """A worker that hears no stop, and whose end takes a while."""

    def __init__(self, done: list[str]) -> None:
        self.done = done

    def __call__(self, _of: object, **_how: object) -> _Slow:
        return self

    def stop(self) -> None:
        self.done.append("told to stop")

    async def run(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(self.done.append, "gave back")

    async def close(self) -> None:
        await asyncio.to_thread(self.done.append, "closed")


def test_a_worker_that_is_cancelled_comes_to_its_end(monkeypatch):
    done: list[str] = []
    slow = _Slow(done)
    installation = cast("Installation", slow)  # whose close is all that is asked of it
    monkeypatch.setattr(serving, "Worker", slow)

    async def stopped_late() -> None:
        stopping = asyncio.Event()
        working = asyncio.create_task(
            serving._worked(installation, stopping, lanes=(), kind="worker")
        )
        stopping.set()
        await asyncio.to_thread(until, lambda: bool(done))
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    asyncio.run(asyncio.wait_for(stopped_late(), 10))

    assert done == ["told to stop", "gave back", "closed"]
