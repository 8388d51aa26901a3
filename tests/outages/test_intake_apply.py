"""What a message makes of the truth, verb by verb."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.intake import MessageKind as K, OutageMessage
from outreach.model.occasion import Revision, Scope
from outreach.model.words import OccasionState
from outreach.outages import intake_apply
from outreach.outages.change import Origin
from outreach.outages.intake_apply import Habits, Saying

NOW = datetime(2026, 6, 12, 23, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPEN = Revision(
    version=1, state=OccasionState.ACTIVE, scope=Scope(nodes=("S1",)), start_at=NOW - HOUR,
    etr_at=NOW + HOUR, public_etr=NOW + HOUR, next_update_at=NOW + HOUR, source="feed:oms",
    source_seq=1, recorded_at=NOW - HOUR,
)  # fmt: skip
RESTORED = replace(
    OPEN, state=OccasionState.RESTORED, restored_at=NOW, public_etr=None, next_update_at=None
)


def saying(kind: K, **fields: Any) -> Saying:
    message = OutageMessage(event_key="", seq=2, outage_ref="A", kind=kind, fields=fields)  # type: ignore[arg-type]
    origin = Origin(author="oms", source="feed:oms", source_seq=2)
    return Saying(message=message, habits=Habits(etr_minutes=5), now=NOW, origin=origin)


def becomes(kind: K, *, current: Revision = OPEN, **fields: Any) -> dict[str, Any] | None:
    """What differs in the next revision, without who wrote it."""
    new = intake_apply.following(current, saying(kind, **fields))
    if new is None:
        return None
    assert (new.version, new.source_seq, new.recorded_at) == (current.version + 1, 2, NOW)
    own = {"version", "source_seq", "recorded_at", "author", "source", "next_update_at"}
    return {
        name: getattr(new, name)
        for name in Revision.__slots__
        if name not in own and getattr(new, name) != getattr(current, name)
    }


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        (K.ETR, {"etr": NOW + HOUR}, None),
        (K.ETR, {"etr": NOW + 2 * HOUR}, {"etr_at": NOW + 2 * HOUR, "public_etr": NOW + 2 * HOUR}),
        (K.ETR, {"etr": NOW - HOUR}, {"etr_at": NOW - HOUR, "public_etr": None}),
        (K.ETR, {"etr": None}, {"etr_at": None, "public_etr": None}),
        (K.ETR, {"etr": NOW + HOUR, "etr_confidence": "low"}, {"etr_confidence": "low"}),
        (K.CAUSE, {"cause": "TREE"}, {"cause": "TREE"}),
        (K.SCOPE, {"nodes": ("S2",)}, {"scope": Scope(nodes=("S2",))}),
        (K.SCOPE, {"nodes": ("S1",)}, None),
        (K.SCOPE, {"premises": ("P1",), "adds": True}, {"scope": Scope(nodes=("S1",), premises=("P1",))}),
        (K.PARTIAL, {"restored_nodes": ("T1",)}, {"state": OccasionState.PARTIAL, "restored": Scope(nodes=("T1",))}),
        (K.RESTORED, {"restored_at": NOW}, {"state": OccasionState.RESTORED, "restored_at": NOW, "public_etr": None}),
        (K.RESTORED, {"restored_at": NOW + HOUR}, {"state": OccasionState.RESTORED, "restored_at": NOW, "public_etr": None}),
        (K.MERGED, {"into": "B"}, {"state": OccasionState.MERGED, "public_etr": None}),
        (K.CREW, {"crew": "ON_SITE"}, None),
        (K.SNAPSHOT, {"active": ()}, None),
        (K.STANDS, {"etr": NOW + HOUR}, None),
        (K.STANDS, {"restored_at": NOW}, {"state": OccasionState.RESTORED, "restored_at": NOW, "public_etr": None}),
    ],
)  # fmt: skip
def test_each_kind_of_message_changes_what_it_is_about(kind, fields, expected):
    assert becomes(kind, **fields) == expected


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        (K.CAUSE, {"cause": "TREE"}, {"cause": "TREE"}),
        (K.REOPENED, {}, {"state": OccasionState.ACTIVE, "restored_at": None, "public_etr": NOW + HOUR}),
        (K.STANDS, {"restored_at": NOW}, None),
        (K.STANDS, {"discarded": True}, None),
        (K.STANDS, {}, {"state": OccasionState.ACTIVE, "restored_at": None, "public_etr": NOW + HOUR}),
    ],
)  # fmt: skip
def test_a_restored_outage_takes_its_cause_and_its_reopening(kind, fields, expected):
    assert becomes(kind, current=RESTORED, **fields) == expected


@pytest.mark.parametrize("state", [OccasionState.MERGED, OccasionState.DISCARDED])
@pytest.mark.parametrize("kind", [K.ETR, K.CAUSE, K.REOPENED, K.STANDS, K.RESTORED])
def test_what_is_merged_or_discarded_takes_nothing_more(state, kind):
    assert intake_apply.is_closed_to(replace(OPEN, state=state), saying(kind).message)


@pytest.mark.parametrize("kind", [K.ETR, K.SCOPE, K.PARTIAL, K.CREW, K.RESTORED])
def test_what_is_restored_takes_nothing_else(kind):
    assert intake_apply.is_closed_to(RESTORED, saying(kind).message)


def test_a_new_outage_says_only_what_its_message_says():
    revision = intake_apply.first(
        saying(K.CREATED, nodes=("S1",), etr=NOW + HOUR, start=NOW - HOUR), parent=None
    )

    assert (revision.version, revision.state) == (1, OccasionState.ACTIVE)
    assert (revision.start_at, revision.etr_at) == (NOW - HOUR, NOW + HOUR)
    assert (revision.etr_confidence, revision.cause, revision.source_seq) == ("", "", 2)


def test_a_nested_outage_began_when_its_parent_did():
    parent = replace(OPEN, start_at=NOW - 5 * HOUR)

    revision = intake_apply.first(saying(K.CREATED, nodes=("T1",), start=NOW), parent=parent)

    assert revision.start_at == parent.start_at


@pytest.mark.parametrize(
    ("fields", "error", "said"),
    [
        ({"nodes": ()}, InputRefused, "nothing is named"),
        ({"nodes": ("S1",), "start": NOW + 2 * HOUR}, GuardRefused, "starts ahead of now"),
        ({"nodes": ("S1",), "start": NOW - timedelta(days=8)}, GuardRefused, "began 8 days ago"),
    ],
)
def test_a_new_outage_needs_a_place_and_a_start_that_can_be(fields, error, said):
    with pytest.raises(error, match=said):
        intake_apply.first(saying(K.CREATED, **fields), parent=None)
