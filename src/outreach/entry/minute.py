"""What is done each minute for the contact center, in order: the trouble of one step stops none after it."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from outreach.campaigns import (
    forecasting,
    measuring,
    outcomes,
    platforms,
    pressed,
    replying,
    retention,
    routing,
    suspecting,
    webhooks,
)
from outreach.campaigns.platform_links import Links, links
from outreach.campaigns.platform_rows import Saying
from outreach.campaigns.platforms import Looks
from outreach.contactcenter.answer import Rules, read_sectors
from outreach.entry import inbox, posting, wiring
from outreach.entry.http.live import Loader
from outreach.entry.wiring import Installation
from outreach.model.errors import OutreachError
from outreach.model.platforms import Outcome

log = structlog.get_logger()


def looks(of: Installation) -> Looks:
    """How the platforms' rows are read and spoken: as the IVR does."""
    settings = of.settings
    return Looks(
        load_live=Loader(of.database, shown=of.shown_id, now=of.clocks.now),
        saying=Saying(
            speak=wiring.speaker(settings),
            rules=Rules(sector=read_sectors()),
            locale=settings.company.locale,
        ),
    )


@dataclass(slots=True, kw_only=True)
class Minute:
    """Reads the queues, measures, forecasts, decides, and tells; connections are kept between minutes."""

    of: Installation
    leads: Callable[[], bool] = lambda: True
    """Asked before every step: one that took long may have outlived our lead."""
    _looks: Looks = field(init=False)
    _links: Links | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._looks = looks(self.of)

    def turn(self) -> None:
        """Goes through the steps once."""
        for name, step in self._steps():
            if not self.leads():
                return
            try:
                step()
            except OutreachError as error:
                log.warning("a step of the minute met trouble", step=name, why=str(error))
            except Exception as error:  # noqa: BLE001  one broken step must not silence the others
                # Where, and no text of it: a message of the database's may quote a row.
                place = traceback.extract_tb(error.__traceback__)[-1]
                log.error(  # noqa: TRY400  a traceback may hold addresses
                    "a step of the minute broke", step=name, error=type(error).__name__,
                    at=f"{place.name}:{place.lineno}",
                )  # fmt: skip

    def _steps(self) -> Iterable[tuple[str, Callable[[], object]]]:
        of, now = self.of, self.of.clocks.now()
        return (
            ("queues", self._read_queues),
            ("reports", lambda: pressed.take_waiting(of.engine, now=now)),
            ("suspicions", lambda: suspecting.minute(of.engine, now=now)),
            ("measure", lambda: measuring.minute(of.database, of.settings, now=now)),
            ("forecast", lambda: forecasting.minute(of.database, of.settings, now=now)),
            ("directives", lambda: direct(of)),
            ("platforms", self._push),
            ("replies", lambda: replying.take_waiting(wiring.desk(of), now=now)),
            ("mailbox", lambda: inbox.look(of)),
            ("retention", lambda: retention.nightly(_kept(of))),
        )

    def _read_queues(self) -> None:
        of = self.of
        _tell(platforms.read_queues(of.database, of.settings, self._reach(), now=of.clocks.now()))

    def _push(self) -> None:
        of = self.of
        _tell(
            platforms.push(
                of.database, of.settings, self._reach(), self._looks, now=of.clocks.now()
            )
        )

    def _reach(self) -> Links:
        if self._links is None:
            self._links = links(
                self.of.settings, monotonic=self.of.clocks.monotonic, sleep=time.sleep
            )
        return self._links

    def close(self) -> None:
        if self._links is not None:
            self._links.close()


def _kept(of: Installation) -> retention.Terms:
    return retention.Terms(
        database=of.database,
        settings=of.settings,
        keyring=of.keyring,
        now=of.clocks.now(),
        pause=time.sleep,
    )


def direct(of: Installation) -> None:
    """Evaluates the directives once."""
    routing.minute(of.database, of.settings, of.keyring, shown=of.shown_id, now=of.clocks.now())


def deliver(of: Installation) -> None:
    """Posts what waits for the endpoints of the settings; returns at once where nothing does."""
    outcomes.gather(of.database, of.keyring, now=of.clocks.now())
    post = posting.poster(of.settings, of.clocks.monotonic)
    done = webhooks.deliver(
        of.database, of.settings, of.keyring, now=of.clocks.now(), http=post,
        monotonic=of.clocks.monotonic,
    )  # fmt: skip
    if dead := done.get("dead", 0):
        log.warning("webhooks given up", count=dead)


def _tell(outcomes: Iterable[Outcome]) -> None:
    for each in outcomes:
        if each.trouble:
            log.warning("a platform met trouble", platform=each.target, why=each.trouble)
