"""Finds the line of every key of a TOML text, for messages that point at the place to mend."""

from __future__ import annotations

import re

Place = tuple[str | int, ...]
"""Where a value stands: ("step", 2, "channels") is the key `channels` of the third [[step]]."""

_HEADER = re.compile(r"^\s*(\[\[?)\s*([\w.\"' -]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"^\s*([\w\"'-]+(?:\s*\.\s*[\w\"'-]+)*)\s*=")


def lines_of(text: str) -> dict[Place, int]:
    """Line numbers, from 1, of all headers and keys; the first place of a key wins."""
    found: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _numbered(_parts(header[2]), counts)
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, *_parts(key[1])), number)
    return found


def _numbered(header: Place, counts: dict[Place, int]) -> Place:
    """`[step.segment]` belongs to the [[step]] before it: ("step", 2, "segment")."""
    place: Place = ()
    for part in header[:-1]:
        place = (*place, part)
        if place in counts:
            place = (*place, counts[place])
    return (*place, *header[-1:])


def line_of(lines: dict[Place, int], place: Place) -> int:
    """The line of a place, else of the table that holds it, else the first."""
    while place:
        if place in lines:
            return lines[place]
        place = place[:-1]
    return 1


def _parts(dotted: str) -> Place:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
