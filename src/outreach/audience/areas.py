"""Areas as people bring them: GeoJSON files and circles, checked; and which points lie inside.

GeoJSON is RFC 7946: WGS 84, longitude first. Polygons need shapely (extra `geo`), circles do not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import Any

from outreach.model.area import Area, Box, Inside, Point
from outreach.model.errors import InputRefused

MOST_VERTICES = 100_000
EARTH_M = 6_371_008.8
"""Mean radius (IUGG); a circle is off by at most 0.5 % of its radius."""
LARGEST_RADIUS_M = 1_000_000

_RING = 4
_HALF_TURN, _TURN, _RIGHT_ANGLE = 180.0, 360.0, 90.0
_CIRCLE = re.compile(
    r"\s*(?P<latitude>[+-]?\d+(?:\.\d+)?)\s*,\s*(?P<longitude>[+-]?\d+(?:\.\d+)?)\s*,"
    r"\s*(?P<radius>\d+(?:\.\d+)?)\s*(?P<unit>km|m)\s*"
)
_WGS_84 = ("CRS84", "4326")

Ring = list[Point]
Polygon = list[Ring]


def polygon(text: str, *, name: str) -> Area:
    """The area of a GeoJSON text; `name` is its file, as people know it.

    Takes Polygon, MultiPolygon, GeometryCollection, Feature and FeatureCollection of these. A ring
    that is not closed is closed; an outline that crosses itself is mended, and where it did is
    told. InputRefused names the place in the file: no JSON, no area, a coordinate off the globe.
    """
    raw = _json(text, name)
    _refuse_other_reference(raw, name)
    polygons = [_polygon(rings, name, place) for place, rings in _found(raw, name, "$")]
    if not polygons:
        raise InputRefused(f"{name}: no polygon in it; draw one, closed, around the area")
    vertices = sum(len(ring) for rings in polygons for ring in rings)
    if vertices > MOST_VERTICES:
        raise InputRefused(
            f"{name}: {vertices:,} vertices; simplify the outline to at most {MOST_VERTICES:,}"
        )
    return _valid(polygons, name)


def circle(text: str) -> Area:
    """`LAT,LON,RADIUS`, the radius in m or km: `-33.43,-70.61,500m`. InputRefused says what is wrong."""
    match = _CIRCLE.fullmatch(text)
    if match is None:
        raise InputRefused(
            f"{text!r}: not a circle; write LAT,LON,RADIUS as in -33.43,-70.61,500m or …,2km"
        )
    latitude, longitude = float(match["latitude"]), float(match["longitude"])
    radius = float(match["radius"]) * (1000 if match["unit"] == "km" else 1)
    _refuse_off_the_globe(longitude, latitude, f"{text!r}")
    if not 0 < radius <= LARGEST_RADIUS_M:
        raise InputRefused(f"{text!r}: the radius must be above 0 and at most 1000km")
    shape = {"type": "Circle", "centre": [longitude, latitude], "radius_m": radius}
    return Area(name=text.strip(), shape=shape, boxes=_round(longitude, latitude, radius))


def swapped(area: Area) -> Area | None:
    """The same area had somebody written latitude first; None where that is nowhere on the globe."""
    if area.shape["type"] == "Circle":
        longitude, latitude = area.shape["centre"]
        if abs(longitude) > _RIGHT_ANGLE:
            return None
        radius = area.shape["radius_m"]
        shape = area.shape | {"centre": [latitude, longitude]}
        return Area(name=area.name, shape=shape, boxes=_round(latitude, longitude, radius))
    turned = [[[(y, x) for x, y in ring] for ring in rings] for rings in area.shape["coordinates"]]
    if any(abs(y) > _RIGHT_ANGLE for rings in turned for ring in rings for _x, y in ring):
        return None
    return _valid(turned, area.name)


def inside(shape: dict[str, Any]) -> Inside:
    """The test for one shape, as `Area.shape` and the store hold it."""
    if shape["type"] == "Circle":
        return _within(shape)
    return _in_polygons(shape)


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise InputRefused(
            f"{name}:{error.lineno}: column {error.colno}: not JSON; save it again as GeoJSON"
        ) from None
    except (RecursionError, ValueError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputRefused(f"{name}: {why}; save it again as GeoJSON") from None


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no coordinate")


def _refuse_other_reference(raw: Any, name: str) -> None:
    """Files before RFC 7946 could name another reference system; ours is WGS 84."""
    stated = json.dumps(raw["crs"]) if isinstance(raw, dict) and raw.get("crs") else ""
    if stated and not any(known in stated for known in _WGS_84):
        raise InputRefused(
            f"{name}: crs: not in WGS 84; save it again in EPSG:4326, longitude and latitude"
        )


def _found(raw: Any, name: str, place: str) -> Iterator[tuple[str, Any]]:
    """(place in the file, rings) of every polygon in it."""
    kind = raw.get("type") if isinstance(raw, dict) else None
    match kind:
        case "Polygon":
            yield f"{place}.coordinates", raw.get("coordinates")
        case "MultiPolygon":
            for number, rings in enumerate(_listed(raw, "coordinates", name, place)):
                yield f"{place}.coordinates[{number}]", rings
        case "Feature":
            yield from _found(raw.get("geometry"), name, f"{place}.geometry")
        case "FeatureCollection" | "GeometryCollection":
            key = "features" if kind == "FeatureCollection" else "geometries"
            for number, each in enumerate(_listed(raw, key, name, place)):
                yield from _found(each, name, f"{place}.{key}[{number}]")
        case _:
            told = kind if isinstance(kind, str) else "this"
            raise InputRefused(
                f"{name}: {place}: {told} is no area; give a Polygon or MultiPolygon"
            )


def _listed(raw: dict[str, Any], key: str, name: str, place: str) -> list[Any]:
    found = raw.get(key)
    if not isinstance(found, list):
        raise InputRefused(f"{name}: {place}.{key}: must be a list")
    return found


def _polygon(rings: Any, name: str, place: str) -> Polygon:
    if not isinstance(rings, list) or not rings:
        raise InputRefused(f"{name}: {place}: empty; a polygon has at least an outer ring")
    read = [_ring(ring, name, f"{place}[{number}]") for number, ring in enumerate(rings)]
    outer = _unwrapped(read[0], read[0][0][0])
    return [outer, *(_unwrapped(ring, outer[0][0]) for ring in read[1:])]


def _ring(raw: Any, name: str, place: str) -> Ring:
    if not isinstance(raw, list):
        raise InputRefused(f"{name}: {place}: must be a list of positions")
    ring = [_position(each, f"{name}: {place}[{number}]") for number, each in enumerate(raw)]
    if ring and ring[0] != ring[-1]:
        ring.append(ring[0])
    if len(ring) < _RING or len(set(ring)) < _RING - 1:
        raise InputRefused(f"{name}: {place}: fewer than three corners; it encloses nothing")
    return ring


def _position(raw: Any, place: str) -> Point:
    is_pair = isinstance(raw, list) and len(raw) > 1
    if not is_pair or any(isinstance(n, bool) or not isinstance(n, int | float) for n in raw[:2]):
        raise InputRefused(f"{place}: not a position; write [longitude, latitude]")
    longitude, latitude = float(raw[0]), float(raw[1])
    _refuse_off_the_globe(longitude, latitude, place)
    return longitude, latitude


def _refuse_off_the_globe(longitude: float, latitude: float, place: str) -> None:
    if not (math.isfinite(longitude) and math.isfinite(latitude)):
        raise InputRefused(f"{place}: not a finite number")
    if abs(latitude) <= _RIGHT_ANGLE and abs(longitude) <= _HALF_TURN:
        return
    looks_swapped = abs(longitude) <= _RIGHT_ANGLE and abs(latitude) <= _HALF_TURN
    hint = "latitude and longitude look exchanged" if looks_swapped else "metres are no degrees"
    raise InputRefused(f"{place}: off the globe ({longitude:g}, {latitude:g}); {hint}")


def _unwrapped(ring: Ring, start: float) -> Ring:
    """Without the jump at the antimeridian: each longitude is the one nearest to that before it."""
    before, found = start, []
    for longitude, latitude in ring:
        before = longitude + _TURN * round((before - longitude) / _TURN)
        found.append((before, latitude))
    return found


def _valid(polygons: list[Polygon], name: str) -> Area:
    shapely = _shapely()
    made = shapely.multipolygons([shapely.Polygon(rings[0], rings[1:]) for rings in polygons])
    # Overlapping polygons of one file are no mistake of the outline: each is looked at alone.
    reasons = [shapely.is_valid_reason(each) for each in made.geoms if not each.is_valid]
    mended = shapely.unary_union(
        [shapely.make_valid(each, method="structure", keep_collapsed=False) for each in made.geoms]
    )
    if mended.is_empty or mended.area <= 0:
        raise InputRefused(f"{name}: its outline encloses nothing; draw it again")
    shape = _multi(shapely, mended)
    west, south, east, north = mended.bounds
    return Area(
        name=name,
        shape=shape,
        boxes=tuple(_wrapped(west, south, east, north)),
        mended=_where(reasons[0]) if reasons else "",
    )


def _multi(shapely: Any, geometry: Any) -> dict[str, Any]:
    """As plain lists, in an order of its own, so that equal areas have one digest."""
    parts = [each for each in getattr(geometry, "geoms", [geometry]) if each.area > 0]
    ordered = shapely.normalize(shapely.multipolygons(parts))
    text = json.loads(shapely.to_geojson(ordered))
    return {"type": "MultiPolygon", "coordinates": text["coordinates"]}


def _where(reason: str) -> str:
    """`Self-intersection[-70.6 -33.4]` -> `-70.6, -33.4`."""
    return ", ".join(reason.partition("[")[2].rstrip("]").split()) or reason


def _wrapped(west: float, south: float, east: float, north: float) -> Iterator[Box]:
    """The boxes of an unwrapped area on the globe from -180 to 180."""
    if east - west >= _TURN:
        yield Box(west=-_HALF_TURN, south=south, east=_HALF_TURN, north=north)
        return
    for shift in (-_TURN, 0.0, _TURN):
        left, right = max(west + shift, -_HALF_TURN), min(east + shift, _HALF_TURN)
        if left <= right:
            yield Box(west=left, south=south, east=right, north=north)


def _round(longitude: float, latitude: float, radius: float) -> tuple[Box, ...]:
    reach = math.degrees(radius / EARTH_M) * 1.001
    south, north = max(latitude - reach, -_RIGHT_ANGLE), min(latitude + reach, _RIGHT_ANGLE)
    if south == -_RIGHT_ANGLE or north == _RIGHT_ANGLE:  # around a pole lies every longitude
        return (Box(west=-_HALF_TURN, south=south, east=_HALF_TURN, north=north),)
    across = math.degrees(
        math.asin(min(1.0, math.sin(math.radians(reach)) / math.cos(math.radians(latitude))))
    )
    return tuple(_wrapped(longitude - across, south, longitude + across, north))


def _within(shape: dict[str, Any]) -> Inside:
    """By the haversine formula (Sinnott 1984)."""
    radius, (longitude, latitude) = shape["radius_m"], map(math.radians, shape["centre"])
    most = math.sin(min(radius / (2 * EARTH_M), math.pi / 2)) ** 2
    cosine = math.cos(latitude)

    def is_near(point: Point) -> bool:
        lon, lat = math.radians(point[0]), math.radians(point[1])
        away = math.sin((lat - latitude) / 2) ** 2
        away += cosine * math.cos(lat) * math.sin((lon - longitude) / 2) ** 2
        return away <= most

    return lambda points: [is_near(point) for point in points]


def _in_polygons(shape: dict[str, Any]) -> Inside:
    shapely = _shapely()
    once = shapely.multipolygons(
        [shapely.Polygon(rings[0], rings[1:]) for rings in shape["coordinates"]]
    )
    around = [_moved(shapely, once, turn) for turn in _turns(once.bounds)]
    for each in around:
        shapely.prepare(each)

    def test(points: Sequence[Point]) -> Sequence[bool]:
        made = shapely.points(points)
        hits = [shapely.covers(each, made).tolist() for each in around]
        return [any(each) for each in zip(*hits, strict=True)]

    return test


def _turns(bounds: tuple[float, float, float, float]) -> list[float]:
    west, _south, east, _north = bounds
    return [
        turn
        for turn in (-_TURN, 0.0, _TURN)
        if west + turn <= _HALF_TURN and east + turn >= -_HALF_TURN
    ]


def _moved(shapely: Any, geometry: Any, turn: float) -> Any:
    return shapely.transform(geometry, lambda corners: corners + (turn, 0.0))  # noqa: RUF005  numpy


def _shapely() -> Any:
    try:
        import shapely  # noqa: PLC0415
    except ImportError:
        raise InputRefused(
            "polygons need shapely: run `pip install outreach[geo]`; circles work without it"
        ) from None
    return shapely
