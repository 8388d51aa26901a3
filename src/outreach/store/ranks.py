"""The keyed rank inside SQL: a function of ours on SQLite, HMAC built from sha256 on PostgreSQL."""

from __future__ import annotations

import hashlib
import sqlite3
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Dialect, String, func, literal, literal_column

from outreach.model import order


def register(connection: sqlite3.Connection) -> None:
    """Gives a SQLite connection `keyed_rank(seed, household)`; 1 to 3 µs a household."""
    connection.create_function("keyed_rank", 2, _rank, deterministic=True)


@lru_cache(maxsize=20_000)  # 4 MB; the points of a household stand in the same slice of a freeze
def _rank(seed: bytes, household: str) -> int:
    """`model.order.rank` in half its time: the pads of a seed are hashed once, not for each household."""
    inner, outer = (pad.copy() for pad in _hashed_pads(seed))
    inner.update(household.encode())
    outer.update(inner.digest())
    return int.from_bytes(outer.digest()[:8], "big") >> 1


@lru_cache(maxsize=16)
def _hashed_pads(seed: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
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
