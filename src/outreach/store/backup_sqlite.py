"""Copies a SQLite database while it is at work, and puts a copy in the place of another."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from outreach.model.errors import GuardRefused, StoreUnusable
from outreach.store.backup_files import COUNTED

_PAGES = 4_000
"""A step: 16 MB."""
_ENDS = ("-wal", "-shm")

Progress = Callable[[int, int], object]


def copied(source: Path, target: Path, *, progress: Progress) -> tuple[str, dict[str, int]]:
    """Fills `target` with the database as it stands now; (revision, rows by table) of the copy.

    The copy reads one snapshot of the write-ahead log: writers wait for nothing, and a write does
    not make it begin again. Costs the log, which cannot be folded in while the copy lasts.
    """
    with closing(_opened(source)) as live, closing(_opened(target)) as copy:
        live.execute("BEGIN")
        try:
            live.execute(
                "SELECT count(*) FROM sqlite_master"
            ).fetchone()  # the snapshot is taken here
            copy.execute("PRAGMA synchronous=OFF")  # the file is flushed once, as a whole
            live.backup(copy, pages=_PAGES, progress=_told(progress))
        except sqlite3.DatabaseError as error:
            raise StoreUnusable(f"{source}: cannot be copied: {error}") from error
        return _looked_at(copy)


def is_used(path: Path) -> bool:
    """Whether something of ours stands there: customers, outages or messages; a damaged file counts."""
    if not path.exists() or not path.stat().st_size:
        return False
    with closing(_opened(path)) as there:
        try:
            return any(_rows(there).values())
        except sqlite3.OperationalError:
            return bool(there.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
        except sqlite3.DatabaseError:
            return True


def refuse_if_open(path: Path) -> None:
    """GuardRefused while any process has the database open; afterwards all of it is in the one file."""
    with closing(_opened(path)) as there:
        there.execute("PRAGMA busy_timeout=0")
        there.execute("PRAGMA locking_mode=EXCLUSIVE")
        try:
            there.execute("BEGIN IMMEDIATE")
            there.execute("COMMIT")
            there.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError:
            raise GuardRefused(
                f"{path}: a process has it open; stop `outreach serve` and every other command first"
            ) from None
        except sqlite3.DatabaseError:
            return  # damaged: nobody can be at work on it


def set_aside(path: Path, to: Path | None) -> None:
    """Moves a database with all that belongs to it; `to` None: it held nothing, and goes."""
    for end in ("", *_ENDS):
        old = path.with_name(path.name + end)
        with suppress(FileNotFoundError):
            if to is None:
                old.unlink()
            else:
                old.replace(to.with_name(to.name + end))


def into_one_file(path: Path) -> None:
    """Folds the log of a database that nobody has open into its file."""
    with closing(_opened(path)) as there:
        there.execute("PRAGMA journal_mode=DELETE")


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=15, isolation_level=None)


def _told(progress: Progress) -> Callable[[int, int, int], object]:
    return lambda _status, remaining, total: progress(total - remaining, total)


def _looked_at(copy: sqlite3.Connection) -> tuple[str, dict[str, int]]:
    """A backup that nobody can read is none."""
    copy.execute("PRAGMA journal_mode=DELETE")
    found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise StoreUnusable(f"the database is damaged: {found}; restore an earlier backup")
    try:
        revision = copy.execute("SELECT version_num FROM alembic_version").fetchone()[0]
        return str(revision), _rows(copy)
    except sqlite3.OperationalError:
        raise StoreUnusable(
            "not an outreach database, or an old one; run `outreach db upgrade`"
        ) from None


def _rows(there: sqlite3.Connection) -> dict[str, int]:
    return {
        name: int(there.execute(f"SELECT count(*) FROM {name}").fetchone()[0])  # noqa: S608  our own names
        for name in COUNTED
    }
