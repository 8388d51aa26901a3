"""Reads planned works from an iCalendar file: each VEVENT a work, its newest SEQUENCE holds.

RFC 5545. A time counts in the IANA zone of its TZID; what the file's own VTIMEZONE says of that zone
is not read, for senders' copies are old. Folding, escaping and values are the library's work.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from outreach.model.errors import InputRefused
from outreach.model.occasion import Scope
from outreach.model.record import RowRefused
from outreach.outages.ical_mapping import DEFAULT, CalendarMapping
from outreach.outages.intake_works import Work, WorksRead
from outreach.outages.wall_time import WallTime, read_wall_time
from outreach.outages.works_mapping import WorkStatus

LARGEST = 10_000_000
"""Bytes of one file; a year of works of a large company is a tenth of it."""
_NEWEST = 1 << 62
"""Version of an event whose SEQUENCE cannot be read: it counts as the newest."""
_STATES = {"CONFIRMED": WorkStatus.SCHEDULED, "CANCELLED": WorkStatus.CANCELLED}
_LINE_END = re.compile(r"\r\n|\n|\r")
_RECURRING = ("RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")


class _Refused(Exception):
    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    record: int
    line: int


def is_calendar(path: Path) -> bool:
    """Whether a file is named as an iCalendar file."""
    return path.suffix.lower() in {".ics", ".ical", ".ifb", ".icalendar"}


def read_works(stream: BinaryIO, *, name: str, mapping: CalendarMapping = DEFAULT) -> WorksRead:
    """Reads one calendar; `name` is its file, as people know it. Record n is the nth VEVENT.

    InputRefused: too large, not UTF-8, no calendar, or cut off. Reasons of refusal: missing_ref,
    bad_version, unknown_state, tentative, recurring, no_time, floating_time, unknown_zone, bad_time,
    ends_before_it_starts, no_nodes, newer_version_refused.
    """
    text = _text(stream, name)
    kept, places = _without_zones(text, name)
    works: list[Work] = []
    refused: list[tuple[RowRefused, str, int]] = []
    for place, (event, method) in zip(places, _events(kept, places, name), strict=True):
        try:
            works.append(_work(event, method, place, mapping))
        except _Refused as error:
            row = RowRefused(
                file=name,
                record=place.record,
                line=place.line,
                reason=error.reason,
                detail=error.detail,
            )
            refused.append((row, str(event.get("UID", "")).strip(), _version_or_newest(event)))
    return _newest(works, refused)


def _text(stream: BinaryIO, name: str) -> str:
    raw = stream.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise InputRefused(f"{name}: larger than {LARGEST:,} bytes; export fewer months")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputRefused(
            f"{name}: byte {error.start}: not UTF-8; export the calendar again"
        ) from None


def _without_zones(text: str, name: str) -> tuple[str, list[_Place]]:
    """The text less every VTIMEZONE, whose rules could keep a reader busy for hours; where events begin."""
    kept: list[str] = []
    places: list[_Place] = []
    inside = False
    for number, line in enumerate(_LINE_END.split(text), start=1):
        word = line.strip().upper()
        if word == "BEGIN:VTIMEZONE":
            inside = True
        if not inside:
            kept.append(line)
        if word == "END:VTIMEZONE":
            inside = False
        if word == "BEGIN:VEVENT" and not inside:
            places.append(_Place(record=len(places) + 1, line=number))
    if not kept or kept[0].strip().upper() != "BEGIN:VCALENDAR":
        raise InputRefused(f"{name}:1: not an iCalendar file; it must begin with BEGIN:VCALENDAR")
    if "END:VCALENDAR" not in {line.strip().upper() for line in kept[-3:]}:
        raise InputRefused(f"{name}: cut off before END:VCALENDAR; fetch the whole file again")
    return "\r\n".join(kept) + "\r\n", places


def _events(text: str, places: list[_Place], name: str) -> list[tuple[Any, str]]:
    """(VEVENT, METHOD of its calendar), in the order of the file."""
    from icalendar import Calendar  # noqa: PLC0415  icalendar takes 100 ms

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it guesses zones aloud; `_iana` decides
            calendars = Calendar.from_ical(text, multiple=True)
    except ValueError as error:
        raise InputRefused(f"{name}: not an iCalendar file: {_short(str(error))}") from None
    found = [
        (event, str(calendar.get("METHOD", "")).upper())
        for calendar in calendars
        for event in calendar.walk("VEVENT")
    ]
    if len(found) != len(places):
        raise InputRefused(
            f"{name}: {len(places)} events begin and {len(found)} end; fetch the file again"
        )
    return found


def _work(event: Any, method: str, place: _Place, mapping: CalendarMapping) -> Work:
    ref = str(event.get("UID", "")).strip()
    if not ref:
        raise _Refused("missing_ref", "no UID")
    version = _version(event)
    status = _status(event, method, version)
    recurring = [name for name in _RECURRING if name in event]
    if recurring:
        raise _Refused("recurring", f"{recurring[0]}: export one event for each work")
    start, end = _span(event, mapping)
    if end.at <= start.at:
        raise _Refused("ends_before_it_starts")
    return Work(
        ref=ref,
        version=version,
        versions=1,
        status=status,
        issued_at=_issued(event),
        start=start,
        end=end,
        scope=_scope(event, mapping),
        cause=" ".join(_first(event, mapping.cause).split()),
        record=place.record,
        line=place.line,
    )


def _version(event: Any) -> int:
    text = str(event.get("SEQUENCE", "0")).strip()
    if not (text.isascii() and text.isdigit() and int(text) < _NEWEST):
        raise _Refused("bad_version", f"SEQUENCE {_short(text)}")
    return int(text)


def _version_or_newest(event: Any) -> int:
    try:
        return _version(event)
    except _Refused:
        return _NEWEST


def _status(event: Any, method: str, version: int) -> WorkStatus:
    word = str(event.get("STATUS", "CONFIRMED")).strip().upper()
    if method == "CANCEL":
        return WorkStatus.CANCELLED
    if word == "TENTATIVE":
        raise _Refused("tentative", "announced once it is CONFIRMED")
    status = _STATES.get(word)
    if status is None:
        raise _Refused("unknown_state", f"STATUS {_short(word)}")
    return WorkStatus.MOVED if version and status is WorkStatus.SCHEDULED else status


def _span(event: Any, mapping: CalendarMapping) -> tuple[WallTime, WallTime]:
    begins = _instant(event, "DTSTART", mapping)
    if "DTEND" in event:
        return begins, _instant(event, "DTEND", mapping)
    if "DURATION" not in event:
        raise _Refused("no_time", "neither DTEND nor DURATION")
    try:
        length = event["DURATION"].dt
    except (AttributeError, ValueError):
        length = None
    if not isinstance(length, timedelta) or not timedelta(0) < length <= timedelta(days=366):
        raise _Refused("bad_time", "DURATION")
    return begins, _after(event, begins, length, mapping)


def _after(event: Any, begins: WallTime, length: timedelta, mapping: CalendarMapping) -> WallTime:
    """Days count on the wall clock, hours as they pass (RFC 5545, 3.3.6)."""
    local, zone = _wall(event["DTSTART"], "DTSTART", mapping)
    days, rest = timedelta(days=length.days), timedelta(seconds=length.seconds)
    if not days:
        return replace(begins, at=begins.at + rest, does_not_exist=False, is_ambiguous=False)
    ends = read_wall_time(local + days, zone)
    return replace(ends, at=ends.at + rest)


def _instant(event: Any, name: str, mapping: CalendarMapping) -> WallTime:
    if name not in event:
        raise _Refused("no_time", f"no {name}")
    local, zone = _wall(event[name], name, mapping)
    try:
        return read_wall_time(local, zone)
    except InputRefused:
        raise _Refused("unknown_zone", f"{name};TZID={_short(zone)}") from None


def _wall(value: Any, name: str, mapping: CalendarMapping) -> tuple[datetime, str]:
    """Wall time and IANA zone of a date-time property."""
    try:
        at = value.dt
    except (AttributeError, ValueError):  # a list, or what the library could not read
        raise _Refused("bad_time", f"{name} {_short(str(value))}") from None
    if not isinstance(at, datetime):
        why = (
            "a day without a time; give DTSTART and DTEND with times"
            if isinstance(at, date)
            else ""
        )
        raise _Refused("bad_time", f"{name}: {why}")
    stated = str(value.params.get("TZID", "")).strip()
    if stated:
        return at.replace(tzinfo=None), _iana(stated)
    if at.tzinfo is not None:
        return at.astimezone(UTC).replace(tzinfo=None), "UTC"
    if not mapping.zone:
        raise _Refused("floating_time", f"{name} has no zone; export with TZID, or state file.zone")
    return at, mapping.zone


def _iana(stated: str) -> str:
    """The IANA zone of a TZID: itself, what follows a vendor's path, or a name of Windows."""
    from babel.core import get_global  # noqa: PLC0415  its tables take 20 ms

    windows = get_global("windows_zone_mapping")
    bare = stated.strip('"')
    if bare in windows:
        return str(windows[bare])
    # RFC 5545 lets vendors prefix a path: /example.com/2026a/America/Santiago
    return "/".join(bare.split("/")[-_parts(bare) :]) if bare.startswith("/") else bare


def _parts(path: str) -> int:
    """How many parts of a path make the zone: America/Argentina/Salta has three."""
    return 3 if path.split("/")[-2:-1] in (["Argentina"], ["Indiana"], ["Kentucky"], ["North_Dakota"]) else 2  # fmt: skip


def _issued(event: Any) -> datetime | None:
    for name in ("LAST-MODIFIED", "DTSTAMP", "CREATED"):
        try:
            at = event[name].dt
        except (KeyError, AttributeError, ValueError):
            continue
        if isinstance(at, datetime) and at.tzinfo is not None:
            return at.astimezone(UTC)
    return None


def _scope(event: Any, mapping: CalendarMapping) -> Scope:
    nodes = tuple(_listed(event, mapping.nodes, mapping.separator))
    if mapping.nodes_upper:
        nodes = tuple(node.upper() for node in nodes)
    scope = Scope(
        nodes=tuple(dict.fromkeys(nodes)),
        localities=tuple(dict.fromkeys(_listed(event, mapping.localities, mapping.separator))),
    )
    if scope.is_empty:
        raise _Refused("no_nodes", f"neither {mapping.nodes} nor {mapping.localities}")
    return scope


def _listed(event: Any, name: str, separator: str) -> Iterator[str]:
    for text in _texts(event, name):
        parts = re.split(rf"(?<!\\){re.escape(separator)}", text)
        yield from (_unescaped(part, name) for part in parts if part.strip())


def _texts(event: Any, name: str) -> Iterable[str]:
    """Every value of a property."""
    value = event.get(name)
    values = value if isinstance(value, list) else [value]
    return [str(each) for each in values if each is not None]


def _unescaped(text: str, name: str) -> str:
    """The library leaves what it does not know (X-…) as it was written."""
    if name.startswith("X-"):
        text = re.sub(r"\\([\\,;])", r"\1", text)
    return text.strip()


def _first(event: Any, name: str) -> str:
    return _unescaped(next(iter(_texts(event, name)), ""), name)


def _newest(works: list[Work], refused: list[tuple[RowRefused, str, int]]) -> WorksRead:
    """A work whose newest event was refused stays outside: the older one may be cancelled."""
    by_ref: dict[str, list[Work]] = {}
    for work in works:
        by_ref.setdefault(work.ref, []).append(work)
    rows = [row for row, _, _ in refused]
    standing = []
    for ref, versions in by_ref.items():
        newest = max(versions, key=lambda work: (work.version, work.record))
        newer = [row for row, of, version in refused if of == ref and version >= newest.version]
        if not newer:
            standing.append(replace(newest, versions=len(versions)))
            continue
        detail = f"{ref}: event {newer[0].record} is newer and was refused"
        rows.append(
            replace(
                newer[0],
                record=newest.record,
                line=newest.line,
                reason="newer_version_refused",
                detail=detail,
            )
        )
    return WorksRead(
        works=tuple(sorted(standing, key=lambda work: (work.start.at, work.ref))),
        refused=tuple(sorted(rows, key=lambda row: row.record)),
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"  # noqa: PLR2004  of one line
