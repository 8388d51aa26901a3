"""Where a CAP alert holds, as a scope of the record: its shapes looked up, its codes translated."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from outreach.audience import areas
from outreach.model.area import Area
from outreach.model.cap import CapArea, Corner
from outreach.model.errors import InputRefused
from outreach.model.occasion import Scope
from outreach.outages.cap_policy import CapPolicy
from outreach.store import areas as stored, audience, scopes
from outreach.store.session import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What of an alert's areas lies in the record."""

    scope: Scope
    premises: int
    unplaced: tuple[str, ...] = ()
    """Areas that nobody can place, each with why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    areas: tuple[Area, ...]
    localities: tuple[str, ...]
    unplaced: tuple[str, ...]


def place(database: Database, wanted: Iterable[CapArea], policy: CapPolicy) -> Placed:
    """The union of the areas; shapes that touch nobody are left out, and not kept."""
    drawn = _drawn(wanted, policy)
    kept = []
    for area in drawn.areas:
        test = areas.inside(area.shape)
        if stored.count(database, area, test):
            kept.append(stored.keep(database, area, test).digest)
    scope = Scope(localities=drawn.localities, areas=tuple(dict.fromkeys(kept)))
    premises = 0
    if not scope.is_empty:
        with database.read() as session:
            premises = audience.affected(session, scopes.typed(session, scope)).premises
    return Placed(scope=scope, premises=premises, unplaced=drawn.unplaced)


def _drawn(wanted: Iterable[CapArea], policy: CapPolicy) -> _Drawn:
    found: list[Area] = []
    localities: list[str] = []
    unplaced: list[str] = []
    for area in dict.fromkeys(wanted):
        named = [name for code in area.geocodes for name in policy.geocodes.get("=".join(code), ())]
        localities += named
        try:
            shapes = list(_shapes(area))
        except InputRefused as error:
            unplaced.append(str(error))
            continue
        found += shapes
        # Where the mapping lists our codes, another code is another place; else nobody knows.
        is_elsewhere = bool(policy.geocodes and area.geocodes)
        if not shapes and not named and not is_elsewhere:
            unplaced.append(
                f"{area.description[:60]}: no shape and no geocode that the mapping knows"
            )
    return _Drawn(
        areas=tuple(found), localities=tuple(dict.fromkeys(localities)), unplaced=tuple(unplaced)
    )


def _shapes(area: CapArea) -> Iterator[Area]:
    name = area.description[:60]
    for polygon in area.polygons:
        rings = [[longitude, latitude] for latitude, longitude in polygon]
        yield areas.polygon(json.dumps({"type": "Polygon", "coordinates": [rings]}), name=name)
    for centre, radius_km in area.circles:
        if radius_km > 0:  # a radius of 0 is a point: where something began, not whom it concerns
            yield areas.circle(_circle(centre, radius_km))


def _circle(centre: Corner, radius_km: float) -> str:
    return f"{centre[0]:.6f},{centre[1]:.6f},{radius_km:.3f}km"
