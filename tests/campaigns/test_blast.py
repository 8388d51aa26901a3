"""What counts as an unusually large launch, and how a person may write the number."""

from __future__ import annotations

import pytest

from outreach.campaigns.blast import Why, blast, typed


@pytest.mark.parametrize(
    ("customers", "messages", "everybody", "recent", "why"),
    [
        pytest.param(1_000, 1_000, 10_000, [900], None, id="ten per cent, and usual"),
        pytest.param(1_001, 1_001, 10_000, [900], Why.SHARE, id="above ten per cent"),
        pytest.param(900, 900, 100_000, [300, 10], None, id="three times the largest"),
        pytest.param(900, 901, 100_000, [300, 10], Why.HISTORY, id="above three times"),
        pytest.param(900, 900, 100_000, [], None, id="the first launch of all"),
        pytest.param(99, 99, 99, [1], None, id="a village"),
        pytest.param(100, 100, 100, [], Why.SHARE, id="everybody of a larger village"),
        pytest.param(200, 200, 0, [], Why.SHARE, id="a record without customers"),
    ],
)
def test_a_launch_is_large_against_the_record_or_against_its_past(
    customers, messages, everybody, recent, why
):
    found = blast(customers, messages, everybody=everybody, recent=recent)

    assert (found and found.why) == why


@pytest.mark.parametrize("text", ["18000", "18,000", "18.000", "18 000", " 18\u202f000 "])
def test_a_number_is_read_as_people_write_it(text):
    assert typed(text) == 18_000


@pytest.mark.parametrize("text", ["", "y", "yes", "18k", "-5", "¹²"])
def test_anything_else_is_no_number(text):
    assert typed(text) is None
