"""Lives through simulated time with the parts that `outreach serve` runs: worker, due instants, directives, calls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from outreach.campaigns import due, routing
from outreach.campaigns.engine import Applied
from outreach.deflection.calls import import_calls
from outreach.deflection.calls_mapping import read_calls_mapping
from outreach.entry.demo.callers import FRESH_FOR, Callers, Dark, write_log
from outreach.entry.demo.clock import LeapingLoop
from outreach.entry.wiring import Installation
from outreach.entry.worker import Worker
from outreach.model.contactcenter import Directive
from outreach.store import runs, status, tallies

CALLS = "calls"
"""Folder of the workspace in which the exchange leaves its log."""
MINUTE = timedelta(minutes=1)
LOG_EVERY = 5
"""Minutes that one file of the call log holds."""
QUIET_EVERY = 3
"""Minutes between directives while nothing is sent: evidence holds for so long."""
TIDY_S = 900.0
RECEIPTS_S = 4.0
"""The outbox sends its receipts three seconds after it took a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """A directive that came on or went off."""

    at: datetime
    kind: str
    scope: dict[str, Any]
    is_on: bool


@dataclass(slots=True)
class Living:
    """An installation at work on the simulated clock."""

    loop: LeapingLoop
    installation: Installation
    callers: Callers
    dark: list[Dark] = field(default_factory=list)
    switched: list[Switched] = field(default_factory=list)
    imported: int = 0
    _busy: bool = field(init=False, default=False)
    _worker: Worker = field(init=False)
    _wake: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _on: dict[str, Directive] = field(init=False, default_factory=dict)
    _rows: list[tuple[str, ...]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self._worker = Worker(self.installation)

    @property
    def now(self) -> datetime:
        return self.loop.now()

    async def through(self, until: datetime) -> None:
        """Lets time pass with everything at work."""
        working = [asyncio.create_task(work()) for work in (self._sending, self._minutes)]
        waiting = asyncio.create_task(self.loop.until(until))
        try:
            await asyncio.wait([waiting, *working], return_when=asyncio.FIRST_COMPLETED)
            for task in working:
                if task.done():
                    task.result()  # neither ends by itself: it raised
        finally:
            await _cancelled([waiting, *working])

    def changed(self, applied: Applied) -> Applied:
        """A command was given: the worker looks at once instead of at its next turn."""
        self._wake.set()
        return applied

    async def _sending(self) -> None:
        while True:
            self._wake.clear()
            sent = await self._shielded(self._worker.once())
            self._busy = bool(sent)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), RECEIPTS_S if sent else self._idle_s())

    async def _shielded(self, work: Any) -> Any:
        """A drive that has begun is finished: what was claimed is settled."""
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await task
            raise

    def _idle_s(self) -> float:
        """Seconds until something queued may leave; at the latest then what lapsed is tidied up."""
        with self.installation.database.read() as session:
            instants = [
                waiting.not_before
                for run in runs.every(session)
                for waiting in status.waiting(session, run.id)
            ]
        ahead = [(at - self.now).total_seconds() if at else 0.0 for at in instants]
        return min(TIDY_S, max(1.0, min(ahead, default=TIDY_S)))

    async def _minutes(self) -> None:
        for _turn in count():
            begun = self.now.replace(second=0, microsecond=0)
            await self.loop.until(begun + MINUTE)
            await asyncio.to_thread(self._minute, begun)

    def _minute(self, begun: datetime) -> None:
        """What the clock owes at a full minute, for the minute that has passed."""
        if due.tick(self.installation.engine, now=self.now):
            self.loop.call_soon_threadsafe(self._wake.set)
        if not self.dark:
            return
        if (begun + MINUTE).minute % LOG_EVERY == 0:
            self._log_calls(begun + MINUTE)
        if self._busy or not begun.minute % QUIET_EVERY:
            self._direct()

    def _log_calls(self, until: datetime) -> None:
        """The exchange exports its last minutes, and we import them as `outreach contacts import` does."""
        heard = self._heard(until)
        rows = [
            row
            for number in range(LOG_EVERY, 0, -1)
            for row in self.callers.minute(until - number * MINUTE, self.dark, heard)
        ]
        if rows:
            folder = self.installation.settings.workspace
            path = folder / CALLS / f"calls-{until:%Y%m%d-%H%M}Z.csv"
            write_log(rows, path)
            mapping = read_calls_mapping(folder / "calls.toml")
            done = import_calls(
                self.installation.database,
                self.installation.keyring,
                mapping,
                path=path,
                now=self.now,
            )
            self.imported += done.imported

    def _heard(self, now: datetime) -> dict[str, list[datetime]]:
        """Account -> when messages reached its household lately."""
        heard: dict[str, list[datetime]] = {}
        with self.installation.database.read() as session:
            for household, at in tallies.reached(
                session, since=now - LOG_EVERY * MINUTE - FRESH_FOR
            ):
                heard.setdefault(household.removeprefix("H-"), []).append(at)
        return heard

    def _direct(self) -> None:
        of = self.installation
        found = routing.minute(
            of.database, of.settings, of.keyring, shown=of.shown_id, now=self.now
        )
        held = {f"{each.kind}{sorted(each.scope.items())}": each for each in found}
        self._note(self._on.keys() - held.keys(), self._on, is_on=False)
        self._note(held.keys() - self._on.keys(), held, is_on=True)
        self._on = held

    def _note(self, keys: Any, of: dict[str, Directive], *, is_on: bool) -> None:
        for key in sorted(keys):
            self.switched.append(
                Switched(at=self.now, kind=of[key].kind.value, scope=of[key].scope, is_on=is_on)
            )


async def _cancelled(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
