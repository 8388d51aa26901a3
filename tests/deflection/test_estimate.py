"""The estimator gives the worked example of its specification, and pools by sums."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from outreach.deflection.episodes import (
    Arm,
    Episode,
    Exposure,
    Stratum,
    episodes,
    exposure,
    measured_grace,
    nearest_rank,
)
from outreach.deflection.estimate import (
    estimate,
    from_sums,
    pooled,
    reduction,
    refusal,
    summed,
)
from outreach.deflection.planning import linear_rollout, minimum_detectable
from outreach.deflection.refusals import Design
from outreach.model.deflection import IdentifiedCall, Slot, Sums, Verdict

START = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)
C: Stratum = ("1", "C", "sms")
GRACE = {"sms": 2.0}


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def make_slot(**changes) -> Slot:
    given: dict[str, Any] = {
        "household": "H-1",
        "priority": "C",
        "channel": "sms",
        "wave": "1",
        "order": 1,
        "slot_at": at(30),
        "delivered": True,
        "receipt_at": at(30.5),
        "until": at(200),
    }
    return Slot(**given | changes)


def worked_example() -> Sums:
    table: dict[int, tuple[float, float]] = {20: (60, 40), 21: (50, 50), 95: (20, 80)}
    unsent = [table.get(minute, (0.0, 0.0))[0] for minute in range(96)]
    told = [table.get(minute, (0.0, 0.0))[1] for minute in range(96)]
    found = [
        *(Episode(home, C, 20, Arm.UNSENT) for home in ("h1", "h7", "h8")),
        Episode("h2", C, 20, Arm.DELIVERED),
        *(Episode(home, C, 21, Arm.UNSENT) for home in ("h3", "h5", "h9", "h10", "h11")),
        Episode("h4", C, 21, Arm.UNDELIVERED),
        Episode("h6", C, 21, Arm.DELIVERED),
        Episode("h3", C, 95, Arm.DELIVERED),
    ]
    return summed(Exposure(unsent={C: unsent}, told={C: told}), found)


def test_the_worked_example_comes_out_to_six_places():
    measured = from_sums(worked_example())

    sums = measured.sums
    assert sums is not None
    assert (sums.delivered_w0, sums.undelivered_w0, sums.unsent_w1) == pytest.approx(
        (1.3, 0.5, 3.7)
    )
    assert measured.theta_msg == pytest.approx(0.40625, abs=1e-6)
    assert measured.variance == pytest.approx(0.5298978365, abs=1e-9)
    assert measured.plain_variance == pytest.approx(0.5779747596, abs=1e-9)
    assert measured.theta_interval is not None
    assert measured.theta_interval.low == pytest.approx(0.0975369, abs=1e-6)
    assert measured.theta_interval.high == pytest.approx(1.6920677, abs=1e-6)
    assert measured.theta_itt == pytest.approx(0.4864864865, abs=1e-9)
    assert measured.itt_variance == pytest.approx(0.4309309309, abs=1e-9)


def test_an_interval_too_wide_is_not_enough_calls_yet():
    measured = from_sums(worked_example())

    assert measured.verdict is Verdict.NOT_ENOUGH
    assert not measured.publishable
    assert reduction(measured) is None


def test_pooling_adds_sums_and_narrows_the_interval():
    once = worked_example()

    many = from_sums(pooled([once] * 40))

    assert many.theta_msg == pytest.approx(0.40625)
    assert many.variance == pytest.approx(0.5298978365 / 40)
    assert many.verdict is Verdict.DEFLECTS


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        pytest.param(400.0, Verdict.DEFLECTS, id="fewer calls"),
        pytest.param(1000.0, Verdict.NO_DIFFERENCE, id="as many"),
        pytest.param(2000.0, Verdict.ADDS_CALLS, id="more calls"),
    ],
)
def test_the_verdict_follows_the_interval(told, verdict):
    sums = replace(
        worked_example(),
        delivered_w0=told,
        unsent_w1=1100.0,
        undelivered_w0=100.0,
        sxx=told / 2,
        sxy=0.0,
        syy=500.0,
        delivered_episodes=900,
    )

    measured = from_sums(sums, identified_share=0.5)

    assert measured.verdict is verdict
    assert measured.calls_avoided == pytest.approx(900 * (1000 / told - 1))
    assert measured.calls_avoided_scaled == pytest.approx(1800 * (1000 / told - 1))
    shown = reduction(measured)
    assert shown is not None
    assert shown[0] == pytest.approx(1 - told / 1000)
    assert shown[1].low < shown[0] < shown[1].high


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"delivered_w0": 0.0}, id="no told caller"),
        pytest.param({"undelivered_w0": 3.7}, id="no one left to compare"),
    ],
)
def test_sums_without_a_comparison_are_refused_with_the_reason(changes):
    measured = from_sums(replace(worked_example(), **changes))

    assert measured.verdict is Verdict.REFUSED
    assert measured.theta_msg is None
    assert len(measured.reasons) == 1


def test_person_time_leaves_the_grace_window_and_what_follows_restoration_out():
    table = exposure([make_slot(slot_at=at(1.5), until=at(6.25))], START, GRACE)

    assert list(table.unsent[C])[:3] == pytest.approx([1.0, 0.5, 0.0])
    assert [table.told[C][minute] for minute in range(3, 7)] == pytest.approx([0.5, 1, 1, 0.25])
    assert sum(table.unsent[C]) + sum(table.told[C]) == pytest.approx(1.5 + 2.75)


def test_a_household_restored_before_its_slot_waits_until_then_and_no_longer():
    table = exposure([make_slot(slot_at=at(30), until=at(10))], START, GRACE)

    assert sum(table.unsent[C]) == pytest.approx(10)
    assert sum(table.told[C]) == 0


def test_a_household_never_released_waits_until_the_end():
    table = exposure([make_slot(slot_at=None, delivered=None, until=at(90))], START, GRACE)

    assert sum(table.unsent[C]) == pytest.approx(90)
    assert not table.compares


@pytest.mark.parametrize(
    ("minute", "delivered", "arm"),
    [
        pytest.param(29.9, True, Arm.UNSENT, id="before the slot"),
        pytest.param(30.0, True, Arm.IN_GRACE, id="at the slot"),
        pytest.param(32.0, True, Arm.DELIVERED, id="after the grace"),
        pytest.param(40.0, None, Arm.DELIVERED, id="unknown receipt counts as delivered"),
        pytest.param(40.0, False, Arm.UNDELIVERED, id="hard failure"),
    ],
)
def test_an_episode_falls_into_the_arm_of_its_slot(minute, delivered, arm):
    slots = [make_slot(delivered=delivered)]

    found, _repeats = episodes(
        slots, [IdentifiedCall(household="H-1", at=at(minute))], START, GRACE
    )

    assert [episode.arm for episode in found] == [arm]


def test_a_call_within_the_hour_is_a_repeat_of_the_one_before_it():
    times = (10, 70, 131, 191.5, 250)
    calls = [IdentifiedCall(household="H-1", at=at(minute)) for minute in times]

    found, repeats = episodes([make_slot()], calls, START, GRACE)

    assert [episode.minute for episode in found] == [10, 131, 191]
    assert repeats == 1


def test_calls_before_the_outage_after_restoration_or_of_strangers_do_not_exist():
    calls = [
        IdentifiedCall(household="H-1", at=at(-5)),
        IdentifiedCall(household="H-1", at=at(200)),
        IdentifiedCall(household="H-9", at=at(50)),
    ]

    assert episodes([make_slot()], calls, START, GRACE) == ([], 0)


def test_grace_is_the_ninetieth_percentile_of_receipts_plus_one_and_at_least_two():
    slow = [
        make_slot(household=f"H-{number}", receipt_at=at(30 + number)) for number in range(1, 11)
    ]
    quick = [make_slot(household="H-q", channel="email", receipt_at=at(30.1))]
    silent = [make_slot(household="H-s", channel="voice", delivered=None, receipt_at=None)]

    assert measured_grace([*slow, *quick, *silent]) == {"sms": 10.0, "email": 2.0, "voice": 2.0}


def test_no_values_have_no_quantile():
    with pytest.raises(ValueError, match="no values"):
        nearest_rank([], 0.9)


def test_without_calls_the_reasons_say_so_and_nothing_breaks():
    measured = estimate(
        [make_slot()],
        [],
        start=START,
        design=Design(seed=b"s" * 32, seed_stored_at=START, first_sent_at=at(30)),
    )

    assert measured.verdict is Verdict.REFUSED
    assert measured.counts is not None
    assert measured.counts.episodes == 0


def test_a_refusal_holds_no_numbers():
    refused = refusal("why")

    held = {name: value for name, value in asdict(refused).items() if value}
    assert held == {"verdict": Verdict.REFUSED, "reasons": ("why",)}


@pytest.mark.parametrize(
    ("info", "se_msg", "smallest"),
    [
        pytest.param(15.9, 0.317, 0.59, id="5k"),
        pytest.param(164, 0.099, 0.24, id="50k"),
        pytest.param(372, 0.066, 0.17, id="50k with a tail"),
    ],
)
def test_the_planned_precision_is_that_of_the_specification(info, se_msg, smallest):
    planned = minimum_detectable([(info * 4, 0.5)], reachable_share=0.791)

    assert planned is not None
    assert planned.se_msg == pytest.approx(se_msg, abs=1e-3)
    assert planned.deflection == pytest.approx(smallest, abs=0.006)


def test_an_even_rollout_has_a_mean_contrast_of_one_sixth():
    minutes = linear_rollout(1.0, rollout_minutes=600)

    contrast = sum(rate * told * (1 - told) for rate, told in minutes)

    assert contrast / 600 == pytest.approx(1 / 6, rel=1e-3)


def test_a_plan_without_calls_can_show_nothing():
    assert minimum_detectable([(0.0, 0.5)], reachable_share=0.8) is None
