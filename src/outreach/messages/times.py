"""Writes instants as the area reads them: `05:30`, `mar 05:30`, `mar 16 jul`."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from outreach.messages.languages import language
from outreach.model.errors import InputRefused
from outreach.model.notice import Facts

_WEEK = 6
"""Beyond so many days a weekday alone could mean two dates."""


def local(facts: Facts, at: datetime) -> datetime:
    """An instant on the wall clock of the area; InputRefused for an unknown zone."""
    try:
        return at.astimezone(ZoneInfo(facts.zone))
    except (KeyError, ValueError, OSError):
        raise InputRefused(f"zone {facts.zone!r}: not an IANA time zone") from None


def stays_today(facts: Facts, at: datetime) -> bool:
    """Whether the whole life of the text is the local day of `at`, so that `05:30` says enough."""
    if facts.not_after is None:
        return False
    days = {local(facts, one).date() for one in (facts.as_of, facts.not_after, at)}
    return len(days) == 1


def is_far(facts: Facts, at: datetime) -> bool:
    """Whether the weekday alone would not say which day it is."""
    return abs((local(facts, at).date() - local(facts, facts.as_of).date()).days) > _WEEK


def moment(facts: Facts, at: datetime, locale: str) -> str:
    """`mar 05:30`; `05:30` only if the text lives and dies that day; with the date if it is far."""
    there = local(facts, at)
    if stays_today(facts, at):
        return f"{there:%H:%M}"
    return f"{_named(there, 'EEE d MMM' if is_far(facts, at) else 'EEE', locale)} {there:%H:%M}"


def window(facts: Facts, first: datetime, last: datetime, locale: str) -> str:
    """`entre mar 08:00 y 10:00`, or over midnight `entre 22:00 y mié 02:00`: one day is enough."""
    form: str = language(locale)["clock"]["between"]
    if local(facts, first).date() == local(facts, last).date():
        return form.format(a=moment(facts, first, locale), b=clock(facts, last))
    return form.format(a=clock(facts, first), b=moment(facts, last, locale))


def day(facts: Facts, at: datetime, locale: str) -> str:
    """`mar 16 jul`."""
    return _named(local(facts, at), "EEE d MMM", locale)


def clock(facts: Facts, at: datetime) -> str:
    """`23:00`, for beside a date."""
    return f"{local(facts, at):%H:%M}"


def end(facts: Facts, start: datetime, at: datetime, locale: str) -> str:
    """`05:00`, or `mié 05:00` if the end is on another day than the start that stands before it."""
    there = local(facts, at)
    if there.date() == local(facts, start).date():
        return f"{there:%H:%M}"
    return f"{_named(there, 'EEE', locale)} {there:%H:%M}"


def _named(there: datetime, pattern: str, locale: str) -> str:
    return _on_the_wall(there.replace(tzinfo=None), pattern, locale)


@lru_cache(maxsize=2_000)  # a storm's texts name the same few instants again and again
def _on_the_wall(wall: datetime, pattern: str, locale: str) -> str:
    from babel.dates import format_datetime  # noqa: PLC0415  babel

    return format_datetime(wall, pattern, locale=locale.replace("-", "_")).replace(".", "")
