"""Which rows of reach are seen: a load becomes visible by one update of one row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from outreach.model.words import StepRunState
from outreach.store import bulk, changes, families, tables as t, touched
from outreach.store.session import Database, Session
from outreach.store.tables_record import FOREVER

Row = dict[str, Any]
_PLACES = 200
"""Places purged in one transaction."""


def current(session: Session) -> int:
    """The generation that readers see; 0 before the first load."""
    return session.execute(CURRENT).scalar() or 0


CURRENT = select(t.record_state.c.generation)


def is_kept(session: Session) -> bool:
    """Whether reach and headcounts were ever built whole, so that they can be kept up."""
    return session.execute(select(t.record_state.c.id)).first() is not None


def is_counted(session: Session) -> bool:
    """Whether the headcounts agree with what is seen; else the rows themselves are counted."""
    return bool(session.execute(select(t.record_state.c.counted)).scalar())


def visible(table: FromClause, generation: int) -> ColumnElement[bool]:
    """True for the rows of reach, headcount or recurrence that this generation sees."""
    return and_(table.c.since <= generation, table.c.until > generation)


def switch(database: Database, *, now: datetime, counted: bool = True) -> int:
    """Makes everything written for the next generation visible at once; returns that generation."""
    with database.write() as session:
        moved = session.execute(
            update(t.record_state)
            .values(generation=t.record_state.c.generation + 1, counted=counted)
            .returning(t.record_state.c.generation)
        ).scalar()
        if moved is None:
            session.execute(insert(t.record_state).values(id=1, generation=1, counted=counted))
        touched.drop_marks(session)
        changes.bump(session, "record", now=now)
    return moved or 1


def rows(session: Session, asked: Select[Any], given: Row | None = None) -> list[Row]:
    """What a query finds, given its parameters, by column; all at once costs a third of one by one."""
    found = session.execute(asked, given)
    names = tuple(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found.all()]


def replace(
    session: Session, table: Table, *, gone: Sequence[Row], new: Sequence[Row], since: int
) -> None:
    """Ends rows and adds others from generation `since` on; what no reader ever saw is deleted.

    `gone` holds whole keys with their `since`; `new` everything but the generations.
    """
    seen = [row for row in gone if row["since"] < since]
    _each(session, table, [row for row in gone if row["since"] == since], delete(table))
    _each(session, table, seen, update(table).values(until=since))
    bulk.insert_rows(session, table, [{**row, "since": since, "until": FOREVER} for row in new])


def erase(session: Session, table: Table, rows: Sequence[Row]) -> None:
    """Deletes these rows, by their whole keys."""
    _each(session, table, rows, delete(table))


def _each(session: Session, table: Table, rows: Sequence[Row], statement: Any) -> None:
    """Runs the statement for the keys of these rows."""
    if not rows:
        return
    names = [column.name for column in table.primary_key]
    matches = [table.c[name] == bindparam(f"key_{name}") for name in names]
    session.execute(
        statement.where(*matches), [{f"key_{name}": row[name] for name in names} for row in rows]
    )


def purge(database: Database) -> int:
    """Deletes ended rows that nobody sees any more, place by place; returns how many.

    A wave that is still being frozen keeps the rows of the generation it began with.
    """
    deleted, after = 0, touched.FIRST_PLACE
    while True:
        with database.write() as session:
            places = touched.places(session, touched.ENDED, after=after, limit=_PLACES)
            if not places:
                return deleted
            deleted += _purge(session, places)
        after = places[-1]


def _purge(session: Session, places: list[int]) -> int:
    seen = _oldest_seen(session)
    blocks = sorted({families.block(place) for place in places})
    r, h, c = t.reach, t.headcount, t.recurrence
    ended = (
        (r, r.c.tree_order.in_(places)),
        (h, and_(h.c.level == 0, h.c.place.in_(places))),
        (h, and_(h.c.level == 1, h.c.place.in_(blocks))),
        (c, and_(c.c.family.in_(families.RECURRING), c.c.tree_order.in_(places))),
    )
    deleted = 0
    for table, where in ended:
        ended_rows = delete(table).where(where, table.c.until <= seen)
        deleted += session.execute(ended_rows).rowcount
    kept = _still_ended(session, places)
    touched.forget(session, touched.ENDED, [place for place in places if place not in kept])
    return deleted


def _oldest_seen(session: Session) -> int:
    """The lowest generation that anybody reads: the current one, or that of a wave at work."""
    frozen = t.step_run.c.state == StepRunState.FREEZING
    waves = session.execute(select(func.min(t.step_run.c.generation)).where(frozen)).scalar()
    now = current(session)
    return now if waves is None else min(now, waves)


def _still_ended(session: Session, places: list[int]) -> set[int]:
    """Places with rows that are ended but not yet to be deleted."""
    r = t.reach
    found = select(r.c.tree_order).where(r.c.tree_order.in_(places), r.c.until < FOREVER)
    return set(session.scalars(found.distinct()))
