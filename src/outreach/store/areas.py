"""Areas of the map, each kept once by its digest, with the premises that lie in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select

from outreach.model.area import Area, Box, Inside
from outreach.store import tables as t
from outreach.store.session import Database, Session

_LAST = (1 << 63) - 1
CHUNK = 20_000
"""Premises read, and rows written, at a time: other writers wait for one chunk at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An area in the store."""

    id: int
    digest: str
    premises: int


def keep(database: Database, area: Area, inside: Inside) -> Kept:
    """Looks up the premises of an area and keeps them; one known already is brought up to date.

    One pass over the premises in slices, each read without a lock and its difference written in a
    transaction of its own. A premise that comes later is in the area once it is kept again.
    """
    number = _number(database, area)
    count = low = 0
    for high, found in _slices(database, area, inside):
        _agree(database, number, (low, high), found)
        count, low = count + len(found), high
    _agree(database, number, (low, _LAST), set())
    return Kept(id=number, digest=area.digest, premises=count)


def count(database: Database, area: Area, inside: Inside) -> int:
    """Open premises inside; nothing is written."""
    return sum(len(found) for _high, found in _slices(database, area, inside))


def renew(database: Database, test: Callable[[dict[str, Any]], Inside], used: Iterable[str]) -> int:
    """Brings the areas of these digests up to date with the record; how many there were."""
    wanted = list(dict.fromkeys(used))
    with database.read() as session:
        rows = session.execute(select(t.area.c.shape).where(t.area.c.digest.in_(wanted))).all()
    for (kept,) in rows:
        area = _area(kept)
        keep(database, area, test(area.shape))
    return len(rows)


def names(session: Session, digests: Iterable[str]) -> dict[str, str]:
    """Digest -> how people call the area."""
    wanted = t.area.c.digest.in_(list(digests))
    rows = session.execute(select(t.area.c.digest, t.area.c.shape).where(wanted))
    return {digest: str(shape["name"]) for digest, shape in rows}


def shapes(session: Session, digests: Iterable[str]) -> list[dict[str, Any]]:
    """The shapes of these areas, as `Area.shape` has them, in the order of their digests."""
    wanted = t.area.c.digest.in_(list(digests))
    rows = session.execute(select(t.area.c.shape).where(wanted).order_by(t.area.c.digest))
    return [_area(shape).shape for (shape,) in rows]


def unplaced(session: Session) -> tuple[int, int]:
    """(open premises without coordinates, all open premises): the first are in no area."""
    p = t.premise.c
    nowhere = p.latitude.is_(None) | p.longitude.is_(None)
    row = session.execute(
        select(func.count().filter(nowhere), func.count()).where(p.closed_at.is_(None))
    ).one()
    return int(row[0]), int(row[1])


def _in_boxes(boxes: Sequence[Box]) -> ColumnElement[bool]:
    p = t.premise.c
    return or_(
        *(
            and_(p.latitude.between(box.south, box.north), p.longitude.between(box.west, box.east))
            for box in boxes
        )
    )


def _number(database: Database, area: Area) -> int:
    same = select(t.area.c.id).where(t.area.c.digest == area.digest)
    with database.write() as session:
        known = session.execute(same).scalar()
        if known is not None:
            return int(known)
        box = [[each.west, each.south, each.east, each.north] for each in area.boxes]
        shape = {**area.shape, "name": area.name, "boxes": box}
        made = insert(t.area).values(digest=area.digest, shape=shape).returning(t.area.c.id)
        return int(session.execute(made).scalar_one())


def _area(kept: dict[str, Any]) -> Area:
    shape = {key: value for key, value in kept.items() if key not in {"name", "boxes"}}
    boxes = tuple(
        Box(west=west, south=south, east=east, north=north)
        for west, south, east, north in kept["boxes"]
    )
    return Area(name=kept["name"], shape=shape, boxes=boxes)


def _slices(database: Database, area: Area, inside: Inside) -> Iterator[tuple[int, set[int]]]:
    """(highest id looked at, ids inside): the box first, by the database, then exactly."""
    p, last = t.premise.c, 0
    while True:
        with database.read() as session:
            rows = session.execute(
                select(p.id, p.longitude, p.latitude)
                .where(p.id > last, p.closed_at.is_(None), _in_boxes(area.boxes))
                .order_by(p.id)
                .limit(CHUNK)
            ).all()
        if not rows:
            return
        last = rows[-1].id
        hits = inside([(row.longitude, row.latitude) for row in rows])
        yield last, {row.id for row, hit in zip(rows, hits, strict=True) if hit}


def _agree(database: Database, number: int, between: tuple[int, int], found: set[int]) -> None:
    """Writes only the difference, for an open occasion may be standing on this area."""
    inside, (low, high) = t.area_premise.c, between
    own = (inside.area_id == number, inside.premise_id > low, inside.premise_id <= high)
    with database.read() as session:
        held = set(session.scalars(select(inside.premise_id).where(*own)))
    if found == held:
        return
    with database.write() as session:
        gone = sorted(held - found)
        for start in range(0, len(gone), CHUNK):
            some = inside.premise_id.in_(gone[start : start + CHUNK])
            session.execute(delete(t.area_premise).where(*own, some))
        rows = [{"area_id": number, "premise_id": one} for one in sorted(found - held)]
        if rows:
            session.execute(insert(t.area_premise), rows)
