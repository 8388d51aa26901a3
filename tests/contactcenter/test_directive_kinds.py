"""Each kind of directive: what switches it on, what keeps it off, what it says, and that nothing flaps."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings, strategies as st
from tests.contactcenter.minutes import (
    BUSY,
    CALM,
    FRONT,
    KEY,
    QUIET,
    SCHEMA,
    WAIT,
    States,
    at,
    is_on,
    make_outage,
    step,
)

from outreach.contactcenter.directive_evidence import (
    LoadEvidence,
    SendingEvidence,
    WaitEvidence,
    kappa,
    load_evidence,
    newest_waits,
)
from outreach.contactcenter.directive_rules import Rules
from outreach.contactcenter.directive_words import WORDS
from outreach.contactcenter.directives import MOST, active, as_bytes, document, is_genuine, mode
from outreach.deflection.estimate import from_sums
from outreach.model.contactcenter import DirectiveKind
from outreach.model.deflection import Interval, Sums
from outreach.model.forecast import Forecast, ForecastStatus, Quarter, QueueReading

LONG = WaitEvidence(calls=40, p80_s=320, p90_s=400)
SHORT_OF = LoadEvidence(
    needed=40, staffed=20, is_falling=True, handling_s=240, forecast_id="7", lendable=10
)
ENOUGH = LoadEvidence(needed=20, staffed=20, is_falling=True, handling_s=240, lendable=10)
RAISING = SendingEvidence(
    key="unplanned-outage/out_1", campaign="unplanned-outage", kappa=Interval(low=1.1, high=1.6)
)
CALLBACK, OVERFLOW = DirectiveKind.CALLBACK_OFFER, DirectiveKind.OVERFLOW_QUEUE
CALMER, PACE = DirectiveKind.SKILL_CALM, DirectiveKind.CAMPAIGN_PACE
VALIDATOR = jsonschema.Draft202012Validator(
    SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)


def lived(minutes: int, states: States = (), start: int = 0, **evidence: Any) -> States:
    for minute in range(start, start + minutes):
        states = step(states, minute, **evidence)
    return states


def one(states: States, kind: DirectiveKind, minute: float) -> dict[str, Any]:
    shown = document(states, tenant="rio", now=at(minute))
    VALIDATOR.validate(shown)
    return next(each for each in shown["directives"] if each["kind"] == kind)


def test_a_callback_is_offered_into_a_falling_queue_and_never_beyond_an_hour_of_work():
    states = lived(2, waits=LONG, load=SHORT_OF)

    offer = one(states, CALLBACK, 1)

    assert offer["params"] == {"after_s": 75, "max_pending": 300}
    assert 300 * SHORT_OF.handling_s / 20 / 60 == 60


@pytest.mark.parametrize(
    ("waits", "load"),
    [
        pytest.param(LONG, replace(SHORT_OF, is_falling=False), id="calls still rise"),
        pytest.param(LONG, replace(SHORT_OF, is_falling=None), id="no forecast"),
        pytest.param(LONG, replace(SHORT_OF, staffed=None), id="agents unknown"),
        pytest.param(replace(LONG, p80_s=299), SHORT_OF, id="under 300 s"),
        pytest.param(QUIET, SHORT_OF, id="no wait was seen"),
    ],
)
def test_a_callback_is_not_offered(waits, load):
    assert not is_on(lived(5, waits=waits, load=load), CALLBACK, 4)


def test_a_callback_offer_ends_at_180_seconds_and_not_before():
    on = lived(16, waits=LONG, load=SHORT_OF)

    still = lived(6, on, 16, waits=replace(LONG, p80_s=181), load=SHORT_OF)
    over = lived(6, on, 16, waits=replace(LONG, p80_s=180), load=SHORT_OF)

    assert is_on(still, CALLBACK, 21)
    assert not is_on(over, CALLBACK, 21)


def test_overflow_needs_a_quarter_of_an_hour_above_its_threshold():
    given: dict[str, Any] = {"waits": BUSY, "load": SHORT_OF, "overflow_target": "partner"}

    early, late = lived(14, **given), lived(15, **given)

    assert not is_on(early, OVERFLOW, 13)
    assert one(late, OVERFLOW, 14)["params"] == {"target": "partner", "share": 0.25}
    assert one(late, OVERFLOW, 14)["reason"]["forecast_id"] == "7"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"overflow_target": ""}, id="nobody to take them"),
        pytest.param({"waits": QUIET}, id="no wait was seen"),
        pytest.param({"load": replace(SHORT_OF, lendable=None)}, id="capacity unknown"),
        pytest.param({"load": replace(SHORT_OF, lendable=0)}, id="target full"),
        pytest.param({"load": replace(SHORT_OF, needed=25)}, id="exactly at 1.25"),
        pytest.param({"load": replace(SHORT_OF, staffed=None)}, id="nobody knows who works"),
    ],
)
def test_overflow_stays_off(changes):
    given: dict[str, Any] = {
        "waits": BUSY,
        "load": SHORT_OF,
        "overflow_target": "partner",
    } | changes

    assert not is_on(lived(20, **given), OVERFLOW, 19)


def test_overflow_ends_under_its_lower_threshold_or_when_the_target_is_full():
    given: dict[str, Any] = {"waits": BUSY, "load": SHORT_OF, "overflow_target": "partner"}
    on = lived(30, **given)

    kept = lived(6, on, 30, **given | {"load": replace(SHORT_OF, needed=22)})
    eased = lived(6, on, 30, **given | {"load": replace(SHORT_OF, needed=20)})
    full = lived(6, on, 30, **given | {"load": replace(SHORT_OF, lendable=0)})

    assert is_on(kept, OVERFLOW, 35)
    assert not is_on(eased, OVERFLOW, 35)
    assert not is_on(full, OVERFLOW, 35)


def test_who_calls_again_meets_calm_agents():
    states = lived(2, repeated=3)

    calm = one(states, CALMER, 1)

    assert calm["params"] == {"min_level": 4, "prefer_s": 30}
    assert calm["reason"]["metric"] == "repeated_callers"
    assert not is_on(lived(5, repeated=0), CALMER, 4)
    assert not is_on(lived(5), CALMER, 4)


def test_an_old_outage_and_a_full_queue_ask_for_calm_agents():
    old = make_outage(started_at=at(-240))

    assert is_on(lived(2, waits=BUSY, outages=(old,)), CALMER, 1)
    assert not is_on(lived(2, waits=CALM, outages=(old,)), CALMER, 1)
    young = make_outage(started_at=at(-60))
    assert not is_on(lived(2, waits=BUSY, outages=(young,)), CALMER, 1)


def test_an_outage_whose_estimate_was_missed_twice_asks_for_calm_agents_until_it_is_over():
    missed = make_outage(missed=2)
    on = step((), 0, outages=(missed,))

    over = step(on, 1, outages=(replace(missed, restored_at=at(1)),))

    assert one(on, CALMER, 0)["scope"]["zones"] == ["Ñuñoa"]
    assert not is_on(step((), 0, outages=(make_outage(missed=1),)), CALMER, 0)
    assert not is_on(over, CALMER, 1)


def test_a_campaign_is_slowed_only_where_its_whole_interval_is_above_one_and_the_queue_is_full():
    on = lived(2, waits=BUSY, load=SHORT_OF, sending=(RAISING,))
    doubtful = replace(RAISING, kappa=Interval(low=0.98, high=1.6))

    paced = one(on, PACE, 1)

    assert paced["params"] == {"action": "slow", "factor": 0.5}
    assert paced["scope"]["campaign"] == "unplanned-outage"
    assert not is_on(lived(5, waits=BUSY, load=SHORT_OF, sending=(doubtful,)), PACE, 4)
    assert not is_on(lived(5, waits=CALM, load=ENOUGH, sending=(RAISING,)), PACE, 4)
    unmeasured = replace(RAISING, kappa=None)
    assert not is_on(lived(5, waits=BUSY, load=SHORT_OF, sending=(unmeasured,)), PACE, 4)


def test_a_campaign_that_clearly_raises_calls_is_paused_and_given_back():
    strong = replace(RAISING, kappa=Interval(low=1.4, high=2.0))
    on = lived(20, waits=BUSY, load=SHORT_OF, sending=(strong,))
    doubtful = replace(RAISING, kappa=Interval(low=0.9, high=1.6))

    back = lived(4, on, 20, waits=BUSY, load=SHORT_OF, sending=(doubtful,))

    assert one(on, PACE, 19)["params"] == {"action": "pause"}
    assert not is_on(back, PACE, 23)


def test_a_silent_feed_is_told_up_front_no_longer_than_it_is_believed():
    states = step((), 0, outages=(make_outage(heard_until=at(4)),))

    assert one(states, FRONT, 0)["expires_at"] == "2026-07-12T06:44:00Z"
    assert not is_on(step(states, 4, outages=(make_outage(heard_until=at(4)),)), FRONT, 4)


def test_a_live_reading_comes_before_calls_and_erlang_needs_live_agents():
    fresh = QueueReading(
        queue="q", at=at(0), waiting=9, agents=12, wait_p80_s=200, source="genesys"
    )
    blind = replace(fresh, wait_p80_s=None)
    quarter = Quarter(
        start_at=at(0), mean=90, p05=70, p50=90, p80=100, p95=110, agents=30,
        wait_p80_s=150.4, wait_p90_s=201.2,
    )  # fmt: skip
    expects = Forecast(
        queue="q", made_at=at(0), quarters=(quarter,), status=ForecastStatus.PRIOR, id="7"
    )  # fmt: skip

    def waits(reading: QueueReading | None, minute: float = 0) -> WaitEvidence:
        return newest_waits(QUIET, reading, expects, now=at(minute), rules=Rules())

    assert waits(fresh) == WaitEvidence(calls=3, p80_s=200, p90_s=250, source="live")
    assert waits(blind) == WaitEvidence(calls=3, p80_s=150, p90_s=202, source="erlang")
    assert waits(fresh, 4) == QUIET
    assert waits(None) == QUIET


def test_an_old_forecast_says_nothing_of_the_load():
    quarter = Quarter(start_at=at(0), mean=90, p05=70, p50=90, p80=100, p95=110, agents=30)
    made = Forecast(queue="q", made_at=at(0), quarters=(quarter,), status=ForecastStatus.PRIOR)

    fresh = load_evidence(made, staffed=20, lendable=None, now=at(3), rules=Rules())
    old = load_evidence(made, staffed=20, lendable=None, now=at(4), rules=Rules())

    assert fresh.ratio == 1.5
    assert old.ratio is None


def test_kappa_is_the_estimate_drawn_towards_the_prior():
    sums = Sums(
        delivered_w0=1500.0, undelivered_w0=0.0, unsent_w1=1000.0, sxx=300.0, sxy=0.0, syy=500.0,
        itt_cross=1.0, delivered_episodes=900, episodes=2000,
    )  # fmt: skip
    measured = replace(
        from_sums(sums), theta_itt=1.5, itt_variance=0.01, itt_clustered_variance=None
    )

    found = kappa(measured)

    assert found is not None
    assert found.low == pytest.approx(1.136417, abs=1e-6)
    assert found.high == pytest.approx(1.635317, abs=1e-6)
    assert kappa(None) is None
    assert kappa(replace(measured, theta_itt=None)) is None


def test_every_directive_says_its_reason_in_a_sentence():
    states = lived(
        16, waits=LONG, load=SHORT_OF, overflow_target="partner", repeated=2,
        sending=(RAISING,), outages=(make_outage(missed=2),),
    )  # fmt: skip

    found = document(states, tenant="rio", now=at(15))["directives"]

    assert {each["kind"] for each in found} == {str(kind) for kind in DirectiveKind}
    assert all("?" not in each["reason"]["words"] for each in found)
    assert {each["reason"]["metric"] for each in found} <= set(WORDS)


def test_the_document_is_the_same_until_something_changes():
    states = step((), 0, outages=(make_outage(),))

    first = as_bytes(document(states, tenant="rio", now=at(0)))
    later = as_bytes(document(states, tenant="rio", now=at(2)))
    changed = as_bytes(document(step(states, 1), tenant="rio", now=at(2)))

    assert first == later
    assert first != changed


def test_nobody_deciding_is_said_from_the_fourth_minute_on():
    states = step((), 0)

    assert mode(states, now=at(3)) == "live"
    assert mode(states, now=at(3), is_shadow=True) == "shadow"
    assert mode(states, now=at(3.1), is_shadow=True) == "stale"
    assert mode((), now=at(0)) == "stale"


def test_more_than_five_hundred_outages_leave_out_the_smallest():
    many = tuple(
        make_outage(shown_id=f"out_{number:04}", affected=1000 + number) for number in range(520)
    )

    shown = document(step((), 0, outages=many), tenant="rio", now=at(0))

    VALIDATOR.validate(shown)
    assert len(shown["directives"]) == MOST
    assert shown["directives"][0]["kind"] == "priority_queue"
    assert shown["directives"][1]["id"] == "ivr_upfront:out_0519"


def test_what_is_off_and_spoken_of_no_more_is_forgotten_after_a_day():
    on = step((), 0, outages=(make_outage(),))

    kept = step(step(on, 10), 600)
    forgotten = step(kept, 60 * 24 + 11)

    assert any(state.kind is FRONT for state in kept)
    assert not any(state.kind is FRONT for state in forgotten)


@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(0, 900)), st.integers(0, 60), st.integers(0, 40)
        ),
        min_size=20,
        max_size=40,
    )
)
def test_whatever_comes_the_document_is_valid_signed_and_nothing_flaps(minutes):
    states: States = ()
    switched: dict[DirectiveKind, list[float]] = {}
    before: set[DirectiveKind] = set()
    generation = 0
    for minute, (p80, needed, staffed) in enumerate(minutes):
        states = step(
            states, minute, WaitEvidence(calls=30, p80_s=p80, p90_s=p80), repeated=needed % 3,
            load=LoadEvidence(needed=needed, staffed=staffed, is_falling=True, lendable=staffed),
            overflow_target="partner",
        )  # fmt: skip
        shown = document(states, tenant="rio", now=at(minute))
        if minute % 4 == 0:
            VALIDATOR.validate(shown)
        assert all(is_genuine(each, KEY) for each in shown["directives"])
        assert shown["generation"] > generation
        generation = shown["generation"]
        now = {each.kind for each in active(states, now=at(minute))}
        for kind in now ^ before:
            switched.setdefault(kind, []).append(minute)
        before = now

    for kind, when in switched.items():
        gaps = [later - earlier for earlier, later in itertools.pairwise(when)]
        # on for 15 minutes unless its lease ran out without evidence, then off for 10
        assert all(gap >= 10 for gap in gaps), kind


def test_every_kind_is_off_ten_minutes_after_the_feed_was_killed():
    states = lived(
        50, waits=LONG, load=SHORT_OF, overflow_target="partner", repeated=2,
        sending=(RAISING,), outages=(make_outage(missed=2),),
    )  # fmt: skip

    held = active(states, now=at(58.9))
    left = active(states, now=at(59))

    assert {each.kind for each in held} == set(DirectiveKind)
    assert left == []
    assert all(each.expires_at - each.issued_at <= timedelta(minutes=10) for each in held)
    assert WAIT in {each.kind for each in held}
