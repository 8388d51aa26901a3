"""What Studio and TaskRouter are given: routes by directives in force, and no word about who calls."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.contactcenter.make_truths import (
    NIGHT,
    RULES,
    make_caller,
    make_premise,
    make_truth,
    minutes,
    speak,
)

from outreach.contactcenter import twilio_flex
from outreach.contactcenter.answer import answer
from outreach.model.contactcenter import Directive, DirectiveKind

ANSWER = answer(make_caller(make_premise()), [make_truth()], speak, now=NIGHT, rules=RULES)
URGENT = replace(ANSWER, priority="high", skip_upfront=True)
PARAMS: dict[DirectiveKind, dict[str, Any]] = {
    DirectiveKind.PRIORITY_QUEUE: {"target": "priority", "skip_upfront": True},
    DirectiveKind.OVERFLOW_QUEUE: {"target": "partner", "share": 0.4},
    DirectiveKind.SKILL_CALM: {"min_level": 4, "prefer_s": 30},
}


def make_directive(kind: DirectiveKind, *, lasts: float = 10) -> Directive:
    return Directive(
        id=f"{kind}:outages",
        kind=kind,
        scope={"queue": "outages"},
        priority=50,
        params=PARAMS[kind],
        state_since=NIGHT,
        issued_at=NIGHT,
        expires_at=NIGHT + minutes(lasts),
        reason={"metric": "x"},
        evidence={"status": "prior"},
        approved_by="auto",
    )


ALL = [make_directive(kind) for kind in PARAMS]


def test_without_directives_a_call_goes_the_default_way():
    found = twilio_flex.attributes(ANSWER, [], now=NIGHT)

    assert (found["priority"], found["queue"], found["calm"]) == (0, "", 0)
    assert not found["skip_upfront"]


def test_a_priority_caller_jumps_the_queue_and_never_overflows():
    found = twilio_flex.attributes(URGENT, ALL, now=NIGHT)

    assert (found["priority"], found["queue"], found["share"]) == (100, "priority", 1.0)
    assert found["skip_upfront"]


def test_others_overflow_by_their_share_and_prefer_calm_agents():
    found = twilio_flex.attributes(ANSWER, ALL, now=NIGHT)

    assert (found["queue"], found["share"]) == ("partner", 0.4)
    assert (found["calm"], found["calm_for_s"]) == (4, 30)


def test_expired_directives_count_as_absent():
    gone = [make_directive(kind, lasts=0) for kind in PARAMS]

    assert twilio_flex.attributes(URGENT, gone, now=NIGHT)["queue"] == ""


def test_widgets_are_flat_strings_and_carry_the_task_within_its_limit():
    found = twilio_flex.widgets(ANSWER, ALL, now=NIGHT)

    assert all(isinstance(value, str) for value in found.values())
    assert found["say"] == ANSWER.text
    assert json.loads(found["task"]) == twilio_flex.attributes(ANSWER, ALL, now=NIGHT)
    assert len(found["task"]) <= twilio_flex.LONGEST_ATTRIBUTES


def test_two_callers_who_hear_the_same_cannot_be_told_apart():
    other = make_caller(make_premise(premise_id=77, customer_id=99))
    theirs = answer(other, [make_truth()], speak, now=NIGHT, rules=RULES)

    assert twilio_flex.widgets(theirs, ALL, now=NIGHT) == twilio_flex.widgets(
        ANSWER, ALL, now=NIGHT
    )
