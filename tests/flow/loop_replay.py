"""The sample storm's busiest hour as its forecast meets it: outages, send log and calls, each known from its own instant on."""

from __future__ import annotations

import csv
import json
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

import pytest
from sqlalchemy import update
from tests import make
from tests.flow.conftest import EXAMPLES, SAMPLE

from outreach.campaigns import forecasting
from outreach.campaigns.forecast_evidence import Counted
from outreach.deflection.calls import import_calls
from outreach.deflection.calls_mapping import read_calls_mapping
from outreach.model.forecast import QUARTER, Forecast
from outreach.settings import Settings
from outreach.settings_contactcenter import ContactCenter
from outreach.store import arrivals, tables as t
from outreach.store.arrivals import Line, Wave
from outreach.store.session import Database, Session

MINUTE = timedelta(minutes=1)
LARGE = "RC-260612-0001"
BEGAN = datetime(2026, 6, 12, 23, 30, tzinfo=UTC)
"""19:30 in Santiago: a blackout of the whole province, and the busiest hour of its contact center."""
LINE = "6002001111"
POOL, RATE = "sms:CL", 2.44
"""Of the reference send log: 8,801 households in an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What became known of one outage at an instant."""

    at: datetime
    ref: str
    start_at: datetime | None = None
    """None: it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A forecast, and what came in the quarter-hours that it spoke of."""

    minute: int
    """Of the blackout."""
    forecast: Forecast
    came: tuple[int, ...]
    before: int
    """Calls of the quarter-hour before it."""


def news() -> list[News]:
    """Openings as they were received, and endings; what proved to be none of ours was believed until then."""
    known: dict[str, Any] = json.loads((SAMPLE / "answers.json").read_text())["storm"]["outages"]
    found = []
    for line in (SAMPLE / "oms_eventos.jsonl").read_text(encoding="utf-8").splitlines():
        if not line.startswith("{") or not line.endswith("}"):
            continue
        event = json.loads(line)
        if event.get("outage_id") not in known:
            continue
        at, ref = datetime.fromisoformat(event["rx"]), event["outage_id"]
        if event["type"] == "OUTAGE_CREATED":
            start_at = datetime.fromisoformat(event["start"]).astimezone(UTC)
            found.append(News(at=at, ref=ref, start_at=start_at))
        elif event["type"] in {"RESTORED", "MERGED", "DISCARDED"}:
            found.append(News(at=at, ref=ref))
    return found


def customers() -> dict[str, int]:
    """Of the last scope of each outage; that of the blackout stood after six minutes."""
    known = json.loads((SAMPLE / "answers.json").read_text())["storm"]["outages"]
    return {ref: one["scope_customers"] for ref, one in known.items()}


def slots() -> list[datetime]:
    """When each household of the blackout was told, in order."""
    with (SAMPLE / "envios_referencia.csv").open(encoding="utf-8", newline="") as file:
        log = csv.DictReader(file, delimiter=";")
        return sorted(datetime.fromisoformat(one["HORA_TURNO"]) for one in log)


class Replay:
    """One queue's evening. Sizes and the send log are given: their SQL has its own tests, and a record costs a minute."""

    def __init__(self, database: Database, patch: pytest.MonkeyPatch) -> None:
        self._database = database
        self._settings = Settings(contactcenter=ContactCenter(outage_numbers=(LINE,)))
        mapping = read_calls_mapping(EXAMPLES / "calls.toml")
        log = SAMPLE / "llamadas.csv"
        import_calls(database, make.KEYRING, mapping, path=log, now=BEGAN + timedelta(days=1))
        self._news, self._slots, self._sizes = news(), slots(), customers()
        self._known: dict[str, tuple[int, datetime]] = {}
        """Outage -> its number here, and since when it was dark."""
        patch.setattr(Counted, "_count", lambda _self, one, _revision: self._sizes[one.source_ref])
        patch.setattr(arrivals, "waves", lambda _session, _ids, *, now: self._waves(now))
        patch.setattr(arrivals, "pools", lambda _session, *, now: {POOL: (self._left(now), RATE)})

    def judged(self, minute: int) -> Judged:
        """The forecast of this minute of the blackout, by what was known then."""
        now = BEGAN + minute * MINUTE
        self._hear(now)
        [made] = forecasting.minute(self._database, self._settings, now=now)
        came = [self._came(now + each * QUARTER) for each in range(-1, 4)]
        return Judged(minute=minute, forecast=made, came=tuple(came[1:]), before=came[0])

    def _hear(self, now: datetime) -> None:
        """A feed of one version an outage, and a second that ends it."""
        heard = list(takewhile(lambda one: one.at <= now, self._news))
        self._news = self._news[len(heard) :]
        with self._database.write() as session:
            for one in heard:
                if one.start_at is not None:
                    self._opened(session, one, one.start_at)
                elif one.ref in self._known:
                    self._ended(session, one)

    def _opened(self, session: Session, one: News, start_at: datetime) -> None:
        number = make.make_occasion(
            session, version=0, name=one.ref, source_ref=one.ref, opened_at=one.at
        )
        self._known[one.ref] = number, start_at
        self._says(session, one, version=1)

    def _ended(self, session: Session, one: News) -> None:
        self._says(session, one, version=2, state="restored", restored_at=one.at)

    def _says(self, session: Session, one: News, *, version: int, **more: Any) -> None:
        number, start_at = self._known[one.ref]
        make.make_revision(
            session, occasion=number, version=version,
            start_at=start_at, recorded_at=one.at, source="feed:oms", **more,
        )  # fmt: skip
        row = {"version": version, "open": not more}
        session.execute(update(t.occasion).where(t.occasion.c.id == number).values(row))

    def _left(self, now: datetime) -> int:
        return len(self._slots) - bisect_right(self._slots, now)

    def _waves(self, now: datetime) -> list[Wave]:
        """The campaign that told the blackout, as far as it was."""
        if LARGE not in self._known or now < self._slots[0]:
            return []
        told = Counter(
            at.replace(second=0, microsecond=0)
            for at in self._slots[: len(self._slots) - self._left(now)]
        )
        return [
            Wave(
                id=1, occasion=self._known[LARGE][0], told=tuple(sorted(told.items())),
                waiting={POOL: self._left(now)},
            )
        ]  # fmt: skip

    def _came(self, since: datetime) -> int:
        with self._database.read() as session:
            found = arrivals.by_minute(
                session, Line(numbers=(LINE,)), since=since, until=since + QUARTER
            )
        return sum(found.values())
