"""Says times as people do: `a un cuarto para las ocho de la noche`, `mañana lunes al mediodía`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from outreach.messages import times
from outreach.messages.languages import language
from outreach.messages.spoken_numbers import number, ordinal
from outreach.model.notice import Facts

_QUARTERS = {15: "quarter", 30: "half"}
_NOON, _HOURS, _QUARTER_TO, _TEN = 12, 24, 45, 10


def at(facts: Facts, when: datetime, locale: str) -> str:
    """`a las siete de la tarde`, with the day before it when it is not the text's own day."""
    there, rules = times.local(facts, when), _rules(locale)
    said = rules["at"].format(time=clock(there, locale))
    return _with_day(facts, when, locale, said, "day_before")


def of(facts: Facts, when: datetime, locale: str) -> str:
    """`de las seis y diez de la tarde`, and `del lunes` on another day."""
    said = _rules(locale)["of"].format(time=clock(times.local(facts, when), locale))
    return _with_day(facts, when, locale, said, "day_after")


def bare(facts: Facts, when: datetime, locale: str) -> str:
    """`las cuatro de la tarde`, for after `desde` and `hasta`."""
    said = clock(times.local(facts, when), locale)
    return _with_day(facts, when, locale, said, "day_after")


def hours(facts: Facts, when: datetime, locale: str, *, beside: datetime | None = None) -> str:
    """A clock time beside a date that was just said; its weekday only if it is another day."""
    there, rules = times.local(facts, when), _rules(locale)
    said = rules["works"].format(time=clock(there, locale))
    if beside is None or times.local(facts, beside).date() == there.date():
        return _contracted(said, rules)
    day = rules["day"].format(weekday=_name(there, "EEEE", locale))
    return _contracted(rules["day_after"].format(time=said, day=day), rules)


def window(facts: Facts, when: datetime, locale: str) -> str:
    """`entre las siete y las ocho`: the hour that an estimate of low confidence falls in."""
    rules = _rules(locale)
    first = times.local(facts, when).replace(minute=0, second=0, microsecond=0)
    last = first + timedelta(hours=1)
    said = rules["between"].format(a=_plain_hour(first, rules), b=clock(last, locale))
    return _with_day(facts, when, locale, said, "day_before")


def between(facts: Facts, first: datetime, last: datetime, locale: str) -> str:
    """`entre las ocho y media y las diez de la mañana`: day and part of day once, where that is enough."""
    begins, ends, rules = times.local(facts, first), times.local(facts, last), _rules(locale)
    a, b = clock(begins, locale), clock(ends, locale)
    if begins.date() == ends.date():
        shared = [str(part) for _below, part in rules["parts"] if a.endswith(part)]
        if shared and b.endswith(shared[0]):
            a = a.removesuffix(shared[0]).rstrip()
        return _with_day(facts, first, locale, rules["between"].format(a=a, b=b), "day_before")
    b = rules["day_after"].format(time=b, day=_day(facts, last, locale))
    return _contracted(rules["between"].format(a=a, b=b), rules)


def date(facts: Facts, when: datetime, locale: str) -> str:
    """`el martes dieciséis de julio`."""
    there, rules = times.local(facts, when), _rules(locale)
    return str(
        rules["date"].format(
            weekday=_name(there, "EEEE", locale),
            month=_name(there, "MMMM", locale),
            number=rules["first"] if there.day == 1 else number(there.day, locale),
            ordinal=ordinal(there.day, locale) if "{ordinal}" in rules["date"] else "",
        )
    )


def clock(there: datetime, locale: str) -> str:
    """`las seis y media de la tarde`; the part of day is that of the hour spoken."""
    rules, hour, minute = _rules(locale), there.hour, there.minute
    if not minute and hour % _NOON == 0:
        return str(rules["noon"] if hour else rules["midnight"])
    if minute == _QUARTER_TO:
        return _quarter_to(hour, rules)
    kind = _QUARTERS.get(minute, "past" if minute >= _TEN else "oh")
    said = _hour(hour, rules)
    if minute:
        said = rules[kind].format(hour=said, minute=number(minute, locale))
    return f"{said} {_part(hour, rules)}"


def _quarter_to(hour: int, rules: dict[str, Any]) -> str:
    """Languages that name the coming hour take its part of day, but noon and midnight keep ours."""
    following = (hour + 1) % _HOURS
    said = rules["to"].format(hour=_hour(following, rules), previous=_hour(hour, rules))
    keeps = "{previous}" in rules["to"] or following % _NOON == 0
    return f"{said} {_part(hour if keeps else following, rules)}"


def _hour(hour: int, rules: dict[str, Any]) -> str:
    if hour % _NOON == 1:
        return str(rules["one"])
    return str(rules["hour"].format(hour=rules["hours"][hour % _NOON]))


def _plain_hour(there: datetime, rules: dict[str, Any]) -> str:
    if there.hour % _NOON:
        return _hour(there.hour, rules)
    return str(rules["noon"] if there.hour else rules["midnight"])


def _part(hour: int, rules: dict[str, Any]) -> str:
    return next(str(part) for below, part in rules["parts"] if hour < below)


def _with_day(facts: Facts, when: datetime, locale: str, said: str, form: str) -> str:
    rules = _rules(locale)
    if not times.stays_today(facts, when):
        said = rules[form].format(time=said, day=_day(facts, when, locale))
    return _contracted(said, rules)


def _day(facts: Facts, when: datetime, locale: str) -> str:
    there, rules = times.local(facts, when), _rules(locale)
    if times.is_far(facts, when):
        return date(facts, when, locale)
    form = "tomorrow" if _is_tomorrow(facts, when) else "day"
    return str(rules[form].format(weekday=_name(there, "EEEE", locale)))


def _is_tomorrow(facts: Facts, when: datetime) -> bool:
    """Only while the whole life of the text is the day before; else a weekday says it."""
    return times.stays_today(facts, facts.as_of) and (
        times.local(facts, when).date() - times.local(facts, facts.as_of).date()
    ) == timedelta(days=1)


def _contracted(said: str, rules: dict[str, Any]) -> str:
    for pattern, replacement in rules["contractions"]:
        said = re.sub(pattern, replacement, said)
    return said


def _name(there: datetime, pattern: str, locale: str) -> str:
    from babel.dates import format_datetime  # noqa: PLC0415  babel

    return format_datetime(there.replace(tzinfo=None), pattern, locale=locale.replace("-", "_"))


def _rules(locale: str) -> dict[str, Any]:
    rules: dict[str, Any] = language(locale)["clock"]
    return rules
