"""The two clocks of an outage: when they run out, what stops them, and when staff is alarmed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from outreach.outages.clocks import ClockKind, ClockState, Noticed, clocks, tally

S = ClockState
AT = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return AT + timedelta(minutes=minutes)


def states(now: datetime, **known: Any) -> dict[ClockKind, ClockState]:
    noticed = Noticed(recognised_at=AT, **known)
    return {clock.kind: clock.state(now) for clock in clocks(noticed)}


EVENT_CASES = {
    "an hour is not over": ({}, 60, S.RUNNING),
    "an hour is over": ({}, 60.1, S.BROKEN),
    "told in the last minute": ({"told_at": after(60)}, 300, S.KEPT),
    "told a minute late": ({"told_at": after(61)}, 300, S.BROKEN),
    "over before the hour": ({"over_at": after(59)}, 300, S.OVER),
    "over after the hour, nobody told": ({"over_at": after(61)}, 300, S.BROKEN),
    "told, then over": ({"told_at": after(5), "over_at": after(20)}, 300, S.KEPT),
}


@pytest.mark.parametrize(("known", "minutes", "expected"), EVENT_CASES.values(), ids=EVENT_CASES)
def test_the_events_clock_is_kept_by_a_notice_within_60_minutes(known, minutes, expected):
    assert states(after(minutes), **known) == {ClockKind.EVENT: expected}


CAUSE_CASES = {
    "a quarter of an hour is not over": ({}, 45, S.RUNNING),
    "it is over": ({}, 45.1, S.BROKEN),
    "told with the cause": ({"cause_told_at": after(44)}, 300, S.KEPT),
    "told before, without the cause": ({"told_at": after(5)}, 46, S.BROKEN),
}


@pytest.mark.parametrize(("known", "minutes", "expected"), CAUSE_CASES.values(), ids=CAUSE_CASES)
def test_the_causes_clock_asks_for_a_notice_with_the_cause_within_15_minutes(
    known, minutes, expected
):
    found = states(after(minutes), cause_known_at=after(30), **known)

    assert found[ClockKind.CAUSE] is expected


@pytest.mark.parametrize(
    ("minutes", "told_at", "expected"),
    [(44, None, False), (45, None, True), (90, None, True), (90, after(50), False)],
)
def test_staff_is_alarmed_a_quarter_of_an_hour_before_an_untold_clock_runs_out(
    minutes, told_at, expected
):
    [clock] = clocks(Noticed(recognised_at=AT, told_at=told_at))

    assert clock.alarms(after(minutes)) is expected


def test_what_is_over_alarms_nobody():
    [clock] = clocks(Noticed(recognised_at=AT, over_at=after(10)))

    assert not clock.alarms(after(59))


def test_clocks_are_counted_by_kind_and_state():
    running = [*clocks(Noticed(recognised_at=AT, cause_known_at=AT)) * 2]

    assert tally(running, after(30)) == {
        (ClockKind.EVENT, S.RUNNING): 2,
        (ClockKind.CAUSE, S.BROKEN): 2,
    }
