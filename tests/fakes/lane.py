"""A carrier in memory, a clock that only moves when slept on, and a driver that uses both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests import make

from outreach.delivery.hands import Driver, Hands, Limits, Times
from outreach.model.message import Accepted, Content, Outcome, Outgoing, Recipient
from outreach.model.words import Channel

Answer = Callable[[Outgoing], Outcome | Exception | None]


class Clock:
    """Both clocks of a test: sleeping moves them on, nothing else does."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return make.NOW + timedelta(seconds=self.seconds - 1_000.0)

    async def sleep(self, seconds: float) -> None:
        until = self.seconds + seconds
        await asyncio.sleep(0)
        self.seconds = max(self.seconds, until)

    @property
    def times(self) -> Times:
        return Times(now=self.now, monotonic=self.monotonic, sleep=self.sleep)


class Carrier:
    """Accepts everything, unless `answer` says otherwise; remembers what it was called with."""

    channel = Channel.SMS

    def __init__(
        self,
        answer: Answer = lambda _one: None,
        *,
        clock: Clock | None = None,
        batch_size: int = 1,
        has_receipts: bool = True,
    ) -> None:
        self.answer = answer
        self.clock = clock or Clock()
        self.batch_size = batch_size
        self.has_receipts = has_receipts
        self.calls: list[tuple[float, Outgoing]] = []
        self.before: Callable[[list[Outgoing]], None] = lambda _batch: None

    @property
    def ids(self) -> list[int]:
        return [outgoing.id for _at, outgoing in self.calls]

    async def send(self, batch: list[Outgoing], deadline: float) -> list[Outcome]:
        self.before(batch)
        self.calls += [(self.clock.seconds, each) for each in batch]
        answers = [self.answer(each) or Accepted(id=each.id, provider_ref=f"SM{each.id}") for each in batch]  # fmt: skip
        outcomes: list[Outcome] = []
        for each in answers:
            if isinstance(each, Exception):
                raise each
            outcomes.append(each)
        return outcomes

    async def close(self) -> None:
        return None


def plain(one: Recipient, address: str) -> Content:
    """A text of one segment."""
    return Content(text=f"corte de luz en {one.locality}")


def make_driver(clock: Clock, **changes: Any) -> Driver:
    """A driver on the test's keys; `render=` and `open_address=` change its hands."""
    hands: dict[str, Any] = {
        "render": plain,
        "open_address": make.KEYRING.open,
        "token": make.KEYRING.token,
    }
    hands |= {name: changes.pop(name) for name in list(changes) if name in hands}
    values: dict[str, Any] = {
        "owner": "w1",
        "provider": "carrier",
        "hands": Hands(**hands),
        "times": clock.times,
        "limits": Limits(chunk=50, in_flight=10),
    }
    return Driver(**(values | changes))
