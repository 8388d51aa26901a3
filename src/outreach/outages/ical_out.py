"""Writes planned works as an iCalendar file that other calendars subscribe to (RFC 5545, METHOD:PUBLISH)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from outreach.model.occasion import Occasion, OccasionId, Revision
from outreach.model.words import OccasionState

_PRODUCT = "-//outreach//planned works 1//EN"


def works_calendar(
    works: Iterable[Occasion],
    *,
    public_ids: Mapping[OccasionId, str],
    places: Mapping[OccasionId, str] | None = None,
    name: str = "",
) -> bytes:
    """The works as one calendar: UID = public id, SEQUENCE = version; a cancelled one stays, as CANCELLED.

    `places` is what LOCATION says of each, as people call it; `name` names the calendar. Times are
    UTC; the same works give the same bytes. Refs of premises are never written.
    """
    from icalendar import Calendar  # noqa: PLC0415  icalendar takes 100 ms

    calendar = Calendar()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", _PRODUCT)
    calendar.add("METHOD", "PUBLISH")
    if name:
        calendar.add("NAME", _plain(name))
        calendar.add("X-WR-CALNAME", _escaped(name))
    for work in works:
        place = (places or {}).get(work.id, "")
        calendar.add_component(_event(work, public_ids[work.id], place))
    written: bytes = calendar.to_ical(sorted=True)
    return written


def _event(work: Occasion, public_id: str, place: str) -> Any:
    from icalendar import Event  # noqa: PLC0415

    revision = work.revision
    event = Event()
    event.add("UID", public_id)
    event.add("SEQUENCE", revision.version)
    event.add("DTSTAMP", _second(revision.recorded_at))
    event.add("LAST-MODIFIED", _second(revision.recorded_at))
    event.add("DTSTART", _second(revision.start_at))
    event.add("DTEND", _second(_end(revision)))
    event.add("STATUS", "CANCELLED" if _is_off(revision) else "CONFIRMED")
    event.add("SUMMARY", _plain(revision.cause or work.name))
    event.add("TRANSP", "TRANSPARENT")
    event.add("DESCRIPTION", _plain(work.name))
    if place:
        event.add("LOCATION", _plain(place))
    for named, refs in _scope(revision):
        event.add(named, ",".join(_escaped(ref) for ref in refs))
    return event


def _end(revision: Revision) -> datetime:
    """When it was over, or is to be; a work always has an end, an outage may have none."""
    if revision.restored_at is not None and revision.restored_at > revision.start_at:
        return revision.restored_at
    return revision.end_at or revision.start_at


def _is_off(revision: Revision) -> bool:
    return revision.state in {OccasionState.CANCELLED, OccasionState.DISCARDED}


def _scope(revision: Revision) -> list[tuple[str, tuple[str, ...]]]:
    scope = revision.scope
    written = [("X-OUTREACH-NODES", scope.nodes), ("X-OUTREACH-LOCALITIES", scope.localities)]
    return [(named, refs) for named, refs in written if refs]


def _second(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)


def _plain(text: str) -> str:
    """Without control characters, which no property may hold."""
    return "".join(char for char in text if char == "\n" or char.isprintable())


def _escaped(text: str) -> str:
    """As the value of a property that the library does not know, and would write raw."""
    plain = _plain(text).replace("\n", " ")
    return plain.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
