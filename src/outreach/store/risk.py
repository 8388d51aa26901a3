"""When households of an outage stopped being at risk of calling, as SQL: the change that brought them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, literal, select

from outreach.model.occasion import OccasionId, Revision
from outreach.store import generations, occasions, scopes, tables as t
from outreach.store.session import Session

STILL_OUT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Restorations:
    """The changes of who is out, in their order; a household has the number of the one that brought it back."""

    at: tuple[datetime, ...]
    out: tuple[Select[Any] | None, ...]
    """Households without supply after each change; None: nobody."""

    def number(self, household: ColumnElement[int]) -> ColumnElement[int]:
        """Number of the change after which a household was never out again; STILL_OUT while it is.

        One pass over the scope for each change that left somebody out, whatever the size of the wave.
        """
        last = len(self.at) - 1
        if last < 1:
            return literal(STILL_OUT)
        numbers = [STILL_OUT, *range(last, 0, -1)]
        whens = [
            (household.in_(out), number)
            for out, number in zip(reversed(self.out), numbers, strict=True)
            if out is not None
        ]
        over = self.out[-1] is None
        if over and len(whens) == 1:
            return literal(last)  # all came back together: nobody has to be looked up
        return case(*whens, else_=last if over else STILL_OUT)

    def ended(self, number: int) -> datetime | None:
        """When a household of this number was back."""
        return None if number == STILL_OUT else self.at[number]


def restorations(session: Session, occasion: OccasionId) -> Restorations:
    """Reads the changes of an occasion; a new estimate alone is none."""
    changes = list(_changes(occasions.history(session, occasion)))
    return Restorations(
        at=tuple(each.restored_at or each.recorded_at for each in changes),
        out=tuple(_out(session, occasion, each) for each in changes),
    )


def _changes(history: Iterable[Revision]) -> Iterator[Revision]:
    seen = None
    for revision in history:
        if (extent := (revision.scope, revision.restored, revision.state.is_open)) != seen:
            yield revision
        seen = extent


def _out(session: Session, occasion: OccasionId, revision: Revision) -> Select[Any] | None:
    if not revision.state.is_open:
        return None
    now_known = occasions.get(session, occasion)
    left = scopes.remaining(session, now_known, revision)
    seen = generations.visible(t.reach, generations.current(session))
    return select(t.reach.c.household_id).where(left.covers(t.reach), seen)
