"""The stop board of a lane: what must not leave any more, as of a moment ago."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from outreach.model.message import Recipient
from outreach.model.words import MessageState
from outreach.store.stop import Stops

LOOK_EVERY_S = 0.2
STALE_AFTER_S = 0.8
"""A board older than this stops its lane: an opt-out or a restoration may be unseen.

No call begins later than a second after what forbids it: the rest is for the way to the carrier.
"""


class StopBoard:
    """Answers for the messages in hand whether their call may still begin.

    A claim is itself a look: `hold` what it returned with the moment before it was asked for. The board
    is as old as the oldest look at anything in hand: what is claimed while other messages are in hand
    makes it no younger, and a look that began before cannot answer for it.
    """

    def __init__(self) -> None:
        self._hands: dict[int, Recipient] = {}
        self._stops = Stops()
        self._looked_at = float("-inf")
        self._held_since = float("inf")
        """When the first claim was asked for that came to hand after the last look began."""

    def hold(self, recipients: Iterable[Recipient], *, asked_at: float) -> None:
        """Adds claimed messages; with empty hands this is also as fresh as it gets."""
        if self._hands:
            self._held_since = min(self._held_since, asked_at)
            self._looked_at = min(self._looked_at, asked_at)
        else:
            self._stops, self._looked_at = Stops(), asked_at
        self._hands.update((one.id, one) for one in recipients)

    def let_go(self, messages: Iterable[int]) -> None:
        for message in messages:
            self._hands.pop(message, None)

    def asks(self) -> tuple[set[int], set[bytes]]:
        """The waves and addresses that a look beginning now must ask for."""
        self._held_since = float("inf")
        return self.waves, self.addresses

    @property
    def waves(self) -> set[int]:
        return {one.step_run for one in self._hands.values()}

    @property
    def addresses(self) -> set[bytes]:
        return {one.address_hash for one in self._hands.values()}

    def renew(self, stops: Stops, *, asked_at: float) -> None:
        """Takes what a look over what `asks` gave found, begun at `asked_at`."""
        self._stops = stops
        self._looked_at = min(asked_at, self._held_since)

    def forget(self) -> None:
        """The next call is preceded by a look: we know that something was stopped."""
        self._looked_at = float("-inf")

    def wants_look(self, monotonic: float) -> bool:
        return monotonic - self._looked_at >= LOOK_EVERY_S

    def is_stale(self, monotonic: float) -> bool:
        return monotonic - self._looked_at > STALE_AFTER_S

    def allows(self, one: Recipient, *, now: datetime) -> MessageState | None:
        """None: the call may begin. Else the state the message takes; `queued` puts it back."""
        stopped = self._stops.waves.get((one.step_run, one.priority.value))
        if stopped is not None:
            return stopped
        if one.not_after is not None and one.not_after <= now:
            return MessageState.EXPIRED
        return MessageState.SUPPRESSED if self._is_suppressed(one) else None

    def _is_suppressed(self, one: Recipient) -> bool:
        if not self._stops.addresses:
            return False
        ways = [
            (one.address_hash, channel, purpose)
            for channel in ("*", one.channel.value)
            for purpose in ("*", one.purpose.value)
        ]
        return any(way in self._stops.addresses for way in ways)
