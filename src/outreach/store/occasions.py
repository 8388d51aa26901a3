"""Occasions and their revisions: appended, never changed."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    func,
    insert,
    literal_column,
    select,
    update,
)

from outreach.model.errors import GuardRefused
from outreach.model.occasion import NewOccasion, Occasion, OccasionId, Revision, Scope
from outreach.model.words import OccasionKind, OccasionState, Service
from outreach.store import bulk, changes, tables as t
from outreach.store.session import Session

_REVISION_FIELDS = tuple(field.name for field in fields(Revision))


def add(session: Session, new: NewOccasion, revision: Revision) -> Occasion:
    """Writes a new occasion with its first revision."""
    number = session.execute(
        insert(t.occasion)
        .values(
            **asdict(new),
            opened_at=revision.recorded_at,
            version=revision.version,
            open=revision.state.is_open,
        )
        .returning(t.occasion.c.id)
    ).scalar_one()
    _write(session, number, revision)
    return get(session, OccasionId(number))


def append(session: Session, occasion: OccasionId, revision: Revision) -> Occasion:
    """Writes the next revision; GuardRefused if somebody else wrote one meanwhile."""
    moved = session.execute(
        update(t.occasion)
        .where(t.occasion.c.id == occasion, t.occasion.c.version == revision.version - 1)
        .values(version=revision.version, open=revision.state.is_open)
        .returning(t.occasion.c.id)
    ).first()
    if moved is None:
        raise GuardRefused("somebody changed this occasion a moment ago; look at it and try again")
    _write(session, occasion, revision)
    return get(session, occasion)


def merge(session: Session, absorbed: OccasionId, into: OccasionId) -> None:
    """Notes by which occasion another was absorbed."""
    session.execute(update(t.occasion).where(t.occasion.c.id == absorbed).values(merged_into=into))


def _write(session: Session, occasion: int, revision: Revision) -> None:
    values = {name: getattr(revision, name) for name in _REVISION_FIELDS}
    values |= {"scope": asdict(revision.scope), "restored": asdict(revision.restored)}
    session.execute(insert(t.revision).values(occasion_id=occasion, **values))
    for restored, scope in ((False, revision.scope), (True, revision.restored)):
        _name_premises(session, occasion, revision.version, scope, restored=restored)
    changes.bump(session, "truth", "stop", now=revision.recorded_at)


def _name_premises(
    session: Session, occasion: int, version: int, scope: Scope, *, restored: bool
) -> None:
    for start in range(0, len(scope.premises), 500):
        chosen = select(t.premise.c.id).where(
            t.premise.c.ref.in_(scope.premises[start : start + 500])
        )
        rows = [
            {
                "occasion_id": occasion,
                "version": version,
                "restored": restored,
                "premise_id": premise,
            }
            for premise in session.scalars(chosen)
        ]
        if rows:
            session.execute(insert(t.scope_premise), rows)


def get(session: Session, occasion: OccasionId) -> Occasion:
    """The occasion with its newest revision; KeyError if there is none of this id."""
    row = session.execute(_GET, {"occasion": occasion}).first()
    if row is None:
        raise KeyError(occasion)
    return _occasion(row)


def some(session: Session, numbers: Collection[int]) -> list[Occasion]:
    """Those of these numbers that there are, oldest first."""
    return _select(session, t.occasion.c.id.in_(list(numbers)))


def open_ones(session: Session) -> list[Occasion]:
    """Every open occasion, oldest first."""
    return [_occasion(row) for row in session.execute(_OPEN)]


def suspected(session: Session) -> list[Occasion]:
    """What reports point at and nobody has decided on, oldest first."""
    # As the partial index says it: SQLite does not see through a bound value.
    return _select(session, t.revision.c.state == literal_column("'suspected'"))


def of_event(session: Session, event_id: int, *, only_open: bool = False) -> list[Occasion]:
    """Occasions that joined an event, oldest first."""
    still = [t.occasion.c.open] if only_open else []
    return _select(session, and_(t.occasion.c.event_id == event_id, *still))


def absorbed(session: Session, occasion: OccasionId) -> list[Occasion]:
    """Occasions that were merged into this one, or into one that was, oldest first."""
    found: dict[OccasionId, Occasion] = {}
    asked, dialect = {occasion}, session.get_bind().dialect.name
    while asked:
        given = {"into": bulk.numbers(asked, dialect)}
        into = [_occasion(row) for row in session.execute(_merged(dialect), given)]
        asked = {each.id for each in into} - found.keys() - {occasion}
        found |= {each.id: each for each in into if each.id in asked}
    return [found[number] for number in sorted(found)]


def nested_in(session: Session, occasion: OccasionId) -> list[Occasion]:
    """Occasions that came out of this one, oldest first."""
    return _select(session, t.occasion.c.parent_id == occasion)


def since(session: Session, instant: datetime) -> list[Occasion]:
    """Open ones, and those whose newest revision is younger than `instant`, oldest first."""
    return _select(session, t.occasion.c.open | (t.revision.c.recorded_at >= instant))


def every(
    session: Session, *, kind: OccasionKind | None = None, limit: int = 100
) -> list[Occasion]:
    """The newest occasions, newest first."""
    wanted = t.occasion.c.kind == kind if kind else t.occasion.c.id > 0
    return list(reversed(_select(session, wanted)))[:limit]


def named(session: Session, text: str) -> list[Occasion]:
    """Occasions whose name or source reference is `text` (any case), newest first."""
    lowered = text.lower()
    same = (func.lower(t.occasion.c.name) == lowered) | (
        func.lower(t.occasion.c.source_ref) == lowered
    )
    return list(reversed(_select(session, same)))


def last(session: Session, kind: OccasionKind) -> Occasion | None:
    """The youngest open occasion of this kind, else the youngest; a drill only beside nothing real that is open."""
    found = _select(session, t.occasion.c.kind == kind)
    still_open = [occasion for occasion in found if occasion.revision.state.is_open]
    real = [occasion for occasion in still_open if not occasion.drill]
    return (real or still_open or found)[-1] if found else None


def previous_trip(session: Session, name: str, before: datetime) -> datetime | None:
    """When an occasion of this name was opened last before `before`."""
    return session.execute(
        select(func.max(t.occasion.c.opened_at)).where(
            t.occasion.c.name == name, t.occasion.c.opened_at < before
        )
    ).scalar()


def revision_at(session: Session, occasion: OccasionId, version: int) -> Revision:
    """One revision of an occasion."""
    return _revision(session.execute(_AT, {"occasion": occasion, "version": version}).one())


def as_of(session: Session, at: datetime, wanted: ColumnElement[bool]) -> list[Revision]:
    """What stood at an instant, of each of these occasions that had begun to be told by then."""
    o, r = t.occasion.c, t.revision.c
    newest = select(func.max(r.version)).where(r.occasion_id == o.id, r.recorded_at <= at)
    # Occasions of those days first, then each one's versions: grouped, all that ever was would be read.
    stood = newest.correlate(t.occasion).scalar_subquery()
    rows = session.execute(
        select(*_REVISION)
        .join(t.occasion, (r.occasion_id == o.id) & (r.version == stood))
        .where(wanted)
        .order_by(o.id)
    )
    return [_revision(row) for row in rows]


def history(session: Session, occasion: OccasionId, *, since: int = 0) -> list[Revision]:
    """Every revision from this version on, oldest first."""
    rows = session.execute(_HISTORY, {"occasion": occasion, "since": since})
    return [_revision(row) for row in rows]


_OCCASION_FIELDS = ("id", "kind", "service", "name", "source_ref", "zone", "opened_at",
                    "event_id", "parent_id", "merged_into", "drill")  # fmt: skip
_SCOPES = {"scope", "restored"}
_REVISION = [
    cast(t.revision.c[name], Text) if name in _SCOPES else t.revision.c[name]
    for name in _REVISION_FIELDS
]
_WHOLE = (
    select(*(t.occasion.c[name] for name in _OCCASION_FIELDS), *_REVISION)
    .join(
        t.revision,
        (t.revision.c.occasion_id == t.occasion.c.id)
        & (t.revision.c.version == t.occasion.c.version),
    )
    .order_by(t.occasion.c.id)
)
_GET = _WHOLE.where(t.occasion.c.id == bindparam("occasion"))
"""Made once, like those below: a storm asks ten thousand times, and to put it together takes as long as the answer."""
_OPEN = _WHOLE.where(t.occasion.c.open)
_OF_ONE = select(*_REVISION).where(t.revision.c.occasion_id == bindparam("occasion"))
_AT = _OF_ONE.where(t.revision.c.version == bindparam("version"))
_HISTORY = _OF_ONE.where(t.revision.c.version >= bindparam("since")).order_by(t.revision.c.version)


@cache
def _merged(dialect: str) -> Select[Any]:
    return _WHOLE.where(bulk.one_of(t.occasion.c.merged_into, "into", dialect))


def _select(session: Session, wanted: Any) -> list[Occasion]:
    return [_occasion(row) for row in session.execute(_WHOLE.where(wanted))]


def _occasion(row: Sequence[Any]) -> Occasion:
    values = dict(zip(_OCCASION_FIELDS, row, strict=False))
    values["kind"] = OccasionKind(values["kind"])
    values["service"] = Service(values["service"])
    values["drill"] = bool(values["drill"])
    return Occasion(**values, revision=_revision(row[len(_OCCASION_FIELDS) :]))


def _revision(row: Sequence[Any]) -> Revision:
    values = dict(zip(_REVISION_FIELDS, row, strict=True))
    values["state"] = OccasionState(values["state"])
    values["scope"] = _read(values["scope"])
    values["restored"] = _read(values["restored"])
    return Revision(**values)


@lru_cache(maxsize=1_000)
def _read(text: str) -> Scope:
    """Of a text as it stands there: most revisions of an outage hold the same places, and are read again and again."""
    return _scope(json.loads(text))


def _scope(parts: dict[str, Any]) -> Scope:
    less = parts.get("less")
    refs = {name: tuple(value) for name, value in parts.items() if name != "less"}
    return Scope(**refs, less=_scope(less) if less else None)
