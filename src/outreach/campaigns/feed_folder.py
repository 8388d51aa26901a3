"""A watched folder: a file that has stopped growing is read, and moves to `done/` or `refused/`."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from outreach.campaigns.engine import Engine
from outreach.campaigns.feed_intake import take_document
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.intake import Taken
from outreach.settings import Feed
from outreach.store import feeds

DONE, REFUSED = "done", "refused"
MOST_FILES = 50
"""Read in one look; the rest at the next."""
MOST_BYTES = 64 * 1024 * 1024
MOST_LISTED = 200
LOOK_AGAIN = timedelta(seconds=2)
_UNFINISHED = (".part", ".tmp", ".partial", ".swp")

Sizes = dict[str, list[int]]
"""Name -> [bytes, nanoseconds of its last change], as of one look."""


def read(engine: Engine, feed: Feed, *, now: datetime) -> Counter[str]:
    """Reads the files that look as they did at the last look; by name, for names carry times."""
    folder = engine.settings.workspace / (feed.path or "")
    seen = _sizes(folder)
    before = _before(engine, feed)
    done: Counter[str] = Counter()
    for name in [name for name in sorted(seen) if seen[name] == before.get(name)][:MOST_FILES]:
        done[_file(engine, feed, folder / name, now=now)] += 1
        del seen[name]
    _remember(engine, feed, seen, now=now)
    return done


def _sizes(folder: Path) -> Sizes:
    """Regular files alone: a link could point anywhere."""
    found: Sizes = {}
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return found
    for entry in entries:
        state = _state(entry)
        is_ours = not entry.name.startswith(".") and not entry.name.endswith(_UNFINISHED)
        if is_ours and state is not None and stat.S_ISREG(state.st_mode):
            found[entry.name] = [state.st_size, state.st_mtime_ns]
    return found


def _state(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except OSError:  # moved away meanwhile
        return None


def _before(engine: Engine, feed: Feed) -> Sizes:
    with engine.database.read() as session:
        row = feeds.one(session, feed.name)
    if row is None or not row.mark.startswith("{"):
        return {}
    known: Sizes = json.loads(row.mark)
    return known


def _remember(engine: Engine, feed: Feed, seen: Sizes, *, now: datetime) -> None:
    waiting = dict(sorted(seen.items())[: 10 * MOST_FILES])
    next_at = now + (LOOK_AGAIN if waiting else timedelta(seconds=feed.every_s))
    with engine.database.write() as session:
        feeds.read_to(
            session, feed.name, mark=json.dumps(waiting) if waiting else "", now=now,
            next_at=min(next_at, now + timedelta(seconds=feed.every_s)),
        )  # fmt: skip


def _file(engine: Engine, feed: Feed, path: Path, *, now: datetime) -> str:
    try:
        taken = take_document(engine, feed, _bytes(path), name=path.name, now=now)
    except InputRefused as error:
        _note(_moved(path, REFUSED, now), str(error))
        return "refused"
    except GuardRefused:
        return "later"  # somebody else is reading this feed
    moved = _moved(path, DONE, now)
    if taken.not_applied:
        _note(moved, _listed(taken))
    return "taken"


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputRefused(
            f"{path.name}: cannot be read ({error.strerror}); check its permissions"
        ) from None
    if len(raw) > MOST_BYTES:
        raise InputRefused(f"{path.name}: more than {MOST_BYTES} bytes; send it in parts")
    return raw


def _moved(path: Path, into: str, now: datetime) -> Path:
    """Under the time at which it was read, so that a name that comes again hides nothing."""
    folder = path.parent / into
    folder.mkdir(mode=0o700, exist_ok=True)
    stem = f"{now:%Y%m%dT%H%M%S}-{path.name}"
    target, number = folder / stem, 1
    while target.exists():
        number += 1
        target = folder / f"{number}-{stem}"
    path.rename(target)
    return target


def _note(moved: Path, text: str) -> None:
    moved.with_name(f"{moved.name}.txt").write_text(f"{text}\n", encoding="utf-8")


def _listed(taken: Taken) -> str:
    lines = [
        " · ".join(filter(None, (one.place, one.outcome, one.outage_ref, one.detail)))
        for one in taken.not_applied[:MOST_LISTED]
    ]
    more = len(taken.not_applied) - MOST_LISTED
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])
