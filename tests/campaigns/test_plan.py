"""Due instants, broken notice periods, and who hears last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from outreach.campaigns.plan import (
    Drain,
    Load,
    Outlook,
    breaches,
    drain,
    overlong,
    planned_dues,
)
from outreach.model.campaign import Campaign, Step
from outreach.model.words import Event, OccasionKind

START = datetime(2026, 9, 6, 15, tzinfo=UTC)
"""Noon in Santiago, on the day on which its clock springs forward."""


def _notice(hours: int, *, too_late_after: timedelta | None = None) -> Step:
    return Step(
        name=f"notice_{hours}h",
        on=Event.NOTICE,
        lead=timedelta(hours=hours),
        template="t",
        too_late_after=too_late_after,
    )


def _campaign(*steps: Step) -> Campaign:
    return Campaign(name="planned", serves=OccasionKind.PLANNED, steps=steps)


CAMPAIGN = _campaign(_notice(24), _notice(72), Step(name="started", on=Event.STARTED, template="t"))


def _before(**span: float) -> datetime:
    return START - timedelta(**span)


def test_notices_are_due_in_elapsed_hours_also_over_a_change_of_clock() -> None:
    dues = planned_dues(CAMPAIGN, START, _before(days=20))

    assert [(due.at, due.step, due.too_late_at, due.outlook) for due in dues] == [
        (datetime(2026, 9, 3, 15, tzinfo=UTC), "notice_72h", _before(hours=24), Outlook.AHEAD),
        (datetime(2026, 9, 5, 15, tzinfo=UTC), "notice_24h", START, Outlook.AHEAD),
    ]


@pytest.mark.parametrize(
    ("hours_before", "outlooks"),
    [
        pytest.param(72, [Outlook.AHEAD, Outlook.AHEAD], id="just-in-time"),
        pytest.param(71, [Outlook.LATE, Outlook.AHEAD], id="first-late"),
        pytest.param(24, [Outlook.EXPIRED, Outlook.AHEAD], id="the-reminder-says-it"),
        pytest.param(10, [Outlook.EXPIRED, Outlook.LATE], id="only-the-reminder-goes-out"),
        pytest.param(0, [Outlook.EXPIRED, Outlook.EXPIRED], id="begun"),
    ],
)
def test_of_several_late_notices_only_the_last_still_goes_out(
    hours_before: int, outlooks: list[Outlook]
) -> None:
    dues = planned_dues(CAMPAIGN, START, _before(hours=hours_before))

    assert [due.outlook for due in dues] == outlooks


def test_a_step_may_be_too_late_sooner() -> None:
    campaign = _campaign(_notice(72, too_late_after=timedelta(hours=2)))

    due = planned_dues(campaign, START, _before(hours=69))[0]

    assert (due.too_late_at, due.outlook) == (_before(hours=70), Outlook.EXPIRED)


def test_a_campaign_without_notices_owes_none_and_breaks_none() -> None:
    assert planned_dues(_campaign(), START, _before(days=9)) == []
    assert breaches(_campaign(), start_at=START, now=_before(hours=1)) == []


@pytest.mark.parametrize(
    ("hours_before", "short_by"),
    [
        pytest.param(73, None, id="in-time"),
        pytest.param(72, None, id="just-in-time"),
        pytest.param(71, 1, id="an-hour-short"),
        pytest.param(2, 70, id="far-short"),
        pytest.param(0, None, id="begun-is-an-outage"),
    ],
)
def test_the_longest_lead_is_the_notice_period_that_is_owed(
    hours_before: int, short_by: int | None
) -> None:
    found = breaches(CAMPAIGN, start_at=START, now=_before(hours=hours_before))

    expected = [] if short_by is None else [("notice_72h", timedelta(hours=short_by))]
    assert [(breach.step, breach.short_by) for breach in found] == expected


def _load(segments: int, rate: float, minutes: int = 0) -> Load:
    return Load(segments=segments, rate=rate, starts_at=START + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("loads", "drained"),
    [
        pytest.param([], None, id="nobody"),
        pytest.param([_load(0, 10)], None, id="nothing-to-send"),
        pytest.param(
            [_load(6000, 100)],
            Drain(first_at=START, last_at=START + timedelta(minutes=1)),
            id="one-lane",
        ),
        pytest.param(
            [_load(6000, 100, minutes=2), _load(600, 1)],
            Drain(first_at=START, last_at=START + timedelta(minutes=10)),
            id="the-slowest-is-last",
        ),
        pytest.param(
            [_load(6000, 100, minutes=2), _load(1, 0)],
            Drain(first_at=START + timedelta(minutes=2), last_at=None),
            id="some-have-no-lane",
        ),
        pytest.param([_load(1, 0)], Drain(first_at=None, last_at=None), id="no-lane-at-all"),
    ],
)
def test_the_preview_tells_when_the_first_and_the_last_person_hear(
    loads: list[Load], drained: Drain | None
) -> None:
    assert drain(loads) == drained


def test_what_leaves_after_the_text_stopped_being_true_is_counted() -> None:
    until = START + timedelta(minutes=10)

    (late,) = overlong([_load(6000, 5), _load(6000, 10), _load(9, 0)], true_until=until)

    assert (late.segments, late.takes, late.ends_at) == (6000, timedelta(minutes=20), until)
    assert (late.too_late, late.is_untrue) == (3000, True)


def test_who_may_only_leave_after_the_text_stopped_being_true_is_all_too_late() -> None:
    (late,) = overlong([_load(60, 1, minutes=30)], true_until=START)

    assert late.too_late == 60


@pytest.mark.parametrize("until", [None, START + timedelta(days=2)])
def test_what_the_carrier_would_drop_is_counted_though_the_text_stays_true(
    until: datetime | None,
) -> None:
    """100,000 texts of two segments at a segment a second: 55.6 h of a queue that lasts 10 h."""
    (late,) = overlong([_load(200_000, 1)], true_until=until)

    assert late.ends_at == START + timedelta(hours=10)
    assert (late.too_late, late.is_untrue) == (164_000, False)
    assert late.takes > timedelta(hours=55)
