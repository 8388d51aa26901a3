"""One truth, versioned: an occasion is a chain of immutable revisions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

from outreach.model.words import OccasionKind, OccasionState, Service

OccasionId = NewType("OccasionId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is out: the union of what is under the nodes, in the localities, and so on, less `less`.

    All values are refs of the record. An empty scope touches nobody.
    """

    nodes: tuple[str, ...] = ()
    localities: tuple[str, ...] = ()
    premises: tuple[str, ...] = ()
    postal_codes: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    """Digests of polygons and circles, as `store.areas` keeps them."""
    less: Scope | None = None
    """Taken away from the union; one level deep."""

    @property
    def is_empty(self) -> bool:
        return not (
            self.nodes or self.localities or self.premises or self.postal_codes or self.areas
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One version of the truth about an occasion. All times are aware UTC."""

    version: int
    state: OccasionState
    scope: Scope
    restored: Scope = field(default_factory=Scope)
    """Part of the scope that is back; what remains is scope less restored."""
    start_at: datetime
    end_at: datetime | None = None
    """Planned end of works, or end of an advisory's validity."""
    etr_at: datetime | None = None
    etr_confidence: str = "medium"
    public_etr: datetime | None = None
    """The one rounding of etr_at, up, that every channel shows."""
    etr_from: datetime | None = None
    """Begin of a window that ends at public_etr, where an exact time would promise too much."""
    next_update_at: datetime | None = None
    restored_at: datetime | None = None
    known_how: str = ""
    cause: str = ""
    text: str = ""
    """Advisory text, or the corrected fact of a correction, in the company's main language."""
    source: str = "person"
    source_seq: int | None = None
    author: str = ""
    recorded_at: datetime
    start_wall: str | None = None
    """Of planned works: the start as typed, `2026-07-16T08:00`. If the zone's rules change, the instant moves."""
    end_wall: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """An outage, a planned work or an advisory, with its newest revision."""

    id: OccasionId
    kind: OccasionKind
    service: Service
    name: str
    """How people call it: the feeder, the work's folio."""
    source_ref: str | None
    zone: str
    """IANA zone of the area, in which its times are typed and spoken."""
    opened_at: datetime
    revision: Revision
    event_id: int | None = None
    """The storm it belongs to."""
    parent_id: int | None = None
    """The outage it is nested in."""
    merged_into: int | None = None
    drill: bool = False
    """An exercise: its texts are marked and reach nobody but the outbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOccasion:
    """What makes an occasion before it has a number."""

    kind: OccasionKind
    service: Service
    name: str
    zone: str
    source_ref: str | None = None
    event_id: int | None = None
    parent_id: int | None = None
    drill: bool = False
