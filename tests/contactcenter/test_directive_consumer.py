"""A consumer heeds what is newest, signed, known and alive, and nothing else."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from tests.contactcenter.minutes import BUSY, FRONT, KEY, at, make_outage, run, step

from outreach.contactcenter.directive_consumer import KINDS, Consumer
from outreach.contactcenter.directives import as_bytes, document, signature
from outreach.model.contactcenter import DirectiveKind


def published(minute: float = 1, *, mode: str = "live", **outage: Any) -> dict[str, Any]:
    states = step(run([BUSY, BUSY]), minute + 1, BUSY, outages=(make_outage(**outage),))
    shown = document(states, tenant="rio", now=at(minute + 1), mode=mode)
    found: dict[str, Any] = json.loads(as_bytes(shown))
    return found


def kinds(consumer: Consumer, minute: float, **caller: str) -> list[str]:
    return [each["kind"] for each in consumer.in_force(now=at(minute), **caller)]


def test_it_knows_every_kind_that_we_have():
    assert {str(kind) for kind in DirectiveKind} == KINDS


def test_what_is_signed_and_alive_is_in_force_for_whom_it_is_meant():
    consumer = Consumer(key=KEY)

    taken = consumer.take(published(), now=at(2))

    assert not taken.ignored
    mobile = kinds(consumer, 2, zone="Ñuñoa", priority="C", line="mobile")
    assert mobile == ["ivr_upfront", "wait_announcement", "digital_shift"]
    assert kinds(consumer, 2, zone="Maipú", priority="C", line="landline") == ["wait_announcement"]


def test_class_a_skips_the_front_message_unless_it_is_of_danger():
    plain, danger = Consumer(key=KEY), Consumer(key=KEY)
    plain.take(published(), now=at(2))
    danger.take(published(is_safety=True), now=at(2))

    assert str(FRONT) not in kinds(plain, 2, zone="Ñuñoa", priority="A")
    assert kinds(danger, 2, zone="Ñuñoa", priority="A")[:2] == ["priority_queue", "ivr_upfront"]


def test_a_lower_generation_is_ignored_and_the_same_one_is_not():
    consumer = Consumer(key=KEY)
    new = published()
    old = {**new, "generation": new["generation"] - 1, "directives": []}
    consumer.take(new, now=at(2))

    assert consumer.take(old, now=at(2)).ignored == {"document": "lower_generation"}
    assert kinds(consumer, 2)
    assert not consumer.take(new, now=at(2)).ignored


def test_what_has_ended_is_ignored_and_ends_by_itself():
    consumer, late = Consumer(key=KEY), Consumer(key=KEY)
    consumer.take(published(), now=at(2))

    taken = late.take(published(), now=at(12))

    assert set(taken.ignored.values()) == {"expired"}
    assert kinds(consumer, 11.9)
    assert kinds(consumer, 12) == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"priority": 99}, id="priority"),
        pytest.param({"expires_at": "2027-01-01T00:00:00Z"}, id="expiry"),
        pytest.param({"sig": "é" * 64}, id="no signature at all"),
        pytest.param({"more": 1}, id="something added"),
    ],
)
def test_a_changed_directive_is_ignored_and_the_others_hold(change):
    consumer, shown = Consumer(key=KEY), published()
    shown["directives"][0] |= change

    taken = consumer.take(shown, now=at(2))

    assert list(taken.ignored.values()) == ["bad_signature"]
    assert len(taken.accepted) == len(shown["directives"]) - 1


def test_every_byte_of_a_directive_is_signed():
    shown = published()
    whole = json.dumps(shown["directives"][1], ensure_ascii=False)
    refused = 0
    for place, byte in enumerate(whole):
        other = whole[:place] + ("1" if byte != "1" else "2") + whole[place + 1 :]
        try:
            directive = json.loads(other)
        except ValueError:
            continue
        taken = Consumer(key=KEY).take({**shown, "directives": [directive]}, now=at(2))
        assert not taken.accepted, other
        refused += 1

    assert refused > 200


def test_an_unknown_kind_is_ignored_even_where_it_is_signed():
    shown = published()
    strange = copy.deepcopy(shown["directives"][0]) | {"kind": "free_pizza"}
    strange["sig"] = signature(strange, KEY)

    taken = Consumer(key=KEY).take({**shown, "directives": [strange]}, now=at(2))

    assert list(taken.ignored.values()) == ["unknown_kind"]


def test_in_shadow_mode_nothing_is_in_force():
    consumer = Consumer(key=KEY)

    taken = consumer.take(published(mode="shadow"), now=at(2))

    assert taken.is_shadow
    assert taken.accepted
    assert kinds(consumer, 2) == []


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "malformed"),
        ({"generation": "x", "directives": []}, "malformed"),
        (
            {"generation": 1, "directives": [], "schema": "outreach.directives/9"},
            "unknown_schema",
        ),
    ],
)
def test_what_is_no_document_of_ours_changes_nothing(document, why):
    assert Consumer(key=KEY).take(document, now=at(0)).ignored == {"document": why}
