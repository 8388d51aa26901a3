"""Reads an outage system's CSV: events one a row, or the whole list of what is out now."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from outreach.model.errors import InputRefused
from outreach.model.intake import MessageKind, OutageMessage, Unreadable
from outreach.outages.intake_fields import content, message
from outreach.outages.intake_mapping import FeedMapping

MOST_BYTES = 64 * 1024 * 1024
LONGEST_CELL = 4 * 1024 * 1024
_CANNOT_DECODE = "�"


def read(raw: bytes, mapping: FeedMapping, *, name: str) -> Iterator[OutageMessage | Unreadable]:
    """Each row as a message, or as what is wrong with it; at the end of a whole list, what it lists.

    InputRefused: unknown encoding, no header, or a column of the mapping is missing. Reasons:
    wrong_column_count, undecodable, unknown_type, missing_outage, bad_field.
    """
    shown = PurePath(name).name
    if len(raw) > MOST_BYTES:
        raise InputRefused(f"{shown}: more than {MOST_BYTES} bytes; send it in parts")
    rows = _rows(raw, mapping, shown)
    header = next(rows, None)
    if header is None:
        raise InputRefused(f"{shown}: empty; its first line must be the header")
    _refuse_missing(shown, header[1], mapping)
    listed: list[str] = []
    unread = 0
    for line, cells in rows:
        one = _read(cells, header[1], mapping, f"line {line}")
        if isinstance(one, OutageMessage):
            listed.append(one.outage_ref)
        else:
            unread += 1
        yield one
    if mapping.whole_list and not unread:  # a list with holes says nothing about what is absent
        yield snapshot(tuple(listed), place=shown)


def snapshot(listed: tuple[str, ...], *, place: str) -> OutageMessage:
    """What a whole list leaves in, so that half a list is noticed."""
    return OutageMessage(
        event_key="",
        kind=MessageKind.SNAPSHOT,
        fields={"active": tuple(sorted({*listed}))},
        content=content({"active": sorted({*listed})}),
        place=place,
    )


def _rows(raw: bytes, mapping: FeedMapping, shown: str) -> Iterator[tuple[int, list[str]]]:
    """(physical line where it begins, cells) of each row that is not blank."""
    try:
        text = raw.decode(mapping.encoding, errors="replace")
    except LookupError:
        raise InputRefused(f"{shown}: encoding {mapping.encoding!r} is not known") from None
    before = csv.field_size_limit(LONGEST_CELL)  # of the whole process: put back below
    reader = csv.reader(text.splitlines(keepends=True), delimiter=mapping.delimiter)
    line = 1
    try:
        for cells in reader:
            if any(cells):
                yield line, [cell.strip() for cell in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputRefused(f"{shown}: line {line}: {error}; check the quotes") from None
    finally:
        csv.field_size_limit(before)


def _refuse_missing(shown: str, header: list[str], mapping: FeedMapping) -> None:
    missing = [theirs for theirs in mapping.fields.values() if theirs not in header]
    if missing:
        raise InputRefused(
            f"{shown}: line 1: no column {', '.join(missing)}; it has {', '.join(header)}"
        )


def _read(
    cells: list[str], header: list[str], mapping: FeedMapping, place: str
) -> OutageMessage | Unreadable:
    if len(cells) != len(header):
        return Unreadable(
            place=place, reason="wrong_column_count", detail=f"{len(cells)} of {len(header)}"
        )
    if any(_CANNOT_DECODE in cell for cell in cells):
        return Unreadable(
            place=place, reason="undecodable", detail=f"not {mapping.encoding}; set file.encoding"
        )
    return message(_said(dict(zip(header, cells, strict=True)), mapping), mapping, place=place)


def _said(row: dict[str, str], mapping: FeedMapping) -> dict[str, Any]:
    """Without the empty cells, which say nothing; the word for nothing takes a value back."""
    flags = {mapping.fields[name] for name in ("adds", "discarded") if name in mapping.fields}
    return {
        key: _flag(cell) if key in flags else None if cell == mapping.none else cell
        for key, cell in row.items()
        if cell
    }


def _flag(cell: str) -> bool | str:
    return {"true": True, "1": True, "false": False, "0": False}.get(cell.casefold(), cell)
