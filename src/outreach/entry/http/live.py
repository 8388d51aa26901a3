"""Holds the live truth in memory: refreshed within a second of a commit, kept while the database is away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from outreach.contactcenter.lookup import Lookup
from outreach.model.contactcenter import LiveTruth
from outreach.model.errors import OutreachError
from outreach.model.occasion import Occasion
from outreach.store import changes, ivr, occasions
from outreach.store.session import Database

log = structlog.get_logger()

POLL_EVERY_S = 0.2
INSISTED_FOR_S = 900.0
SLACK = timedelta(seconds=2)
SILENT_AFTER_S = 2.0
"""Without a good look for this long the database counts as away, and callers do not wait for it."""
AWAY_FOR = timedelta(seconds=300)
"""How old a look at the database may be and still be spoken from; after it, the neutral answer."""


@dataclass(frozen=True, slots=True)
class _Look:
    lookup: Lookup
    counter: int


class LaterClock:
    """The wall clock, which may not go back: a past estimate never becomes future again.

    Set back, the steady clock counts on in its place, until the wall clock has insisted for a
    quarter of an hour. Asked at every look of the board, so that it notices.
    """

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        self._wall, self._monotonic = now, monotonic
        self._agreed = (now(), monotonic())

    def __call__(self) -> datetime:
        wall, steady = self._wall(), self._monotonic()
        agreed_wall, agreed_steady = self._agreed
        elapsed_s = steady - agreed_steady
        expected = agreed_wall + timedelta(seconds=elapsed_s)
        if expected - wall <= SLACK or elapsed_s >= INSISTED_FOR_S:
            self._agreed = (wall, steady)
            return wall
        return expected


class Board:
    """The newest truths. `refresh` is called by one thread; `lookup` by any, without waiting.

    The age of a look is judged by the steady clock, so that setting the wall clock neither
    prolongs a truth nor ends it.
    """

    def __init__(
        self,
        database: Database,
        load_live: Callable[[], Sequence[LiveTruth]],
        *,
        monotonic: Callable[[], float],
        clock: Callable[[], datetime],
        large_from: int,
        away_for: timedelta = AWAY_FOR,
    ) -> None:
        self._database = database
        self._load = load_live
        self._monotonic = monotonic
        self.clock = clock
        self._large_from = large_from
        self._away_s = away_for.total_seconds()
        self._look: _Look | None = None
        self._looked_at = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._has_said = False

    def lookup(self) -> Lookup | None:
        """The truths of the last look; None if there is none, or it is too old to be spoken from."""
        look = self._look
        return None if look is None or self.age_s() >= self._away_s else look.lookup

    @property
    def is_away(self) -> bool:
        return self.age_s() >= SILENT_AFTER_S

    def age_s(self) -> float:
        """Seconds since the database was last read with success; infinite before the first."""
        return float("inf") if self._look is None else self._monotonic() - self._looked_at

    def left_for(self) -> timedelta:
        """How long the present look may still be spoken from."""
        return timedelta(seconds=max(0.0, min(self._away_s, self._away_s - self.age_s())))

    def refresh(self) -> bool:
        """Looks once; True if something had changed. Trouble leaves the last look in place."""
        began = self._monotonic()
        self.clock()
        try:
            with self._database.read() as session:
                counted = changes.counters(session)
            counter = counted.get("truth", 0) + counted.get("record", 0)
            changed = self._look is None or self._look.counter != counter
            if changed:
                self._look = _Look(Lookup(self._load(), large_from=self._large_from), counter)
        except OutreachError as error:
            self._say_away(error)
            return False
        self._looked_at, self._has_said = began, False
        return changed

    def _say_away(self, error: OutreachError) -> None:
        if not self._has_said:
            log.warning("live truth not refreshed", why=str(error))
        self._has_said = True

    def start(self) -> None:
        """Refreshes every 200 ms in a thread of its own, until `stop`."""
        self._thread = threading.Thread(target=self._run, name="live-truth", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.refresh()
            except Exception:  # the thread must outlive any defect; the look ages out
                log.exception("live truth not refreshed")
            self._stop.wait(POLL_EVERY_S)

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)


class Loader:
    """`load_live` from the database; what a revision touches is counted once per revision."""

    def __init__(
        self,
        database: Database,
        *,
        shown: Callable[[Occasion], str],
        now: Callable[[], datetime],
        ended_within: timedelta = timedelta(hours=2),
    ) -> None:
        self._database = database
        self._shown = shown
        self._now = now
        self._ended_within = ended_within
        self._known: dict[tuple[int, int, int], LiveTruth] = {}

    def __call__(self) -> list[LiveTruth]:
        with self._database.read() as session:
            record = changes.counters(session).get("record", 0)
            found = {
                (each.id, each.revision.version, record): each
                for each in occasions.since(session, self._now() - self._ended_within)
            }
            self._known = {
                key: self._known.get(key) or ivr.truth(session, each, shown_id=self._shown(each))
                for key, each in found.items()
            }
        return list(self._known.values())
