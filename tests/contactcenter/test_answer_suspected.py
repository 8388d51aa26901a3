"""What a caller hears of an outage that is only suspected."""

from __future__ import annotations

import pytest
from tests.contactcenter.make_truths import (
    NIGHT,
    RULES,
    make_caller,
    make_premise,
    make_truth,
    minutes,
    speak,
)

from outreach.contactcenter.answer import answer
from outreach.model.contactcenter import AnswerStatus, Match, Part
from outreach.model.words import OccasionState

SUSPECTED = make_truth(state=OccasionState.SUSPECTED, next_update_at=None, source="reports")
HERE = make_caller(make_premise())
STRANGER = make_caller(match=Match.NONE)
ELSEWHERE = make_caller(make_premise(tree_order=900))


@pytest.mark.parametrize(
    ("caller", "after", "status", "heard"),
    [
        (HERE, 5, AnswerStatus.INVESTIGATING, "outage_suspected es Ñuñoa"),
        (HERE, 59, AnswerStatus.INVESTIGATING, "outage_suspected es Ñuñoa"),
        (HERE, 61, AnswerStatus.NONE, ""),
        (STRANGER, 5, AnswerStatus.NONE, ""),
        (ELSEWHERE, 5, AnswerStatus.NONE, ""),
    ],
    ids=["inside", "still", "an hour later", "nobody we know", "elsewhere"],
)
def test_who_is_fed_from_there_hears_that_it_is_reported_for_an_hour(caller, after, status, heard):
    now = NIGHT + minutes(after)

    said = answer(caller, [SUSPECTED], speak, now=now, rules=RULES)

    assert (said.status, said.text) == (status, heard)
    assert said.etr_iso == ""


def test_a_known_outage_is_told_before_a_suspicion():
    known = make_truth(2, customers=3)

    said = answer(HERE, [SUSPECTED, known], speak, now=NIGHT + minutes(1), rules=RULES)

    assert said.outage_id == "out_2"


def test_a_suspicion_that_was_dismissed_is_heard_no_more():
    gone = make_truth(state=OccasionState.DISCARDED, next_update_at=None, scope=Part(spans=((100, 199),)))  # fmt: skip

    assert answer(HERE, [gone], speak, now=NIGHT, rules=RULES).status is AnswerStatus.NONE
