"""Readers of single values of a campaign file; each raises ValueError with what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import time, timedelta
from difflib import get_close_matches
from enum import Enum
from typing import Any

Reader = Callable[[Any], Any]

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


def text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a text")
    return value.strip()


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")  # noqa: TRY004  one error for all readers
    return value


def number(low: float, high: float) -> Reader:
    """A number from low to high, both allowed."""

    def read(value: Any) -> float:
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            raise ValueError(f"{value!r} is not a number from {low:g} to {high:g}")
        return value

    return read


def whole(low: int, high: int) -> Reader:
    """A whole number from low to high, both allowed."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{value!r} is not a whole number from {low} to {high}")
        return value

    return read


def duration(*, at_least: timedelta = timedelta()) -> Reader:
    """A duration like "72h", "30m", "1h30m", "2d", as elapsed time."""

    def read(value: Any) -> timedelta:
        match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
        if match is None:
            raise ValueError(f'{value!r} is not a duration; write "72h", "30m", "90s" or "1h30m"')
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if span < at_least:
            raise ValueError(f"{value!r} is shorter than {at_least}")
        return span

    return read


def clock(value: Any) -> time:
    """A local time of day on the 24-hour clock, as "21:00"."""
    if isinstance(value, time):
        return value.replace(second=0, microsecond=0)
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'{value!r} is not a time of day; write "21:00"')
    return time(int(match[1]), int(match[2]))


def one_of(words: type[Enum] | Iterable[str]) -> Reader:
    """One word of an enum, by value or, for numbers, by name; or of plain words."""
    members = _members(words)

    def read(value: Any) -> Any:
        if not isinstance(value, str) or value not in members:
            raise ValueError(f"{value!r} is {unknown(str(value), members)}")
        return members[value]

    return read


def many_of(words: type[Enum] | Iterable[str], *, at_least: int = 0) -> Reader:
    """A list of distinct words, in its order."""
    read_one = one_of(words)

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError(f'{value!r} is not a list; write ["…", "…"]')  # noqa: TRY004  as above
        if len(value) < at_least:
            raise ValueError(f"empty; give at least {at_least}")
        return tuple(dict.fromkeys(read_one(item) for item in value))

    return read


def texts(value: Any) -> tuple[str, ...]:
    """A list of distinct texts, at least one, in its order."""
    if not isinstance(value, list):
        raise ValueError(f'{value!r} is not a list; write ["…", "…"]')  # noqa: TRY004  as above
    if not value:
        raise ValueError("empty; give at least 1, or leave the key out")
    return tuple(dict.fromkeys(text(item) for item in value))


def unknown(word: str, allowed: Iterable[str]) -> str:
    """`unknown; did you mean 'x'? allowed: …`."""
    known = list(allowed)
    near = get_close_matches(word, known, n=1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown; {meant}allowed: {', '.join(known)}"


def _members(words: type[Enum] | Iterable[str]) -> dict[str, Any]:
    if isinstance(words, type):
        return {
            member.value if isinstance(member.value, str) else member.name.lower(): member
            for member in words
        }
    return {word: word for word in words}
