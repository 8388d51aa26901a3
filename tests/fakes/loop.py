"""An event loop whose time leaps to the next sleeper as soon as nobody is at work: hours take no time at all."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any


class LeapingLoop(asyncio.SelectorEventLoop):
    """Time stands still while a thread works for us, and else goes to whatever is due next."""

    def __init__(self, begins: float = 0.0) -> None:
        self._now = begins
        self._at_work = 0
        super().__init__(_Leaping(self))

    def time(self) -> float:
        return self._now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]  # generic there
        self._at_work += 1
        working = super().run_in_executor(executor, func, *args)
        working.add_done_callback(self._rests)
        return working

    def leap(self, seconds: float) -> bool:
        """Whether time could go on by so much: not while anybody is at work."""
        if self._at_work:
            return False
        self._now += seconds
        return True

    def _rests(self, _working: object) -> None:
        self._at_work -= 1


class _Leaping(selectors.DefaultSelector):
    def __init__(self, loop: LeapingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        """A thread that ends wakes us; else nothing outside is worth waiting for."""
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        return super().select(0 if self._loop.leap(timeout) else None)


def run(main: Coroutine[Any, Any, None], loop: LeapingLoop) -> None:
    """As asyncio.run does."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main)
