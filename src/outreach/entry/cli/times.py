"""Times as people type them at three in the morning, and the echo that shows how they were read.

Wall times are the area's. Where the clock skips, the offset before the change counts, so the time lands after it;
where it repeats, a dated time is the first of the two, and a bare one is whichever comes next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from outreach.entry.cli.durations import MINUTE, duration, spelled
from outreach.entry.languages import LANGUAGES, _, spoken
from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.spelling import plain

SOON = timedelta(minutes=15)
"""An estimate nearer than this is asked about."""
FAR = timedelta(hours=24)
"""An estimate further than this is asked about."""
JUST_PASSED = timedelta(hours=2)
"""A bare wall time that passed so lately may have meant today."""
_DAY = timedelta(days=1)

_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})"
_BARE = re.compile(_CLOCK)
_RELATIVE = re.compile(r"(?P<sign>[+-])\s*(?P<length>.+)")
_ISO_DAY = re.compile(rf"(?P<year>\d{{4}})-(?P<month>\d{{1,2}})-(?P<day>\d{{1,2}})[ tT]+{_CLOCK}")
_DAY_MONTH = re.compile(
    rf"(?P<day>\d{{1,2}})/(?P<month>\d{{1,2}})(?:/(?P<year>\d{{4}}))?\s+{_CLOCK}"
)
_WEEKDAY = re.compile(rf"(?P<weekday>[^\W\d]+(?:-[^\W\d]+)?)\.?\s+{_CLOCK}")
_OFFSET = re.compile(r".*\d{2}:\d{2}.*(?:[zZ]|[+-]\d{2}:?\d{2})")
_WINDOW = re.compile(r"(?P<start>.+?)\s*-\s*(?P<end>\d{1,2}:\d{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimate of restoration as typed; `doubt` is a question to confirm first, or empty."""

    at: datetime
    doubt: str = ""


def at(text: str, *, now: datetime, zone: ZoneInfo, past: bool = False) -> datetime:
    """The instant meant, in UTC, whole minutes.

    `05:30`, `jue 05:30`, `16/07 05:30`: the next such wall time after now, or with `past` the last one
    up to now. `+2h`, `-20m`: from now, rounded up to the minute. `2026-07-16 05:30`: that wall time.
    A time with an offset stands for itself. InputRefused where the text can be read in no way or in two.
    """
    typed = text.strip()
    for form, reading in _READINGS:
        if match := form.fullmatch(typed):
            return reading(_Said(text=text, parts=match.groupdict(), now=now, zone=zone, past=past))
    raise InputRefused(_unread(text))


def window(text: str, *, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Start and end in UTC of `08:00-10:00` or `jue 22:00-02:00`; the end is the first after the start."""
    match = _WINDOW.fullmatch(text.strip())
    if match is None:
        raise InputRefused(_("{text!r}: not a window; write 08:00-10:00").format(text=text))
    start = at(match["start"], now=now, zone=zone)
    return start, at(match["end"], now=start, zone=zone)


def etr(text: str, *, now: datetime, zone: ZoneInfo) -> Estimate:
    """An estimate of restoration; GuardRefused in the past, a doubt under 15 min or over 24 h."""
    moment = at(text, now=now, zone=zone)
    if moment <= now:
        raise GuardRefused(
            _("{text!r} is in the past ({echo}); give a later time, or none").format(
                text=text, echo=echo(moment, now=now, zone=zone)
            )
        )
    return Estimate(at=moment, doubt=_doubt(text, moment, now, zone))


def echo(moment: datetime, *, now: datetime, zone: ZoneInfo) -> str:
    """`jue 16 jul 05:30, in 2 h 45 min`, in the area's wall time and the operator's language."""
    return f"{wall(moment, now=now, zone=zone)}, {_distance(moment - now)}"


def wall(moment: datetime, *, now: datetime, zone: ZoneInfo) -> str:
    """`jue 16 jul 05:30`; with the year when it is another one than now's."""
    from babel.dates import format_datetime  # noqa: PLC0415  babel takes 40 ms

    local = moment.astimezone(zone)
    form = "EEE d MMM HH:mm" if local.year == now.astimezone(zone).year else "EEE d MMM y HH:mm"
    return format_datetime(local, form, locale=spoken()).replace(".", "")


def zone_named(name: str) -> ZoneInfo:
    """The IANA zone; InputRefused with near matches."""
    if name in available_timezones():
        return ZoneInfo(name)
    near = get_close_matches(name, sorted(available_timezones()), n=3, cutoff=0.5)
    raise InputRefused(
        _("{name!r}: no such zone; near: {near}").format(
            name=name, near=", ".join(near) or "America/Santiago"
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    text: str
    parts: dict[str, str | None]
    now: datetime
    zone: ZoneInfo
    past: bool

    def number(self, name: str) -> int:
        return int(self.parts[name] or 0)

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    @property
    def clock(self) -> time:
        if self.number("hour") == 24:  # noqa: PLR2004
            raise InputRefused(
                _("{text!r}: ambiguous; write 00:00 with the day it begins").format(text=self.text)
            )
        try:
            return time(self.number("hour"), self.number("minute"))
        except ValueError:
            raise InputRefused(_unread(self.text)) from None

    def nearest(self, days: Iterable[date]) -> datetime:
        """The first instant after now, or with `past` the last up to now, on one of these days."""
        instants = sorted(at for day in days for at in self.instants(day))
        if self.past:
            return max(at for at in instants if at <= self.now)
        return min(at for at in instants if at > self.now)

    def instants(self, day: date) -> set[datetime]:
        """The one instant of this wall time, or the two where the clock repeats."""
        first = datetime.combine(day, self.clock, self.zone)
        second = first.replace(fold=1)
        is_repeated = first.utcoffset() > second.utcoffset()  # type: ignore[operator]
        return {each.astimezone(UTC) for each in ((first, second) if is_repeated else (first,))}

    def on(self, day: date) -> datetime:
        return min(self.instants(day))


def _relative(said: _Said) -> datetime:
    length = duration(said.parts["length"] or "")
    moment = said.now + (length if said.parts["sign"] == "+" else -length)
    whole = moment.astimezone(UTC).replace(second=0, microsecond=0)
    return whole if whole == moment else whole + MINUTE


def _bare(said: _Said) -> datetime:
    return said.nearest(said.today + _DAY * days for days in (-2, -1, 0, 1, 2))


def _weekday(said: _Said) -> datetime:
    wanted = _weekdays().get(plain(said.parts["weekday"] or ""))
    if wanted is None:
        raise InputRefused(_unread(said.text))
    around = (said.today + _DAY * days for days in range(-8, 9))
    return said.nearest(day for day in around if day.weekday() == wanted)


def _dated(said: _Said) -> datetime:
    try:
        return said.on(date(said.number("year"), said.number("month"), said.number("day")))
    except ValueError:
        raise InputRefused(_unread(said.text)) from None


def _day_month(said: _Said) -> datetime:
    if said.parts["year"]:
        return _dated(said)
    days = list(_that_day(said))
    if not days:
        raise InputRefused(_unread(said.text))
    return said.nearest(days)


def _that_day(said: _Said) -> Iterator[date]:
    """The day in the years around; 29/02 only where there is one."""
    for year in range(said.today.year - 8, said.today.year + 9):
        try:
            yield date(year, said.number("month"), said.number("day"))
        except ValueError:
            continue


def _with_offset(said: _Said) -> datetime:
    try:
        return datetime.fromisoformat(said.text.strip()).astimezone(UTC)
    except ValueError:
        raise InputRefused(_unread(said.text)) from None


_READINGS: tuple[tuple[re.Pattern[str], Callable[[_Said], datetime]], ...] = (
    (_BARE, _bare),
    (_RELATIVE, _relative),
    (_ISO_DAY, _dated),
    (_DAY_MONTH, _day_month),
    (_WEEKDAY, _weekday),
    (_OFFSET, _with_offset),
)


def _doubt(text: str, moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    away = moment - now
    if away < SOON:
        return _("That is in {length} only. Is it right?").format(length=spelled(away))
    if away >= FAR + MINUTE:  # +24h is rounded up to the minute
        return _("That is {length} away. Is it right?").format(length=spelled(away))
    if _BARE.fullmatch(text.strip()):
        passed = now - at(text, now=now, zone=zone, past=True)
        if passed < JUST_PASSED:
            return _("{text} passed {length} ago. Do you mean tomorrow's?").format(
                text=text.strip(), length=spelled(passed)
            )
    return ""


def _distance(away: timedelta) -> str:
    if abs(away) < MINUTE:
        return _("now")
    form = _("in {length}") if away > timedelta() else _("{length} ago")
    return form.format(length=spelled(away))


def _unread(text: str) -> str:
    return _(
        "{text!r}: not a time that can be read in one way; write 05:30, +2h, thu 05:30, 16/07 05:30"
        " (day/month) or 2026-07-16 05:30"
    ).format(text=text)


@cache
def _weekdays() -> dict[str, int]:
    """Monday is 0; full names and the usual three letters, in every language that we speak."""
    from babel.dates import get_day_names  # noqa: PLC0415  babel takes 40 ms

    names: dict[str, int] = {}
    for language in LANGUAGES:
        for number, name in get_day_names("wide", locale=language).items():
            folded = plain(name)
            names |= {folded: number, folded[:3]: number, folded.partition("-")[0]: number}
    return names
