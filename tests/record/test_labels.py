"""Labels with gaps: nesting is never lost, and only what moves is numbered anew."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings, strategies as st

from outreach.record import labels
from outreach.record.labels import Labelled, Plan

Parents = dict[str, str | None]
Stored = dict[str, Labelled]

CHAIN: Parents = {"S": None, "F1": "S", "A": "F1", "B": "A", "F2": "S", "C": "F2"}


@st.composite
def forests(draw: st.DrawFn) -> Parents:
    """A forest of some of 12 nodes; each hangs on a node drawn before it, or on nothing."""
    refs = draw(st.permutations([f"N{number}" for number in range(12)]))
    refs = refs[: draw(st.integers(1, 12))]
    return {
        ref: draw(st.sampled_from([None, *refs[:place]])) if place else None
        for place, ref in enumerate(refs)
    }


def in_order(stored: Stored) -> list[Labelled]:
    return sorted(stored.values(), key=lambda row: row[2])


def apply(stored: Stored, plan: Plan) -> Stored:
    """Move by move, as the database is written; no label is ever given twice."""
    stored = {ref: row for ref, row in stored.items() if ref not in plan.vanished}
    for move in plan.moves:
        stored |= {row[0]: row for row in move.rows}
        given = [label for row in stored.values() for label in row[2:]]
        assert len(set(given)) == len(given)
    return stored


def numbered(parents: Parents, stride: int = labels.STRIDE) -> Stored:
    return apply({}, labels.plan((), parents, stride=stride))


def under(parents: Parents, ref: str) -> set[str]:
    """By walking up from every node: nothing of the numbering is used."""

    def goes_through(each: str | None) -> bool:
        while each is not None and each != ref:
            each = parents[each]
        return each == ref

    return {each for each in parents if goes_through(each)}


def assert_says(stored: Stored, parents: Parents) -> None:
    assert {ref: row[1] for ref, row in stored.items()} == parents
    for ref, _parent, order, last in stored.values():
        assert order < last
        assert {each for each, row in stored.items() if order <= row[2] <= last} == under(
            parents, ref
        )


@settings(max_examples=300)
@given(
    steps=st.lists(forests(), min_size=1, max_size=8),
    stride=st.sampled_from([1, 2, 5, 64, labels.STRIDE]),
)
def test_any_sequence_of_networks_keeps_every_span_exact(steps: list[Parents], stride: int) -> None:
    stored: Stored = {}

    for parents in steps:
        stored = apply(stored, labels.plan(in_order(stored), parents, stride=stride))

        assert_says(stored, parents)
        assert labels.plan(in_order(stored), parents, stride=stride) == Plan()


@given(steps=st.lists(forests(), min_size=2, max_size=6))
def test_with_room_only_what_hangs_elsewhere_changes_its_labels(steps: list[Parents]) -> None:
    stored = numbered(steps[0])

    for before, after in pairwise(steps):
        changed = {ref for ref, parent in after.items() if before.get(ref, ref) != parent}
        moved = {ref for top in changed for ref in under(after, top)}
        new = apply(stored, labels.plan(in_order(stored), after))

        assert {ref for ref in new if new[ref] != stored.get(ref)} == moved
        stored = new


@given(steps=st.lists(forests(), min_size=1, max_size=12))
def test_used_up_labels_are_all_given_anew(steps: list[Parents]) -> None:
    stored: Stored = {}

    for parents in steps:
        stored = apply(stored, labels.plan(in_order(stored), parents, stride=4, limit=120))

        assert_says(stored, parents)
        assert max(row[3] for row in stored.values()) <= 120


@given(before=forests(), after=forests(), done=st.integers(0, 12))
def test_a_relabelling_that_broke_off_is_finished_by_the_next(
    before: Parents, after: Parents, done: int
) -> None:
    stored = numbered(before)
    begun = labels.plan(in_order(stored), after)
    broken = apply(stored, Plan(moves=begun.moves[:done], vanished=begun.vanished))

    for parents in (after, before):
        whole = apply(broken, labels.plan(in_order(broken), parents))

        assert_says(whole, parents)


def test_a_moved_section_takes_everything_under_it_along() -> None:
    stored = numbered(CHAIN)

    plan = labels.plan(in_order(stored), CHAIN | {"A": "C"})

    (move,) = plan.moves
    assert (move.top, [row[0] for row in move.rows]) == ("A", ["A", "B"])
    assert move.rows[0][1] == "C"


def test_without_room_the_smallest_ancestor_with_room_moves() -> None:
    tight: list[Labelled] = [
        ("S", None, 0, 1000),
        ("F1", "S", 10, 90),
        ("A", "F1", 20, 80),
        ("F2", "S", 100, 105),
        ("C", "F2", 102, 103),
    ]

    plan = labels.plan(tight, {"S": None, "F1": "S", "A": "C", "F2": "S", "C": "F2"})

    (move,) = plan.moves
    assert move.top == "F2"
    assert [row[0] for row in move.rows] == ["F2", "C", "A"]
    assert all(105 < row[2] < row[3] < 1000 for row in move.rows)


def test_a_hundred_changes_over_and_back_stay_small() -> None:
    stored = numbered(CHAIN)
    written = 0

    for number in range(100):
        plan = labels.plan(in_order(stored), CHAIN | {"A": "C" if number % 2 == 0 else "F1"})
        written += sum(len(move.rows) for move in plan.moves)
        stored = apply(stored, plan)

    assert written == 200


@pytest.mark.parametrize(
    "damaged",
    [
        [("S", None, 1, 10), ("F1", "S", 1, 5)],
        [("S", None, 1, 10), ("F1", "S", 5, 20)],
        [("S", None, 1, 10), ("F1", "S", 5, 4)],
    ],
    ids=["repeated", "crossing", "upside down"],
)
def test_damaged_labels_are_all_given_anew(damaged: list[Labelled]) -> None:
    plan = labels.plan(damaged, {"S": None, "F1": "S"})

    assert [row[0] for row in plan.moves[0].rows] == ["S", "F1"]
    assert_says(apply({row[0]: row for row in damaged}, plan), {"S": None, "F1": "S"})
