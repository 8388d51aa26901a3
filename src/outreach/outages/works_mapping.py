"""The mapping file of planned works: where a company's export keeps what, in which words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from outreach.model.words import Service
from outreach.outages import mapping_file

COLUMNS = ("ref", "version", "issued_at", "state", "nodes", "start", "end", "cause")
_REQUIRED = ("ref", "state", "nodes", "start", "end")


class WorkStatus(StrEnum):
    """What the newest record of a work says."""

    SCHEDULED = "scheduled"
    MOVED = "moved"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorksMapping:
    """How to read one export of planned works."""

    encoding: str
    delimiter: str
    zone: str
    time_format: str
    service: Service
    columns: dict[str, str]
    """Our name of a column -> the name in the file's header."""
    states: dict[str, WorkStatus]
    """The file's word in capitals -> ours."""
    node_separator: str
    nodes_upper: bool


def read_works_mapping(path: Path) -> WorksMapping:
    """Reads and checks a mapping; InputRefused lists every mistake, one a line."""
    raw = mapping_file.read(path, _mistakes)
    file, nodes = raw["file"], raw.get("nodes", {})
    return WorksMapping(
        encoding=file.get("encoding", "utf-8-sig"),
        delimiter=file.get("delimiter", ","),
        zone=file["zone"],
        time_format=file.get("time_format", "%Y-%m-%d %H:%M"),
        service=Service(file.get("service", "electricity")),
        columns=dict(raw["columns"]),
        states={
            word.upper(): WorkStatus(status)
            for status, words in raw["states"].items()
            for word in words
        },
        node_separator=nodes.get("separator", "+"),
        nodes_upper=bool(nodes.get("upper", True)),
    )


_KEYS: dict[str, tuple[str, ...]] = {
    "file": ("encoding", "delimiter", "zone", "time_format", "service"),
    "columns": COLUMNS,
    "states": tuple(WorkStatus),
    "nodes": ("separator", "upper"),
}


def _mistakes(raw: dict[str, Any]) -> list[str]:
    found = [f"{part}: unknown; one of {', '.join(_KEYS)}" for part in raw if part not in _KEYS]
    for part, allowed in _KEYS.items():
        found += [
            f"{part}.{key}: unknown; one of {', '.join(allowed)}"
            for key in raw.get(part, {})
            if key not in allowed
        ]
    if "zone" not in raw.get("file", {}):
        found.append("file.zone: missing; the IANA zone of the times, like America/Santiago")
    service = raw.get("file", {}).get("service", "electricity")
    if service not in set(Service):
        found.append(f"file.service: {service!r}; one of {', '.join(Service)}")
    found += [
        f"columns.{key}: missing; the name of that column in the file"
        for key in _REQUIRED
        if key not in raw.get("columns", {})
    ]
    found += [
        f"states.{status}: must be a list of words"
        for status, words in raw.get("states", {}).items()
        if not isinstance(words, list)
    ]
    if "scheduled" not in raw.get("states", {}):
        found.append("states.scheduled: missing; the words that mean it, as a list")
    return found
