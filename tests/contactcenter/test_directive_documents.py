"""The evidence of waits, and the document that the contact center reads."""

from __future__ import annotations

from random import Random
from typing import Any

import jsonschema
import pytest
from tests.contactcenter.minutes import (
    BUSY,
    KEY,
    SCHEMA,
    WAIT,
    States,
    at,
    is_on,
    make_outage,
    run,
    step,
)

from outreach.campaigns.routing_evidence import measured_waits
from outreach.contactcenter.directive_evidence import (
    Evidence,
    WaitEvidence,
    effect,
    wait_evidence,
)
from outreach.contactcenter.directive_minute import decide
from outreach.contactcenter.directive_rules import Rules
from outreach.contactcenter.directives import document, is_genuine
from outreach.deflection.estimate import from_sums, refusal
from outreach.model.contactcenter import DirectiveState
from outreach.model.deflection import Sums
from outreach.model.errors import InputRefused
from outreach.store import calls, directives as remembered
from outreach.store.calls import CallRow
from outreach.store.session import Database


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


@pytest.mark.parametrize("seed", range(2))
def test_noise_does_not_make_it_flap_and_the_document_stays_valid(seed):
    random = Random(seed)  # noqa: S311  noise
    states: States = ()
    toggles, before = 0, False
    for minute in range(360):
        p80 = max(0, round(random.gauss(100, 60)))
        states = step(states, minute, WaitEvidence(calls=30, p80_s=p80, p90_s=p80 + 20))
        if minute % 20 == 0:
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
