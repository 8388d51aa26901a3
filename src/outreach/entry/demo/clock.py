"""An event loop whose time leaps: whoever sleeps wakes at once, on the simulated clock, in the right order.

Time stands still while anybody computes or a thread is at work, and leaps to the next wake-up only when all
wait. So lanes keep their rates against each other, and a night runs the same on a slow machine and a fast one.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

_ROUNDING_S = 1e-4
"""Added to a wait, so that an instant is reached and not missed by a microsecond."""


class _Leaping(selectors.DefaultSelector):
    """Waits for nothing but threads: any other wait is made by setting the clock on."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed_s = 0.0
        self.at_work = 0
        """Threads whose results are awaited."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0 or self.at_work:
            return super().select(None if self.at_work and timeout else timeout)
        self.elapsed_s += timeout
        return super().select(0)


class LeapingLoop(asyncio.SelectorEventLoop):
    """Begins at `start`; `now`, `time` and every sleep follow the simulated clock."""

    def __init__(self, start: datetime) -> None:
        self._leaping = _Leaping()
        self._start = start
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.elapsed_s

    def now(self) -> datetime:
        """The simulated instant, aware."""
        return self._start + timedelta(seconds=self.time())

    async def until(self, at: datetime) -> None:
        """Sleeps until an instant; one that has passed is not waited for."""
        await asyncio.sleep(max(0.0, (at - self.now()).total_seconds() + _ROUNDING_S))

    def leap(self, at: datetime) -> None:
        """Sets the clock on, over hours in which nobody has anything to do."""
        self._leaping.elapsed_s = max(self.time(), (at - self._start).total_seconds())

    def run_in_executor(  # type: ignore[override]  # typeshed spells it with a TypeVarTuple
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """As ever; and the clock stands still until it is done."""
        future = super().run_in_executor(executor, func, *args)
        self._leaping.at_work += 1
        future.add_done_callback(self._rested)
        return future

    def _rested(self, _future: asyncio.Future[Any]) -> None:
        self._leaping.at_work -= 1
