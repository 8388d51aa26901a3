"""Areas as people bring them: read, mended, or refused with the place in the file."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given, strategies as st

from outreach.audience import areas
from outreach.model.area import Area, Point
from outreach.model.errors import InputRefused

SQUARE = [[-70.7, -33.5], [-70.5, -33.5], [-70.5, -33.3], [-70.7, -33.3], [-70.7, -33.5]]
HOLE = [[-70.62, -33.42], [-70.58, -33.42], [-70.58, -33.38], [-70.62, -33.38], [-70.62, -33.42]]
CENTRE, IN_HOLE, OUTSIDE = (-70.66, -33.45), (-70.6, -33.4), (-70.4, -33.4)


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


def feature(geometry: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": {}, "geometry": geometry}


def read(raw: dict[str, Any]) -> Area:
    return areas.polygon(json.dumps(raw), name="park.geojson")


def hits(area: Area, *points: Point) -> list[bool]:
    return list(areas.inside(area.shape)(points))


@pytest.mark.parametrize(
    "raw",
    [
        polygon(SQUARE, HOLE),
        polygon(SQUARE[:-1], HOLE),
        {"type": "MultiPolygon", "coordinates": [[SQUARE, HOLE]]},
        feature(polygon(SQUARE, HOLE)),
        {"type": "FeatureCollection", "features": [feature(polygon(SQUARE, HOLE))]},
        {"type": "GeometryCollection", "geometries": [polygon(SQUARE, HOLE)]},
        polygon(SQUARE, HOLE) | {"crs": {"properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}},
        polygon([[*corner, 540.0] for corner in SQUARE], HOLE),
    ],
    ids=["polygon", "unclosed", "multi", "feature", "features", "geometries", "crs", "heights"],
)
def test_every_form_of_the_same_polygon_is_the_same_area(raw):
    area = read(raw)

    assert area.digest == read(polygon(SQUARE, HOLE)).digest
    assert hits(area, CENTRE, IN_HOLE, OUTSIDE, (-70.7, -33.5)) == [True, False, False, True]


def test_polygons_of_several_features_are_one_area():
    elsewhere = [[x + 1, y] for x, y in SQUARE]

    area = read({"type": "FeatureCollection", "features": [feature(polygon(SQUARE)), feature(polygon(elsewhere))]})  # fmt: skip

    assert hits(area, CENTRE, (-69.6, -33.4), (-70.0, -33.4)) == [True, True, False]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "park.geojson:1: column 2: not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"type": "Polygon", "coordinates": [[[NaN, 1]]]}', "NaN is no coordinate"),
        ('{"type": "Polygon", "coordinates": [[[1e999, 1]]]}', "$.coordinates[0][0]: not a finite"),
        ('{"type": "Polygon", "coordinates": []}', "$.coordinates: empty"),
        ('{"type": "Polygon"}', "$.coordinates: empty"),
        ('{"type": "Polygon", "coordinates": [7]}', "$.coordinates[0]: must be a list"),
        ('{"type": "Polygon", "coordinates": [[7]]}', "$.coordinates[0][0]: not a position"),
        ('{"type": "Polygon", "coordinates": [[[true, 1]]]}', "$.coordinates[0][0]: not a position"),
        ('{"type": "Polygon", "coordinates": [[[1, 1], [1, 1], [1, 1]]]}', "fewer than three"),
        ('{"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2]]]}', "encloses nothing"),
        ('{"type": "MultiPolygon", "coordinates": 7}', "$.coordinates: must be a list"),
        ('{"type": "FeatureCollection", "features": []}', "no polygon in it"),
        ('{"type": "FeatureCollection"}', "$.features: must be a list"),
        ('{"type": "Feature", "geometry": null}', "$.geometry: this is no area"),
        ('{"type": "Point", "coordinates": [1, 1]}', "$: Point is no area"),
        ("7", "$: this is no area"),
        ('{"type": "Polygon", "crs": {"name": "EPSG:32719"}}', "crs: not in WGS 84"),
        ('{"type": "Polygon", "coordinates": [[[-33.4, -170.6]]]}', "look exchanged"),
        ('{"type": "Polygon", "coordinates": [[[346000, 6300000]]]}', "metres are no degrees"),
    ],
)  # fmt: skip
def test_what_is_no_area_is_refused_with_its_place(text, says):
    with pytest.raises(InputRefused, match=r"park\.geojson") as refused:
        areas.polygon(text, name="park.geojson")

    assert says in str(refused.value)


def test_too_many_vertices_are_refused():
    ring = [[number / 1e4, (number % 2) / 10] for number in range(areas.MOST_VERTICES + 1)]

    with pytest.raises(InputRefused, match="simplify the outline"):
        read(polygon(ring))


def test_an_outline_that_crosses_itself_is_mended_and_the_place_is_told():
    area = read(polygon([[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]))

    assert area.mended == "1, 1"
    assert hits(area, (0.2, 1), (1.8, 1), (1, 0.2)) == [True, True, False]


def test_a_sound_outline_is_not_said_to_be_mended():
    assert read(polygon(SQUARE, HOLE)).mended == ""


def test_an_area_across_the_antimeridian_holds_both_sides_and_nothing_between():
    fiji = read(polygon([[177, -19], [-179, -19], [-179, -16], [177, -16], [177, -19]]))

    assert hits(fiji, (178, -17), (-179.5, -17), (180, -17), (0, -17)) == [True, True, True, False]
    assert [(box.west, box.east) for box in fiji.boxes] == [(-180, -179), (177, 180)]


def test_an_area_cut_at_the_antimeridian_is_the_same():
    west = [[-180, -19], [-179, -19], [-179, -16], [-180, -16]]
    east = [[177, -19], [180, -19], [180, -16], [177, -16]]

    cut = read({"type": "MultiPolygon", "coordinates": [[east], [west]]})

    assert hits(cut, (178, -17), (-179.5, -17), (0, -17)) == [True, True, False]


def test_an_area_with_latitude_first_can_be_turned():
    wrong = read(polygon([[y, x] for x, y in SQUARE]))

    turned = areas.swapped(wrong)

    assert turned is not None
    assert hits(wrong, CENTRE) == [False]
    assert hits(turned, CENTRE) == [True]


def test_what_would_lie_off_the_globe_is_not_turned():
    assert areas.swapped(read(polygon([[100, 1], [101, 1], [101, 2]]))) is None
    assert areas.swapped(areas.circle("1,100,5km")) is None


def test_a_circle_holds_what_is_near():
    circle = areas.circle(" -33.45, -70.66, 1.5km ")

    assert hits(circle, (-70.66, -33.45), (-70.66, -33.4366), (-70.66, -33.4364)) == [
        True, True, False,
    ]  # fmt: skip
    assert circle.shape == {"type": "Circle", "centre": [-70.66, -33.45], "radius_m": 1500.0}
    assert areas.circle("-33.45,-70.66,1500m").digest == circle.digest
    turned = areas.swapped(circle)
    assert turned is not None
    assert turned.shape["centre"] == [-33.45, -70.66]


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "not a circle"),
        ("-33.45,-70.66", "not a circle"),
        ("-33.45,-70.66,500", "not a circle"),
        ("nan,-70.66,500m", "not a circle"),
        ("-133.45,-70.66,500m", "off the globe"),
        ("-33.45,-70.66,0m", "radius"),
        ("-33.45,-70.66,1001km", "radius"),
    ],
)
def test_what_is_no_circle_is_refused(typed, says):
    with pytest.raises(InputRefused, match=says):
        areas.circle(typed)


@given(
    latitude=st.floats(-90, 90),
    longitude=st.floats(-180, 180),
    radius=st.integers(1, 1_000),
    bearing=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
)
def test_the_boxes_of_a_circle_hold_everything_inside_it(latitude, longitude, radius, bearing):
    circle = areas.circle(f"{latitude:.6f},{longitude:.6f},{radius}km")
    away = radius / 60
    point = (
        (longitude + bearing[0] * away * 3 + 540) % 360 - 180,
        max(-90.0, min(90.0, latitude + bearing[1] * away)),
    )

    if hits(circle, point) == [True]:
        assert any(
            box.west <= point[0] <= box.east and box.south <= point[1] <= box.north
            for box in circle.boxes
        )


def test_without_shapely_one_line_says_what_to_install_and_circles_still_work(monkeypatch):
    monkeypatch.setitem(sys.modules, "shapely", None)

    with pytest.raises(InputRefused, match=r"pip install outreach\[geo\]"):
        read(polygon(SQUARE))

    assert hits(areas.circle("-33.45,-70.66,1km"), CENTRE) == [True]
