"""What stands in the way of a planned work: other works, an outage, a holiday, who depends on supply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from outreach.model.occasion import Occasion
from outreach.model.words import OccasionKind
from outreach.outages import public_holidays
from outreach.store import audience, conflicts as found
from outreach.store.conflicts import Neighbour
from outreach.store.scopes import Remaining
from outreach.store.session import Session

TWICE_WITHIN = timedelta(days=7)
"""Two works so close are two cuts for the same people: could they be one?"""
CLOSE_TO_OUTAGE = timedelta(hours=24)
"""Who is out now, or was until now, is not switched off again so soon without a look."""


class ConflictKind(StrEnum):
    """Why somebody should look before people are told."""

    OVERLAP = "overlap"
    """Another work at the same time has premises in common."""
    TWICE = "twice"
    """Another work at another time, less than a week away, has."""
    OPEN_OUTAGE = "open_outage"
    HOLIDAY = "holiday"
    LIFE_SUPPORT = "life_support"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One thing to look at; `count` is premises in common, or customers on the register."""

    kind: ConflictKind
    count: int = 0
    other: Occasion | None = None
    day: date | None = None
    name: str = ""
    """Of the holiday, or of the other occasion."""


def of_work(
    session: Session, work: Occasion, scope: Remaining, *, country: str, now: datetime
) -> tuple[Conflict, ...]:
    """The conflicts of a work that is there, or (id 0) is about to be added with this scope."""
    start_at = work.revision.start_at
    end_at = work.revision.end_at or start_at
    near = found.works(
        session, scope, start_at=start_at - TWICE_WITHIN, end_at=end_at + TWICE_WITHIN,
        besides=work.id,
    )  # fmt: skip
    is_close = start_at - now < CLOSE_TO_OUTAGE
    return conflicts(
        work,
        neighbours=[*near, *(found.outages(session, scope) if is_close else [])],
        priority=audience.affected(session, scope).priority_customers,
        holidays=public_holidays.between(country, start_at, end_at, work.zone),
    )


def conflicts(
    work: Occasion,
    *,
    neighbours: Iterable[Neighbour],
    priority: int,
    holidays: Mapping[date, str],
) -> tuple[Conflict, ...]:
    """Everything to look at, other occasions first, in their order."""
    return (*_with_others(work, neighbours), *_of_itself(priority, holidays))


def _with_others(work: Occasion, neighbours: Iterable[Neighbour]) -> Iterator[Conflict]:
    for each in neighbours:
        yield Conflict(
            kind=_kind(work, each.occasion),
            count=each.premises,
            other=each.occasion,
            name=each.occasion.name,
        )


def _kind(work: Occasion, other: Occasion) -> ConflictKind:
    if other.kind is OccasionKind.OUTAGE:
        return ConflictKind.OPEN_OUTAGE
    return ConflictKind.OVERLAP if _intersect(work, other) else ConflictKind.TWICE


def _intersect(one: Occasion, other: Occasion) -> bool:
    """Whether their times have more than an instant in common; an end that is unknown never comes."""
    mine, theirs = one.revision, other.revision
    starts_in = theirs.end_at is None or mine.start_at < theirs.end_at
    return starts_in and (mine.end_at is None or theirs.start_at < mine.end_at)


def _of_itself(priority: int, holidays: Mapping[date, str]) -> Iterator[Conflict]:
    for day, name in holidays.items():
        yield Conflict(kind=ConflictKind.HOLIDAY, day=day, name=name)
    if priority:
        yield Conflict(kind=ConflictKind.LIFE_SUPPORT, count=priority)


def in_words(one: Conflict) -> str:
    """One line for a preview."""
    match one.kind:
        case ConflictKind.OVERLAP:
            return f"overlaps with {one.name}: {one.count:,} premises in common"
        case ConflictKind.TWICE:
            days = TWICE_WITHIN.days
            return f"{one.name} cuts {one.count:,} of the same premises within {days} days"
        case ConflictKind.OPEN_OUTAGE:
            return f"{one.count:,} of its premises are out now ({one.name})"
        case ConflictKind.HOLIDAY:
            return f"{one.day} is a public holiday: {one.name}"
        case ConflictKind.LIFE_SUPPORT:
            return f"{one.count:,} priority customers are inside"
