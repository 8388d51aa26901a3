"""Turns one record of a feed, whatever its format, into a message of ours, by the feed's mapping."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn, cast

from outreach.model.errors import InputRefused
from outreach.model.intake import MessageKind, OutageFields, OutageMessage, Unreadable
from outreach.outages.intake_mapping import FeedMapping
from outreach.outages.wall_time import read_wall_time

LONGEST_REF = 254
MOST_REFS = 200_000
LONGEST_TEXT = 500
FIRST_YEAR, LAST_YEAR = 2000, 2099
HIGHEST_SEQ = 2**63 - 1
CONFIDENCES = ("low", "medium", "high")


class NotReadable(Exception):
    """A field or a whole record cannot be taken: reason as a word, and what to do."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def message(
    record: Mapping[str, Any], mapping: FeedMapping, *, place: str
) -> OutageMessage | Unreadable:
    """One record by the mapping's names and words; fields that it does not name are ignored."""
    try:
        return _message(record, mapping, place)
    except NotReadable as error:
        return Unreadable(
            place=place,
            reason=error.reason,
            detail=error.detail,
            outage_ref=_if_text(_given(record, mapping, "outage")),
            seq=_if_number(_given(record, mapping, "seq")),
        )


def _message(record: Mapping[str, Any], mapping: FeedMapping, place: str) -> OutageMessage:
    kind = _kind(_given(record, mapping, "kind"), mapping)
    seq = _given(record, mapping, "seq")
    return OutageMessage(
        event_key=_text("event_key", _given(record, mapping, "event_key"), mapping),
        seq=None if seq is None else _seq(seq),
        outage_ref=_outage(record, mapping, kind),
        kind=kind,
        at=_instant("at", _given(record, mapping, "at"), mapping),
        received_at=_instant("received", _given(record, mapping, "received"), mapping),
        fields=fields(record, mapping),
        content=content(record, mapping.identity),
        place=place,
    )


def content(record: Mapping[str, Any], identity: tuple[str, ...] = ()) -> str:
    """A hash of a record without what tells its delivery; equal for equal content in any order."""
    said = {key: value for key, value in record.items() if key not in identity}
    written = json.dumps(said, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(written.encode()).hexdigest()[:32]


def fields(record: Mapping[str, Any], mapping: FeedMapping) -> OutageFields:
    """The fields that the record names, checked; NotReadable names the first that is wrong."""
    found: dict[str, Any] = {}
    for name, read in _READERS.items():
        theirs = mapping.fields.get(name)
        if theirs is not None and theirs in record:
            found[name] = read(name, record[theirs], mapping)
    named = {name: value for name, value in found.items() if value is not None or name == "etr"}
    return cast(OutageFields, named)


def _given(record: Mapping[str, Any], mapping: FeedMapping, name: str) -> Any:
    theirs = mapping.fields.get(name)
    return None if theirs is None else record.get(theirs)


def _kind(word: Any, mapping: FeedMapping) -> MessageKind:
    if mapping.whole_list:
        return MessageKind.STANDS
    kind = mapping.kinds.get(word) if isinstance(word, str) else None
    if kind is None:
        raise NotReadable("unknown_type", "not among [kinds] of the mapping")
    return kind


def _outage(record: Mapping[str, Any], mapping: FeedMapping, kind: MessageKind) -> str:
    ref = _text("outage", _given(record, mapping, "outage"), mapping)
    if not ref and kind is not MessageKind.SNAPSHOT:
        raise NotReadable("missing_outage", "says not which outage it is about")
    return ref


def _seq(value: Any) -> int:
    number = _if_number(value)
    if number is None:
        _wrong("seq", "a whole number from 0")
    return number


def _if_number(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:  # noqa: PLR2004  digits of 2^63
        value = int(value)
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= HIGHEST_SEQ
    return value if fits else None


def _if_text(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= LONGEST_REF else ""


def _text(name: str, value: Any, _mapping: FeedMapping) -> str:
    """A short text, or a number written as one; empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not is_plain(value):
        _wrong(name, f"text of at most {LONGEST_TEXT} characters")
    return str(value.strip())


def is_plain(text: str) -> bool:
    """Without control characters and half surrogate pairs, which no database takes."""
    return not any(char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in text)


def _cause(name: str, value: Any, mapping: FeedMapping) -> str:
    word = _text(name, value, mapping)
    return mapping.causes.get(word, word)


def _confidence(name: str, value: Any, mapping: FeedMapping) -> str | None:
    word = _text(name, value, mapping).casefold()
    if word and word not in CONFIDENCES:
        _wrong(name, " or ".join(CONFIDENCES))
    return word or None


def _refs(name: str, value: Any, mapping: FeedMapping) -> tuple[str, ...]:
    """Each once, in order: the order in which a system lists its devices means nothing."""
    refs = [] if value is None else value
    if isinstance(refs, str):
        refs = [ref for ref in refs.split(mapping.separator) if ref.strip()]
    if not isinstance(refs, list | tuple) or len(refs) > MOST_REFS:
        _wrong(name, f"a list of at most {MOST_REFS}")
    found = {_ref(name, ref, mapping) for ref in refs}
    return tuple(sorted(found))


def _ref(name: str, value: Any, mapping: FeedMapping) -> str:
    ref = _text(name, value, mapping)
    if not ref or len(ref) > LONGEST_REF:
        _wrong(name, "identifiers")
    upper = mapping.nodes_upper and name in {"nodes", "restored_nodes"}
    return ref.upper() if upper else ref


def _instant(name: str, value: Any, mapping: FeedMapping) -> datetime | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        _wrong(name, "an ISO 8601 time")
    return instant(name, value, zone=mapping.zone)


def instant(name: str, text: str, *, zone: str = "") -> datetime:
    """An ISO 8601 time in UTC; one without offset is wall time of `zone`, or refused without one."""
    try:
        at = datetime.fromisoformat(text.strip())
        if at.tzinfo is None and zone:
            at = read_wall_time(at, zone).at
        if at.tzinfo is None:
            _wrong(name, "a time with its offset (or give the mapping a zone)")
        at = at.astimezone(UTC)
    except (ValueError, OverflowError, InputRefused):
        _wrong(name, "an ISO 8601 time")
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        _wrong(name, f"a time from {FIRST_YEAR} to {LAST_YEAR}")
    return at


def _flag(name: str, value: Any, _mapping: FeedMapping) -> bool:
    if not isinstance(value, bool):
        _wrong(name, "true or false")
    return bool(value)


def _wrong(name: str, wanted: str) -> NoReturn:
    raise NotReadable("bad_field", f"{name}: must be {wanted}")


_READERS: dict[str, Callable[[str, Any, FeedMapping], Any]] = {
    "start": _instant,
    "nodes": _refs,
    "premises": _refs,
    "accounts": _refs,
    "localities": _refs,
    "postal_codes": _refs,
    "adds": _flag,
    "etr": _instant,
    "etr_confidence": _confidence,
    "crew": _text,
    "cause": _cause,
    "parent": _text,
    "restored_nodes": _refs,
    "restored_premises": _refs,
    "restored_at": _instant,
    "into": _text,
    "reason": _text,
    "discarded": _flag,
    "active": _refs,
}
