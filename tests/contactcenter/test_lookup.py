"""The index over live truths finds whom a scope holds, and not whom it was taken away from."""

from __future__ import annotations

import pytest
from tests.contactcenter.make_truths import make_caller, make_premise, make_truth

from outreach.contactcenter.lookup import Lookup
from outreach.model.contactcenter import Part

BY_CODE = Part(postal_codes=frozenset({"7500000"}))
ALL_BUT_ONE = Part(spans=((100, 199),), less=Part(premise_ids=frozenset({7})))


@pytest.mark.parametrize(
    ("scope", "premise", "is_found"),
    [
        (BY_CODE, {"postal_code": "7500000"}, True),
        (BY_CODE, {"postal_code": "7750000"}, False),
        (BY_CODE, {"postal_code": ""}, False),
        (Part(postal_codes=frozenset({""})), {"postal_code": ""}, False),
        (ALL_BUT_ONE, {"premise_id": 8}, True),
        (ALL_BUT_ONE, {"premise_id": 7}, False),
        (Part(premise_ids=frozenset({1}), less=BY_CODE), {"postal_code": "7500000"}, False),
    ],
)
def test_a_caller_is_found_as_the_scope_says(scope, premise, is_found):
    supply = make_premise(**premise)
    lookup = Lookup([make_truth(scope=scope)], large_from=500)

    found = lookup.candidates(make_caller(supply))

    assert (len(found) == 1) is is_found is scope.covers(supply)


def test_who_is_taken_away_does_not_share_the_answer_of_a_neighbour():
    lookup = Lookup([make_truth(scope=ALL_BUT_ONE)], large_from=500)
    out, spared = (make_caller(make_premise(premise_id=number)) for number in (8, 7))

    assert lookup.standing_of(out) != lookup.standing_of(spared)
