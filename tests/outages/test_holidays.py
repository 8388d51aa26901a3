"""Public holidays by the local days on which a work lies."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from outreach.outages import public_holidays

ZONE = "America/Santiago"
EVE = datetime(2026, 9, 18, 2, 59, tzinfo=UTC)
"""23:59 of the 17th in Santiago."""
MINUTE = timedelta(minutes=1)


def test_a_work_that_ends_at_midnight_does_not_touch_the_holiday_after_it() -> None:
    assert public_holidays.between("CL", EVE - MINUTE, EVE + MINUTE, ZONE) == {}


def test_each_local_day_counts_that_some_of_the_work_lies_on() -> None:
    days = public_holidays.between("CL", EVE, EVE + timedelta(days=2), ZONE)

    assert list(days) == [date(2026, 9, 18), date(2026, 9, 19)]
    assert all(days.values())


def test_a_country_that_is_not_known_has_none() -> None:
    assert public_holidays.between("ZZ", EVE, EVE + timedelta(days=366), ZONE) == {}
