"""The clock of the feeds: watches folders, asks addresses, and raises an alarm where one falls silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from outreach.campaigns import feed_folder, feed_readers
from outreach.campaigns.engine import Engine
from outreach.campaigns.feed_intake import take_document
from outreach.model.alarm import AlarmKind
from outreach.model.errors import GuardRefused, OutreachError
from outreach.settings import Feed, Settings
from outreach.store import alarms, feeds
from outreach.store.session import Session

LONGEST_WAIT = timedelta(minutes=15)
_JITTER = 0.2
"""Share by which a wait is longer or shorter, so that many installations do not ask in one breath."""
_BACKOFF_STEPS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What an address answered; `body` None: the same as at `mark`."""

    body: bytes | None
    mark: str = ""
    """ETag or Last-Modified, given back at the next question."""


Fetch = Callable[[Feed, str], Fetched]
"""(feed, mark of the last answer) -> the answer. OutreachError in one line where there is none."""


def tick(
    engine: Engine, settings: Settings, *, now: datetime, fetch: Fetch | None = None
) -> Counter[str]:
    """Reads what is due and watches for silence; how many documents were `taken`, `refused`, `failed`.

    Blocks as long as the addresses take to answer: no clock of anything else may wait for it.
    """
    done: Counter[str] = Counter()
    for feed in settings.feeds:
        if _is_due(engine, feed, now=now):
            done += _read(engine, feed, now=now, fetch=fetch)
        done["silent"] += _watch(engine, feed, now=now)
    return +done


def wait(feed: Feed, failures: int, *, random: float) -> timedelta:
    """Until it is asked again: its own time, doubled with each failure, at most 15 min; jittered.

    `random` lies in [0, 1).
    """
    own = timedelta(seconds=feed.every_s)
    backed_off: timedelta = own * (1 << min(failures, _BACKOFF_STEPS))
    capped = max(own, min(backed_off, LONGEST_WAIT))
    return capped * (1 - _JITTER + 2 * _JITTER * random)


def _is_due(engine: Engine, feed: Feed, *, now: datetime) -> bool:
    with engine.database.read() as session:
        row = feeds.one(session, feed.name)
    return row is None or row.next_at is None or row.next_at <= now


def _read(engine: Engine, feed: Feed, *, now: datetime, fetch: Fetch | None) -> Counter[str]:
    if feed.path is not None:
        return feed_folder.read(engine, feed, now=now)
    if feed.url and fetch is not None:
        return _poll(engine, feed, now=now, fetch=fetch)
    return Counter()


def _poll(engine: Engine, feed: Feed, *, now: datetime, fetch: Fetch) -> Counter[str]:
    with engine.database.read() as session:
        row = feeds.one(session, feed.name)
    failures = row.failures if row else 0
    random = int.from_bytes(engine.random_bytes(2)) / 2**16
    try:
        fetched = fetch(feed, row.mark if row else "")
        if fetched.body is not None:
            take_document(engine, feed, fetched.body, name=feed.name, now=now)
    except GuardRefused:
        return Counter()  # somebody else is reading it
    except OutreachError as error:
        return _failed(engine, feed, error, now=now, next_at=now + wait(feed, failures + 1, random=random))  # fmt: skip
    with engine.database.write() as session:
        if fetched.body is None and feed.kind not in feed_readers.TIMED:
            feeds.heard(session, feed.name, now=now)
        next_at = now + wait(feed, 0, random=random)
        feeds.read_to(session, feed.name, mark=fetched.mark, now=now, next_at=next_at)
    return Counter({"same" if fetched.body is None else "taken": 1})


def _failed(
    engine: Engine, feed: Feed, error: OutreachError, *, now: datetime, next_at: datetime
) -> Counter[str]:
    """Kept as a message that could not be read, so that `outreach feed show` says why."""
    with engine.database.write() as session:
        feeds.failed(session, feed.name, why=str(error), now=now, next_at=next_at)
    return Counter({"failed": 1})


def _watch(engine: Engine, feed: Feed, *, now: datetime) -> int:
    """Raises the alarm of a feed that fell silent; 1 if it was raised now."""
    with engine.database.read() as session:
        row = feeds.one(session, feed.name)
        due_at = row.heard_at + timedelta(seconds=feed.silent_after_s) if row else None
        if row is not None and (due_at is None or now < due_at or _is_raised(session, feed)):
            return 0
    with engine.database.write() as session:
        if row is None or due_at is None:
            feeds.known(session, feed.name, now=now)
            return 0
        return int(
            alarms.raise_(
                session, AlarmKind.FEED_SILENT, f"feed:{feed.name}", due_at, now,
                heard_at=row.heard_at.isoformat(), failures=row.failures,
            )
        )  # fmt: skip


def _is_raised(session: Session, feed: Feed) -> bool:
    standing = alarms.open_ones(session, kinds=[AlarmKind.FEED_SILENT])
    return any(one.subject == f"feed:{feed.name}" for one in standing)
