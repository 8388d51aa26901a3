"""Reads an outage system's messages as JSON Lines: one object a line, in the order of arrival."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from outreach.model.intake import OutageMessage, Unreadable
from outreach.outages import strict_json
from outreach.outages.intake_fields import message
from outreach.outages.intake_mapping import FeedMapping

LONGEST_LINE = 4 * 1024 * 1024


def read(
    stream: IO[bytes], mapping: FeedMapping, *, first_line: int = 1
) -> Iterator[OutageMessage | Unreadable]:
    """Each line as a message, or as what is wrong with it; memory holds one line at a time.

    Reasons: malformed_line, line_too_long, unknown_type, missing_outage, bad_field.
    """
    number = first_line
    while line := stream.readline(LONGEST_LINE + 1):
        place = f"line {number}"
        if len(line) > LONGEST_LINE:
            _skip(stream, line)
            yield Unreadable(
                place=place, reason="line_too_long", detail=f"more than {LONGEST_LINE} bytes"
            )
        elif line.strip():
            yield _read(line, mapping, place)
        number += 1


def _read(line: bytes, mapping: FeedMapping, place: str) -> OutageMessage | Unreadable:
    try:
        record = strict_json.parsed(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        return Unreadable(
            place=place, reason="malformed_line", detail="not a JSON object; send the line again"
        )
    return message(record, mapping, place=place)


def _skip(stream: IO[bytes], line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = stream.readline(LONGEST_LINE)
