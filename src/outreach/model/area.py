"""An area of the map: a polygon or a circle, known by the digest of its shape."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Point = tuple[float, float]
"""(longitude, latitude) in degrees, WGS 84: the order of GeoJSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Degrees between which an area lies; west <= east always."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A checked shape: a GeoJSON MultiPolygon, or `{"type": "Circle", "centre": …, "radius_m": …}`."""

    name: str
    """How people call it: the file's name, or the circle as typed."""
    shape: dict[str, Any] = field(hash=False)
    boxes: tuple[Box, ...]
    """One; two where it crosses the antimeridian."""
    mended: str = ""
    """Where the outline crossed itself, as `-70.6, -33.4`; empty: nowhere."""

    @property
    def digest(self) -> str:
        """32 hex digits of the SHA-256 of the shape; the name is no part of it."""
        text = json.dumps(self.shape, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class Inside(Protocol):
    """Which points lie inside an area, its edge included."""

    def __call__(self, points: Sequence[Point]) -> Sequence[bool]: ...
