"""A process shows that it lives: a row renewed every second, and a lock that dies with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from outreach.entry.wiring import Installation
from outreach.store import workers
from outreach.store.leases import Seat

SIGN_EVERY = timedelta(seconds=1)


class Presence:
    """The signs of life of one process. Blocking: called off the event loop."""

    def __init__(self, installation: Installation, *, kind: str, lanes: Sequence[str] = ()) -> None:
        self.seat = Seat(installation.database)
        self._of = installation
        self._kind = kind
        self._lanes = tuple(lanes)
        self._started_at = installation.clocks.now()
        self._signed_at: datetime | None = None

    def sign(self) -> None:
        """Renews the row, at most once a second; another process then need not wonder."""
        now = self._of.clocks.now()
        # `abs`: at a clock that was set back we sign as well.
        if self._signed_at is not None and abs(now - self._signed_at) < SIGN_EVERY:
            return
        self.seat.holds(workers.seat_name(self._of.owner))
        with self._of.database.write() as session:
            workers.announce(
                session,
                workers.Worker(
                    owner=self._of.owner,
                    kind=self._kind,
                    lanes=self._lanes,
                    started_at=self._started_at,
                    seen_at=now,
                ),
            )
        self._signed_at = now

    def stopping(self) -> None:
        """Says that nothing more is taken in hand."""
        with self._of.database.write() as session:
            workers.stopping(session, self._of.owner, now=self._of.clocks.now())

    def end(self) -> None:
        """Takes the row away, with all leases given back before."""
        try:
            with self._of.database.write() as session:
                workers.leave(session, self._of.owner)
        finally:
            self.seat.close()
