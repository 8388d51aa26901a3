"""Replaces the keys of an installation while it goes on sending, in slices of at most half a second."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from outreach.addresses import (
    Keyring,
    read_keyring,
    replace_keyring,
    with_new_lookup,
    with_new_seal,
)
from outreach.model.errors import GuardRefused, InputRefused
from outreach.store import audit, rotations, tables as t, workers
from outreach.store.rotations import Rotation
from outreach.store.session import Database

Kind = Literal["encryption", "lookup"]
TAKEN_UP_S = 2.5
"""Every running process reads a changed key file within a second; twice that, and some."""
_SEALED_AT_ONCE = 2_000
_MOVED_AT_ONCE = 300
_PASSES = ("contact_point", "reply", "contact_point again")
"""Of the lookup: the second look at contact points takes along what was written beside them meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a rotation works with. `pause(seconds)` waits; `progress(rows)` hears how many are done."""

    database: Database
    path: Path
    by: str
    now: Callable[[], datetime]
    pause: Callable[[float], None]
    progress: Callable[[int], None] = field(default=lambda _rows: None)
    breath: float = 0.005
    """Seconds between slices, in which other writers get the lock."""


def rotate(terms: Terms, kind: Kind, *, new_key: bool) -> Rotation:
    """Makes a key if asked, then brings every row to the newest one; broken off, it goes on when called again.

    Encryption: all sealed columns. Lookup: every address hash whose address is somewhere in clear; the rest
    stays under its own key, which is kept. GuardRefused if another host would not see the new key.
    """
    keyring = read_keyring(terms.path)
    if new_key:
        keyring = _with_new(terms, kind, keyring)
    _refuse_nothing_to_do(kind, keyring)
    to_key = max(keyring.seals) if kind == "encryption" else len(keyring.former)
    with terms.database.write() as session:
        begun = rotations.begin(session, kind, to_key, now=terms.now())
        if new_key:
            audit.write(session, terms.by, f"keys.{kind}", f"key:{to_key}", now=terms.now())
    if begun.finished_at is None:
        (_reseal if kind == "encryption" else _move)(terms, keyring, begun)
    if kind == "lookup" and keyring.moving:
        replace_keyring(replace(keyring, moving=False, file=None), terms.path)
    with terms.database.write() as session:
        if begun.finished_at is None:
            rotations.finish(session, begun, now=terms.now())
        return rotations.begin(session, kind, to_key, now=terms.now())


def _with_new(terms: Terms, kind: Kind, keyring: Keyring) -> Keyring:
    if kind == "lookup" and keyring.moving:
        raise GuardRefused(
            "a lookup rotation is under way; finish it first: outreach db rotate lookup"
        )
    made = with_new_seal(keyring) if kind == "encryption" else with_new_lookup(keyring)
    replace_keyring(made, terms.path)
    elsewhere = _elsewhere(terms)
    if elsewhere:
        raise GuardRefused(
            f"the new key is in {terms.path}; copy the file to {', '.join(elsewhere)}, then run this"
            " again without --new-key"
        )
    terms.pause(TAKEN_UP_S)
    return made


def _elsewhere(terms: Terms) -> list[str]:
    """Other hosts with processes at work: they have a key file of their own."""
    here = workers.owner_name("").split(":")[0]
    with terms.database.read() as session:
        alive = workers.alive(session, now=terms.now())
    return sorted({one.owner.split(":")[0] for one in alive} - {here})


def _refuse_nothing_to_do(kind: Kind, keyring: Keyring) -> None:
    has_key = len(keyring.seals) > 1 if kind == "encryption" else bool(keyring.former)
    if not has_key:
        raise InputRefused(
            f"the key file holds one {kind} key; make another: outreach db rotate {kind} --new-key"
        )


def _reseal(terms: Terms, keyring: Keyring, begun: Rotation) -> None:
    names = [f"{column.table.name}.{column.name}" for column in rotations.SEALED]
    first = names.index(begun.at_table) if begun.at_table in names else 0
    after, done = begun.at_id, begun.rows
    for name, column in list(zip(names, rotations.SEALED, strict=True))[first:]:
        while True:
            with terms.database.write() as session:
                taken = rotations.reseal(
                    session, keyring, column, after=after, limit=_SEALED_AT_ONCE
                )
                if taken is not None:
                    after, rows = taken
                    done += rows
                    rotations.note(session, begun, table=name, at=after, rows=rows)
            if taken is None:
                break
            terms.progress(done)
            terms.pause(terms.breath)
        after = 0


def _move(terms: Terms, keyring: Keyring, begun: Rotation) -> None:
    first = _PASSES.index(begun.at_table) if begun.at_table in _PASSES else 0
    after, done = begun.at_id, begun.rows
    for name in _PASSES[first:]:
        table = t.reply if name == "reply" else t.contact_point
        while True:
            with terms.database.write() as session:
                found = rotations.clear_points(
                    session, keyring, table, after=after, limit=_MOVED_AT_ONCE
                )
                if found is not None:
                    after, points = found
                    rows = rotations.adopt(session, keyring, points.values())
                    done += rows
                    rotations.note(session, begun, table=name, at=after, rows=rows)
            if found is None:
                break
            terms.progress(done)
            terms.pause(terms.breath)
        after = 0
