"""In which order messages count, by the rules that the sample utility's vendor describes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from outreach.model.intake import MessageKind, Missing, OutageMessage, Outcome
from outreach.outages.intake_order import Known, is_believed, missing, refusal

KNOWN = Known(keys={"E1"}, sequences={"A": {2: "two", 4: "four"}})
MESSAGE = OutageMessage(event_key="E9", outage_ref="A", seq=5, kind=MessageKind.ETR, content="five")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"event_key": "E1"}, Outcome.DUPLICATE_EVENT),
        ({"event_key": "E1", "outage_ref": "B"}, Outcome.DUPLICATE_EVENT),
        ({"seq": 4, "content": "four"}, Outcome.DUPLICATE_SEQUENCE),
        ({"seq": 4, "content": "other"}, Outcome.STALE),
        ({"seq": 3}, Outcome.STALE),
        ({"seq": 2, "content": "two"}, Outcome.DUPLICATE_SEQUENCE),
        ({"seq": None}, None),
        ({"outage_ref": "B"}, Outcome.UNKNOWN_OUTAGE),
        ({"outage_ref": "B", "kind": MessageKind.CREATED}, None),
        ({"outage_ref": "B", "kind": MessageKind.STANDS}, None),
        (
            {"outage_ref": "B", "kind": MessageKind.STANDS, "fields": {"discarded": True}},
            Outcome.UNKNOWN_OUTAGE,
        ),
        ({"outage_ref": "", "kind": MessageKind.SNAPSHOT, "seq": None}, None),
        ({"outage_ref": "", "kind": MessageKind.SNAPSHOT, "event_key": "E1"}, Outcome.DUPLICATE_EVENT),
    ],
)  # fmt: skip
def test_a_message_is_refused_for_the_first_rule_it_breaks(changes, expected):
    message = replace(MESSAGE, **changes)

    assert refusal(message, KNOWN, is_known_outage=message.outage_ref == "A") is expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 6), max_size=12))
def test_only_a_rising_sequence_is_accepted_whatever_the_order(sequence: list[int]):
    known, accepted = Known(), []

    for seq in sequence:
        message = replace(MESSAGE, event_key="", seq=seq, content=str(seq))
        if refusal(message, known, is_known_outage=True) is None:
            known.accept(message)
            accepted.append(seq)

    assert accepted == sorted(set(accepted))
    assert max(accepted, default=0) == max(sequence, default=0)


@pytest.mark.parametrize(
    ("still_open", "listed", "expected"),
    [
        (10, 10, None),
        (10, 6, None),  # 4 missing
        (10, 5, 5),
        (17, 12, None),  # 5 of 17 is under 30 %
        (16, 11, 5),
        (5, 0, 5),
        (4, 0, None),
    ],
)
def test_a_list_loses_too_much_from_five_and_thirty_per_cent(still_open, listed, expected):
    names = [f"O{number}" for number in range(still_open)]

    lost = missing("line 1", listed=[*names[:listed], "other"], still_open=names)

    assert lost == (expected and Missing(place="line 1", open=still_open, missing=expected))


def test_a_list_that_loses_more_than_half_is_not_believed():
    half = Missing(place="", open=10, missing=5)

    assert is_believed(None)
    assert is_believed(half)
    assert not is_believed(replace(half, missing=6))
