"""What a caller heard is remembered for two hours, in bounds, and only what is new is news."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.contactcenter.make_truths import (
    NIGHT,
    RULES,
    make_caller,
    make_premise,
    make_truth,
    minutes,
)

from outreach.contactcenter.answer import Decision, decide
from outreach.contactcenter.heard import Heard

ME, OTHER = b"me", b"other"


def deciding(**changes) -> Decision:
    caller = make_caller(make_premise())
    return decide(caller, [make_truth(**changes)], now=NIGHT, rules=RULES)


ETR = deciding(public_etr=NIGHT + minutes(50))


def since(heard: Heard, decision=ETR, *, after: float = 0, call: str = "", who: bytes = ME):
    return heard.since(who, decision, call_id=call, now=NIGHT + minutes(after))


def test_a_first_call_hears_everything_and_a_later_one_since_when_nothing_changed():
    heard = Heard()

    found = [since(heard), since(heard, after=20), since(heard, after=100)]

    assert found == [None, NIGHT, NIGHT]


def test_the_same_call_gets_the_same_answer_however_often_the_platform_asks():
    heard = Heard()

    found = [since(heard, call="a"), since(heard, after=5, call="a"), since(heard, after=6, call="b"),
             since(heard, after=7, call="b"), since(heard, after=7.5, call="")]  # fmt: skip

    assert found == [None, None, NIGHT, NIGHT, NIGHT]


def test_an_unnamed_call_within_a_minute_is_the_same_call():
    heard = Heard()

    assert [since(heard), since(heard, after=0.5), since(heard, after=1.5)] == [None, None, NIGHT]


@pytest.mark.parametrize(
    "news",
    [
        {"public_etr": NIGHT + minutes(55)},
        {},
        {"public_etr": NIGHT + minutes(50), "cause": "rama"},
        {"public_etr": NIGHT + minutes(50), "number": 2},
    ],
    ids=["another estimate", "none any more", "a cause", "another outage"],
)
def test_what_is_new_is_heard_whole(news):
    heard = Heard()
    since(heard)

    assert since(heard, deciding(**news), after=20) is None


def test_a_newer_version_that_says_the_same_is_no_news():
    heard = Heard()
    since(heard)
    same = replace(ETR, generation=9, as_of=NIGHT + minutes(10))

    assert since(heard, same, after=20) == NIGHT


def test_after_two_hours_and_for_others_all_is_new():
    heard = Heard()
    since(heard)

    assert since(heard, after=120) is None
    assert since(heard, who=OTHER, after=1) is None


def test_a_clock_set_back_forgets_rather_than_misleads():
    heard = Heard()
    since(heard)

    assert since(heard, after=-timedelta(hours=1) / timedelta(minutes=1)) is None


def test_no_more_callers_are_remembered_than_there_is_room_for():
    heard = Heard(most=1)
    since(heard)
    since(heard, who=OTHER)

    assert since(heard, after=20) is None
