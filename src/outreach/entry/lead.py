"""Who leads the clock: a lease that is fenced at each takeover, judged by clocks that nobody can set."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.entry.wiring import Clocks, Installation
from outreach.store import leases, workers
from outreach.store.leases import LEADER, NOBODY, Fence, Held, Seat
from outreach.store.session import Session

SEAT = f"lease:{LEADER}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """How long a lead lasts, when it is prolonged, and how often anybody looks."""

    lease: timedelta = timedelta(seconds=10)
    renewed_at: timedelta = timedelta(seconds=6)
    """A lease that lasts longer than this is not written anew."""
    tick_s: float = 0.5
    """Half of the time within which another process must lead after this one died."""


BEAT = Beat()
LEAP = timedelta(days=1)
DISBELIEVED_FOR = timedelta(minutes=5)


class Lead:
    """Whether this process leads the clock, and on which fence.

    It takes a lease that was given back, one whose owner is dead for certain (on PostgreSQL its locks
    have gone with its connection), and one that was not prolonged for a whole lease, counted by this
    process's own monotonic clock: a wall clock that jumps makes no leader, and unmakes none. Only the
    first look of a process believes the wall clock, so that a restart need not wait.
    """

    def __init__(
        self, installation: Installation, *, seat: Seat | None = None, beat: Beat = BEAT
    ) -> None:
        self._of = installation
        self._seat = seat
        self._beat = beat
        self._seen: Held | None = None
        self._seen_at = 0.0
        self._guard = threading.Lock()

    def fence(self) -> Fence | None:
        """What the leader's writes stand on; None while another process leads."""
        with self._guard:
            number = self._number()
        return None if number is None else Fence(number=number, stopped_for=self._beat.lease)

    def _number(self) -> int | None:
        of, now = self._of, self._of.clocks.now()
        is_seated = self._seat is not None and self._seat.holds(SEAT)
        with of.database.read() as session:
            held = leases.held(session, LEADER)
            died = is_seated and held is not None and _is_dead(session, held.owner)
        lapsed = self._has_lapsed(held, now)
        if held is not None and held.owner == of.owner and self._lasts(held, now):
            return held.fence
        if not (died or lapsed):
            return None
        with of.database.write() as session:
            if died:
                return leases.seize(session, LEADER, of.owner, now=now, lease=self._beat.lease)
            return leases.take(
                session, LEADER, of.owner, now=now, lease=self._beat.lease, stale=held
            )

    def _lasts(self, held: Held, now: datetime) -> bool:
        """Neither soon over, nor beyond its length: that was written before the clock was set back."""
        return self._beat.renewed_at <= held.until - now <= self._beat.lease

    def _has_lapsed(self, held: Held | None, now: datetime) -> bool:
        monotonic, is_first = self._of.clocks.monotonic(), self._seen is None
        if held != self._seen:
            self._seen, self._seen_at = held, monotonic
        if held is None or held.owner in {NOBODY, self._of.owner}:
            return True
        if is_first and held.until < now:
            return True
        return monotonic - self._seen_at >= self._beat.lease.total_seconds()


class Steady:
    """Whether the wall clock can be believed, compared with the one that nobody can set.

    Fired by a clock that stands in 2038, news would be promised for 2038, and works would be over. So a
    leap of more than a day is waited out for five minutes, in which it can be mended; a host that slept
    that long is as late already. A smaller step back delays what is due; a step ahead brings it forward.
    """

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._wall, self._monotonic = clocks.now(), clocks.monotonic()

    def leaps(self) -> bool:
        """Whether it has just leapt, and nothing should be fired by it yet."""
        wall, monotonic = self._clocks.now(), self._clocks.monotonic()
        passed = timedelta(seconds=monotonic - self._monotonic)
        if abs(wall - self._wall - passed) > LEAP and passed < DISBELIEVED_FOR:
            return True
        self._wall, self._monotonic = wall, monotonic
        return False


def _is_dead(session: Session, owner: str) -> bool:
    """Its lock is free. A process that is merely stopped keeps it, and loses the lead by its lease."""
    return owner != NOBODY and not leases.is_seated(session, workers.seat_name(owner))
