"""How long each class of personal data is kept, and the nightly work that lets go of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from outreach.addresses import Keyring
from outreach.campaigns.person_files import OURS
from outreach.settings import Settings
from outreach.settings_retention import Retention
from outreach.store import audit, known, retention
from outreach.store.session import Database

FILES = "exports"
KEPT = ("audit", "evidence", "consent", "suppressions", "requests")
"""What no retention touches: it names nobody, or it is what keeps a No."""
_AT_ONCE = 500
"""Rows: opening, sealing and writing them takes about 20 ms."""
_LAST = "retention.last_run"
_HOUR = 3
"""Of the company's night: least is sent then, and the day's files are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One class: days it is kept (0: for ever), and rows or files that are older."""

    name: str
    days: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the work needs. `pause` lets other writers in between two slices."""

    database: Database
    settings: Settings
    keyring: Keyring
    now: datetime
    pause: Callable[[float], None] = lambda _seconds: None
    breath: float = 0.005


def show(database: Database, settings: Settings, *, now: datetime) -> list[Standing]:
    """Every class with what waits to be let go; counts stop at 100,000."""
    with database.read() as session:
        found = [
            Standing(name=name, days=days, waiting=retention.waiting(session, name, before))
            if before
            else Standing(name=name, days=days, waiting=0)
            for name, days, before in _cutoffs(settings.retention, now)
        ]
    files = list(_old_files(settings, now=now))
    return [*found, Standing(name=FILES, days=settings.retention.exports, waiting=len(files))]


def run(terms: Terms, *, by: str) -> dict[str, int]:
    """Lets go of all that is too old, in slices; class -> rows. Broken off, the next run goes on."""
    done = {
        name: _class(terms, name, before)
        for name, _days, before in _cutoffs(terms.settings.retention, terms.now)
        if before is not None
    }
    files = list(_old_files(terms.settings, now=terms.now))
    for path in files:
        path.unlink(missing_ok=True)
    done[FILES] = len(files)
    with terms.database.write() as session:
        known.keep(session, _LAST, terms.now.isoformat(), now=terms.now)
        if any(done.values()):
            audit.write(session, by, "retention.run", "record", now=terms.now, **done)
    return done


def nightly(terms: Terms) -> dict[str, int] | None:
    """The clock's: once a night, after three in the company's time; None: not now."""
    local = terms.now.astimezone(ZoneInfo(terms.settings.company.zone))
    if local.hour < _HOUR:
        return None
    with terms.database.read() as session:
        last = known.of(session, _LAST)
    if last and last.at.astimezone(local.tzinfo).date() == local.date():
        return None
    return run(terms, by="clock")


def _class(terms: Terms, name: str, before: datetime) -> int:
    slice_, _at = retention.CLASSES[name]
    rows = 0
    while True:
        with terms.database.write() as session:
            met = slice_(session, terms.keyring, before, _AT_ONCE)
        rows += met
        if met < _AT_ONCE:
            return rows
        terms.pause(terms.breath)


def _cutoffs(kept: Retention, now: datetime) -> Iterator[tuple[str, int, datetime | None]]:
    for name in retention.CLASSES:
        days: int = getattr(kept, name)
        yield name, days, now - timedelta(days=days) if days else None


def _old_files(settings: Settings, *, now: datetime) -> Iterator[Path]:
    days = settings.retention.exports
    if not days:
        return
    before = (now - timedelta(days=days)).timestamp()
    for folder in OURS:
        for path in sorted((settings.workspace / folder).glob("**/*")):
            if path.is_file() and path.stat().st_mtime < before:
                yield path
