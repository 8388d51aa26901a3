"""Lives through the night of one feeder, keeping what every command printed, what left, and what callers heard."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.flow import company
from tests.flow.house import House, at_wall

CALLERS = {
    "providencia": "+56971230001",
    "priority": "+56971230002",
    "ñuñoa": "+56971230035",
    "elsewhere": "+56971230061",
}
"""Who asks the IVR each minute; the second is of class A."""
MINUTE = timedelta(minutes=1)
CLOSELY = (("02:43", "03:15"), ("05:25", "06:50"))
"""When the IVR is asked every minute; else every five."""


@dataclass(slots=True, kw_only=True)
class Walk:
    """One house, and what was seen in it; keys are wall times such as `02:43`."""

    house: House
    printed: dict[str, list[str]] = field(default_factory=dict)
    spoken: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Minute -> caller -> answer of the IVR."""
    unfired: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """The same at minutes at which the clock beat, just before it did."""
    broken_sums: list[str] = field(default_factory=list)
    """Minutes at which the states did not add up to the audience."""
    written: dict[str, int] = field(default_factory=dict)
    """Minute -> messages in the ledger."""

    def types(self, *words: str) -> None:
        """Types a command, and asks the IVR right after it."""
        self.printed[self.house.wall()] = self.house.typed(*words)
        self._look()

    def waits(self, wall: str, *, works_every: int = 5) -> None:
        """Asks the IVR again and again until then; worker and clock run every so many minutes."""
        target = at_wall(wall, after=self.house.hand.at)
        while self.house.hand.at < target:
            self.house.hand.turn(min(MINUTE, target - self.house.hand.at))
            wall, minute = self.house.wall(), self.house.hand.at.minute
            if minute % 5 in {0, 4} or any(since <= wall < until for since, until in CLOSELY):
                self._look()
            if minute % works_every == 0:
                self.unfired[wall] = self.spoken.get(wall, {})
                self.house.work()
                self._look()

    def _look(self) -> None:
        wall = self.house.wall()
        self.spoken[wall] = {name: self.house.ivr(phone) for name, phone in CALLERS.items()}
        self.written[wall] = sum(self.house.states().values())
        if not self.house.adds_up():
            self.broken_sums.append(wall)

    def left(self, since: str, until: str) -> Counter[tuple[str, str]]:
        """(channel, text) -> how many left from one wall time up to another."""
        start, end = self._at(since), self._at(until)
        return Counter(
            (one.channel.value, one.body)
            for one in self.house.outbox(since=start)
            if one.at < end
        )  # fmt: skip

    def _at(self, wall: str) -> datetime:
        return at_wall(wall, after=self.house.hand.at - timedelta(hours=12))

    def heard(self, caller: str, since: str, until: str) -> list[str]:
        """The statuses that a caller heard from minute to minute, each once as it changed."""
        found: list[str] = []
        for wall, answers in self.spoken.items():
            status = answers[caller]["status"]
            if since <= wall < until and found[-1:] != [status]:
                found.append(status)
        return found


def lived(house: House, exports: Path) -> Walk:
    """The walk of the night, from arming at 18:00 to 08:20.

    Left out: class A by voice, which comes with the tasks that close it; the refused second slip,
    the event and the reopening, which come with events.
    """
    walk = Walk(house=house)
    house.run("record", "import", "--mapping", company.write(exports, company.town()))
    walk.printed["18:00"] = house.typed(
        "campaign", "arm", "unplanned-outage", "--author", "ana", "--approver", "beatriz"
    )
    house.hand.turn(at_wall("02:43", after=house.hand.at) - house.hand.at)
    walk.types("outage", "open", "ALM-F12")
    house.work()
    walk.waits("02:50", works_every=1)
    walk.types("campaign", "watch", "last")
    walk.printed["02:50 status"] = house.typed("campaign", "status", "last")
    walk.waits("03:10")
    walk.types("outage", "update", "last", "--etr", "05:30")
    walk.waits("04:54")
    walk.waits("04:55", works_every=60)
    walk.types("outage", "update", "last", "--etr", "06:45")
    walk.waits("07:05")
    walk.printed["07:05 trial"] = house.typed(
        "outage", "restore", "last", "--node", "ALM-F12-S2", "--dry-run"
    )
    walk.written["07:05 trial"] = sum(house.states().values())
    walk.types("outage", "restore", "last", "--node", "ALM-F12-S2", "--how", "meters")
    walk.waits("08:10")
    walk.types("outage", "restore", "last", "--how", "crew")
    walk.waits("08:20")
    return walk
