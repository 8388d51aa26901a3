"""Replaces keys row by row: seals what is sealed anew, and moves addresses to another lookup hash.

An address moves as a whole, in every table in one transaction, so that joins between tables hold in each
snapshot: a suppression and its contact point are never seen under two hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    Table,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from outreach.addresses import Keyring
from outreach.model.words import Channel
from outreach.store import bulk, tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session

SEALED = tuple(
    column
    for table in t.metadata.sorted_tables
    for column in table.c
    if column.name.endswith("_sealed") and isinstance(column.type, LargeBinary)
)
"""Every sealed column of the schema, in a fixed order: a rotation's mark stands between them."""
HASHED = tuple(table for table in t.metadata.sorted_tables if "address_hash" in table.c)
"""Every table in which an address is found by its hash."""
_UNIQUE = (t.suppression, t.dialogue)
"""Those whose key the hash is part of: both forms may be there."""
_HEAD = 2
"""Bytes: version and key id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How far a rotation has come."""

    kind: str
    to_key: int
    at_table: str
    at_id: int
    rows: int
    started_at: datetime
    finished_at: datetime | None


def begin(session: Session, kind: str, to_key: int, *, now: datetime) -> Rotation:
    """The rotation to this key, begun now or before."""
    r = t.rotation.c
    asked = select(t.rotation).where(r.kind == kind, r.to_key == to_key)
    if session.execute(asked).first() is None:
        row = {"kind": kind, "to_key": to_key, "started_at": now}
        session.execute(insert(t.rotation).values(**row))
    return Rotation(**dict(session.execute(asked).mappings().one()))


def note(session: Session, of: Rotation, *, table: str, at: int, rows: int) -> None:
    """The mark from which an interrupted rotation goes on, in the transaction of its slice."""
    session.execute(_that(of).values(at_table=table, at_id=at, rows=t.rotation.c.rows + rows))


def finish(session: Session, of: Rotation, *, now: datetime) -> None:
    session.execute(_that(of).values(finished_at=now))


def _that(of: Rotation) -> Any:
    r = t.rotation.c
    return update(t.rotation).where(r.kind == of.kind, r.to_key == of.to_key)


def reseal(
    session: Session, keyring: Keyring, column: Column[Any], *, after: int, limit: int
) -> tuple[int, int] | None:
    """Seals the next rows of a column under the newest key: (last id, rows changed); None: no more.

    A row is changed only if it is as it was read: who writes meanwhile wins, and seals with the newest key.
    Tables without a number for key are small; they are asked for what is left, and the id is 0.
    """
    newest = max(keyring.live.seals)
    keys = list(column.table.primary_key.columns)
    if is_numbered(column.table):
        asked = select(*keys, column).where(keys[0] > after).order_by(keys[0])
    else:
        head = func.substr(column, 1, _HEAD)
        asked = select(*keys, column).where(head != bytes([1, newest]))
    found = session.execute(asked.limit(limit)).all()
    if not found:
        return None
    old = [(tuple(row[:-1]), bytes(row[-1])) for row in found if row[-1] and row[-1][1] != newest]
    if not old and not is_numbered(column.table):
        return None  # what is left is empty, and would be found for ever
    fresh = keyring.seal_each([keyring.open(was) for _key, was in old])
    if old:
        _write(session, column, keys, [(*each, new) for each, new in zip(old, fresh, strict=True)])
    return (found[-1][0] if is_numbered(column.table) else 0), len(old)


def is_numbered(table: Table) -> bool:
    """Whether its rows can be walked by a number."""
    keys = list(table.primary_key.columns)
    return len(keys) == 1 and isinstance(keys[0].type, Integer)


def _write(
    session: Session, column: Column[Any], keys: list[Column[Any]], changes: list[tuple[Any, ...]]
) -> None:
    same = [each == bindparam(f"key_{each.name}") for each in keys]
    statement = update(column.table).where(*same, column == bindparam("was"))
    rows = [
        {f"key_{each.name}": part for each, part in zip(keys, key, strict=True)}
        | {"was": was, "fresh": fresh}
        for key, was, fresh in changes
    ]
    session.execute(statement.values({column.name: bindparam("fresh")}), rows)


def clear_points(
    session: Session, keyring: Keyring, table: Table, *, after: int, limit: int
) -> tuple[int, dict[bytes, str]] | None:
    """The next rows that hold an address sealed beside its hash: (last id, hash -> address)."""
    c = table.c
    asked = select(c.id, c.address_hash, c.address_sealed).where(c.id > after)
    rows = session.execute(asked.order_by(c.id).limit(limit)).all()
    if not rows:
        return None
    opened = {bytes(row[1]): keyring.open(bytes(row[2])) for row in rows}
    return rows[-1][0], {form: address for form, address in opened.items() if address}


def adopt(session: Session, keyring: Keyring, addresses: Iterable[str]) -> int:
    """Moves what stands of these addresses under a former lookup key to the present one; rows moved.

    To be called, in the same transaction, before anything is found or written by the hash of an address
    that has come from outside. Costs nothing where no lookup key was ever replaced.
    """
    if not keyring.live.former:
        return 0
    pairs: dict[bytes, bytes] = {}
    for address in addresses:
        newest, *former = keyring.forms(address)
        pairs |= dict.fromkeys(former, newest)
    return move(session, pairs, lock=keyring.live.moving)


def move(session: Session, pairs: Mapping[bytes, bytes], *, lock: bool = True) -> int:
    """Former hash -> present one, in every table at once; rows, or of a table without a key of it, addresses.

    lock: while rows are moved, on PostgreSQL nobody writes a suppression meanwhile: one that copies the hash of a contact point must
    not copy the former one after its point has moved.
    """
    if lock and session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE suppression IN SHARE ROW EXCLUSIVE MODE"))
    return sum(_moved(session, table, pairs) for table in HASHED)


def _moved(session: Session, table: Table, pairs: Mapping[bytes, bytes]) -> int:
    column = table.c.address_hash
    # Every channel is named because the index begins with it.
    of_any = [or_(*(table.c.channel == one for one in Channel))] if table is t.contact_point else []
    those = bulk.among(session, column, list(pairs))
    there = set(session.scalars(select(column).where(those, *of_any).distinct()))
    if not there:
        return 0
    if table in _UNIQUE:
        return _carry_over(session, table, {bytes(each): pairs[bytes(each)] for each in there})
    rows = [{"was": bytes(each), "now": pairs[bytes(each)]} for each in there]
    was = update(table).where(column == bindparam("was"), *of_any)
    moved = was.values(address_hash=bindparam("now"))
    session.execute(moved, rows)
    return len(rows)


def _carry_over(session: Session, table: Table, pairs: Mapping[bytes, bytes]) -> int:
    """Rows under the former hash go; those under the present one, where there are such, stay."""
    those = bulk.among(session, table.c.address_hash, list(pairs))
    rows = [dict(row) for row in session.execute(select(table).where(those)).mappings()]
    for row in rows:
        present = row | {"address_hash": pairs[bytes(row["address_hash"])]}
        session.execute(insert_into(session, table).values(**present).on_conflict_do_nothing())
    session.execute(delete(table).where(those))
    return len(rows)
