"""The forecast of calls: its severity, its curves, the effect of messages, and what it says with nothing seen."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from outreach.deflection import curves
from outreach.deflection.curves import Past
from outreach.deflection.exposure import Outage
from outreach.deflection.forecast import (
    KAPPA_MEAN,
    KAPPA_SD,
    Believed,
    Effect,
    Evidence,
    Outlook,
    effect_on_rate,
    forecast,
    persistence,
)
from outreach.model.forecast import Curve

FLAT = Curve(name="flat", rates=(0.001,) * 720, source="test")
"""One call a minute of a thousand customers."""
ALL_OUT = Outage(began=-60, out=[(-60, 10_000)])
NOTHING_REPEATED = Believed(repeats=0.0)


def seen(calls_a_minute: float, **changes) -> Evidence:
    return replace(Evidence(outages=[ALL_OUT], calls=[calls_a_minute] * 60), **changes)


def outlook(evidence: Evidence, *library: Curve, draws: int = 400, **given) -> Outlook:
    return forecast(
        evidence, library or (FLAT,), random=Random(1),  # noqa: S311  draws
        believed=given.pop("believed", NOTHING_REPEATED), draws=draws, **given,
    )  # fmt: skip


def test_with_nothing_seen_the_mean_is_that_of_the_curve():
    expected = outlook(seen(0, calls=()), draws=2_000)

    assert [each.mean for each in expected.quarters] == pytest.approx([150] * 4, rel=0.05)
    assert expected.seen == 0


def test_twice_the_calls_of_the_curve_bring_the_forecast_to_twice_the_calls():
    expected = outlook(seen(20), draws=2_000)

    assert [each.p50 for each in expected.quarters] == pytest.approx([300] * 4, rel=0.06)


def test_the_severity_is_the_gamma_posterior_with_discounted_calls():
    """a = 4 + .35 sum d obs, b = 4 + .35 sum d ex, over twelve bins of 50 expected and 100 seen calls."""
    discounts = math.fsum(0.985 ** (5 * each) for each in range(12))
    a, b = 4 + 0.35 * discounts * 100, 4 + 0.35 * discounts * 50

    expected = outlook(seen(20), draws=8_000)

    assert expected.quarters[0].mean == pytest.approx(150 * a / b, rel=0.01)


def test_the_curve_that_explains_the_calls_weighs_most():
    falling = curves.curve("falling", tau=15, floor=0.02)
    calls = [10_000 * rate for rate in falling.rates[:60]]
    evidence = Evidence(outages=[ALL_OUT], calls=calls)

    expected = outlook(evidence, FLAT, falling)

    assert expected.weights["falling"] > 0.95
    assert sum(expected.weights.values()) == pytest.approx(1)
    assert expected.quarters[3].p50 < expected.quarters[0].p50


def test_who_has_been_told_calls_at_kappa_times_the_rate():
    told = replace(ALL_OUT, told=[(-60, 1.0)])
    sure = Effect(theta=0.5, se=0.001)

    expected = outlook(Evidence(outages=[told]), measured=sure, draws=2_000)

    assert expected.kappa == pytest.approx(0.5, rel=1e-3)
    assert expected.quarters[0].mean == pytest.approx(75, rel=0.05)


def test_messages_ahead_count_from_when_the_lanes_will_get_there():
    half_way = replace(ALL_OUT, told=[(0, 0.0), (30, 1.0)])

    expected = outlook(
        Evidence(outages=[half_way]), measured=Effect(theta=0.01, se=0.001), draws=2_000
    )

    assert expected.quarters[1].mean == pytest.approx(150, rel=0.06)
    assert expected.quarters[2].mean < 5


def test_kappa_mixes_what_was_measured_with_the_prior_by_their_precision():
    assert effect_on_rate(None) == (KAPPA_MEAN, KAPPA_SD)
    mean, sd = effect_on_rate(Effect(theta=0.5, se=0.25))

    assert mean == pytest.approx((math.log(0.5) + math.log(0.75)) / 2)
    assert sd == pytest.approx(0.25 / math.sqrt(2))


def test_after_the_estimated_restoration_most_futures_have_no_calls_left():
    back_soon = replace(ALL_OUT, out=[(-60, 10_000), (15, 0)])

    quarters = outlook(replace(seen(10), outages=[back_soon]), draws=2_000).quarters

    assert quarters[0].p50 == pytest.approx(140, rel=0.15)
    assert quarters[1].p50 < 60
    assert quarters[1].p95 > 40, "restoration may take a half longer than estimated"
    assert quarters[3].p95 == 0


def test_the_base_load_comes_on_top_and_is_no_sign_of_severity():
    base = outlook(seen(15, base=5.0, base_ahead=(5.0,) * 4), draws=2_000)

    assert base.quarters[0].p50 == pytest.approx(225, rel=0.06)


def test_without_an_outage_only_the_base_load_is_expected():
    quiet = outlook(Evidence(outages=(), base=2.0, base_ahead=(2.0, 2.0, 4.0, 0.0)))

    assert [each.p50 for each in quiet.quarters] == pytest.approx([30, 30, 60, 0], abs=4)


def test_a_log_that_is_late_is_not_read_as_calm():
    late = seen(20, calls=[20.0] * 30, unseen=30)

    expected = outlook(late, draws=2_000)

    assert expected.quarters[0].p50 == pytest.approx(300, rel=0.08)
    assert persistence(late) is None


def test_in_its_first_minutes_half_of_the_next_quarter_hour_is_what_just_came():
    young = Outage(began=-15, out=[(-15, 10_000)])
    calls = [5.0, 5.0, 5.0, *([15.0] * 12)]

    blended = outlook(Evidence(outages=[young], calls=calls)).quarters
    older = outlook(Evidence(outages=[replace(young, began=-20)], calls=calls)).quarters

    assert blended[0].p50 == pytest.approx((older[0].p50 + 195) / 2, rel=0.1)
    assert blended[3].p50 == pytest.approx(older[3].p50, rel=0.15)


def test_calls_that_no_known_outage_explains_are_said_and_expected_to_go_on():
    """Seven customers known to be out do not call eight times a minute: more of them are out."""
    known = replace(ALL_OUT, out=[(-60, 7)])

    many = outlook(Evidence(outages=[known], calls=[8.0] * 60))
    as_known = outlook(seen(10))

    assert many.unexplained == pytest.approx(120, abs=10)
    assert many.quarters[0].p50 == pytest.approx(120, rel=0.1)
    assert as_known.unexplained == 0


def test_the_same_evidence_and_seed_give_the_same_forecast():
    assert outlook(seen(12)) == outlook(seen(12))


def test_outages_add_up():
    two = [replace(ALL_OUT, out=[(-60, 4_000)]), replace(ALL_OUT, out=[(-60, 6_000)])]

    assert outlook(replace(seen(12), outages=two)) == outlook(seen(12))


@settings(max_examples=30, deadline=None)
@given(
    began=st.floats(-400, -1),
    customers=st.integers(0, 2_000_000),
    calls=st.lists(st.integers(0, 5_000), max_size=90),
    etr=st.floats(1, 300),
    share=st.floats(0, 1),
)
def test_quantiles_are_in_order_and_never_below_nothing(began, customers, calls, etr, share):
    outage = Outage(began=began, out=[(began, customers), (etr, 0)], told=[(began, share)])

    expected = outlook(
        Evidence(outages=[outage], calls=[float(each) for each in calls]),
        *curves.shipped()[:3],
        draws=60,
    )

    for each in expected.quarters:
        assert 0 <= each.p05 <= each.p50 <= each.p80 <= each.p95
        assert math.isfinite(each.mean)


def test_a_storm_of_three_hundred_outages_is_foretold_within_seconds():
    random = Random(3)  # noqa: S311  a made storm
    outages = [
        Outage(
            began=-float(minute), out=[(-minute, 500), (random.uniform(10, 300), 0)],
            told=[(-minute + 10.0, 0.5)],
        )
        for minute in (random.uniform(1, 300) for _each in range(300))
    ]  # fmt: skip
    began = time.process_time()

    forecast(Evidence(outages=outages, calls=[40.0] * 240), curves.shipped(), random=random)

    assert time.process_time() - began < 5


# ── the library ────────────────────────────────────────────────────────────────────────────────


def test_the_shipped_family_is_twelve_curves_of_015_calls_in_six_hours():
    found = curves.shipped()

    assert len({each.rates for each in found}) == 12
    assert all(sum(each.rates[:360]) == pytest.approx(0.15) for each in found)


def test_a_learned_curve_has_the_calls_of_the_outage_it_is_made_of():
    shape = curves.curve("", tau=90, floor=0.05, each=0.3)
    calls = [20_000 * rate * 1.2 for rate in shape.rates[:240]]
    past = Past(name="out_1", customers=20_000, calls=calls, exposure=[20_000.0] * 240)

    found = curves.learned(past, repeats=0.2)

    assert sum(found.rates[:240]) == pytest.approx(sum(shape.rates[:240]), rel=0.02)
    assert sum(found.rates[30:60]) == pytest.approx(sum(shape.rates[30:60]), rel=0.05)
    assert (found.source, found.customers, len(found.rates)) == ("learned", 20_000, 720)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({}, "", id="teaches"),
        pytest.param({"customers": 80}, "small", id="small"),
        pytest.param({"calls": [9.0] * 20}, "short", id="short"),
        pytest.param({"calls": [0.1] * 90}, "few calls", id="few calls"),
    ],
)
def test_an_outage_that_says_too_little_teaches_nothing(changes, why):
    past = Past(name="out_1", customers=5_000, calls=[3.0] * 90, exposure=[5_000.0] * 90)

    assert curves.why_not(replace(past, **changes)) == why
