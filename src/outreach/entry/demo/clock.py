"""An event loop whose time leaps: whoever sleeps wakes at once, on the simulated clock, in the right order.

Time stands still while anybody computes, and leaps to the next wake-up when all wait. Work for threads is done on
the spot: in simulated time it takes none, and so the order of things is the same on every machine.
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
    """Waits for nothing: a wait is made by setting the clock on."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.elapsed_s += max(0.0, timeout or 0.0)
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
        """Done when this returns; the future holds the result, or what it raised."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  whoever awaits it gets it, whatever it is
            future.set_exception(error)
        return future
