"""The mapping file of a calendar of planned works: which property holds nodes, localities and cause."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from outreach.model.words import Service
from outreach.outages import mapping_file

_KEYS = {
    "file": ("format", "zone", "service"),
    "properties": ("nodes", "localities", "cause"),
    "nodes": ("separator", "upper"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarMapping:
    """How to read one calendar; as it stands it reads what we write."""

    zone: str = ""
    """IANA zone of times without one; empty: such an event is refused."""
    service: Service = Service.ELECTRICITY
    nodes: str = "X-OUTREACH-NODES"
    localities: str = "X-OUTREACH-LOCALITIES"
    cause: str = "SUMMARY"
    separator: str = ","
    nodes_upper: bool = False


DEFAULT = CalendarMapping()


def read_calendar_mapping(path: Path) -> CalendarMapping:
    """Reads and checks a mapping with `file.format = "ical"`; InputRefused lists every mistake, one a line."""
    raw = mapping_file.read(path, _mistakes)
    file, properties, nodes = (raw.get(part, {}) for part in _KEYS)
    return CalendarMapping(
        zone=file.get("zone", DEFAULT.zone),
        service=Service(file.get("service", DEFAULT.service)),
        nodes=properties.get("nodes", DEFAULT.nodes).upper(),
        localities=properties.get("localities", DEFAULT.localities).upper(),
        cause=properties.get("cause", DEFAULT.cause).upper(),
        separator=nodes.get("separator", DEFAULT.separator),
        nodes_upper=bool(nodes.get("upper", DEFAULT.nodes_upper)),
    )


def _mistakes(raw: dict[str, Any]) -> list[str]:
    found = [f"{part}: unknown; one of {', '.join(_KEYS)}" for part in raw if part not in _KEYS]
    for part, allowed in _KEYS.items():
        written = raw.get(part, {})
        if not isinstance(written, dict):
            return [*found, f"{part}: must be a part, [{part}]"]
        found += [
            f"{part}.{key}: unknown; one of {', '.join(allowed)}"
            for key in written
            if key not in allowed
        ]
        found += [
            f"{part}.{key}: must be a text"
            for key, value in written.items()
            if key != "upper" and not (isinstance(value, str) and value)
        ]
    return found or _wrong_words(raw.get("file", {}))


def _wrong_words(file: dict[str, str]) -> list[str]:
    found = []
    if file.get("zone", "UTC") not in available_timezones():
        found.append(f"file.zone: {file['zone']!r}: not an IANA zone, like America/Santiago")
    if file.get("service", Service.ELECTRICITY) not in set(Service):
        found.append(f"file.service: {file['service']!r}; one of {', '.join(Service)}")
    if file.get("format", "ical") != "ical":
        found.append(f"file.format: {file['format']!r}; a calendar is `ical`")
    return found
