"""Nights and wall times, over every change of clock of the zones that matter."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from outreach.audience.hours import (
    last_local_instant,
    local_instant,
    quiet_until,
    typed_instant,
)
from outreach.model.campaign import QuietHours
from outreach.model.errors import InputRefused

CORPUS = Path(__file__).parents[2].parent / "shared/corpora/tz/latam_transitions_2026_2027.json"
NIGHT = QuietHours()
HALF_HOUR = timedelta(minutes=30)


def _zones() -> dict[str, list[datetime]]:
    if not CORPUS.exists():
        return {"America/Santiago": [datetime(2026, 9, 6, 4, tzinfo=UTC)]}
    return {
        zone: [datetime.fromisoformat(change[0]) for change in entry["transitions"]]
        for zone, entry in json.loads(CORPUS.read_text(encoding="utf-8")).items()
    }


ZONES = _zones()


def _is_night(local: time) -> bool:
    return local >= NIGHT.start or local < NIGHT.end


@pytest.mark.parametrize("zone", ZONES)
def test_no_half_hour_around_a_change_of_clock_leaves_in_the_night(zone: str) -> None:
    there = ZoneInfo(zone)
    days = [*ZONES[zone], datetime(2026, 7, 15, tzinfo=UTC), datetime(2027, 1, 15, tzinfo=UTC)]
    instants = [day + HALF_HOUR * step for day in days for step in range(-96, 97)]

    leaving = [quiet_until(now, zone, NIGHT) or now for now in instants]

    assert [at for at in leaving if _is_night(at.astimezone(there).time())] == []
    assert all(
        (at == now) == (not _is_night(now.astimezone(there).time()))
        for now, at in zip(instants, leaving, strict=True)
    )


@pytest.mark.parametrize("zone", ZONES)
def test_every_wall_time_of_two_years_fires_once_and_reads_right(zone: str) -> None:
    there = ZoneInfo(zone)
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(730)]
    near = {
        change.astimezone(there).date() + timedelta(days=n)
        for change in ZONES[zone]
        for n in (-1, 0)
    }
    walls = [
        (day, time(half // 2, half % 2 * 30))
        for day in days
        for half in (range(48) if day in near else (0, 14, 47))
    ]

    instants = [local_instant(day, at, zone) for day, at in walls]

    assert instants == sorted(instants)
    for (day, at), instant in zip(walls, instants, strict=True):
        read = instant.astimezone(there).replace(tzinfo=None)
        wall = datetime.combine(day, at)
        assert read >= wall
        just_before = (instant - timedelta(seconds=1)).astimezone(there).replace(tzinfo=None)
        assert just_before < wall, "an earlier instant reads this wall time, or lies after it"
        if read != wall:
            assert read - just_before > timedelta(seconds=1), "the first instant after a gap"


def test_a_wall_time_in_a_gap_fires_at_the_first_instant_after_it() -> None:
    assert local_instant(date(2026, 9, 6), time(0, 30), "America/Santiago") == datetime(
        2026, 9, 6, 4, tzinfo=UTC
    )


def test_a_typed_wall_time_in_a_gap_counts_with_the_offset_before_it() -> None:
    assert typed_instant(date(2026, 9, 6), time(0, 30), "America/Santiago") == datetime(
        2026, 9, 6, 4, 30, tzinfo=UTC
    )


def test_an_ambiguous_wall_time_is_the_first_of_the_two() -> None:
    ambiguous = (date(2027, 4, 3), time(23, 30), "America/Santiago")

    first, last = local_instant(*ambiguous), last_local_instant(*ambiguous)

    assert first == typed_instant(*ambiguous) == datetime(2027, 4, 4, 2, 30, tzinfo=UTC)
    assert last - first == timedelta(hours=1)


def test_the_half_hour_gap_of_lord_howe_ends_at_its_transition() -> None:
    assert local_instant(date(2026, 10, 4), time(2, 10), "Australia/Lord_Howe") == datetime(
        2026, 10, 3, 15, 30, tzinfo=UTC
    )


def test_a_night_that_ends_in_the_repeated_hour_is_the_longer_one() -> None:
    quiet = QuietHours(start=time(21), end=time(23, 30))
    second_2315 = datetime(2027, 4, 4, 3, 15, tzinfo=UTC)

    until = quiet_until(second_2315, "America/Santiago", quiet)

    assert until == datetime(2027, 4, 4, 3, 30, tzinfo=UTC)


def test_quiet_hours_within_one_day_end_that_day() -> None:
    siesta = QuietHours(start=time(13), end=time(16))

    assert quiet_until(
        datetime(2026, 7, 15, 18, tzinfo=UTC), "America/Santiago", siesta
    ) == datetime(2026, 7, 15, 20, tzinfo=UTC)


def test_equal_limits_are_never_quiet() -> None:
    always_open = QuietHours(start=time(0), end=time(0))

    assert quiet_until(datetime(2026, 7, 15, 6, tzinfo=UTC), "America/Lima", always_open) is None


@pytest.mark.parametrize("zone", ["CLT", "../etc/passwd", ""])
def test_an_unknown_zone_is_refused_by_name(zone: str) -> None:
    with pytest.raises(InputRefused, match="not an IANA zone"):
        quiet_until(datetime(2026, 7, 15, tzinfo=UTC), zone, NIGHT)


@settings(deadline=None)
@given(
    minute=st.integers(0, 2 * 365 * 24 * 60),
    zone=st.sampled_from(sorted(ZONES)),
    start=st.times(),
    end=st.times(),
)
def test_whatever_the_limits_the_night_ends_outside_of_itself(
    minute: int, zone: str, start: time, end: time
) -> None:
    quiet = QuietHours(start=start.replace(microsecond=0), end=end.replace(microsecond=0))
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)

    until = quiet_until(now, zone, quiet)

    assert until is None or until > now
    assert until is None or until - now <= timedelta(hours=26)
