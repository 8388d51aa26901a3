"""Switching moves premises under what feeds them now; reach follows, whatever the sequence."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import insert, select, update
from tests import make
from tests.record import grid
from tests.record.grid import LINES, NOW, TOWN

from outreach.model.errors import GuardRefused, InputRefused
from outreach.record import relabelling, switching
from outreach.record.switching import Moved, Switched, switch
from outreach.store import audit, changes, tables as t, tree
from outreach.store.session import Database

MARK = -3
"""In place of a premise in touched_premise: reach is being built, and stands here."""
NODES = ("S1:substation", "S2:substation", "F1:feeder", "F2:feeder", "A:section", "B:section",
         "C:section", "T1:transformer", "T2:transformer", "T3:transformer", "T4:transformer")  # fmt: skip
_REFS = [node.partition(":")[0] for node in NODES]


@st.composite
def wirings(draw: st.DrawFn) -> list[str]:
    """Lines between any two nodes, some of them open as planned."""
    pairs = draw(
        st.lists(
            st.tuples(st.sampled_from(_REFS), st.sampled_from(_REFS), st.booleans()),
            min_size=6,
            max_size=20,
            unique_by=lambda pair: pair[:2],
        )
    )
    return [f"{a}-{b}{' open' if is_open else ''}" for a, b, is_open in pairs]


def test_any_sequence_of_switching_keeps_reach_as_computed_from_scratch(
    database: Database,
) -> None:
    @settings(
        max_examples=40 if database.is_sqlite else 8,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(wirings(), st.lists(st.tuples(st.integers(0, 19), st.booleans()), max_size=6))
    def holds(wiring: list[str], steps: list[tuple[int, bool]]) -> None:
        grid.empty(database)
        premises = grid.build(database, grid.read(NODES, wiring), each=1)
        lines = {line.partition(" ")[0]: " open" in line for line in wiring}
        parents = grid.feeding(NODES, lines, {})

        for number, is_open in steps:
            ref = list(lines)[number % len(lines)]
            lines[ref] = is_open
            parents = grid.feeding(NODES, lines, parents)

            switch(
                database,
                opened=[ref] if is_open else [],
                closed=[] if is_open else [ref],
                now=NOW,
                actor="ana",
                force=True,
            )

            for node in _REFS:
                wanted = {
                    premises[f"{each}.0"]
                    for each in grid.through(parents, node)
                    if each.startswith("T")
                }
                assert grid.in_span(database, node) == (wanted, wanted, 2 * len(wanted))

    holds()


def test_a_section_changes_over_to_the_other_feeder(database: Database) -> None:
    premises = grid.build(database)
    before = grid.labels_of(database)

    done = switch(database, opened=["f1-a"], closed=["A-B"], now=NOW, actor="ana")

    assert done == Switched(
        opened=("F1-A",), closed=("A-B",), moved=(Moved(old="F1", new="F2", premises=4, customers=4),)
    )  # fmt: skip
    assert (done.premises, done.customers) == (4, 4)
    assert grid.in_span(database, "F2")[0] == set(premises.values())
    assert grid.in_span(database, "F1")[0] == set()
    after = grid.labels_of(database)
    assert {ref for ref in after if after[ref] != before[ref]} == {"A", "T1", "T2"}
    with database.read() as session:
        (entry,) = audit.newest(session)
        assert (entry.action, entry.actor, entry.detail["premises"]) == ("record.switch", "ana", 4)
        assert changes.counters(session)["record"] == changes.counters(session)["network"]


def test_the_dark_stay_under_what_fed_them_last_until_something_feeds_them(
    database: Database,
) -> None:
    grid.build(database)
    before = grid.labels_of(database)

    cut = switch(database, opened=["F1-A"], now=NOW, actor="ana", force=True)

    assert (cut.dark, cut.lit, cut.moved) == (4, 0, ())
    assert grid.labels_of(database) == before
    back = switch(database, closed=["A-B"], now=NOW, actor="ana")
    assert (back.dark, back.lit, back.premises) == (0, 4, 4)


def test_what_would_be_on_no_substation_is_refused_and_nothing_is_written(
    database: Database,
) -> None:
    grid.build(database)

    with pytest.raises(GuardRefused, match=r"opening F1-A would leave 4 premises on no substation"):
        switch(database, opened=["F1-A"], now=NOW, actor="ana")

    assert switching.off_plan(database) == []


def test_closing_between_two_fed_sides_is_refused(database: Database) -> None:
    grid.build(database)

    with pytest.raises(GuardRefused, match=r"closing A-B would join two sides .* \(ring at A-B\)"):
        switch(database, closed=["A-B"], now=NOW, actor="ana")

    forced = switch(database, closed=["A-B"], now=NOW, actor="ana", force=True)
    assert forced.loops == ("A-B",)
    assert switching.off_plan(database) == [("A-B", "A", "B", False, True)]


def test_a_long_list_of_points_is_shortened_in_the_refusal(database: Database) -> None:
    nodes = ["S1:substation", *(f"T{number}:transformer" for number in range(7))]
    lines = [f"S1-T{number}" for number in range(7)]
    grid.build(database, grid.read(nodes, lines))

    with pytest.raises(GuardRefused, match=r"S1-T4 and 2 more would leave 14 premises"):
        switch(database, opened=lines, now=NOW, actor="ana")


@pytest.mark.parametrize(
    ("opened", "closed", "said"),
    [
        (["F1-AA"], [], r"'F1-AA': no such edge; near: F1-A"),
        (["???"], [], r"'\?\?\?': no such edge$"),
        (["F1-A"], ["f1-a"], r"F1-A: to be opened and closed at once"),
    ],
    ids=["near", "nothing near", "both"],
)
def test_what_cannot_be_meant_is_refused(
    database: Database, opened: list[str], closed: list[str], said: str
) -> None:
    grid.build(database)

    with pytest.raises(InputRefused, match=said):
        switch(database, opened=opened, closed=closed, now=NOW, actor="ana")


def test_what_is_so_already_writes_nothing(database: Database) -> None:
    grid.build(database)

    done = switch(database, opened=["A-B"], now=NOW, actor="ana")

    assert done == Switched()
    with database.read() as session:
        assert audit.newest(session) == []


def test_a_trial_says_what_would_happen_and_writes_nothing(database: Database) -> None:
    grid.build(database)
    before = grid.labels_of(database)

    would = switching.tried(database, opened=["F1-A"])

    assert (would.opened, would.dark) == (("F1-A",), 4)
    assert grid.labels_of(database) == before
    assert switching.off_plan(database) == []


def test_a_switching_that_broke_off_is_finished_by_the_next(database: Database) -> None:
    grid.build(database)
    with database.write() as session:
        tree.set_open(session, ["F1-A"], is_open=True)
        tree.set_open(session, ["A-B"], is_open=False)

    done = switch(database, opened=["F1-A"], now=NOW, actor="ana")

    assert (done.opened, done.premises) == ((), 4)
    assert len(grid.in_span(database, "F2")[0]) == 6


def test_a_network_that_changes_meanwhile_is_judged_anew(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid.build(database)
    real, others = tree.claim, iter([True])

    def claim(session, seen, *, now):
        if next(others, False):
            return False  # somebody else was faster
        return real(session, seen, now=now)

    monkeypatch.setattr(tree, "claim", claim)

    done = switch(database, opened=["F1-A"], closed=["A-B"], now=NOW, actor="ana")

    assert done.premises == 4
    assert len(grid.in_span(database, "F2")[0]) == 6


def test_a_network_that_never_holds_still_is_given_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid.build(database)
    monkeypatch.setattr(tree, "claim", lambda *_given, **_named: False)

    with pytest.raises(GuardRefused, match="changed by others"):
        switch(database, opened=["F1-A"], closed=["A-B"], now=NOW, actor="ana")


def test_labels_do_not_move_under_an_audience_that_is_being_written(database: Database) -> None:
    grid.build(database)
    with database.write() as session:
        make.make_step_run(session, state="freezing")

    with pytest.raises(GuardRefused, match="an audience is being written just now"):
        switch(database, opened=["F1-A"], closed=["A-B"], now=NOW, actor="ana")

    assert switching.off_plan(database) == []


def test_what_waits_to_be_renewed_waits_at_the_new_place(database: Database) -> None:
    premises = grid.build(database)
    old = grid.labels_of(database)["T1"][0]
    with database.write() as session:
        rows = [
            {"premise_id": premises["T1.0"], "tree_order": old},
            {"premise_id": MARK, "tree_order": old},
        ]
        session.execute(insert(t.touched_premise), rows)

    switch(database, opened=["F1-A"], closed=["A-B"], now=NOW, actor="ana")

    new = grid.labels_of(database)
    with database.read() as session:
        waiting = {tuple(row) for row in session.execute(select(t.touched_premise))}
    assert (MARK, old) in waiting
    assert {row for row in waiting if row[0] > 0} == {
        (premises[f"{ref}.{number}"], new[ref][0]) for ref in ("T1", "T2") for number in (0, 1)
    }


def test_a_large_move_goes_in_several_transactions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [*TOWN, "C:section", "T4:transformer"]
    grid.build(database, grid.read(nodes, [*LINES, "F1-C", "C-T4", "C-B open"]))
    monkeypatch.setattr(relabelling, "_FULL", 1)

    done = switch(
        database, opened=["F1-A", "F1-C"], closed=["A-B", "C-B"], now=NOW, actor="ana"
    )  # fmt: skip

    assert done.premises == 6
    with database.read() as session:
        assert len(audit.newest(session)) == 1
    assert len(grid.in_span(database, "F2")[0]) == 8


def test_closed_premises_and_accounts_are_carried_along_but_not_counted(database: Database) -> None:
    premises = grid.build(database)
    with database.write() as session:
        first = t.premise.c.id == premises["T1.0"]
        session.execute(update(t.premise).where(first).values(closed_at=NOW))

    done = switch(database, opened=["F1-A"], closed=["A-B"], now=NOW, actor="ana")

    assert done.moved == (Moved(old="F1", new="F2", premises=3, customers=3),)
    assert len(grid.in_span(database, "F2")[0]) == 6
