"""Lives through one evening's outage with the contact center in the loop, and keeps what was seen each minute."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from tests.flow import company
from tests.flow.loop import LINE, Loop, people

MINUTE = timedelta(minutes=1)
LONG_FROM, CALM_FROM, BACK_AT, ENDS = 4, 19, 26, 36
"""Minutes of the outage: waits grow long, fall off again, supply is back, nobody looks any more."""
NUMBERS = [each.phone for each in people() if each.section != company.OTHER]
STEADY = 3
"""Minutes between two turns where nothing changes: each costs half a second, and evidence is as long fresh."""
LONG_S, SHORT_S = 200, 20
"""Mean waits as the platform estimates them; four in five callers wait less than 1.61 times as long."""
CALLER, CLASS_A, SILENT = "+56971230001", "+56971230002", "+56971239999"
"""Who asks: an ordinary household, one of class A, and one that has its light."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What stood there at the end of one minute."""

    at: datetime
    rows: dict[str, dict[str, Any]]
    is_emergency: bool
    document: dict[str, Any]
    forecast: dict[str, Any]

    def on(self) -> dict[str, dict[str, Any]]:
        """Kind -> directive."""
        return {each["kind"]: each for each in self.document["directives"]}


@dataclass(slots=True, kw_only=True)
class Evening:
    """The walk, and what it left; minutes count from the trip."""

    loop: Loop
    began: datetime
    looks: dict[int, Look] = field(default_factory=dict)
    """By the minute of the outage."""
    heard: dict[str, str] = field(default_factory=dict)
    external: dict[str, str] = field(default_factory=dict)
    """What Amazon Connect was given while waits were long."""
    done: dict[str, Any] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    calls: int = 0
    _confirmed: int = 0
    _draw: random.Random = field(default_factory=lambda: random.Random(6))  # noqa: S311  a fixed world

    def first(self, kind: str) -> int:
        """The first minute in which a kind was on."""
        return min(minute for minute, look in self.looks.items() if kind in look.on())

    def last(self, kind: str) -> int:
        return max(minute for minute, look in self.looks.items() if kind in look.on())

    def minute(self) -> int:
        """Since the trip."""
        return int((self.loop.house.hand.at - self.began) / MINUTE)

    def until(self, minute: int, *, every: int = 1) -> None:
        """Lets so many minutes pass at a time; in each the house works, people call, and the clock has its turn."""
        house = self.loop.house
        while self.minute() < minute:
            begins, ends = self.minute(), min(minute, self.minute() + every)
            house.work()
            house.hand.turn(self.began + ends * MINUTE - house.hand.at)
            for each in range(begins, ends):
                self._calls_in(each)
            self._confirmed = self.loop.confirms(self._confirmed)
            self.loop.minute.turn()
            self._look()

    def _look(self) -> None:
        loop = self.loop
        forecast = loop.house.browser.get("/v1/forecast").json()
        self.looks[self.minute()] = Look(
            at=loop.house.hand.at, rows=dict(loop.genesys.rows),
            is_emergency=loop.genesys.group["enabled"], document=loop.document(),
            forecast=forecast["forecasts"][0],
        )  # fmt: skip

    def _calls_in(self, minute: int) -> None:
        """Half of those who were told think better of it; most households have no number that we know."""
        told = {one.to for one in self.loop.twilio.ledger}
        at = self.began + minute * MINUTE
        contacts = []
        for _each in range(calls_in(minute)):
            number = self._draw.choice(NUMBERS)
            if number in told and self._draw.random() < 1 / 2:
                continue
            self.calls += 1
            contacts.append(
                {
                    "call_id": f"call-{self.calls}", "ani": number, "dnis": LINE, "kind": "call",
                    "time": (at + timedelta(seconds=self._draw.randrange(60))).isoformat(),
                    "abandoned": False, "contained": False,
                }
            )  # fmt: skip
        taken = self.loop.reports(contacts)
        assert taken["stored"] == len(contacts), taken

    def listens(self, moment: str, number: str = CALLER, *, press: str = "") -> None:
        telephone = self.loop.telephone(number)
        self.heard[moment] = telephone.calls()
        if press:
            self.heard[f"{moment}, {press}"] = telephone.presses(press)
        self.addresses += telephone.addresses


def calls_in(minute: int) -> int:
    """How many want to call in a minute of the outage."""
    if minute < CALM_FROM:
        return min(12, 2 + 2 * minute)
    return 2 if minute < BACK_AT else 1


class Kept(logging.Handler):
    """What other libraries logged."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.name} {record.getMessage()}")


def lived(loop: Loop, exports: Any) -> Evening:
    """From the trip at 19:02 to ten minutes after supply is back."""
    evening = Evening(loop=loop, began=loop.house.hand.at)
    root, kept = logging.getLogger(), Kept(evening.logged)
    root.addHandler(kept)
    try:
        with structlog.testing.capture_logs() as lines:
            _lived(evening, exports)
        evening.logged += [str(line) for line in lines]
    finally:
        root.removeHandler(kept)
    return evening


def _lived(evening: Evening, exports: Any) -> None:
    loop, house = evening.loop, evening.loop.house
    loop.genesys.wait_s = SHORT_S
    house.run("record", "import", "--mapping", company.write(exports, people()))
    house.typed("outage", "open", "ALM-F12")
    house.typed(
        *("campaign", "launch", "unplanned-outage", "last"),
        *("--yes-to", "520", "--emergency", "storm"),
    )
    evening.until(1)
    evening.listens("told up front")
    evening.listens("class A", CLASS_A)
    evening.listens("elsewhere", SILENT)
    evening.until(LONG_FROM, every=STEADY)
    loop.genesys.wait_s = LONG_S
    evening.until(LONG_FROM + 3)
    _shifts(evening)
    evening.until(CALM_FROM, every=STEADY)
    evening.done["shown"] = house.asked("routing", "show")
    evening.done["deflection"] = house.asked("deflection", "show", "last")
    loop.genesys.wait_s = SHORT_S
    evening.until(CALM_FROM + 4)
    evening.until(BACK_AT, every=STEADY)
    evening.listens("calm")
    house.typed("outage", "restore", "last", "--how", "crew")
    evening.until(BACK_AT + 1)
    evening.listens("restored", press="2")
    evening.listens("reported")
    evening.until(BACK_AT + 9, every=4)
    evening.until(ENDS)


def _shifts(evening: Evening) -> None:
    """Long waits: the link is offered, taken once, and asked for again in vain."""
    loop = evening.loop
    evening.listens("long waits, class A", CLASS_A)
    evening.listens("long waits", press="1")
    evening.listens("again", press="1")
    evening.external = loop.asks_by_connect("+56971230004")
