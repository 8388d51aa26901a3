"""Public holidays of a country, from the library `holidays`; none where it does not know the country."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_INSTANT = timedelta(microseconds=1)


def between(country: str, start_at: datetime, end_at: datetime, zone: str) -> dict[date, str]:
    """Local day -> name of the holiday, of each day on which some of [start_at, end_at) lies.

    country: ISO 3166. Names are in the country's own language.
    """
    area = ZoneInfo(zone)
    first = start_at.astimezone(area).date()
    last = max(start_at, end_at - _INSTANT).astimezone(area).date()
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return {day: name for day in days if (name := _of_year(country, day.year).get(day, ""))}


@lru_cache(maxsize=64)
def _of_year(country: str, year: int) -> dict[date, str]:
    import holidays  # noqa: PLC0415  holidays takes 100 ms

    if country not in holidays.list_supported_countries():
        return {}
    return dict(holidays.country_holidays(country, years=year))
