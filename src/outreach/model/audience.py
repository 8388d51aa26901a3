"""A part of an audience: whom of those affected a step speaks to, in the record's own words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from outreach.model.words import Channel, PriorityClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Conditions that all hold; an empty one is no condition, several values of one are alternatives."""

    classes: tuple[PriorityClass, ...] = ()
    locales: tuple[str, ...] = ()
    """`es` also takes `es-CL`."""
    localities: tuple[str, ...] = ()
    customer_types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()
    """Customers who can be written to on one of these."""
    not_told_for: timedelta | None = None
    """Leaves out whom any message was sent to within this time."""

    @property
    def is_everybody(self) -> bool:
        return self == Segment()
