"""What a load has read and not yet merged: rows that are new or changed, and ids that are gone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import Table, delete, exists, func, select, tuple_

from outreach.store import bulk, tables as t
from outreach.store.bulk import Tuples
from outreach.store.session import Session

ACCOUNT_NAMES = (
    "ref", "record", "day", "source_hash", "customer_key", "customer_type", "priority",
    "priority_expired", "base_priority", "life_support", "life_support_on", "life_support_until",
    "body_sealed",
)  # fmt: skip
PREMISE_NAMES = (
    "ref", "record", "day", "source_hash", "holder", "occupant", "transformer", "locality",
    "postal_code", "latitude", "longitude", "zone", "street_sealed",
)  # fmt: skip

_TABLES = {"account": (t.account, t.stage_account), "premise": (t.premise, t.stage_premise)}
_NAMES = {"account": ACCOUNT_NAMES, "premise": PREMISE_NAMES}


class Standing(NamedTuple):
    """A row of the record as a load meets it."""

    id: int
    digest: int | None
    day: date | None
    is_open: bool


class Staged(NamedTuple):
    """A row that this load has staged already."""

    record: int
    day: date | None
    digest: int


_CLEARED = 20_000
"""Rows that one transaction forgets: of a million at once, other writers would wait for nine seconds."""


def clear(session: Session) -> bool:
    """Forgets the next of what was read; False: there is nothing left."""
    tables = (t.stage_account, t.stage_premise, t.stage_gone)
    if session.get_bind().dialect.name == "postgresql":
        bulk.truncate(session, *tables)
        return False
    return sum([_cleared(session, table) for table in tables]) > 0


def _cleared(session: Session, table: Table) -> int:
    key = [table.c[column.name] for column in table.primary_key]
    some = select(*key).order_by(*key).limit(_CLEARED)
    forgotten = delete(table).where(tuple_(*key).in_(some))
    return session.execute(forgotten).rowcount


def highest(session: Session, entity: str) -> int:
    """The highest id of accounts, or premises; 0 where there are none."""
    return session.execute(select(func.max(_TABLES[entity][0].c.id))).scalar() or 0


def standing(session: Session, entity: str, refs: Collection[str]) -> dict[str, Standing]:
    """ref -> what the record has of it; unknown ones are absent."""
    c = _TABLES[entity][0].c
    rows = session.execute(
        select(c.ref, c.id, c.source_hash, c.updated_on, c.closed_at.is_(None)).where(
            bulk.among(session, c.ref, refs)
        )
    )
    return {ref: Standing(*values) for ref, *values in rows.all()}


def staged(session: Session, entity: str, refs: Collection[str]) -> dict[str, Staged]:
    """ref -> what this load has staged of it."""
    c = _TABLES[entity][1].c
    rows = session.execute(
        select(c.ref, c.record, c.day, c.source_hash).where(bulk.among(session, c.ref, refs))
    )
    return {ref: Staged(*values) for ref, *values in rows.all()}


def bodies(session: Session, refs: Collection[str]) -> list[bytes]:
    """The sealed bodies of staged accounts."""
    c = t.stage_account.c
    return list(session.scalars(select(c.body_sealed).where(bulk.among(session, c.ref, refs))))


def stage(session: Session, entity: str, rows: Tuples) -> None:
    """Rows in the order of ACCOUNT_NAMES or PREMISE_NAMES; none of these refs is staged."""
    bulk.insert(session, _TABLES[entity][1], _NAMES[entity], rows)


def unstage(session: Session, entity: str, refs: Collection[str]) -> None:
    bulk.remove(session, _TABLES[entity][1].c.ref, refs)


def count(session: Session, entity: str) -> int:
    """How many rows are staged."""
    counted = select(func.count()).select_from(_TABLES[entity][1])
    return session.execute(counted).scalar_one()


def count_known(session: Session, entity: str) -> int:
    """How many of the staged rows the record has, and open."""
    known, stage = _TABLES[entity]
    stands = exists().where(known.c.ref == stage.c.ref, known.c.closed_at.is_(None))
    counted = select(func.count()).select_from(stage).where(stands)
    return session.execute(counted).scalar_one()


def stage_gone(session: Session, entity: str, ids: Collection[int]) -> int:
    """Marks those of the ids that are open to be closed; how many these are."""
    table: Table = _TABLES[entity][0]
    still = select(table.c.id).where(
        bulk.among(session, table.c.id, ids), table.c.closed_at.is_(None)
    )
    rows: list[tuple[Any, ...]] = [(entity, id_) for id_ in session.scalars(still)]
    bulk.insert(session, t.stage_gone, ("entity", "id"), rows)
    return len(rows)


def open_count(session: Session, entity: str) -> int:
    """How many accounts, or premises, are open."""
    table = _TABLES[entity][0]
    counted = select(func.count()).select_from(table).where(table.c.closed_at.is_(None))
    return session.execute(counted).scalar_one()
