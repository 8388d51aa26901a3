"""Directives switch by confirmed evidence, hold by lease, are signed, and always expire."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from random import Random
from typing import Any

import jsonschema
import pytest

from outreach.contactcenter.directive_evidence import (
    Evidence,
    OutageEvidence,
    WaitEvidence,
    effect,
    measured_waits,
    wait_evidence,
)
from outreach.contactcenter.directive_rules import Rules
from outreach.contactcenter.directives import active, decide, document, is_genuine
from outreach.deflection.estimate import from_sums, refusal
from outreach.model.contactcenter import DirectiveKind, DirectiveState
from outreach.model.deflection import Sums
from outreach.model.errors import InputRefused
from outreach.store import calls, directives as remembered
from outreach.store.calls import CallRow
from outreach.store.session import Database

START = datetime(2026, 7, 12, 6, 40, tzinfo=UTC)
KEY = b"k" * 32
SCHEMA = json.loads((files("outreach.contactcenter") / "directives.schema.json").read_text())
BUSY = WaitEvidence(calls=40, p80_s=200, p90_s=290)
BETWEEN = WaitEvidence(calls=40, p80_s=100, p90_s=110)
CALM = WaitEvidence(calls=40, p80_s=30, p90_s=40)
QUIET = WaitEvidence(calls=3)
States = tuple[DirectiveState, ...]


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def make_outage(**changes) -> OutageEvidence:
    given: dict[str, Any] = {
        "shown_id": "out_7kq2m4xa",
        "zones": ("Ñuñoa",),
        "affected": 500,
        "zone_customers": 100_000,
        "text_ref": "unplanned.ivr@3",
        "seconds": 13.3,
        "is_approved": True,
        "is_open": True,
    }
    return OutageEvidence(**given | changes)


def step(states: States, minute: float, waits: WaitEvidence = CALM, **changes) -> States:
    given: dict[str, Any] = {
        "at": at(minute),
        "queue": "cortes",
        "priority_target": "vip",
        "waits": waits,
    }
    now = changes.pop("now", at(minute))
    return decide(Evidence(**given | changes), states, now=now, key=KEY)


def run(waits: list[WaitEvidence], states: States = (), start: int = 0) -> States:
    for minute, each in enumerate(waits, start=start):
        states = step(states, minute, each)
    return states


def is_on(states: States, kind: DirectiveKind, minute: float) -> bool:
    return kind in {directive.kind for directive in active(states, now=at(minute))}


WAIT = DirectiveKind.WAIT_ANNOUNCEMENT
FRONT = DirectiveKind.IVR_UPFRONT


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


def test_waits_are_nearest_rank_and_need_twenty_calls():
    assert wait_evidence(list(range(1, 21)), Rules()) == WaitEvidence(calls=20, p80_s=16, p90_s=18)
    assert wait_evidence([500] * 19, Rules()) == WaitEvidence(calls=19)


def test_waits_come_from_the_calls_of_the_last_quarter_hour(database: Database):
    with database.write() as session:
        calls.add(
            session,
            [
                CallRow(
                    call_id=f"{number}",
                    at=at(-number / 2),
                    address_hash=None,
                    dnis="600",
                    wait_s=number,
                )
                for number in range(60)
            ],
        )

    with database.read() as session:
        found = measured_waits(session, numbers=("600",), now=at(0.25), rules=Rules())

    assert found.calls == 30
    assert found.p80_s == 23


def test_the_evidence_is_printed_only_where_it_may_be():
    sums = Sums(
        delivered_w0=600.0, undelivered_w0=0.0, unsent_w1=1000.0, sxx=300.0, sxy=0.0, syy=500.0,
        itt_cross=1.0, delivered_episodes=900, episodes=2000,
    )  # fmt: skip

    assert effect(None)["status"] == "prior"
    assert effect(refusal("why")) == {
        "status": "insufficient",
        "theta": None,
        "lo": None,
        "hi": None,
    }
    shown = effect(from_sums(sums))
    assert shown["status"] == "estimated"
    assert shown["lo"] < shown["theta"] == 0.6 < shown["hi"]


@pytest.mark.parametrize("mode", ["live", "shadow", "stale"])
def test_the_document_is_valid_in_every_mode(mode):
    states = step(run([BUSY, BUSY]), 2, BUSY, outages=(make_outage(etr_at=at(90)),))

    body = document(states, tenant="rio-claro", now=at(2), mode=mode)

    check(body)
    assert body["mode"] == mode
    assert [d["kind"] for d in body["directives"]] == [
        "priority_queue",
        "ivr_upfront",
        "wait_announcement",
        "digital_shift",
    ]
    assert body["not_after"] == "2026-07-12T06:52:00Z"


def test_an_empty_document_is_valid_too():
    body = document((), tenant="rio-claro", now=at(0))

    check(body)
    assert body["directives"] == []


def test_a_signature_breaks_when_a_byte_changes():
    body = document(step((), 0, outages=(make_outage(),)), tenant="rio", now=at(0))
    directive = body["directives"][1]

    assert is_genuine(directive, KEY)
    assert not is_genuine(directive | {"priority": 61}, KEY)
    assert not is_genuine(directive, b"x" * 32)
    assert not is_genuine({"id": "unsigned"}, KEY)


def test_without_a_key_nothing_is_decided():
    with pytest.raises(InputRefused, match="directive_key"):
        decide(Evidence(at=at(0), queue="q", priority_target="v"), (), now=at(0), key=b"")


@pytest.mark.parametrize("seed", range(5))
def test_noise_does_not_make_it_flap_and_the_document_stays_valid(seed):
    random = Random(seed)  # noqa: S311  noise
    states: States = ()
    toggles, before = 0, False
    for minute in range(360):
        p80 = max(0, round(random.gauss(100, 60)))
        states = step(states, minute, WaitEvidence(calls=30, p80_s=p80, p90_s=p80 + 20))
        check(document(states, tenant="rio", now=at(minute)))
        now = is_on(states, WAIT, minute)
        toggles, before = toggles + (now != before), now

    assert toggles <= 360 / (15 + 10) * 2


def test_states_survive_the_database(database: Database):
    states = step(run([BUSY, BUSY]), 2, BUSY, outages=(make_outage(),))
    with database.write() as session:
        remembered.save(session, step(states, 3))
        remembered.save(session, states)

    with database.read() as session:
        found = remembered.load(session)

    assert sorted(found, key=_place) == sorted(states, key=_place)
    assert all(is_genuine(d, KEY) for d in document(found, tenant="t", now=at(2))["directives"])


def test_forgetting_everything_is_allowed(database: Database):
    with database.write() as session:
        remembered.save(session, step((), 0))
        remembered.save(session, ())

    with database.read() as session:
        assert remembered.load(session) == ()


def check(body: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(
        SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    ).validate(body)


def _place(state: DirectiveState) -> tuple[str, str]:
    return state.kind.value, state.scope_key
