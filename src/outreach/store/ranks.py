"""The keyed rank inside SQL: a function of ours on SQLite, HMAC built from sha256 on PostgreSQL."""

from __future__ import annotations

import hashlib
import sqlite3
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Dialect, String, exists, func, literal, literal_column

from outreach.model import order
from outreach.store import tables as t


def register(connection: sqlite3.Connection) -> None:
    """Gives a SQLite connection `keyed_rank(seed, household)`; 1 to 3 µs a household."""
    connection.create_function("keyed_rank", 2, _rank, deterministic=True)


def _rank(seed: bytes, household: str) -> int:
    """`model.order.rank` in a third of its time: HMAC written out, with the pads of a seed hashed once."""
    begun = _begun(seed)
    inner, outer = begun[0].copy(), begun[1].copy()
    inner.update(household.encode())
    outer.update(inner.digest())
    return int.from_bytes(outer.digest()[:8], "big") >> 1


@lru_cache(maxsize=16)
def _begun(seed: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    inner, outer = order.pads(seed)
    return hashlib.sha256(inner), hashlib.sha256(outer)


def keyed_rank(seed: bytes, household: ColumnElement[str], dialect: Dialect) -> ColumnElement[int]:
    """`model.order.rank` as a SQL expression, equal to it bit by bit on both databases."""
    if dialect.name == "sqlite":
        return func.keyed_rank(seed, household)
    inner, outer = order.pads(seed)
    text: Any = func.convert_to(household, literal("UTF8", String))
    digest = func.sha256(literal(outer).op("||")(func.sha256(literal(inner).op("||")(text))))
    hexadecimal = func.encode(func.substr(digest, 1, 8), literal("hex", String))
    bits = literal("x", String).op("||")(hexadecimal).op("::")(literal_column("bit(64)"))
    return (
        bits.op("::")(literal_column("bigint"))
        .op(">>")(literal_column("1"))
        .op("&")(literal_column("9223372036854775807"))
    )


def is_drawn(
    seed: bytes, word: str, household_id: ColumnElement[int], dialect: Dialect, *, share: float
) -> ColumnElement[bool]:
    """`model.order.is_drawn` of the household with this id; one look at its row each."""
    home = t.household.alias()
    named = literal(word, String) + home.c.ref
    drawn = keyed_rank(seed, named, dialect) < order.drawn_below(share)
    return exists().where(home.c.id == household_id, drawn)
