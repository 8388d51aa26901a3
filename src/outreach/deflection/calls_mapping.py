"""Reads the mapping file of a call log: what its columns and words mean."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from outreach.model.errors import InputRefused

_NEEDED = ("call_id", "at", "ani", "dnis")
_COLUMNS = (*_NEEDED, "queue", "result", "wait_s", "talk_s", "contained")
_KEYS = {
    "file": ("encoding", "delimiter", "source"),
    "columns": _COLUMNS,
    "at": ("format", "zone"),
    "words": ("abandoned", "contained", "hidden"),
    "outage": ("numbers",),
    "phones": ("region", "countries", "stand_ins"),
}
_LISTS = {
    "words": _KEYS["words"],
    "outage": _KEYS["outage"],
    "phones": ("countries", "stand_ins"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsMapping:
    """How one kind of call log is read; words are compared without regard to case."""

    encoding: str = "utf-8"
    delimiter: str = ","
    source: str = "file"
    columns: dict[str, str]
    """Ours -> the file's; call_id, at, ani and dnis at least."""
    at_format: str
    """As strptime reads it; with %z the file's own offset wins over the zone."""
    zone: str
    abandoned: frozenset[str] = frozenset()
    contained: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    outage_numbers: tuple[str, ...] = ()
    region: str = ""
    """Country of numbers written without one, as in `CL`; as in the mapping of the record."""
    countries: frozenset[str] = frozenset()
    stand_ins: frozenset[str] = frozenset()

    def instant(self, written: str) -> datetime:
        """The UTC instant of a written time; ValueError if it is none."""
        read = datetime.strptime(written, self.at_format)  # noqa: DTZ007  the zone follows
        local = read if read.tzinfo else read.replace(tzinfo=ZoneInfo(self.zone))
        return local.astimezone(UTC)


def read_calls_mapping(path: Path) -> CallsMapping:
    """The mapping in a TOML file; InputRefused names the key that is wrong or missing."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputRefused(f"{path}: not found; name the mapping file of the call log") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputRefused(f"{path}: not TOML in UTF-8: {error}") from None
    for mistake in _mistakes(tables):
        raise InputRefused(f"{path}: {mistake}")
    return _mapping(tables)


def _mapping(tables: dict[str, Any]) -> CallsMapping:
    words, phones = tables.get("words", {}), tables.get("phones", {})
    return CallsMapping(
        **tables.get("file", {}),
        columns=tables["columns"],
        at_format=tables["at"]["format"],
        zone=tables["at"].get("zone", "UTC"),
        abandoned=_folded(words.get("abandoned", [])),
        contained=_folded(words.get("contained", [])),
        hidden=_folded(words.get("hidden", [])),
        outage_numbers=tuple(tables.get("outage", {}).get("numbers", [])),
        region=phones.get("region", ""),
        countries=frozenset(phones.get("countries", [])),
        stand_ins=frozenset(phones.get("stand_ins", [])),
    )


def _mistakes(tables: dict[str, Any]) -> Iterator[str]:
    for name, table in tables.items():
        if name not in _KEYS:
            yield f"[{name}]: unknown table; known are {', '.join(_KEYS)}"
        elif not isinstance(table, dict):
            yield f"{name}: must be a table, as in [{name}]"
        else:
            yield from _wrong_keys(name, table)
    for column in _NEEDED:
        if column not in tables.get("columns", {}):
            yield f"columns.{column}: missing; name the file's column"
    yield from _wrong_time(tables.get("at", {}))


def _wrong_keys(name: str, table: dict[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        lists = key in _LISTS.get(name, ())
        if key not in _KEYS[name]:
            yield f"{name}.{key}: unknown key; known are {', '.join(_KEYS[name])}"
        elif lists and not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
            yield f"{name}.{key}: must be a list of texts"
        elif not lists and not isinstance(value, str):
            yield f"{name}.{key}: must be a text"


def _wrong_time(at: dict[str, Any]) -> Iterator[str]:
    if "format" not in at:
        yield 'at.format: missing; write how times look, as in "%d-%m-%Y %H:%M:%S"'
    elif "zone" not in at and "%z" not in at["format"]:
        yield "at.zone: missing; name the IANA zone of the file's times"
    try:
        ZoneInfo(at.get("zone", "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        yield f"at.zone: {at['zone']!r} is no IANA zone; write one such as America/Santiago"


def _folded(words: list[str]) -> frozenset[str]:
    return frozenset(word.casefold() for word in words)
