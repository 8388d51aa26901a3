"""Lays what people chose on their pages over the rows of a wave: their language, their quiet hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select

from outreach.model.words import PriorityClass
from outreach.store import tables as t
from outreach.store.freezing import Silence
from outreach.store.types import UtcDateTime


def fulfilled(found: Select[Any], silences: Sequence[Silence]) -> Select[Any]:
    """The same rows in the language that each person chose, and not before their quiet hours end.

    Of an address of several people the first is asked, as for everything else of the row.
    """
    row, wish = found.subquery(), t.preference
    changed = {
        "locale": func.coalesce(wish.c.locale, row.c.locale).label("locale"),
        "not_before": _not_before(row, silences).label("not_before"),
    }
    columns = [changed.get(column.name, column) for column in row.c]
    return select(*columns).select_from(
        row.outerjoin(wish, wish.c.customer_id == row.c.customer_id)
    )


def _not_before(row: Any, silences: Sequence[Silence]) -> ColumnElement[Any]:
    """Class A is woken: it is told at any hour."""
    as_planned: ColumnElement[Any] = row.c.not_before
    if not silences:
        return as_planned
    held = case(
        *((_is_in(row, each), literal(each.until, UtcDateTime)) for each in silences),
        else_=None,
    )
    earlier = or_(as_planned.is_(None), as_planned < held)
    return case((and_(row.c.priority != PriorityClass.A, held.is_not(None), earlier), held),
                else_=as_planned)  # fmt: skip


def _is_in(row: Any, silence: Silence) -> ColumnElement[bool]:
    wish = t.preference.c
    return and_(
        row.c.zone == silence.zone,
        wish.quiet_until == silence.ends,
        wish.quiet_from.in_(silence.begins),
    )
