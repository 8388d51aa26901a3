"""Backs an installation up while it works, and puts a backup back so that nothing is sent twice.

The key is never in a backup: without the key file a copy can be read by nobody, and with it by its owner alone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, count
from pathlib import Path

from outreach.addresses import Keyring, read_keyring, replace_keyring, with_restore
from outreach.model.errors import GuardRefused, InputRefused, StoreUnusable
from outreach.settings import Settings, carried as carried_folder
from outreach.store import (
    backup_files,
    backup_postgres,
    backup_sqlite,
    carried as carrying,
    migrations,
    restoring,
    scrubbing,
)
from outreach.store.backup_files import Manifest
from outreach.store.carried import Carried, Since
from outreach.store.restoring import Stilled
from outreach.store.session import Database

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_PROBE = "outreach"
_SCRIPTS = "alembic"

Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A backup that was put back. `kept`: where the database that was there lies now."""

    manifest: Manifest
    stilled: Stilled
    is_all_known: bool
    """Whether the database that was there could be read: else what people said since is lost."""
    kept: Path | None
    now: datetime

    @property
    def lost(self) -> timedelta:
        """What happened in this time is not in the database (the recovery point)."""
        return self.now - self.manifest.at


def take(
    url: str, keyring: Keyring, file: Path, *, now: datetime, progress: Progress | None = None
) -> Manifest:
    """Writes `file` (mode 0600) and its manifest from the database as it stands; writers go on.

    StoreUnusable for a damaged or foreign database, or without pg_dump; nothing is half-written.
    """
    database = Database(url)
    try:
        with backup_files.emerging(file) as part:
            if database.is_sqlite:
                kind = SQLITE
                tell = progress or _silent
                known = backup_sqlite.copied(_path(database), part, progress=tell)
            else:
                kind = POSTGRESQL
                known = backup_postgres.dumped(database, part)
            size, digest = backup_files.sealed_off(part)
            backup_files.beside(file).unlink(missing_ok=True)  # the old one is not of this file
        manifest = Manifest(
            kind=kind, at=now, revision=known[0], counts=known[1], size=size, sha256=digest,
            probe=keyring.seal(_PROBE).hex(),
        )  # fmt: skip
        backup_files.write_manifest(file, manifest)
    finally:
        database.close()
    return manifest


def put_back(
    settings: Settings,
    keyring: Keyring,
    file: Path,
    *,
    by: str,
    replace: bool,
    now: datetime,
) -> Restored:
    """Puts a backup into the database of the settings, stilled; with `replace` in the place of another.

    InputRefused for a file that is not whole or not of this key and kind; GuardRefused while processes
    are at work or where something stands and `replace` is False. What was there is kept beside it.
    """
    manifest = checked(settings, keyring, file)
    wanted = _Wanted(
        settings=settings, keyring=keyring, file=file, manifest=manifest, by=by, replace=replace,
        now=now,
    )  # fmt: skip
    return _into_sqlite(wanted) if manifest.kind == SQLITE else _into_postgres(wanted)


def checked(settings: Settings, keyring: Keyring, file: Path) -> Manifest:
    """The manifest of a backup that is whole, and that this installation can read; InputRefused otherwise."""
    manifest = backup_files.read_manifest(file)
    kind = SQLITE if settings.database.startswith(SQLITE) else POSTGRESQL
    if kind != manifest.kind:
        raise InputRefused(
            f"{file}: of a {manifest.kind} database, and the settings name {kind}; set database_url"
        )
    try:
        keyring.open(bytes.fromhex(manifest.probe))
    except (InputRefused, ValueError):
        raise InputRefused(
            f"{file}: sealed with another key than {settings.keys}; put the key of that time there"
        ) from None
    return manifest


def name_of(settings: Settings) -> str:
    """What the database of the settings is called, to be typed before it is replaced."""
    url = Database(settings.database, create=True).url
    return Path(url.database or "").name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    settings: Settings
    keyring: Keyring
    file: Path
    manifest: Manifest
    by: str
    replace: bool
    now: datetime

    @property
    def stamp(self) -> str:
        return f"{self.now:%Y%m%dT%H%M%SZ}"

    def guard(self, name: str) -> None:
        """Asked once it is known that the database holds something."""
        if not self.replace:
            raise GuardRefused(
                f"{name} holds data; to put the backup in its place, and keep a copy of it: --replace"
            )


def _into_sqlite(wanted: _Wanted) -> Restored:
    url = wanted.settings.database
    place = _path(Database(url, create=True))
    carried, kept = Carried(is_read=False), None
    if place.exists():
        backup_sqlite.refuse_if_open(place)
        if backup_sqlite.is_used(place):
            wanted.guard(place.name)
            carried = carrying.read(url)
            kept = _free(place.with_name(f"{place.name}.before-{wanted.stamp}"))
    with backup_files.emerging(place) as part:  # stilled before it is anybody's database
        _fill(wanted.file, part)
        stilled = _finished(Database(f"sqlite:///{part}"), wanted, carried)
        _name_anew(wanted, Database(f"sqlite:///{part}"))
        backup_sqlite.into_one_file(part)
        backup_sqlite.set_aside(place, kept)
    return Restored(
        manifest=wanted.manifest,
        stilled=stilled,
        kept=kept,
        now=wanted.now,
        is_all_known=carried.is_read,
    )


def _name_anew(wanted: _Wanted, copy: Database) -> None:
    """SQLite gives the numbers after the copy's last ones away again: old links and callbacks must not fit them.

    Before the copy is anybody's database: should the rest fail, late receipts of messages since then fit
    nothing, which is better than another's. PostgreSQL's sequences jump instead.
    """
    path = wanted.settings.keys
    try:
        with copy.read() as session:
            messages, customers = restoring.last_numbers(session)
        if path.exists():
            newer = with_restore(read_keyring(path), messages=messages, customers=customers)
            replace_keyring(newer, path)
    except OSError:
        raise InputRefused(
            f"{path}: cannot be written; a restore notes in it which numbers are given away again"
        ) from None
    finally:
        copy.close()


def _into_postgres(wanted: _Wanted) -> Restored:
    url = wanted.settings.database
    database = Database(url)
    try:
        backup_postgres.refuse_if_open(database)
        carried, kept = Carried(is_read=False), None
        if backup_postgres.is_used(database):
            wanted.guard(database.url.database or "")
            carried = carrying.read(url)
            kept = _free(wanted.file.with_name(f"before-{wanted.stamp}.backup"))
            take(url, wanted.keyring, kept, now=wanted.now)
        backup_postgres.emptied(database)
        backup_postgres.load(database, wanted.file)
        stilled = _finished(database, wanted, carried)
    finally:
        database.close()
    return Restored(
        manifest=wanted.manifest,
        stilled=stilled,
        kept=kept,
        now=wanted.now,
        is_all_known=carried.is_read,
    )


def _finished(database: Database, wanted: _Wanted, carried: Carried) -> Stilled:
    """One transaction: schema, stilling, and with them the leave to be used."""
    lanes: dict[str, set[str]] = {}
    for lane in wanted.settings.lanes:
        lanes.setdefault(lane.pool, set()).add(lane.name)
    since = Since(carried=carried, keyring=wanted.keyring, draw=secrets.token_bytes)
    try:
        with scrubbing.overwriting(database) as session:
            connection = session.connection()
            if not database.is_sqlite:
                backup_postgres.set_revision(connection, wanted.manifest.revision)
            _compare(backup_postgres.rows(connection), wanted)
            migrations.upgrade_within(connection, carried_folder(_SCRIPTS))
            return restoring.still(
                session, backup_at=wanted.manifest.at, by=wanted.by, lanes=lanes, since=since,
                now=wanted.now,
            )  # fmt: skip
    finally:
        database.close()


def _compare(found: dict[str, int], wanted: _Wanted) -> None:
    said = dict(wanted.manifest.counts)
    if found != said:
        raise StoreUnusable(f"{wanted.file}: {found} rows, and its manifest says {said}")


def _free(path: Path) -> Path:
    """The path, or the next one like it that is free."""
    tries = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(each for each in chain([path], tries) if not each.exists())


def _fill(source: Path, target: Path) -> None:
    with source.open("rb") as read, target.open("wb") as written:
        while block := read.read(1 << 20):
            written.write(block)


def _path(database: Database) -> Path:
    database.close()
    return Path(database.url.database or "")


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""
