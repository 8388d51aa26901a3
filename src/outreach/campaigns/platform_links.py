"""The company's platforms as this process reaches them: one client each, and a rest after repeated trouble."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from outreach.contactcenter import connect
from outreach.contactcenter.genesys import Genesys
from outreach.contactcenter.platform_http import PlatformHttp
from outreach.settings import Settings

GENESYS, CONNECT = "genesys", "connect"
PATIENCE = 3
"""Failures in a row after which a platform is left alone for a while."""
REST_S = 90.0
LONGEST_REST_S = 120.0
"""A platform that is back must be heard within two minutes: what it shows is running out."""


@dataclass(slots=True, kw_only=True)
class Rest:
    """Trouble with one platform delays nothing else: it is asked less and less often."""

    failures: int = 0
    until: float = float("-inf")

    def saw(self, *, trouble: bool, now: float) -> None:
        """now: monotonic seconds."""
        self.failures = self.failures + 1 if trouble else 0
        if self.failures >= PATIENCE:
            rest = min(REST_S * 2 ** (self.failures - PATIENCE), LONGEST_REST_S)
            self.until = now + rest

    def is_on(self, now: float) -> bool:
        return now < self.until


@dataclass(slots=True, kw_only=True)
class Links:
    """What of the platforms this installation has; kept between minutes, closed at the end."""

    monotonic: Callable[[], float]
    genesys: Genesys | None = None
    connect: connect.Client | None = None
    rests: dict[str, Rest] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    """Tables and groups whose strangers have been looked for since this process began."""

    def rest(self, target: str) -> Rest:
        return self.rests.setdefault(target, Rest())

    def close(self) -> None:
        if self.genesys is not None:
            self.genesys.http.close()


def links(
    settings: Settings, *, monotonic: Callable[[], float], sleep: Callable[[float], None]
) -> Links:
    """The clients that the settings name; no platform is called yet. InputRefused: an extra is missing."""
    platforms = settings.contactcenter
    http = PlatformHttp(monotonic=monotonic, only_loopback=settings.delivery.only_loopback)
    return Links(
        monotonic=monotonic,
        genesys=Genesys(platforms.genesys, http, sleep=sleep) if platforms.genesys.is_on else None,
        connect=connect.client(platforms.connect) if platforms.connect.is_on else None,
    )
