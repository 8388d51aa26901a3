"""Nights and wall times, over every change of clock of the zones that matter."""

from __future__ import annotations

import json
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from outreach.audience import zone_rules
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
BEGIN, END = datetime(2026, 1, 1), datetime(2028, 1, 1)  # noqa: DTZ001  walls of clocks
SANTIAGO = {"offset_now": "-1 day, 21:00:00", "transitions": [
    ["2026-04-05T03:00:00+00:00", "-1 day, 21:00:00", "-1 day, 20:00:00"],
    ["2026-09-06T04:00:00+00:00", "-1 day, 20:00:00", "-1 day, 21:00:00"],
    ["2027-04-04T03:00:00+00:00", "-1 day, 21:00:00", "-1 day, 20:00:00"],
    ["2027-09-05T04:00:00+00:00", "-1 day, 20:00:00", "-1 day, 21:00:00"],
]}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """Spans of one offset each, as the corpus has them: it was computed apart from what we ask."""

    spans: tuple[tuple[datetime, datetime, timedelta], ...]
    """From, until (naive UTC), and the offset."""

    def fires_at(self, wall: datetime) -> datetime:
        """The first instant that reads this wall time, or the end of the gap that it lies in."""
        for start, end, offset in self.spans:
            if wall - offset < end:
                return max(start, wall - offset)
        raise AssertionError(wall)

    def wall(self, instant: datetime) -> datetime:
        naive = instant.replace(tzinfo=None)
        return next(naive + offset for _start, end, offset in self.spans if naive < end)

    @property
    def changes(self) -> list[datetime]:
        return [start.replace(tzinfo=UTC) for start, _end, _offset in self.spans[1:]]


def _offset(text: str) -> timedelta:
    days, _comma, clock = text.rpartition(" day, ")
    hours, minutes, seconds = map(int, clock.split(":"))
    return timedelta(days=int(days or 0), hours=hours, minutes=minutes, seconds=seconds)


def _zone(entry: dict[str, Any]) -> Zone:
    changes = [
        (datetime.fromisoformat(at).replace(tzinfo=None), _offset(before), _offset(after))
        for at, before, after in entry["transitions"]
    ]
    first = changes[0][1] if changes else _offset(entry["offset_now"])
    starts = [datetime.min, *(at for at, _before, _after in changes)]  # noqa: DTZ901  before all
    ends = [*starts[1:], datetime.max]  # noqa: DTZ901  after all
    offsets = [first, *(after for _at, _before, after in changes)]
    return Zone(spans=tuple(zip(starts, ends, offsets, strict=True)))


def _zones() -> dict[str, Zone]:
    known = {"America/Santiago": SANTIAGO}
    if CORPUS.exists():
        known = json.loads(CORPUS.read_text(encoding="utf-8"))
    return {name: _zone(entry) for name, entry in known.items()}


ZONES = _zones()


@pytest.fixture(autouse=True, scope="module")
def newest_rules() -> Iterator[None]:
    """As a process at work reads them: the corpus knows changes that a host's own files may not."""
    before = zoneinfo.TZPATH
    zone_rules.use_newest()
    yield
    zoneinfo.reset_tzpath(before)
    zone_rules.forget()


def _is_night(local: time) -> bool:
    return local >= NIGHT.start or local < NIGHT.end


def test_the_corpus_has_all_its_zones_where_it_is_at_hand() -> None:
    assert len(ZONES) == (29 if CORPUS.exists() else 1)


@pytest.mark.parametrize("name", ZONES)
def test_no_half_hour_around_a_change_of_clock_leaves_in_the_night(name: str) -> None:
    zone = ZONES[name]
    days = [*zone.changes, datetime(2026, 7, 15, tzinfo=UTC), datetime(2027, 1, 15, tzinfo=UTC)]
    instants = [day + HALF_HOUR * step for day in days for step in range(-96, 97)]

    leaving = [quiet_until(now, name, NIGHT) or now for now in instants]

    assert [at for at in leaving if _is_night(zone.wall(at).time())] == []
    assert all(
        (at == now) == (not _is_night(zone.wall(now).time()))
        for now, at in zip(instants, leaving, strict=True)
    )


@pytest.mark.parametrize("name", ZONES)
def test_every_half_hour_of_two_years_fires_once_at_the_instant_of_the_corpus(name: str) -> None:
    zone, day = ZONES[name], timedelta(days=1)
    near = {change.replace(tzinfo=None).date() + n * day for change in zone.changes for n in (-1, 0, 1)}  # fmt: skip
    halves = [time(half // 2, half % 2 * 30) for half in range(48)]
    total = repeated = 0
    last = BEGIN.replace(tzinfo=UTC) - 2 * day

    for number in range((END - BEGIN).days):
        today = BEGIN.date() + number * day
        instants = [local_instant(today, at, name) for at in halves]

        # Far from a change one comparison a day is enough: its 48 lie half an hour apart.
        walls = halves if today in near else halves[:1]
        for at, instant in zip(walls, instants, strict=False):
            assert instant == zone.fires_at(datetime.combine(today, at)).replace(tzinfo=UTC)
        steps = [b - a for a, b in pairwise([last, *instants])]
        if today not in near:
            assert steps[1:] == [HALF_HOUR] * 47
        assert min(steps) >= timedelta()
        repeated += sum(not step for step in steps)
        total += len(instants)
        last = instants[-1]

    gaps = [after - before for (*_s, before), (*_t, after) in pairwise(zone.spans) if after > before]  # fmt: skip
    assert total == 730 * 48
    assert repeated == sum(gap // HALF_HOUR for gap in gaps), "only inside a gap two walls meet"


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
