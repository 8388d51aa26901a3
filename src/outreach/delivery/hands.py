"""What a sender is handed: the functions of other rooms, its clocks, and its limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from outreach.delivery.breaker import Breaker
from outreach.delivery.pace import Pace
from outreach.model.message import Content, Recipient, Sends
from outreach.model.words import MessageState
from outreach.store.lanes import Lane
from outreach.store.session import Session
from outreach.store.spent import UNCAPPED, Caps


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """`render(recipient, address)`, `open_address(sealed)`, `token(message, try)`.

    A render that raises fails its own message only; an address that does not open stops the lane,
    for then the keys are wrong.
    """

    render: Callable[[Recipient, str], Content]
    open_address: Callable[[bytes], str]
    token: Callable[[int, int], str]
    unsubscribe_url: Callable[[Recipient], str] = lambda _one: ""
    unsubscribe_mail: str = ""
    """Where an answer stops e-mails too; empty where nobody reads answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Every clock a sender reads. `jitter` in [0, 1)."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float] = lambda: 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a sender takes in hand: `chunk` messages in all, `in_flight` of them in calls; `deadline_s` per call.

    `in_hand_s`: of so many seconds of its rate, in place of the sender's own two.
    """

    chunk: int = 200
    in_flight: int = 100
    lease: timedelta = timedelta(seconds=30)
    deadline_s: float = 10.0
    in_hand_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A lane that a drive holds, for what leaves by it beside the messages of the ledger.

    `turn(how_many)` waits at the lane's pace, with the messages; False: nothing more may leave in this drive.
    """

    lane: Lane
    pace: Pace
    turn: Callable[[int], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is no message of the ledger, and leaves by the same lane: `waits(session)`, `carry(share)`.

    Asked at every claim, and carried one round at a time. A drive ends when its round has ended; what a round
    raises is nobody's, so that it must not.
    """

    waits: Callable[[Session], bool]
    carry: Callable[[Share], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """Who drives a lane, and with what. One that drives it again and again keeps the same one."""

    owner: str
    """Names the worker; stands in leases, and fences what it settles."""
    provider: str
    """The lane's provider, as its receipts name it."""
    hands: Hands
    times: Times
    limits: Limits = field(default_factory=Limits)
    breaker: Breaker = field(default_factory=Breaker)
    pace: Pace | None = None
    """The lane's bucket from the last drive, or None for a fresh one at the lane's rate."""
    caps: Caps = UNCAPPED
    """What the lane may spend."""
    beside: Beside | None = None
    home: int = 100
    """Its weight while all is well."""
    wanted: Callable[[], bool] = lambda: True
    """When false, calls in flight are finished and the rest goes back to the queue."""


def stays_inside(channel: Sends) -> bool:
    """Whether what this channel takes reaches nobody. Asked of the channel itself, not of a setting."""
    return getattr(channel, "stays_inside", False) is True


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """What one drive did. `halted` says why it ended early; `stale` counts settles that came late."""

    counts: dict[MessageState, int] = field(default_factory=dict)
    stale: int = 0
    duplicates: int = 0
    halted: str = ""
