"""Counted by batch, by part and by the minute, the numbers are those of the slots one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from outreach.deflection import simulate
from outreach.deflection.conditional import likeliest
from outreach.deflection.episodes import (
    Arm,
    Episode,
    Exposure,
    exposure as person_time,
    grace_of,
    measured_grace,
)
from outreach.deflection.estimate import estimate, pooled
from outreach.deflection.evidence import By, Evidence, from_minutes, worked_out
from outreach.deflection.refusals import Design, batch_refusals, inverted_batches
from outreach.model import order
from outreach.model.deflection import Batch, Bucket, CountedCall, Slot, Verdict

GRACE = {"sms": 2.5, "email": 2.0}
START = simulate.START
WORLD = simulate.World(households=800, deflection=0.4, tail_share=0.2)


def batches(slots: Sequence[Slot], seed: bytes) -> list[Batch]:
    """Each household a batch of its own."""
    found = []
    for slot in slots:
        rank = order.rank(seed, slot.household)
        found.append(
            Batch(
                wave=slot.wave, priority=slot.priority, channel=slot.channel, queue=slot.queue,
                slot_at=slot.slot_at, until=slot.until, households=1, lowest=rank, highest=rank,
                known=int(slot.delivered is not None),
            )
        )  # fmt: skip
    return found


def evidence(drawn: simulate.Drawn, **changes) -> Evidence:
    """Half of the households by e-mail, so that there are two channels."""
    slots = [
        replace(
            slot, channel="email" if int(slot.household[2:]) % 2 else "sms", step_run=7,
            household_id=int(slot.household[2:]) + 1,
            rank=order.rank(drawn.seed, slot.household),
        )
        for slot in drawn.slots
    ]  # fmt: skip
    callers = {call.household for call in drawn.calls}
    calls = [replace(call, call_id=f"c{n}") for n, call in enumerate(drawn.calls)]
    found: dict[str, Any] = {
        "start": START, "at": START + timedelta(minutes=360),
        "batches": batches(slots, drawn.seed),
        "callers": [slot for slot in slots if slot.household in callers],
        "calls": calls, "grace": GRACE, "needed_grace": measured_grace(slots),
        "design": design(drawn), "identified_share": 0.7, "waves": {"1": 7},
    }  # fmt: skip
    return Evidence(**(found | changes))


def design(drawn: simulate.Drawn) -> Design:
    return Design(seed=drawn.seed, seed_stored_at=START, first_sent_at=None)


@pytest.fixture(scope="module")
def drawn() -> simulate.Drawn:
    return simulate.draw(WORLD, 3)


def test_batches_give_the_estimate_of_the_slots(drawn):
    of = evidence(drawn)

    found = worked_out(of).deflection

    callers = {slot.household: slot for slot in of.callers}
    slots = [
        callers.get(slot.household, replace(slot, channel=batch.channel))
        for slot, batch in zip(drawn.slots, of.batches, strict=True)
    ]
    expected = estimate(
        slots, drawn.calls, start=START, design=of.design, grace=GRACE, identified_share=0.7
    )
    assert found.theta_msg == pytest.approx(expected.theta_msg, rel=1e-12)
    assert found.variance == pytest.approx(expected.variance, rel=1e-12)
    assert found.counts == expected.counts
    assert found.verdict is expected.verdict


@given(order_of=st.randoms(use_true_random=False), doubled=st.floats(0, 1))
@settings(max_examples=5, deadline=None)
def test_doubled_and_reordered_calls_and_rows_change_nothing(
    drawn, order_of: Random, doubled: float
):
    of = evidence(drawn)
    expected = worked_out(of)
    again = [call for call in of.calls if order_of.random() < doubled]
    unique = {call.call_id: call for call in [*of.calls, *again]}
    calls, callers, some = list(unique.values()), list(of.callers), list(of.batches)
    for each in (calls, callers, some):
        order_of.shuffle(each)

    found = worked_out(replace(of, calls=calls, callers=callers, batches=some))

    sums, known = found.deflection.sums, expected.deflection.sums
    assert sums is not None
    assert known is not None
    assert asdict(sums) == pytest.approx(asdict(known), rel=1e-9)
    assert sorted(found.calls, key=str) == sorted(expected.calls, key=str)


def test_what_is_kept_by_the_minute_gives_the_same_sums(drawn):
    found = worked_out(evidence(drawn))

    sums = from_minutes(found.buckets(), found.calls)

    assert found.deflection.sums is not None
    assert asdict(sums) == pytest.approx(asdict(found.deflection.sums), rel=1e-9)


def test_the_minutes_hold_every_episode_once(drawn):
    found = worked_out(evidence(drawn))

    counts = found.deflection.counts
    assert counts is not None
    totals = [sum(getattr(each, arm) for each in found.buckets()) for arm in ("d0", "d1d", "d1u")]
    assert totals == [counts.unsent, counts.delivered, counts.undelivered]
    arms = Counter(call.arm for call in found.calls)
    assert arms["repeat"] == counts.repeats


@pytest.mark.parametrize("by", list(By))
def test_parts_pool_to_the_whole(drawn, by):
    found = worked_out(evidence(drawn))

    parts = found.by(by)

    whole = found.deflection.sums
    assert whole is not None
    together = pooled(part.sums for part in parts.values() if part.sums is not None)
    assert together.delivered_w0 == pytest.approx(whole.delivered_w0)
    assert together.unsent_w1 == pytest.approx(whole.unsent_w1)
    assert together.episodes == whole.episodes
    assert len(parts) == {By.WAVE: 1, By.CLASS: 3, By.CHANNEL: 2}[by]


def test_a_part_of_an_untrusted_order_is_refused_too(drawn):
    broken = Design(seed=None, seed_stored_at=START, first_sent_at=None)

    found = worked_out(evidence(drawn, design=broken))

    assert found.deflection.design_reasons == ("the seed of the send order is missing",)
    assert {part.verdict for part in found.by(By.CLASS).values()} == {Verdict.REFUSED}


def test_lag_bands_divide_the_told_and_share_the_untold(drawn):
    found = worked_out(evidence(drawn))

    bands = found.bands()

    whole = found.deflection.counts
    counts = [band.deflection.counts for band in bands]
    assert [(band.low, band.high) for band in bands[:3]] == [(0, 10), (10, 30), (30, 60)]
    assert whole is not None
    assert sum(each.delivered for each in counts if each) == whole.delivered
    assert {each.unsent for each in counts if each} == {whole.unsent}


def test_lag_bands_divide_the_time_of_the_told():
    slot = Batch(
        wave="1", priority="C", channel="sms", queue="", slot_at=START + timedelta(minutes=5),
        until=START + timedelta(minutes=100), households=2, lowest=0, highest=0, known=2,
    )  # fmt: skip

    minutes = [
        sum(person_time([slot], START, GRACE, lag=lag).told["1", "C", "sms"])
        for lag in ((0, 10), (10, 30), (30, 60), (60, float("inf")))
    ]

    assert minutes == pytest.approx([2 * 7.5, 2 * 20, 2 * 30, 2 * 35])


def test_counted_latencies_ask_for_the_grace_of_single_ones(drawn):
    seconds = Counter(
        round((slot.receipt_at - slot.slot_at).total_seconds(), 1)
        for slot in drawn.slots
        if slot.receipt_at and slot.slot_at
    )

    found = grace_of({"sms": sorted(seconds.items())})

    assert found["sms"] == pytest.approx(measured_grace(drawn.slots)["sms"], abs=0.1 / 60)


def test_a_batch_out_of_its_turn_and_a_foreign_rank_are_refused(drawn):
    of = evidence(drawn)
    early = next(each for each in of.batches if each.priority == "C" and not each.queue)
    late = replace(early, slot_at=START + timedelta(minutes=300), lowest=0)
    foreign = replace(of.callers[0], rank=1)

    reasons = batch_refusals([*of.batches, late], [foreign], None, of.design)

    assert inverted_batches(of.batches) == 0
    assert any("out of the order that the seed gives" in reason for reason in reasons)
    assert any("1 households have a rank that is not the seed's" in reason for reason in reasons)


def test_without_a_seed_no_order_can_be_checked(drawn):
    of = evidence(drawn)
    design_of = Design(seed=None, seed_stored_at=START, first_sent_at=None)

    reasons = batch_refusals(of.batches, [replace(of.callers[0], rank=1)], None, design_of)

    assert reasons == ("the seed of the send order is missing",)


def test_the_conditional_likelihood_is_near_the_itt(drawn):
    found = worked_out(evidence(drawn))

    check = likeliest(found.exposure, found.episodes)

    assert check is not None
    assert found.deflection.theta_itt is not None
    assert check.theta == pytest.approx(found.deflection.theta_itt, rel=0.15)


def test_one_minute_of_equal_time_gives_the_ratio_of_its_calls():
    stratum = ("1", "C", "sms")
    exposure = Exposure(unsent={stratum: [50.0]}, told={stratum: [50.0]})
    told = [Episode(f"H-{n}", stratum, 0, Arm.DELIVERED) for n in range(6)]
    unsent = [Episode(f"U-{n}", stratum, 0, Arm.UNSENT) for n in range(12)]

    found = likeliest(exposure, [*told, *unsent])

    assert found is not None
    assert found.theta == pytest.approx(0.5)
    assert found.se == pytest.approx((1 / 6 + 1 / 12) ** 0.5)
    assert likeliest(exposure, told) is None


def test_a_minute_without_anybody_at_risk_is_not_kept():
    bucket = Bucket(step_run=1, priority="C", channel="sms", minute=2, t0=5.0, t1=5.0, d0=1)
    call = CountedCall(
        call_id="a", step_run=1, household=4, priority="C", channel="sms", minute=2.5, arm="unsent"
    )

    sums = from_minutes([bucket], [call])

    assert (sums.unsent_w1, sums.episodes) == (0.5, 1)
