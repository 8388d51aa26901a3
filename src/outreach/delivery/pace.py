"""A token bucket in segments: how fast one lane may send, on the monotonic clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

BURST_S = 0.05
"""Seconds of the rate that may leave at once after a pause."""
_INSTANT_S = 1e-6
"""Shorter waits are rounding."""


class Pace:
    """Holds a lane to `rate` segments a second.

    In any window of one second at most `rate + burst` segments leave, where burst is a twentieth
    of the rate, unless it is given, and at least one message. `monotonic` in seconds; `sleep` as
    asyncio's.
    """

    def __init__(
        self,
        rate: float,
        *,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        burst: float | None = None,
    ) -> None:
        self._given_burst = burst
        self.weigh(rate)
        self._monotonic = monotonic
        self._sleep = sleep
        self._tokens = 0.0  # whoever drove this lane before us may have spent this second's share
        self._at = monotonic()

    def weigh(self, rate: float) -> None:
        """From now on at this rate: the lane carries another part of its own."""
        self.rate = rate
        self.burst = self._given_burst or max(1.0, rate * BURST_S)

    def wait(self, segments: int) -> float:
        """Seconds until `segments` may leave; more than the burst waits for a full bucket."""
        self._refill()
        missing = min(float(segments), self.burst) - self._tokens
        wait = max(missing / self.rate, self._at - self._monotonic())
        return wait if wait > _INSTANT_S else 0.0

    async def take(self, segments: int, *, until: float) -> bool:
        """Waits for its turn and spends; False at once if the turn does not come before `until`.

        What exceeds the burst is paid back before the next.
        """
        while wait := self.wait(segments):
            if self._monotonic() + wait > until:
                return False
            await self._sleep(wait)
        self._tokens -= segments
        return True

    def hold(self, seconds: float) -> None:
        """Nothing leaves for so long: the provider asked us to slow down."""
        self._tokens = min(self._tokens, 0.0)
        self._at = max(self._at, self._monotonic() + seconds)

    def _refill(self) -> None:
        now = self._monotonic()
        if now > self._at:
            self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
            self._at = now
