"""Which reader stands behind each kind of feed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path

from outreach.model.errors import InputRefused
from outreach.model.intake import OutageMessage, Unreadable
from outreach.outages import intake_csv, intake_notifications, intake_odin, intake_oms
from outreach.outages.intake_mapping import FeedMapping, read_feed_mapping

Messages = Iterator[OutageMessage | Unreadable]
Read = Callable[[bytes, FeedMapping, str], Messages]

READERS: Mapping[str, Read] = {
    "jsonl": lambda raw, mapping, _name: intake_oms.read(BytesIO(raw), mapping),
    "csv": lambda raw, mapping, name: intake_csv.read(raw, mapping, name=name),
    "oracle": lambda raw, _mapping, name: intake_notifications.read(raw, name=name),
    "odin": lambda raw, mapping, name: intake_odin.read(raw, mapping, name=name),
}
KINDS = (*READERS, "cap")
TIMED = frozenset({"jsonl"})
"""Kinds whose messages bear times: that the same comes again is no sign of life."""
_MAPPED = frozenset({"jsonl", "csv", "odin"})


def mapping_of(kind: str, path: Path | None) -> FeedMapping:
    """The mapping file, read and checked; our own names and words without one."""
    if path is None:
        return FeedMapping()
    if kind not in _MAPPED:
        raise InputRefused(f"{path}: {kind} needs no mapping; leave it out")
    return read_feed_mapping(path)


def messages(kind: str, raw: bytes, mapping: FeedMapping, *, name: str) -> Messages:
    """What a document of this kind says; InputRefused if it is none, sooner or later."""
    return READERS[kind](raw, mapping, name)
