"""Directives switch by confirmed evidence, hold by lease, are signed, and always expire."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contactcenter.minutes import (
    BETWEEN,
    BUSY,
    CALM,
    FRONT,
    QUIET,
    WAIT,
    States,
    at,
    is_on,
    make_outage,
    run,
    step,
)

from outreach.contactcenter.directives import active, document
from outreach.model.contactcenter import DirectiveKind


def test_two_busy_minutes_in_a_row_switch_on_and_one_does_not():
    once = run([BUSY])
    twice = run([BUSY, BUSY])
    broken = run([BUSY, BETWEEN, BUSY])

    assert not is_on(once, WAIT, 0)
    assert is_on(twice, WAIT, 1)
    assert is_on(twice, DirectiveKind.DIGITAL_SHIFT, 1)
    assert not is_on(broken, WAIT, 2)


def test_hearing_the_same_minute_twice_confirms_nothing():
    states = step(run([BUSY]), 0.5, BUSY)

    assert not is_on(states, WAIT, 0.5)


def test_confirmations_with_a_gap_between_them_are_not_in_a_row():
    assert not is_on(step(run([BUSY]), 5, BUSY), WAIT, 5)


def test_it_stays_on_for_fifteen_minutes_and_needs_four_calm_ones():
    early = run([BUSY, BUSY, *[CALM] * 14])
    late = run([BUSY, BUSY, *[CALM] * 15])
    three = run([*[BUSY] * 20, CALM, CALM, CALM])
    four = run([*[BUSY] * 20, CALM, CALM, CALM, CALM])

    assert is_on(early, WAIT, 15)
    assert not is_on(late, WAIT, 16)
    assert is_on(three, WAIT, 22)
    assert not is_on(four, WAIT, 23)


def test_after_switching_off_it_rests_for_ten_minutes():
    off = run([*[BUSY] * 20, *[CALM] * 4])

    resting = run([BUSY] * 9, off, start=24)
    again = run([BUSY] * 10, off, start=24)

    assert not is_on(resting, WAIT, 32)
    assert is_on(again, WAIT, 33)


def test_between_the_thresholds_it_stays_as_it_is_and_is_renewed():
    states = run([BUSY, BUSY, *[BETWEEN] * 30])

    assert is_on(states, WAIT, 31)
    assert not is_on(run([BETWEEN] * 30), WAIT, 30)


def test_evidence_that_ends_at_minute_49_is_off_at_59():
    states = run([BUSY] * 50)

    for minute in range(50, 59):
        states = step(states, 49, BUSY, now=at(minute))
        assert is_on(states, WAIT, minute + 0.9)
    states = step(states, 49, BUSY, now=at(59))

    assert not is_on(states, WAIT, 59)
    assert [state.on for state in states if state.kind is WAIT] == [False]


def test_stale_evidence_never_switches_on():
    states: States = ()
    for minute in range(10):
        states = step(states, minute, BUSY, now=at(minute + 4), outages=(make_outage(),))

    assert not is_on(states, WAIT, 13)
    assert not is_on(states, FRONT, 13)


def test_too_few_calls_neither_switch_on_nor_renew():
    assert not is_on(run([QUIET] * 10), WAIT, 9)

    states = run([BUSY, BUSY, *[QUIET] * 9])

    assert is_on(states, WAIT, 10)
    assert not is_on(step(states, 11, QUIET), WAIT, 11)


def test_class_a_is_always_first_whatever_the_evidence():
    states = step((), 0, QUIET, now=at(30))

    (directive,) = active(states, now=at(30))

    assert directive.kind is DirectiveKind.PRIORITY_QUEUE
    assert directive.scope["classes"] == ["A"]
    assert directive.expires_at == at(40)


def test_the_generation_rises_at_every_minute():
    generations = []
    states: States = ()
    for minute in range(3):
        states = step(states, minute)
        generations.append(document(states, tenant="rio", now=at(minute))["generation"])

    assert generations == [1, 2, 3]


def test_a_large_outage_is_told_up_front_within_the_minute():
    states = step((), 0, outages=(make_outage(),))

    front = next(d for d in active(states, now=at(0)) if d.kind is FRONT)

    assert front.params == {
        "text_class": "investigating",
        "text_ref": "unplanned.ivr@3",
        "seconds": 13.3,
    }
    assert front.reason["on"] == 200
    assert front.expires_at == at(10)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"affected": 199}, id="under a five-hundredth of the zone"),
        pytest.param({"affected": 49, "zone_customers": 100}, id="under fifty"),
        pytest.param({"is_approved": False}, id="text not approved"),
        pytest.param({"seconds": 20.5}, id="too long to listen to"),
        pytest.param({"is_open": False}, id="closed"),
        pytest.param({"etr_at": at(-16)}, id="estimate long past"),
        pytest.param({"fresh_until": at(-1)}, id="next news overdue"),
    ],
)
def test_an_outage_that_may_not_be_told_up_front_is_not(changes):
    states = step((), 0, outages=(make_outage(**changes),))

    assert not is_on(states, FRONT, 0)


def test_danger_is_told_however_few_it_touches_and_before_the_rest():
    states = step((), 0, outages=(make_outage(is_safety=True, affected=1),))

    front = next(d for d in active(states, now=at(0)) if d.kind is FRONT)

    assert front.params["text_class"] == "safety"
    assert front.priority == 90


@pytest.mark.parametrize(
    ("changes", "minutes"),
    [
        pytest.param({}, 10, id="kept by a feed"),
        pytest.param({"fresh_until": at(60)}, 30, id="kept by a person"),
        pytest.param({"fresh_until": at(12)}, 12, id="next news soon"),
        pytest.param({"fresh_until": at(60), "etr_at": at(5)}, 20, id="estimate near"),
    ],
)
def test_a_front_message_outlives_neither_its_news_nor_its_estimate(changes, minutes):
    states = step((), 0, outages=(make_outage(**changes),))

    front = next(d for d in active(states, now=at(0)) if d.kind is FRONT)

    assert front.expires_at == at(minutes)


def test_a_restored_outage_is_told_for_ten_more_minutes():
    on = step((), 0, outages=(make_outage(),))
    back = make_outage(restored_at=at(1), affected=0)

    told = step(on, 9, outages=(back,))
    over = step(told, 11, outages=(back,))

    front = next(d for d in active(told, now=at(9)) if d.kind is FRONT)
    assert front.params["text_class"] == "restored"
    assert not is_on(over, FRONT, 11)


def test_a_withdrawn_outage_is_silent_at_once():
    on = step((), 0, outages=(make_outage(),))

    assert not is_on(step(on, 1, outages=(make_outage(is_open=False),)), FRONT, 1)


def test_an_outage_no_longer_named_runs_out_with_its_lease():
    on = step((), 0, outages=(make_outage(),))

    assert is_on(step(on, 9), FRONT, 9)
    assert [s.on for s in step(on, 10) if s.kind is FRONT] == [False]


@pytest.mark.parametrize(
    ("changes", "text_class"),
    [
        pytest.param({"is_planned": True}, "planned", id="planned"),
        pytest.param({"etr_at": at(60)}, "etr", id="estimate ahead"),
        pytest.param({"etr_at": at(-1)}, "investigating", id="estimate past"),
        pytest.param({"knows_cause": True}, "known", id="cause known"),
    ],
)
def test_the_text_class_is_what_is_true_now(changes, text_class):
    assert make_outage(**changes).text_class(at(0)) == text_class


@pytest.mark.parametrize(
    ("p90", "band"),
    [(120, "2_5"), (300, "2_5"), (301, "5_10"), (1200, "10_20"), (1201, "gt_20")],
)
def test_the_announced_band_is_never_optimistic(p90, band):
    states = run([replace(BUSY, p90_s=p90)] * 2)

    wait = next(d for d in active(states, now=at(1)) if d.kind is WAIT)

    assert wait.params["band"] == band
