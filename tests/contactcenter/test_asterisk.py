"""The line that Asterisk takes apart with HASH(): always whole, never with a plus, never with a person."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import given, settings, strategies as st
from tests.contactcenter.make_truths import (
    NIGHT,
    RULES,
    make_caller,
    make_premise,
    make_truth,
    speak,
)

from outreach.contactcenter import asterisk
from outreach.contactcenter.answer import answer

ANSWER = answer(make_caller(make_premise()), [make_truth()], speak, now=NIGHT, rules=RULES)
NEUTRAL = answer(make_caller(make_premise()), [], speak, now=NIGHT, rules=RULES)
NAMES = (
    "status expires priority skip sms report callback wait outage generation language audio text"
)


def taken(line: str) -> dict[str, str]:
    """As HASH(answer)=${CURL(…)} does: split at & and =, then percent-decode, leaving a + as it is."""
    pairs = (each.partition("=") for each in line.split("&"))
    return {name: unquote(value) for name, _equals, value in pairs}


def test_every_field_is_there_in_a_fixed_order():
    assert list(taken(asterisk.document(ANSWER))) == NAMES.split()
    assert list(taken(asterisk.document(NEUTRAL))) == NAMES.split()


def test_the_expiry_can_be_compared_with_the_epoch():
    found = taken(asterisk.document(ANSWER))

    assert int(found["expires"]) == int(ANSWER.expires_at.timestamp())
    assert found["text"] == ANSWER.text


def test_a_neutral_answer_says_none_and_has_no_sound():
    found = taken(asterisk.document(NEUTRAL))

    assert (found["status"], found["text"], found["audio"]) == ("none", "", "")


def test_the_name_of_a_sound_is_the_hash_of_language_and_sentence():
    found = taken(asterisk.document(replace(ANSWER, text="Hay un corte.", locale="es-CL")))

    named = hashlib.sha256(f"{found['language']}\nHay un corte.".encode()).hexdigest()
    assert found["audio"] == named


@given(st.text(max_size=40))
@settings(max_examples=60, deadline=None)
def test_whatever_is_said_arrives_whole_and_breaks_nothing(text):
    line = asterisk.document(replace(ANSWER, text=text, wait_band="5_10"))

    found = taken(line)

    assert list(found) == NAMES.split()
    assert re.fullmatch(r"[A-Za-z0-9_.~%=&-]*", line)
    assert found["wait"] == "5_10"


@pytest.mark.parametrize("personal", ["customer_id", "premise_id"])
def test_two_callers_who_hear_the_same_get_the_same_line(personal):
    other = make_caller(make_premise(**{personal: 4_711}))

    theirs = answer(other, [make_truth()], speak, now=NIGHT, rules=RULES)

    assert asterisk.document(theirs) == asterisk.document(ANSWER)
