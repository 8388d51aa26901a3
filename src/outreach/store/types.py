"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Id = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite numbers rows by itself only in a column declared INTEGER."""

TreeOrder = Integer().with_variant(BigInteger(), "postgresql")
"""A place in the tree: 63 bits, with gaps, so that switching renumbers only what moves."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: timestamptz on PostgreSQL, integer microseconds on SQLite, aware UTC in Python."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant without a zone reached the store: {value!r}")
        return to_micros(value) if dialect.name == "sqlite" else value

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        if dialect.name != "sqlite":
            return super().result_processor(dialect, coltype)
        return _read  # without the library's layers: a revision has eight instants

    def process_result_value(
        self, value: int | datetime | None, dialect: Dialect
    ) -> datetime | None:
        if value is None:
            return None
        return from_micros(value) if isinstance(value, int) else value.astimezone(UTC)


def _read(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 UTC, exact."""
    return (instant - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=10_000)  # a wave's thousands bear the same few instants
def from_micros(micros: int) -> datetime:
    """The aware UTC instant."""
    return _EPOCH + timedelta(microseconds=micros)
