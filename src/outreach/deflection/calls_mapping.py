"""Reads the mapping file of a call log: what its columns and words mean."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from outreach.deflection.calls_times import EPOCH, EPOCH_MS, ISO, instants
from outreach.model.errors import InputRefused

_NEEDED = ("call_id", "at", "ani", "dnis")
_COLUMNS = (*_NEEDED, "queue", "result", "wait_s", "talk_s", "contained", "kind", "wrap_up")
_KINDS = ("call", "chat", "message", "click")
_KEYS = {
    "file": ("encoding", "delimiter", "source"),
    "columns": _COLUMNS,
    "at": ("format", "zone"),
    "words": ("abandoned", "contained", "hidden", *_KINDS),
    "outage": ("numbers",),
    "phones": ("region", "countries", "stand_ins"),
    "queues": (),
}
_FREE = ("queues",)
"""Tables whose keys are the source's own words."""
_LISTS = {
    "words": _KEYS["words"],
    "outage": _KEYS["outage"],
    "phones": ("countries", "stand_ins"),
}

HIDDEN = frozenset(
    {"anonymous", "restricted", "unavailable", "unknown", "private", "withheld", "0"}
)
"""What platforms write in place of a number that is kept back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallsMapping:
    """How one kind of call log is read; words are compared without regard to case."""

    encoding: str = "utf-8"
    delimiter: str = ","
    source: str = "file"
    columns: dict[str, str] = field(default_factory=dict)
    """Ours -> the file's; call_id, at, ani and dnis at least. In JSON: paths such as `caller.number`."""
    at_format: str = ISO
    """As strptime reads it, or iso, epoch, epoch_ms; an offset in the file wins over the zone."""
    zone: str = "UTC"
    abandoned: frozenset[str] = frozenset()
    contained: frozenset[str] = frozenset()
    hidden: frozenset[str] = HIDDEN
    kinds: Mapping[str, str] = field(default_factory=lambda: _kinds({}))
    """Their word -> call, chat, message or click."""
    queues: Mapping[str, str] = field(default_factory=dict)
    """Their id of a queue -> its name."""
    outage_numbers: tuple[str, ...] = ()
    region: str = ""
    """Country of numbers written without one, as in `CL`; as in the mapping of the record."""
    countries: frozenset[str] = frozenset()
    stand_ins: frozenset[str] = frozenset()

    def instant(self, written: str) -> datetime:
        """The UTC instant of a written time; ValueError if it is none."""
        return instants(self.at_format, self.zone)(written)


def read_calls_mapping(path: Path, *, plain: CallsMapping | None = None) -> CallsMapping:
    """The mapping in a TOML file; InputRefused names the key that is wrong or missing.

    plain: what holds where the file is silent, for sources that bring their own columns and times;
    without it the file must name them.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputRefused(f"{path}: not found; name the mapping file of the call log") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputRefused(f"{path}: not TOML in UTF-8: {error}") from None
    for mistake in _mistakes(tables, plain):
        raise InputRefused(f"{path}: {mistake}")
    return replace(plain or CallsMapping(hidden=frozenset()), **_given(tables))


def _given(tables: dict[str, Any]) -> dict[str, Any]:
    """What the file says, by our names; what it does not say is absent."""
    words, phones, at = (tables.get(name, {}) for name in ("words", "phones", "at"))
    given: dict[str, Any] = dict(tables.get("file", {}))
    given |= {
        key: _folded(words[key]) for key in ("abandoned", "contained", "hidden") if key in words
    }
    given |= {key: frozenset(phones[key]) for key in ("countries", "stand_ins") if key in phones}
    given |= {key: tables[key] for key in ("columns", "queues") if key in tables}
    given |= {"region": phones["region"]} if "region" in phones else {}
    given |= {"at_format": at["format"]} if "format" in at else {}
    given |= {"zone": at["zone"]} if "zone" in at else {}
    given |= {"kinds": _kinds(words)}
    if "numbers" in tables.get("outage", {}):
        given["outage_numbers"] = tuple(tables["outage"]["numbers"])
    return given


def _kinds(words: dict[str, list[str]]) -> dict[str, str]:
    """Each kind goes by its own name too."""
    said = {each.casefold(): kind for kind in _KINDS for each in words.get(kind, [])}
    return {kind: kind for kind in _KINDS} | said


def _mistakes(tables: dict[str, Any], plain: CallsMapping | None) -> Iterator[str]:
    for name, table in tables.items():
        if name not in _KEYS:
            yield f"[{name}]: unknown table; known are {', '.join(_KEYS)}"
        elif not isinstance(table, dict):
            yield f"{name}: must be a table, as in [{name}]"
        else:
            yield from _wrong_keys(name, table)
    for column in _NEEDED if plain is None else ():
        if column not in tables.get("columns", {}):
            yield f"columns.{column}: missing; name the file's column"
    yield from _wrong_time(tables.get("at", {}), is_needed=plain is None)


def _wrong_keys(name: str, table: dict[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        lists = key in _LISTS.get(name, ())
        if key not in _KEYS[name] and name not in _FREE:
            yield f"{name}.{key}: unknown key; known are {', '.join(_KEYS[name])}"
        elif lists and not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
            yield f"{name}.{key}: must be a list of texts"
        elif not lists and not isinstance(value, str):
            yield f"{name}.{key}: must be a text"


def _wrong_time(at: dict[str, Any], *, is_needed: bool) -> Iterator[str]:
    if "format" not in at:
        if is_needed:
            yield 'at.format: missing; write how times look, as in "%d-%m-%Y %H:%M:%S"'
    elif is_needed and "zone" not in at and not _has_offset(at["format"]):
        yield "at.zone: missing; name the IANA zone of the file's times"
    try:
        ZoneInfo(at.get("zone", "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        yield f"at.zone: {at['zone']!r} is no IANA zone; write one such as America/Santiago"


def _has_offset(written_as: str) -> bool:
    return "%z" in written_as or written_as in {EPOCH, EPOCH_MS}


def _folded(words: list[str]) -> frozenset[str]:
    return frozenset(word.casefold() for word in words)
