"""Lengths of time as people type them (`72h`, `1h30`, `45m`, `2d`) and read them (`2 h 45 min`)."""

from __future__ import annotations

import re
from datetime import timedelta

from outreach.entry.languages import _
from outreach.model.errors import InputRefused

MINUTE = timedelta(minutes=1)

_FORM = re.compile(
    r"(?:(?P<days>\d{1,4})\s*d)?\s*(?:(?P<hours>\d{1,5})\s*h)?\s*(?:(?P<minutes>\d{1,6})\s*(?:m|min)?)?"
)


def duration(text: str) -> timedelta:
    """A length above zero; InputRefused says which forms there are. A bare number is no length."""
    typed = text.strip().casefold()
    match = _FORM.fullmatch(typed)
    parts = (
        {name: int(number) for name, number in match.groupdict().items() if number} if match else {}
    )
    if not any(parts.values()) or typed.isdigit():
        raise InputRefused(
            _("{text!r}: not a length of time; write 72h, 1h30, 45m or 2d").format(text=text)
        )
    return timedelta(**parts)


def spelled(length: timedelta) -> str:
    """`2 d 3 h`, `2 h 45 min`, `30 min`; minutes are left out from a day on, seconds always."""
    minutes = int(abs(length) / MINUTE)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    shown = [(days, "d"), (hours, "h"), (0 if days else minutes, "min")]
    return " ".join(f"{number} {unit}" for number, unit in shown if number) or "0 min"
