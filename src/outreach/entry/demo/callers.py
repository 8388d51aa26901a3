"""Who calls the contact center: drawn minute by minute, less often once a message has arrived.

The only thing that the demo invents beside the clock and the company. What is drawn is written as the exchange's
call log, and from there on the estimator knows no more than it would of a real night.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from random import Random

from outreach.entry.demo.utility import Person, Utility

NUMBER = "600 555 0100"
DEFLECTED = 0.45
"""Share of its calls that a fresh message prevents, as invented; the estimator has to find it."""
FRESH_FOR = timedelta(minutes=20)
EAGER = 0.065
"""Calls a minute of a household in the dark, once it has noticed."""
NOTICED_AFTER_MIN = 4.0
CALM_AFTER_MIN = 12.0
AGENTS = 14
WITHHELD = 0.18
COLUMNS = (
    "LLAMADA", "INICIO", "ORIGEN", "DESTINO", "COLA", "RESULTADO", "ESPERA_S", "CONVERSACION_S", "EN_IVR",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Dark:
    """A part of the network without supply, from when to when."""

    node: str
    since: datetime
    until: datetime


@dataclass(slots=True, kw_only=True)
class Callers:
    """The people of a company as callers; every call of the same seed comes in every night."""

    company: Utility
    random: Random
    calls: int = 0
    _lately: list[datetime] = field(default_factory=list)
    _homes: dict[str, list[Person]] = field(default_factory=dict)

    def minute(
        self, at: datetime, dark: Sequence[Dark], heard: Mapping[str, Sequence[datetime]]
    ) -> Iterator[tuple[str, ...]]:
        """Rows of the log for the minute from `at` on; heard: account -> when messages reached it."""
        for part in dark:
            if not part.since <= at < part.until:
                continue
            rate = _rate(at - part.since)
            for one in self._under(part.node):
                if self.random.random() < rate * _left_of(heard.get(one.account, ()), at):
                    yield self._call(one, at + timedelta(seconds=self.random.random() * 60))

    def _under(self, node: str) -> list[Person]:
        if node not in self._homes:
            self._homes[node] = self.company.under(node)
        return self._homes[node]

    def _call(self, one: Person, at: datetime) -> tuple[str, ...]:
        self.calls += 1
        hides = not one.phones or self.random.random() < WITHHELD
        wait = self._wait(at)
        in_ivr = self.random.random() < 0.2  # noqa: PLR2004  content with what it said
        gives_up = not in_ivr and wait > 150 and self.random.random() < 0.4  # noqa: PLR2004
        result = "ABANDONADA" if gives_up else "ATENDIDA"
        talk = 0 if gives_up or in_ivr else self.random.randrange(60, 260)
        return (
            f"{at:%Y%m%d}{self.calls:06}", f"{at:%Y-%m-%d %H:%M:%S%z}",
            "anonymous" if hides else one.phones[-1], NUMBER, "CORTES", result,
            "0" if in_ivr else str(wait), str(talk), "S" if in_ivr else "N",
        )  # fmt: skip

    def _wait(self, at: datetime) -> int:
        """Seconds in the queue, by what came in the last ten minutes and what agents can take."""
        self._lately = [each for each in self._lately if at - each < timedelta(minutes=10)]
        self._lately.append(at)
        over = max(0.0, len(self._lately) / (AGENTS * 2.5) - 1)
        return int(min(600, 6 + 90 * over * self.random.uniform(0.5, 1.5)))


def _rate(dark_for: timedelta) -> float:
    """At night few notice at once; then those who call do so within half an hour."""
    minutes = dark_for.total_seconds() / 60
    noticed = min(1.0, max(0.05, minutes / NOTICED_AFTER_MIN - 1))
    return EAGER * noticed * (0.03 + 0.97 * math.exp(-minutes / CALM_AFTER_MIN))


def _left_of(heard: Sequence[datetime], at: datetime) -> float:
    """The share of its calls that a household still makes."""
    is_fresh = any(timedelta() <= at - each < FRESH_FOR for each in heard)
    return 1 - DEFLECTED if is_fresh else 1.0


def write_log(rows: Sequence[tuple[str, ...]], path: Path) -> None:
    """The exchange's file for one stretch of time."""
    in_order = sorted(rows, key=itemgetter(1))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(COLUMNS)
        writer.writerows(in_order)
