"""Calls the channel for chunks of claimed messages, concurrently, each checked right before its call."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, cast

from outreach.delivery import verdicts
from outreach.delivery.failover import Tally
from outreach.delivery.hands import Driver, stays_inside
from outreach.delivery.pace import Pace
from outreach.delivery.retry import LONGEST_WAIT
from outreach.delivery.stops import StopBoard
from outreach.model.errors import OutreachError
from outreach.model.message import (
    Accepted,
    Delayed,
    InDoubt,
    Outcome,
    Outgoing,
    Recipient,
    Refused,
    Sends,
)
from outreach.store.settle import Settled

_GRACE_S = 1.0
"""A channel keeps its own deadline; this much later we stop listening to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    one: Recipient
    outgoing: Outgoing


class Watches(Protocol):
    """Who keeps the stop board: renews it, and stops a run that goes wrong."""

    board: StopBoard

    async def look(self) -> None: ...

    async def pause(self, run: int, reason: str) -> None: ...


class Flight:
    """A chunk on its way. `settled` in the order in which its calls ended."""

    def __init__(self, chunk: list[Recipient], *, until: float, batches: int) -> None:
        loop = asyncio.get_running_loop()
        self.chunk = chunk
        self.until = until
        self._settled: list[Settled] = []
        self._to_begin = self._to_end = batches
        self._begun, self._over = loop.create_future(), loop.create_future()

    @property
    def is_over(self) -> bool:
        return self._over.done()

    async def begun(self) -> None:
        """Returns when the last batch has begun: the next chunk may follow."""
        await self._begun

    async def settled(self) -> list[Settled]:
        """What became of each message, when all calls have ended."""
        await self._over
        return self._settled

    def begins(self) -> None:
        self._to_begin -= 1
        if not self._to_begin and not self._begun.done():
            self._begun.set_result(None)

    def ends(self, settled: list[Settled]) -> None:
        self._settled += settled
        self._to_end -= 1
        if not self._to_end and not self._over.done():
            self._over.set_result(None)

    def breaks(self, error: Exception) -> None:
        if not self._begun.done():
            self._begun.set_result(None)
        if not self._over.done():
            self._over.set_exception(error)


class Calls:
    """One lane's calls: as many at once as may be, also where one chunk ends and the next begins."""

    def __init__(
        self, channel: Sends, sender: str, driver: Driver, *, pace: Pace, watch: Watches
    ) -> None:
        self._channel = channel
        self._sender = sender
        self._hands = driver.hands
        self._times = driver.times
        self._limits = driver.limits
        self._breaker = driver.breaker
        self._pace = pace
        self._watch = watch
        self._board = watch.board
        self._stays_inside = stays_inside(channel)
        self._queue = asyncio.Lock()
        self._waiting: deque[tuple[Flight, list[Recipient]]] = deque()
        self._workers: set[asyncio.Task[None]] = set()
        self.tally = Tally()
        self.lane_trouble = ""
        """Why nothing can leave by this lane: a person must mend it."""
        self.halted = ""
        """Why this drive ends early."""

    def begin(self, chunk: list[Recipient], *, until: float) -> Flight:
        """Puts the chunk on its way, behind what still leaves; no call of it begins at or after monotonic `until`."""
        size = self._batch_size()
        batches = [chunk[start : start + size] for start in range(0, len(chunk), size)]
        flight = Flight(chunk, until=until, batches=len(batches))
        self._waiting.extend((flight, batch) for batch in batches)
        free = max(1, self._limits.in_flight // size) - len(self._workers)
        for _each in range(min(free, len(batches))):
            self._workers.add(asyncio.create_task(self._work()))
        return flight

    async def close(self) -> None:
        """Breaks off what still leaves; after a good end nothing does."""
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    def _batch_size(self) -> int:
        """A batch leaves at once: no more than the burst, or the second would hold too many."""
        return max(1, min(self._channel.batch_size, int(self._pace.burst), self._limits.in_flight))

    async def _work(self) -> None:
        try:
            while self._waiting:
                flight, batch = self._waiting.popleft()
                flight.begins()
                try:
                    flight.ends(await self._batch(batch, until=flight.until))
                except Exception as error:  # noqa: BLE001  whoever waits for the chunk hears it
                    self._halt(f"a chunk broke off: {type(error).__name__}")  # nobody hears at once
                    flight.breaks(error)
                if flight.is_over:
                    self._board.let_go(one.id for one in flight.chunk)
        finally:
            # Here, and not once the task is done: by then the next chunk would have counted it.
            self._workers.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    async def _batch(self, batch: list[Recipient], *, until: float) -> list[Settled]:
        if self.halted:
            return [verdicts.put_back(one) for one in batch]
        ready, settled = self._prepare(batch)
        await self._pause_if_bad([each for each in settled if each.delayed], batch)
        segments = sum(each.outgoing.content.segments for each in ready)
        if ready and not await self._turn(segments, until=until):
            self._halt("the provider asks to wait")
        allowed = self._allowed(ready, settled, until=until)
        if allowed:
            settled += await self._call(allowed)
        return settled

    async def _turn(self, segments: int, *, until: float) -> bool:
        """Waits for our turn, then looks at the stops if need be; False: it comes too late.

        One at a time, the look included: calls that all waited for a look would leave as one.
        """
        async with self._queue:
            comes = await self._pace.take(segments, until=until)
            if comes and self._board.wants_look(self._times.monotonic()):
                await self._watch.look()
                # What a slow claim put in hand meanwhile was not asked for.
                if self._board.is_stale(self._times.monotonic()):
                    await self._watch.look()
            return comes

    def _prepare(self, batch: list[Recipient]) -> tuple[list[_Ready], list[Settled]]:
        ready: list[_Ready] = []
        settled: list[Settled] = []
        now = self._times.now()
        for one in batch:
            if one.drill and not self._stays_inside:  # the claim hands out none: a second lock
                settled.append(verdicts.drill_refused(one))
                continue
            try:
                address = self._hands.open_address(one.address_sealed)
            except OutreachError as error:
                self._stop_lane(str(error))
                settled.append(verdicts.put_back(one))
                continue
            try:
                ready.append(self._ready(one, address, now=now))
            except Exception as error:  # noqa: BLE001  a poison message fails alone
                settled.append(self._poisoned(one, error))
        return ready, settled

    def _ready(self, one: Recipient, address: str, *, now: datetime) -> _Ready:
        content = self._hands.render(one, address)
        outgoing = Outgoing(
            id=one.id,
            token=self._hands.token(one.id, one.try_),
            channel=one.channel,
            to=address,
            sender=self._sender,
            content=content,
            purpose=one.purpose,
            valid_for=verdicts.valid_for(one, now=now),
            unsubscribe_url=self._hands.unsubscribe_url(one),
            unsubscribe_mail=self._hands.unsubscribe_mail,
        )
        return _Ready(one=one, outgoing=outgoing)

    def _poisoned(self, one: Recipient, error: Exception) -> Settled:
        # The name of the error alone: its words may hold what the person's record says.
        reason = f"cannot be written: {type(error).__name__}"
        delayed = Delayed(id=one.id, code="render", reason=reason, retry_after=timedelta(0))
        return verdicts.of_delay(one, delayed, now=self._times.now(), jitter=self._times.jitter())

    async def _pause_if_bad(self, poisoned: list[Settled], batch: list[Recipient]) -> None:
        by_id = {one.id: one for one in batch}
        for each in poisoned:
            await self._count(by_id[each.id], error=True)

    def _allowed(
        self, ready: list[_Ready], settled: list[Settled], *, until: float
    ) -> list[_Ready]:
        """Those whose call may begin now; the others are settled."""
        monotonic, now = self._times.monotonic(), self._times.now()
        if self._board.is_stale(monotonic):
            self._halt("cannot see what has been stopped")
        if self.halted or monotonic >= until:
            settled += [verdicts.put_back(each.one) for each in ready]
            return []
        allowed = []
        for each in ready:
            state = self._board.allows(each.one, now=now)
            if state is None:
                allowed.append(each)
            else:
                settled.append(verdicts.stopped(each.one, state))
        return allowed

    async def _call(self, batch: list[_Ready]) -> list[Settled]:
        began = self._times.monotonic()
        outcomes = await self._outcomes([each.outgoing for each in batch])
        self.tally.saw(outcomes.values(), took_s=self._times.monotonic() - began)
        now = self._times.now()
        settled = []
        for each in batch:
            outcome = outcomes.get(each.one.id)
            if isinstance(outcome, Accepted):  # nearly all of them: nothing to wait for
                self._breaker.saw(each.one, error=False)
            else:
                outcome = outcome or InDoubt(id=each.one.id, reason="the channel gave no outcome")
                await self._judge(each.one, outcome)
            settled.append(self._verdict(each, outcome, now=now))
        return settled

    async def _outcomes(self, batch: list[Outgoing]) -> dict[int, Outcome]:
        deadline = self._limits.deadline_s
        try:
            async with asyncio.timeout(deadline + _GRACE_S):
                outcomes = await self._channel.send(batch, deadline)
        except Exception as error:  # noqa: BLE001  whatever broke, it may have left
            reason = f"the channel broke: {type(error).__name__}"
            return {each.id: InDoubt(id=each.id, reason=reason) for each in batch}
        return {outcome.id: outcome for outcome in outcomes}

    async def _judge(self, one: Recipient, outcome: Outcome) -> None:
        """What an outcome means for the lane and the run."""
        match outcome:
            case Refused(stop_lane=True):
                self._stop_lane(f"{outcome.code} {outcome.reason}".strip())
            case Delayed(throttled=True):
                self._pace.hold(min(outcome.retry_after, LONGEST_WAIT).total_seconds())
            case _:
                await self._count(one, error=verdicts.is_error(outcome))

    def _verdict(self, each: _Ready, outcome: Outcome, *, now: datetime) -> Settled:
        return verdicts.of_outcome(
            each.one,
            outcome,
            each.outgoing.content,
            now=now,
            has_receipts=self._channel.has_receipts,
            jitter=self._times.jitter(),
        )

    async def _count(self, one: Recipient, *, error: bool) -> None:
        reason = self._breaker.saw(one, error=error)
        if reason is not None:
            await self._watch.pause(one.run, reason)
            self._board.forget()

    def _stop_lane(self, reason: str) -> None:
        self.lane_trouble = self.lane_trouble or reason
        self._halt(reason)

    def _halt(self, reason: str) -> None:
        self.halted = self.halted or reason
