"""Times as people type them, across the zones of Latin America and their clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from outreach.entry import languages
from outreach.entry.cli import times
from outreach.model.errors import GuardRefused, InputRefused

SANTIAGO = ZoneInfo("America/Santiago")
NIGHT = datetime(2026, 7, 16, 2, 43, 27, tzinfo=SANTIAGO)
ZONES = (
    "America/Santiago",
    "America/Punta_Arenas",
    "America/Sao_Paulo",
    "America/Lima",
    "America/Bogota",
    "America/Mexico_City",
    "America/Asuncion",
    "America/Havana",
    "America/St_Johns",
)


def read(text: str, *, now: datetime = NIGHT, past: bool = False) -> str:
    moment = times.at(text, now=now, zone=SANTIAGO, past=past)
    return f"{moment.astimezone(SANTIAGO):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("05:30", "2026-07-16 05:30"),
        ("5:30", "2026-07-16 05:30"),
        (" 02:43 ", "2026-07-17 02:43"),
        ("02:44", "2026-07-16 02:44"),
        ("00:00", "2026-07-17 00:00"),
        ("+2h", "2026-07-16 04:44"),
        ("+90m", "2026-07-16 04:14"),
        ("+1h30", "2026-07-16 04:14"),
        ("2026-07-16 05:30", "2026-07-16 05:30"),
        ("2026-07-16T05:30", "2026-07-16 05:30"),
        ("2026-07-16T05:30-03:00", "2026-07-16 04:30"),
        ("2026-07-16T05:30Z", "2026-07-16 01:30"),
        ("16/07 05:30", "2026-07-16 05:30"),
        ("15/07 05:30", "2027-07-15 05:30"),
        ("16/07/2026 05:30", "2026-07-16 05:30"),
        ("29/02 05:30", "2028-02-29 05:30"),
        ("jue 05:30", "2026-07-16 05:30"),
        ("jue 01:30", "2026-07-23 01:30"),
        ("thu 05:30", "2026-07-16 05:30"),
        ("Quinta-feira 05:30", "2026-07-16 05:30"),
        ("qui 05:30", "2026-07-16 05:30"),
        ("sábado 05:30", "2026-07-18 05:30"),
        ("SAB. 05:30", "2026-07-18 05:30"),
        ("mar 05:30", "2026-07-21 05:30"),
    ],
)
def test_a_typed_time_is_the_next_such_wall_time(text, meant):
    assert read(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("02:40", "2026-07-16 02:40"),
        ("02:43", "2026-07-16 02:43"),
        ("23:50", "2026-07-15 23:50"),
        ("-20m", "2026-07-16 02:24"),
        ("mie 23:50", "2026-07-15 23:50"),
        ("15/07 05:30", "2026-07-15 05:30"),
        ("31/12 05:30", "2025-12-31 05:30"),
    ],
)
def test_a_start_is_the_last_such_wall_time(text, meant):
    assert read(text, past=True) == meant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "530",
        "5",
        "24:00",
        "25:10",
        "05:61",
        "5:30pm",
        "16/13 05:30",
        "30/02 05:30",
        "2026-02-30 05:30",
        "16/07",
        "xyz 05:30",
        "+",
        "+2",
        "2026-07-16T99:30Z",
    ],
)
def test_what_cannot_be_read_in_one_way_is_refused_in_one_line(text):
    with pytest.raises(InputRefused) as refused:
        read(text)

    assert text in str(refused.value) or "length of time" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_midnight_at_the_end_of_a_day_is_called_ambiguous():
    with pytest.raises(InputRefused, match="00:00"):
        read("24:00")


def test_a_skipped_wall_time_lands_after_the_change():
    saturday = datetime(2026, 9, 5, 22, 0, tzinfo=SANTIAGO)  # 24:00 becomes 01:00

    moment = times.at("00:30", now=saturday, zone=SANTIAGO)

    assert moment == datetime(2026, 9, 6, 4, 30, tzinfo=UTC)
    assert f"{moment.astimezone(SANTIAGO):%d %H:%M}" == "06 01:30"


def test_a_dated_wall_time_that_comes_twice_is_the_first():
    moment = times.at("2026-04-04 23:30", now=NIGHT, zone=SANTIAGO)

    assert moment == datetime(2026, 4, 5, 2, 30, tzinfo=UTC)


def test_a_bare_wall_time_that_comes_twice_is_the_one_still_ahead():
    between = datetime(2026, 4, 5, 2, 45, tzinfo=UTC)  # 23:45, the first time

    moment = times.at("23:30", now=between, zone=SANTIAGO)

    assert moment == datetime(2026, 4, 5, 3, 30, tzinfo=UTC)


@given(
    zone=st.sampled_from(ZONES),
    now=st.datetimes(min_value=datetime(2018, 1, 1), max_value=datetime(2030, 1, 1)),  # noqa: DTZ001
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
)
def test_the_next_wall_time_is_ahead_within_a_day_and_shows_what_was_typed(zone, now, hour, minute):
    area, instant = ZoneInfo(zone), now.replace(tzinfo=UTC)

    moment = times.at(f"{hour:02}:{minute:02}", now=instant, zone=area)

    shown = moment.astimezone(area)
    skipped = shown.replace(tzinfo=None) != shown.replace(hour=hour, minute=minute, tzinfo=None)
    assert timedelta() < moment - instant <= timedelta(hours=25)
    assert not skipped or _springs_near(moment, area)


@given(
    minutes=st.integers(1, 100_000),
    now=st.datetimes(min_value=datetime(2018, 1, 1), max_value=datetime(2030, 1, 1)),  # noqa: DTZ001
)
def test_a_relative_time_is_elapsed_time_rounded_up_to_the_minute(minutes, now):
    instant = now.replace(tzinfo=UTC)

    moment = times.at(f"+{minutes}m", now=instant, zone=SANTIAGO)

    assert timedelta() <= moment - instant - timedelta(minutes=minutes) < timedelta(minutes=1)
    assert moment.second == 0


@given(
    day=st.sampled_from(
        [datetime(2026, 4, 4, tzinfo=SANTIAGO), datetime(2026, 9, 5, tzinfo=SANTIAGO)]
    ),
    offset=st.integers(0, 48 * 60),
    weekday=st.sampled_from(["lun", "mar", "mie", "jue", "vie", "sab", "dom"]),
)
def test_a_weekday_is_ahead_within_eight_days_on_both_change_days(day, offset, weekday):
    now = day.astimezone(UTC) + timedelta(minutes=offset)

    moment = times.at(f"{weekday} 12:00", now=now, zone=SANTIAGO)

    assert timedelta() < moment - now <= timedelta(days=7, hours=1)
    assert f"{moment.astimezone(SANTIAGO):%H:%M}" == "12:00"


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", "Thu 16 Jul 05:30, in 2 h 46 min"),
        ("es", "jue 16 jul 05:30, en 2 h 46 min"),
        ("pt", "qui 16 jul 05:30, em 2 h 46 min"),
    ],
)
def test_the_echo_speaks_the_operators_language(language, shown):
    languages.use(language)

    assert (
        times.echo(times.at("05:30", now=NIGHT, zone=SANTIAGO), now=NIGHT, zone=SANTIAGO) == shown
    )


@pytest.mark.parametrize(
    ("away", "shown"),
    [
        (timedelta(seconds=-30), "Thu 16 Jul 02:42, now"),
        (timedelta(minutes=-5), "Thu 16 Jul 02:38, 5 min ago"),
        (timedelta(days=200), "Mon 1 Feb 2027 02:43, in 200 d"),
    ],
)
def test_the_echo_says_how_far_away_it_is(away, shown):
    assert times.echo(NIGHT + away, now=NIGHT, zone=SANTIAGO) == shown


def test_an_estimate_in_the_past_is_refused_by_a_guard():
    with pytest.raises(GuardRefused, match="in the past"):
        times.etr("2026-07-16 01:00", now=NIGHT, zone=SANTIAGO)


@pytest.mark.parametrize(
    ("text", "doubt"),
    [
        ("05:30", ""),
        ("+15m", ""),
        ("+14m", "in 14 min only"),
        ("+24h", ""),
        ("+25h", "1 d 1 h away"),
        ("+23h", ""),
        ("02:40", "passed 3 min ago"),
        ("00:30", ""),
        ("17/07 02:40", ""),
    ],
)
def test_an_odd_estimate_is_asked_about(text, doubt):
    estimate = times.etr(text, now=NIGHT, zone=SANTIAGO)

    assert doubt in estimate.doubt
    assert bool(doubt) == bool(estimate.doubt)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("08:00-10:00", "16 08:00", "16 10:00"),
        ("22:00 - 02:00", "16 22:00", "17 02:00"),
        ("2026-07-18 08:00-10:00", "18 08:00", "18 10:00"),
        ("vie 23:00-01:00", "17 23:00", "18 01:00"),
    ],
)
def test_a_window_ends_at_the_first_such_time_after_its_start(text, start, end):
    window = times.window(text, now=NIGHT, zone=SANTIAGO)

    assert [f"{each.astimezone(SANTIAGO):%d %H:%M}" for each in window] == [start, end]


def test_half_a_window_is_refused():
    with pytest.raises(InputRefused, match="08:00-10:00"):
        times.window("08:00", now=NIGHT, zone=SANTIAGO)


def test_an_unknown_zone_is_answered_with_near_ones():
    with pytest.raises(InputRefused, match="America/Santiago"):
        times.zone_named("America/Santigo")

    with pytest.raises(InputRefused, match="near: America/Santiago"):
        times.zone_named("§")

    assert times.zone_named("America/Lima").key == "America/Lima"


def _springs_near(moment: datetime, area: ZoneInfo) -> bool:
    before, after = moment - timedelta(hours=3), moment + timedelta(hours=3)
    return before.astimezone(area).utcoffset() != after.astimezone(area).utcoffset()
