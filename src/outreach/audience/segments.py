"""Segments checked against the record: a typo must never drop a person in silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from outreach.audience import spelling
from outreach.model.audience import Segment
from outreach.model.spelling import plain
from outreach.store import segments
from outreach.store.session import Session

CHECKED = ("locales", "localities", "customer_types", "tags")
"""Conditions whose values must be in the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A value that nothing in the record has, with the record's words nearest to it."""

    key: str
    value: str
    near: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A segment in the record's own spelling, and what of it the record does not know."""

    segment: Segment
    unknown: tuple[Unknown, ...]


def checked(session: Session, segment: Segment) -> Checked:
    """Looks every value up: `nunoa` becomes Ñuñoa; what is not there comes back with near matches."""
    strange: list[Unknown] = []
    found: dict[str, Any] = {
        key: tuple(
            dict.fromkeys(_known(session, key, value, strange) for value in getattr(segment, key))
        )
        for key in CHECKED
    }
    return Checked(segment=replace(segment, **found), unknown=tuple(strange))


def _known(session: Session, key: str, value: str, strange: list[Unknown]) -> str:
    if segments.knows(session, key, value):
        return value
    every = segments.values(session, key)
    for one in every:
        if plain(one) == plain(value):
            return one
    strange.append(Unknown(key=key, value=value, near=spelling.near(value, every)))
    return value


def conditions(segment: Segment) -> Iterator[tuple[str, Segment]]:
    """Its conditions one by one, each with its key: (`tags`, a segment of nothing but these tags)."""
    for one in fields(Segment):
        value = getattr(segment, one.name)
        if value:
            yield one.name, Segment(**{one.name: value})


def growing(segment: Segment) -> Iterator[tuple[str, Segment]]:
    """Its conditions added up: the key just added, and the segment so far."""
    so_far = Segment()
    for key, _alone in conditions(segment):
        so_far = replace(so_far, **{key: getattr(segment, key)})
        yield key, so_far
