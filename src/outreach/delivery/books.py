"""What one drive books for its lane, in the transactions of its claims and settles."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from outreach.delivery.failover import COOLED_FOR, Tally
from outreach.delivery.hands import Driver
from outreach.model.words import MessageState
from outreach.store import lane_health, spent
from outreach.store.lanes import Lane
from outreach.store.session import Session
from outreach.store.settle import Settled

CAP_ASKED_EVERY = timedelta(seconds=60)
"""A lane whose cap is met is asked again after so long: somebody may have raised it."""


class Books:
    """How the lane's calls went, what they cost, and what may still be claimed for it."""

    def __init__(self, driver: Driver, tally: Tally) -> None:
        self._tally = tally
        self.capped = ""
        """Which cap is met, in words."""
        self._caps = driver.caps
        self._home = driver.home
        self._probe: Lane | None = None

    def settled(
        self, session: Session, lane: Lane, results: Sequence[Settled], *, now: datetime
    ) -> None:
        """Books a chunk that came back: the minute, the day, and what a probe showed."""
        lane_health.count(session, lane.name, self._tally.taken(now=now))
        spent.charge(session, lane.name, self._caps, settled=results, now=now)
        if self._probe is not None and results:
            self._judge(session, self._probe, results, now)
            self._probe = None

    def allowed(self, session: Session, lane: Lane, wanted: int, *, now: datetime) -> int:
        """How many may be claimed: none of a lane that waits or has met a cap, one as a probe."""
        self.capped = (
            spent.met(self._caps, spent.today(session, lane.name, self._caps, now=now))
            if self._caps.is_set
            else ""
        )
        if self.capped:
            until = min(now + CAP_ASKED_EVERY, _midnight(now, self._caps.zone))
            lane_health.cool(session, lane.name, until=until)
            return 0
        if self._probe is not None:
            return 0
        carried = lane.carries(wanted, now=now)
        return spent.allowance(session, lane.name, self._caps, now=now, wanted=carried)

    def claimed(self, session: Session, lane: Lane, ids: Collection[int], *, now: datetime) -> None:
        """Books what was claimed."""
        spent.charge(session, lane.name, self._caps, claimed=ids, now=now)
        if ids and lane.cooled_until is not None:
            self._probe = lane

    def _judge(
        self, session: Session, lane: Lane, results: Sequence[Settled], now: datetime
    ) -> None:
        """A provider that refuses a number, or asks us to slow down, is there again."""
        called = [one for one in results if one.state is not MessageState.QUEUED or one.delayed]
        if called:
            good = not any(
                one.state is MessageState.IN_DOUBT or (one.delayed and one.spent) for one in called
            )
            lane_health.probed(session, lane, good=good, home=self._home, now=now, wait=COOLED_FOR)


def _midnight(now: datetime, zone: str) -> datetime:
    """When the company's next day begins."""
    local = now.astimezone(ZoneInfo(zone)) + timedelta(days=1)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(now.tzinfo)
