"""Reads a company's export of planned works: the highest version of each work, and what stays outside.

A work whose newest record cannot be read stays outside whole: announcing its older version might
announce a cut that was cancelled.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from outreach.model.errors import InputRefused
from outreach.model.occasion import Revision, Scope
from outreach.model.record import RowRefused
from outreach.outages import revise_planned
from outreach.outages.revise import Change, Origin
from outreach.outages.wall_time import WallTime, read_wall_time
from outreach.outages.works_mapping import WorksMapping, WorkStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A planned work as its newest record says it; instants are UTC."""

    ref: str
    version: int
    versions: int
    """How many records of it were readable."""
    status: WorkStatus
    issued_at: datetime | None
    start: WallTime
    end: WallTime
    scope: Scope
    cause: str
    record: int
    line: int
    start_wall: datetime | None = None
    """As written, naive; None: not written as a wall time of the area's zone."""
    end_wall: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorksRead:
    """Works in the order of their start, and the records left outside."""

    works: tuple[Work, ...]
    refused: tuple[RowRefused, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    record: int
    line: int
    cells: list[str]


class _Refused(Exception):
    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def read_works(path: Path, mapping: WorksMapping) -> WorksRead:
    """Reads one export. InputRefused: no such file, unknown encoding or zone, or a column is missing.

    Reasons of refusal: undecodable, wrong_column_count, missing_ref, bad_version, unknown_state,
    no_nodes, bad_time, ends_before_it_starts, newer_version_refused.
    """
    rows = _rows(path, mapping)
    header = next(rows, None)
    if header is None:
        raise InputRefused(f"{path}: empty; its first line must be the header")
    places = _places(path, header.cells, mapping)
    works: dict[str, list[Work]] = {}
    refused: list[tuple[RowRefused, str, int]] = []
    for row in rows:
        if not row.cells:
            continue
        try:
            work = _work(row, places=places, width=len(header.cells), mapping=mapping)
        except _Refused as error:
            outside = RowRefused(
                file=path.name,
                record=row.record,
                line=row.line,
                reason=error.reason,
                detail=error.detail,
            )
            refused.append((outside, *_identity(row, places)))
        else:
            works.setdefault(work.ref, []).append(work)
    return _newest(path, works, refused)


def revised(
    work: Work, current: Revision | None, *, now: datetime, author: str = ""
) -> Revision | None:
    """What a work of the file makes of the truth; None if that is the truth already.

    GuardRefused where a work has begun or ended meanwhile, or its times look like a slip.
    """
    origin = Origin(author=author, source="file", source_seq=work.version)
    cancelled = work.status is WorkStatus.CANCELLED
    if current is None:
        if cancelled:
            return None  # never announced, so there is nothing to take back
        planned = revise_planned.planned(
            work.scope,
            start_at=work.start.at,
            end_at=work.end.at,
            change=Change(cause=work.cause),
            now=now,
            origin=origin,
        )
        return _walled(work, planned)
    if cancelled:
        return revise_planned.cancelled(current, now=now, origin=origin)
    moved = revise_planned.moved(
        current,
        start_at=work.start.at,
        end_at=work.end.at,
        change=Change(scope=work.scope, cause=work.cause),
        now=now,
        origin=origin,
    )
    return _walled(work, moved)


def _walled(work: Work, revision: Revision | None) -> Revision | None:
    return revise_planned.walled(revision, start=work.start_wall, end=work.end_wall)


def _rows(path: Path, mapping: WorksMapping) -> Iterator[_Row]:
    """Records with their number, the header being 1, and the physical line where each begins."""
    try:
        with path.open(encoding=mapping.encoding, errors="surrogateescape", newline="") as file:
            reader = csv.reader(file, delimiter=mapping.delimiter)
            line = 1
            for record, cells in enumerate(reader, start=1):
                yield _Row(record=record, line=line, cells=[cell.strip() for cell in cells])
                line = reader.line_num + 1
    except OSError:
        raise InputRefused(f"{path}: cannot be read; check the path") from None
    except LookupError:
        raise InputRefused(f"{path}: encoding {mapping.encoding!r} is not known") from None


def _places(path: Path, header: list[str], mapping: WorksMapping) -> dict[str, int]:
    missing = [column for column in mapping.columns.values() if column not in header]
    if missing:
        raise InputRefused(
            f"{path}: line 1: no column {', '.join(missing)}; it has {', '.join(header)}"
        )
    return {ours: header.index(theirs) for ours, theirs in mapping.columns.items()}


def _work(row: _Row, *, places: dict[str, int], width: int, mapping: WorksMapping) -> Work:
    if any("\udc80" <= char <= "\udcff" for cell in row.cells for char in cell):
        raise _Refused("undecodable")
    if len(row.cells) != width:
        raise _Refused("wrong_column_count", f"{len(row.cells)} of {width}")
    cells = {ours: row.cells[place] for ours, place in places.items()}
    if not cells["ref"]:
        raise _Refused("missing_ref")
    walls = [_local(cells[name], mapping) for name in ("start", "end")]
    start, end = (read_wall_time(local, mapping.zone) for local in walls)
    if end.at <= start.at:
        raise _Refused("ends_before_it_starts")
    issued = cells.get("issued_at")
    return Work(
        ref=cells["ref"],
        version=_version(cells),
        versions=1,
        status=_status(cells["state"], mapping),
        issued_at=read_wall_time(_local(issued, mapping), mapping.zone).at if issued else None,
        start=start,
        end=end,
        scope=_scope(cells["nodes"], mapping),
        cause=cells.get("cause", ""),
        record=row.record,
        line=row.line,
        start_wall=walls[0],
        end_wall=walls[1],
    )


def _local(text: str, mapping: WorksMapping) -> datetime:
    try:
        return datetime.strptime(text, mapping.time_format)  # noqa: DTZ007  the zone comes next
    except ValueError:
        raise _Refused("bad_time", text) from None


def _version(cells: dict[str, str]) -> int:
    text = cells.get("version", "1")
    if not text.isascii() or not text.isdigit():
        raise _Refused("bad_version", text)
    return int(text)


def _status(word: str, mapping: WorksMapping) -> WorkStatus:
    status = mapping.states.get(word.upper())
    if status is None:
        raise _Refused("unknown_state", word)
    return status


def _scope(text: str, mapping: WorksMapping) -> Scope:
    refs = [ref.strip() for ref in text.split(mapping.node_separator)]
    nodes = tuple(ref.upper() if mapping.nodes_upper else ref for ref in refs if ref)
    if not nodes:
        raise _Refused("no_nodes")
    return Scope(nodes=nodes)


def _identity(row: _Row, places: dict[str, int]) -> tuple[str, int]:
    """Reference and version of a refused row; a version that cannot be read counts as the newest."""

    def cell(name: str) -> str:
        place = places.get(name, len(row.cells))
        return row.cells[place] if place < len(row.cells) else ""

    version = cell("version")
    readable = version.isascii() and version.isdigit()
    return cell("ref"), int(version) if readable else sys.maxsize


def _newest(
    path: Path, works: dict[str, list[Work]], refused: list[tuple[RowRefused, str, int]]
) -> WorksRead:
    newest = {
        ref: replace(
            max(versions, key=lambda work: (work.version, work.record)), versions=len(versions)
        )
        for ref, versions in works.items()
    }
    rows = [row for row, _, _ in refused]
    for row, ref, version in refused:
        if ref in newest and version >= newest[ref].version:
            older = newest.pop(ref)
            rows.append(
                RowRefused(
                    file=path.name,
                    record=older.record,
                    line=older.line,
                    reason="newer_version_refused",
                    detail=f"{ref}: record {row.record} is newer and was refused",
                )
            )
    return WorksRead(
        works=tuple(sorted(newest.values(), key=lambda work: (work.start.at, work.ref))),
        refused=tuple(sorted(rows, key=lambda row: row.record)),
    )
