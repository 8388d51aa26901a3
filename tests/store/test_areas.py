"""Areas are kept once, with exactly the premises that lie in them."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update
from tests import make

from outreach.audience import areas as drawn
from outreach.store import areas, tables as t
from outreach.store.session import Database

CIRCLE = drawn.circle("-33.45,-70.66,2km")
INSIDE = drawn.inside(CIRCLE.shape)


@pytest.fixture
def premises(database):
    """Two inside, one in the box alone, one far off, one without coordinates, one closed."""
    corner = (-33.45 + 0.0175, -70.66 + 0.021)
    where = [(-33.45, -70.66), (-33.46, -70.66), corner, (-34.0, -71.0), (None, None)]
    with database.write() as session:
        made = [make.make_premise(session, latitude=lat, longitude=lon) for lat, lon in where]
        make.make_premise(session, latitude=-33.45, longitude=-70.66, closed_at=make.NOW)
    return made


def held(database: Database) -> list[int]:
    with database.read() as session:
        return sorted(session.scalars(select(t.area_premise.c.premise_id)))


def test_an_area_holds_what_lies_inside_and_is_open(database, premises):
    kept = areas.keep(database, CIRCLE, INSIDE)

    assert (kept.premises, held(database)) == (2, premises[:2])
    assert areas.count(database, CIRCLE, INSIDE) == 2


def test_it_is_kept_once_however_often_it_is_named(database, premises):
    first = areas.keep(database, CIRCLE, INSIDE)

    again = areas.keep(database, CIRCLE, INSIDE)

    assert again == first
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(t.area)) == 1


@pytest.mark.parametrize("chunk", [1, 20_000])
def test_keeping_it_again_brings_it_up_to_date(database, premises, monkeypatch, chunk):
    monkeypatch.setattr(areas, "CHUNK", chunk)
    areas.keep(database, CIRCLE, INSIDE)
    gone, _stays, _corner, comes, _nowhere = premises
    with database.write() as session:
        session.execute(update(t.premise).where(t.premise.c.id == gone).values(latitude=0.0))
        session.execute(
            update(t.premise)
            .where(t.premise.c.id == comes)
            .values(latitude=-33.45, longitude=-70.66)
        )

    renewed = areas.renew(database, drawn.inside, [CIRCLE.digest, "unknown"])

    assert renewed == 1
    assert held(database) == [premises[1], comes]


def test_what_has_left_an_area_to_its_last_premise_is_gone(database, premises):
    areas.keep(database, CIRCLE, INSIDE)
    with database.write() as session:
        session.execute(update(t.premise).values(latitude=0.0))

    kept = areas.keep(database, CIRCLE, INSIDE)

    assert (kept.premises, held(database)) == (0, [])


def test_premises_without_coordinates_are_counted(database, premises):
    with database.read() as session:
        assert areas.unplaced(session) == (1, 5)


def test_an_area_is_called_as_its_file(database, premises):
    areas.keep(database, CIRCLE, INSIDE)

    with database.read() as session:
        assert areas.names(session, [CIRCLE.digest]) == {CIRCLE.digest: "-33.45,-70.66,2km"}
