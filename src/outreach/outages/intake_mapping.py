"""The mapping file of a feed: under which names and words an outage system says what we understand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import available_timezones

from outreach.model.intake import MessageKind, OutageFields
from outreach.outages import mapping_file

ENVELOPE = ("event_key", "seq", "outage", "kind", "at", "received")
FIELDS = tuple(OutageFields.__annotations__)
_NAMES = (*ENVELOPE, *FIELDS)
_FILE = ("zone", "encoding", "delimiter", "separator", "none", "whole_list", "nodes_upper")
_PARTS = ("file", "fields", "kinds", "causes")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedMapping:
    """How to read one system's messages. The default reads our own names and words."""

    fields: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({name: name for name in _NAMES})
    )
    """Our name -> theirs."""
    kinds: Mapping[str, MessageKind] = field(
        default_factory=lambda: MappingProxyType({kind.value: kind for kind in MessageKind})
    )
    """Their word for a kind of message -> ours."""
    causes: Mapping[str, str] = field(default_factory=dict)
    """Their code of a cause -> what people may be told; others are passed on as they are."""
    zone: str = ""
    """IANA zone of times without an offset; empty: such times are refused."""
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    separator: str = "+"
    """Between several nodes in one cell of CSV."""
    none: str = "null"
    """The word in CSV that takes a value back; an empty cell leaves it as it is."""
    whole_list: bool = False
    """The file lists everything that is out now, one row an outage, instead of events."""
    nodes_upper: bool = False

    @property
    def identity(self) -> tuple[str, ...]:
        """Names of theirs that tell a delivery, not what it says."""
        return tuple(self.fields[name] for name in ("event_key", "received") if name in self.fields)


def read_feed_mapping(path: Path) -> FeedMapping:
    """Reads and checks a mapping; InputRefused lists every mistake, one a line."""
    raw = mapping_file.read(path, _mistakes)
    given: dict[str, Any] = dict(raw.get("file", {}))
    if "kinds" in raw:
        given["kinds"] = {
            word: MessageKind(kind) for kind, words in raw["kinds"].items() for word in words
        }
    return FeedMapping(fields=raw["fields"], causes=raw.get("causes", {}), **given)


def _mistakes(raw: dict[str, Any]) -> list[str]:
    odd = [f"{part}: must be a table" for part in raw if not isinstance(raw[part], dict)]
    if odd:
        return odd
    found = [*_unknown("", raw, _PARTS), *_unknown("file.", raw.get("file", {}), _FILE)]
    found += _unknown("fields.", raw.get("fields", {}), _NAMES)
    found += _unknown("kinds.", raw.get("kinds", {}), tuple(MessageKind))
    found += [
        f"{part}.{key}: must be text"
        for part in ("fields", "causes")
        for key, word in raw.get(part, {}).items()
        if not isinstance(word, str)
    ]
    found += [
        f"kinds.{kind}: must be a list of words"
        for kind, words in raw.get("kinds", {}).items()
        if not (isinstance(words, list) and all(isinstance(word, str) for word in words))
    ]
    return [*found, *_file_mistakes(raw.get("file", {})), *_missing(raw)]


def _unknown(prefix: str, part: dict[str, Any], allowed: tuple[str, ...]) -> list[str]:
    return [
        f"{prefix}{key}: unknown key; near: {(get_close_matches(key, allowed, n=1) or allowed)[0]}"
        for key in part
        if key not in allowed
    ]


def _file_mistakes(file: dict[str, Any]) -> list[str]:
    flags = {"whole_list", "nodes_upper"}
    odd = [
        f"file.{key}: must be {'true or false' if key in flags else 'text'}"
        for key, value in file.items()
        if key in _FILE and not isinstance(value, bool if key in flags else str)
    ]
    zone = file.get("zone", "")
    if zone and zone not in available_timezones():
        odd.append(f"file.zone: {zone!r} is no IANA zone, such as America/Santiago")
    if len(str(file.get("delimiter", ","))) != 1:
        odd.append("file.delimiter: must be one character")
    return odd


def _missing(raw: dict[str, Any]) -> list[str]:
    fields = raw.get("fields", {})
    if "outage" not in fields:
        return ["fields.outage: missing; the name of the field that identifies an outage"]
    is_list = raw.get("file", {}).get("whole_list", False)
    if ("kind" in fields) == bool(is_list):
        return ["fields.kind: events need it, and a whole list (file.whole_list) has none"]
    if "kind" in fields and "kinds" not in raw:
        return ["kinds: missing; for each kind of message the words that mean it, as a list"]
    return []
