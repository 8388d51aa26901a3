"""Holds the live truth in memory: refreshed within a second of a commit, kept while the database is away."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from outreach.campaigns import alert_texts
from outreach.contactcenter.answer import Offers, offered
from outreach.contactcenter.lookup import Lookup
from outreach.model.contactcenter import Directive, LiveTruth
from outreach.model.errors import OutreachError
from outreach.model.occasion import Occasion
from outreach.model.storm import Statement
from outreach.model.words import OccasionKind
from outreach.store import changes, events, feeds, ivr, occasions
from outreach.store.session import Database, Session

log = structlog.get_logger()

POLL_EVERY_S = 0.2
INSISTED_FOR_S = 900.0
SLACK = timedelta(seconds=2)
_SLACK_S = SLACK.total_seconds()
SILENT_AFTER_S = 2.0
"""Without a good look for this long the database counts as away, and callers do not wait for it."""
AWAY_FOR = timedelta(seconds=300)
"""How old a look at the database may be and still be spoken from; after it, the neutral answer."""


def _nothing_held(_now: datetime) -> Sequence[Directive]:
    return ()


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
        if elapsed_s <= _SLACK_S and wall >= agreed_wall:  # nearly every call: no dates reckoned
            self._agreed = (wall, steady)
            return wall
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
        load_held: Callable[[datetime], Sequence[Directive]] = _nothing_held,
    ) -> None:
        self._database = database
        self._load = load_live
        self._load_held = load_held
        self.last_offers = Offers()
        self._held: tuple[Directive, ...] = ()
        self._monotonic = monotonic
        self.clock = clock
        self._large_from = large_from
        self._away_s = AWAY_FOR.total_seconds()
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
    def offers(self) -> Offers:
        """What directives let be offered: of the last look, nothing once the database is away.

        Directives live by their renewal: without the database nobody knows whether they still hold.
        """
        return Offers() if self.is_away else self.last_offers

    @property
    def held(self) -> Sequence[Directive]:
        """The directives in force, as `offers`."""
        return () if self.is_away else self._held

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
        now = self.clock()
        try:
            held = tuple(self._load_held(now))
            offers = offered(held)
            if offers != self.last_offers:
                self.last_offers = offers  # the same object while it is the same: asked for by `is`
            self._held = held
            with self._database.read() as session:
                counted = changes.counters(session)
            counter = counted.get("truth", 0) + counted.get("record", 0)
            changed = self._look is None or self._look.counter != counter
            if changed:
                self._look = _Look(Lookup(self._load(), large_from=self._large_from), counter)
        except Exception as error:  # noqa: BLE001  a torn file raises what it likes; the look ages out
            self._say_away(error)
            return False
        self._looked_at, self._has_said = began, False
        return changed

    def _say_away(self, error: Exception) -> None:
        if not self._has_said:
            why = str(error) if isinstance(error, OutreachError) else type(error).__name__
            log.warning("live truth not refreshed", why=why)
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
                if not each.drill  # an exercise is true for nobody
            }
            self._known = {
                key: self._known.get(key) or self._read(session, each)
                for key, each in found.items()
            }
            heard = {feed.name: feed.heard_at for feed in feeds.every(session)}
            said = {storm.id: storm.statement for storm in events.open_ones(session)}
        return [_with_statement(_alive(each, heard), said) for each in self._known.values()]

    def _read(self, session: Session, occasion: Occasion) -> LiveTruth:
        found = ivr.truth(session, occasion, shown_id=self._shown(occasion))
        if occasion.kind is not OccasionKind.ADVISORY:
            return found
        texts = alert_texts.texts(session, occasion.id, occasion.revision)
        return replace(found, texts=texts)


def _with_statement(each: LiveTruth, said: Mapping[int, Statement | None]) -> LiveTruth:
    event = each.occasion.event_id
    statement = said.get(event) if event is not None else None
    return each if statement is None else replace(each, statement=statement)


def _alive(each: LiveTruth, heard: Mapping[str, datetime]) -> LiveTruth:
    """A feed's truth lives by the newest word of its feed, whatever that was about."""
    heard_at = heard.get(each.occasion.revision.source.partition(":")[2])
    if not each.is_feed or heard_at is None or each.heartbeat_at is None:
        return each
    return replace(each, heartbeat_at=max(each.heartbeat_at, heard_at))
