"""The verbs of a storm: merged, split, nested, reopened, windows, and what sources may say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from tests.outages.make_revision import F12, NOW, after, certain, make_outage

from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import Revision, Scope
from outreach.model.words import OccasionState
from outreach.outages import etr, revise, scoping
from outreach.outages.revise import Change, Origin

S2 = Scope(nodes=("F12-S2",))
OMS = Origin(author="oms", source="oms")
S = OccasionState


def _in_state(state: OccasionState) -> Revision:
    outage = make_outage()
    made: dict[OccasionState, Revision | None] = {
        S.ACTIVE: outage,
        S.PARTIAL: revise.restored(outage, part=S2, known_how="crew", now=NOW),
        S.RESTORED: revise.restored(outage, known_how="crew", now=NOW),
        S.MERGED: revise.merged(outage, now=NOW),
        S.DISCARDED: revise.discarded(outage, now=NOW),
    }
    return certain(made.get(state) or replace(outage, state=state))


VERBS: dict[str, Callable[[Revision], Any]] = {
    "update": lambda one: revise.updated(one, Change(etr_at=after(hours=2)), now=NOW),
    "cause": lambda one: revise.updated(one, Change(cause="TREE"), now=NOW),
    "scope": lambda one: revise.updated(one, Change(scope=S2), now=NOW),
    "part": lambda one: revise.restored(one, part=Scope(nodes=("X",)), known_how="crew", now=NOW),
    "restore": lambda one: revise.restored(one, known_how="crew", now=NOW),
    "reopen": lambda one: revise.reopened(one, now=NOW),
    "split": lambda one: revise.split(one, S2, now=NOW),
    "merge": lambda one: revise.merged(one, now=NOW),
    "absorb": lambda one: revise.absorbing(one, make_outage(), now=NOW),
    "discard": lambda one: revise.discarded(one, now=NOW),
}
ALL, OPEN = tuple(VERBS), tuple(verb for verb in VERBS if verb != "reopen")
TAKEN: dict[OccasionState, tuple[str, ...]] = {
    S.ACTIVE: OPEN,
    S.PARTIAL: ALL,
    S.RESTORED: ("cause", "reopen"),
    S.MERGED: (),
    S.DISCARDED: (),
    S.CANCELLED: (),
    S.ENDED: (),
    S.SCHEDULED: ("update", "cause", "scope"),
}
INSTEAD = {
    S.ACTIVE: "",
    S.RESTORED: "reopen it",
    S.MERGED: "change that one",
    S.DISCARDED: "open a new outage",
    S.CANCELLED: "add a new work",
    S.ENDED: "open a new advisory",
    S.SCHEDULED: "move or cancel it",
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", TAKEN)
def test_each_state_takes_its_verbs_and_says_what_to_do_instead_of_the_others(
    state: OccasionState, verb: str
) -> None:
    current = _in_state(state)

    if verb in TAKEN[state]:
        assert VERBS[verb](current) is not None
    elif (state, verb) == (S.ACTIVE, "reopen"):
        assert VERBS[verb](current) is None, "all of it is out already"
    else:
        with pytest.raises(GuardRefused, match=INSTEAD[state]):
            VERBS[verb](current)


def test_a_false_restoration_forgets_parts_and_time_and_the_estimate_stands_again() -> None:
    outage = make_outage(etr_at=after(hours=3))
    partial = certain(revise.restored(outage, part=S2, known_how="crew", now=after(hours=1)))
    restored = certain(revise.restored(partial, known_how="crew", now=after(hours=2)))

    again = certain(revise.reopened(restored, now=after(hours=2, minutes=10)))

    assert (again.state, again.restored, again.restored_at) == (S.ACTIVE, Scope(), None)
    assert (again.start_at, again.scope) == (outage.start_at, outage.scope)
    assert again.public_etr == again.next_update_at == outage.public_etr


def test_a_reopened_outage_whose_estimate_has_passed_promises_news() -> None:
    restored = certain(
        revise.restored(make_outage(etr_at=after(hours=1)), known_how="crew", now=after(hours=2))
    )

    again = certain(revise.reopened(restored, now=after(hours=3)))

    assert (again.etr_at, again.public_etr) == (after(hours=1), None)
    assert again.next_update_at == after(hours=4)


def test_a_part_of_an_outage_becomes_one_of_its_own_since_the_first_start() -> None:
    outage = make_outage(etr_at=after(hours=3), cause="TREE")

    rest, own = revise.split(outage, S2, change=Change(withdrawn=True), now=after(hours=1))

    assert rest == replace(
        outage, version=2, scope=Scope(nodes=("F12",), less=S2), recorded_at=after(hours=1)
    )
    assert (own.version, own.scope, own.start_at) == (1, S2, outage.start_at)
    assert (own.etr_at, own.cause) == (None, "TREE")


def test_what_was_split_and_is_merged_again_is_whole() -> None:
    rest, own = revise.split(make_outage(), S2, now=NOW)

    whole = revise.absorbing(rest, own, now=NOW)

    assert whole.scope == Scope(nodes=("F12", "F12-S2"))


def test_the_whole_of_an_outage_is_no_part_of_it() -> None:
    with pytest.raises(GuardRefused, match="all of it"):
        revise.split(make_outage(), F12, now=NOW)


def test_the_survivor_of_a_merge_has_both_scopes_and_restored_parts_and_the_earlier_start() -> None:
    older = replace(make_outage(), start_at=after(hours=-2), restored=S2, state=S.PARTIAL)
    younger = replace(make_outage(), scope=Scope(premises=("P1",)))

    whole = revise.absorbing(younger, older, now=NOW)

    assert whole.scope == Scope(nodes=("F12",), premises=("P1",))
    assert (whole.start_at, whole.restored, whole.state) == (after(hours=-2), S2, S.PARTIAL)
    assert certain(revise.merged(older, now=NOW)).state is S.MERGED


def test_a_nested_outage_starts_when_its_parent_did_however_long_ago() -> None:
    parent = replace(make_outage(), start_at=after(days=-9))

    assert revise.nested(parent, S2, change=Change(), now=NOW).start_at == after(days=-9)


# ── windows ──────────────────────────────────────────────────────────────────────────────────


def test_a_window_is_rounded_outwards_and_its_end_is_the_public_estimate() -> None:
    outage = make_outage(etr_from=after(hours=2), etr_at=after(hours=4))

    assert outage.etr_from == after(hours=1, minutes=47)  # 04:43 -> 04:30
    assert outage.public_etr == outage.next_update_at == after(hours=4, minutes=2)


@pytest.mark.parametrize(
    ("window", "advice"),
    [
        pytest.param((after(hours=4), after(hours=2)), "ends before it begins", id="upside-down"),
        pytest.param((after(minutes=-5), after(hours=2)), "has begun", id="begun"),
        pytest.param((after(hours=2), after(hours=9)), "7 h 00 min long; confirm", id="long"),
    ],
)
def test_a_window_that_cannot_be_is_refused(window: tuple[datetime, datetime], advice: str) -> None:
    with pytest.raises(GuardRefused, match=advice):
        make_outage(etr_from=window[0], etr_at=window[1])


def test_an_exact_time_takes_the_place_of_a_window_but_a_source_s_repeat_does_not() -> None:
    windowed = make_outage(etr_from=after(hours=2), etr_at=after(hours=4))
    same = Change(etr_at=after(hours=4))

    assert certain(revise.updated(windowed, same, now=NOW)).etr_from is None
    assert revise.updated(windowed, same, now=NOW, origin=OMS) is None


def test_a_withdrawn_window_leaves_nothing() -> None:
    windowed = make_outage(etr_from=after(hours=2), etr_at=after(hours=4))

    withdrawn = certain(revise.updated(windowed, Change(withdrawn=True), now=NOW))

    assert (withdrawn.etr_from, withdrawn.etr_at, withdrawn.public_etr) == (None, None, None)


@pytest.mark.parametrize(
    ("made", "new", "missed"),
    [
        pytest.param([(5, False)], 9, 1, id="one"),
        pytest.param([(5, False), (7, None)], 9, 2, id="the-open-one-breaks"),
        pytest.param([(5, False), (7, None)], 6, 1, id="earlier-breaks-nothing"),
        pytest.param([(5, False), (7, True)], 9, 1, id="kept"),
        pytest.param([(5, False), (0, None)], 9, 2, id="passed-in-silence"),
        pytest.param([(5, False), (7, False), (9, None)], 9, 0, id="promised-already"),
    ],
)
def test_slips_are_promises_missed_and_those_that_a_new_one_breaks(
    made: list[tuple[int, bool | None]], new: int, missed: int
) -> None:
    promises = [(after(hours=hour), kept) for hour, kept in made]

    assert etr.slips(promises, after(hours=new), after(hours=0)) == missed


# ── sources ──────────────────────────────────────────────────────────────────────────────────


def test_a_source_s_past_estimate_is_kept_and_told_to_nobody() -> None:
    outage = revise.opened(
        F12, start_at=NOW, change=Change(etr_at=after(hours=-1)), now=NOW, origin=OMS
    )

    assert (outage.etr_at, outage.public_etr) == (after(hours=-1), None)


def test_a_source_is_not_asked_whether_it_is_sure() -> None:
    outage = revise.opened(
        F12,
        start_at=after(days=-30),
        change=Change(etr_at=after(days=3)),
        now=NOW,
        origin=OMS,
    )
    restored = certain(revise.restored(outage, restored_at=after(days=-31), now=NOW, origin=OMS))

    assert outage.public_etr is not None
    assert restored.restored_at == after(days=-31)


def test_for_a_source_only_what_it_says_makes_a_version() -> None:
    outage = revise.opened(
        F12, start_at=NOW, change=Change(etr_at=after(hours=1), cause="TREE"), now=NOW, origin=OMS
    )

    repeated = Change(cause="TREE", etr_at=after(hours=1))
    assert revise.updated(outage, repeated, now=after(hours=3), origin=OMS) is None


def test_a_restored_outage_takes_its_cause_and_stays_closed() -> None:
    restored = _in_state(S.RESTORED)

    caused = certain(revise.updated(restored, Change(cause="TREE"), now=after(hours=1), origin=OMS))

    assert (caused.state, caused.cause, caused.next_update_at) == (S.RESTORED, "TREE", None)


def test_a_person_says_how_a_restoration_is_known() -> None:
    with pytest.raises(InputRefused):
        revise.restored(make_outage(), now=NOW)


# ── any order, any number of times ───────────────────────────────────────────────────────────

MESSAGES: tuple[Callable[[Revision, Origin], Revision | None], ...] = (
    lambda one, by: revise.updated(one, Change(etr_at=after(hours=2)), now=NOW, origin=by),
    lambda one, by: revise.updated(one, Change(scope=Scope(nodes=("F13",))), now=NOW, origin=by),
    lambda one, by: revise.restored(one, part=S2, now=NOW, origin=by),
    lambda one, by: revise.updated(one, Change(cause="TREE"), now=NOW, origin=by),
    lambda one, by: revise.restored(one, part=Scope(nodes=("F12-S3",)), now=NOW, origin=by),
    lambda one, by: revise.updated(one, Change(etr_at=after(hours=5)), now=NOW, origin=by),
    lambda one, by: revise.restored(one, now=NOW, origin=by),
)
"""Each says something new whatever came before, so that its sequence is in the revision."""


def _played(order: list[int]) -> Revision:
    """The truth after a source's messages as they arrive, numbered by what they say."""
    truth = replace(make_outage(), source="oms", source_seq=-1)
    for number in order:
        try:
            newer = MESSAGES[number](truth, replace(OMS, source_seq=number))
        except GuardRefused:
            continue
        truth = newer or truth
    return truth


def _rising(order: list[int]) -> list[int]:
    """What a newest-wins reader accepts: whatever is newer than all before it."""
    accepted: list[int] = []
    for number in order:
        if not accepted or number > accepted[-1]:
            accepted.append(number)
    return accepted


@given(st.lists(st.integers(0, len(MESSAGES) - 1), max_size=12))
@settings(max_examples=60, deadline=None)
def test_messages_in_any_order_and_repetition_give_the_truth_of_those_that_came_in_order(
    order: list[int],
) -> None:
    assert _played(order) == _played(_rising(order))


refs = st.lists(st.sampled_from(["A", "B", "C", "D"]), unique=True).map(tuple)


@given(st.builds(Scope, nodes=refs, premises=refs), st.builds(Scope, nodes=refs, premises=refs))
@settings(max_examples=60, deadline=None)
def test_a_part_taken_out_and_put_back_leaves_no_ref_away(scope: Scope, part: Scope) -> None:
    rest = scoping.without(scope, part)

    whole = scoping.together(rest, part)

    assert whole.less is None or rest.is_empty
    assert set(whole.nodes) >= set(scope.nodes)
    assert set(whole.premises) >= set(scope.premises)
