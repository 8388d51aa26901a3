"""What one process of a fleet may suffer by itself: a clock that jumps, a disk that is full or read-only."""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import event
from tests.fleet.terms import Fleet

from outreach import clock
from outreach.entry.wiring import Clocks
from outreach.store.session import Database

_WELL_FOR_S = 1.0
_FEW_PAGES = 60_000


def clocks(fleet: Fleet, life: dict[str, Any]) -> Clocks:
    """The wall clock jumps by `jump_by_s` at `jump_at_s` after the epoch; the monotonic one never does."""
    by = timedelta(seconds=life.get("jump_by_s", 0.0))
    at = fleet.epoch + life.get("jump_at_s", 0.0)
    return Clocks(now=_jumping(by, at)) if by else Clocks()


def _jumping(by: timedelta, at: float) -> Callable[[], datetime]:
    return lambda: clock.now() + (by if clock.monotonic() >= at else timedelta(0))


def to_year(year: int) -> float:
    """Seconds from now into that year."""
    return (datetime(year, 1, 1, tzinfo=UTC) - clock.now()).total_seconds()


def burden(database: Database, life: dict[str, Any]) -> None:
    """`disk`: for `disk_for_s` it is `read-only`, or `takes nothing`: no file may grow beyond a few pages.

    From one second of this process's life on; afterwards everything is sound again.
    """
    begins = clock.monotonic() + _WELL_FOR_S
    ends = begins + life.get("disk_for_s", 0.0)
    if life.get("disk") == "read-only":
        event.listen(database.engine, "checkout", partial(_refuse_writes, begins, ends))
    if life.get("disk") == "takes nothing":
        threading.Timer(_WELL_FOR_S, _limit, [_FEW_PAGES]).start()
        threading.Timer(ends - clock.monotonic(), _limit, [resource.RLIM_INFINITY]).start()


def _refuse_writes(begins: float, ends: float, connection: Any, *_others: Any) -> None:
    ill = begins <= clock.monotonic() < ends
    connection.execute(f"PRAGMA query_only={'ON' if ill else 'OFF'}")


def _limit(most: int) -> None:
    """Bytes of any file that this process writes; Python ignores the signal, so that a write fails."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
