"""Builds what the platforms' tests need: a clock that leaps, a client of the fake, rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fakes.genesys import CLIENT, GROUP, QUEUE, SECRET, TABLE, GenesysFake

from outreach.contactcenter.genesys import Genesys
from outreach.contactcenter.platform_http import PlatformHttp
from outreach.model.platforms import ZoneRow
from outreach.settings_contactcenter import Genesys as Settings

NOW = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)


class Leaping:
    """Seconds that pass only when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 1_000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds


def make_settings(fake: GenesysFake, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "api_url": fake.url,
        "login_url": fake.url,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "table": TABLE,
        "queues": {"outages": QUEUE},
        "emergency_group": GROUP,
    }
    return Settings(**(values | changes))


def make_genesys(fake: GenesysFake, clock: Leaping, **changes: Any) -> Genesys:
    http = PlatformHttp(monotonic=clock, only_loopback=True)
    return Genesys(make_settings(fake, **changes), http, sleep=clock.sleep)


def make_row(key: str = "Ñuñoa", **changes: Any) -> ZoneRow:
    values: dict[str, Any] = {
        "key": key,
        "status": "etr",
        "text": "Sabemos que hay un corte de luz.",
        "etr": "2026-07-12T09:30:00Z",
        "as_of": NOW,
        "expires_at": NOW + timedelta(minutes=10),
        "wait_band": "",
        "generation": 3,
        "ask_percent": 24,
        "weight": 1_200,
    }
    return ZoneRow(**(values | changes))
