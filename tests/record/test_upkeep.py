"""An import changes the stored network by what is different, and by nothing else."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import select, update
from tests import make
from tests.record import grid
from tests.record.grid import LINES, NOW, TOWN
from tests.record.test_switching import NODES, wirings

from outreach.model.errors import GuardRefused
from outreach.record import relabelling, upkeep
from outreach.record.switching import switch
from outreach.record.upkeep import merge
from outreach.store import changes, network, tables as t, tree
from outreach.store.session import Database


def states(database: Database) -> dict[str, tuple[bool, bool]]:
    with database.read() as session:
        planned = tree.planned_open(session)
        return {edge[0]: (bool(edge[3]), edge[0] in planned) for edge in tree.read(session).edges}


def places(database: Database) -> dict[int, int]:
    with database.read() as session:
        rows = session.execute(select(t.premise.c.id, t.premise.c.tree_order))
        return {row[0]: row[1] for row in rows}


def waiting(database: Database) -> set[tuple[int, int]]:
    with database.read() as session:
        return {(row[0], row[1]) for row in session.execute(select(t.touched_premise))}


def test_an_unchanged_network_writes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid.build(database)
    monkeypatch.setattr(Database, "write", None)  # whoever writes fails

    assert merge(database, grid.read(), now=NOW) == 0


def test_a_new_plan_moves_what_it_changes(database: Database) -> None:
    premises = grid.build(database)
    before = grid.labels_of(database)
    lines = ["S1-F1", "S1-F2", "F1-A open", "F2-B", "A-T1", "A-T2", "B-T3", "A-B"]

    moved = merge(database, grid.read(lines=lines), now=NOW)

    assert moved == 4
    assert grid.in_span(database, "F2")[0] == set(premises.values())
    after = grid.labels_of(database)
    assert {ref for ref in after if after[ref] != before[ref]} == {"A", "T1", "T2"}
    assert states(database)["A-B"] == (False, False)


def test_a_switch_stays_as_it_is_until_its_plan_changes(database: Database) -> None:
    grid.build(database)
    switch(database, opened=["F1-A"], closed=["A-B"], now=NOW, actor="ana")

    merge(database, grid.read([*TOWN, "N:section"], [*LINES, "A-N"]), now=NOW)

    assert states(database)["F1-A"] == (True, False)
    assert states(database)["A-B"] == (False, True)
    assert states(database)["A-N"] == (False, False)
    merge(
        database,
        grid.read(lines=[*(line for line in LINES if line != "A-B open"), "A-B"]),
        now=NOW,
    )
    assert states(database)["A-B"] == (False, False)
    assert "A-N" not in states(database)


def test_who_hangs_on_what_vanished_is_off_the_network_and_noted(database: Database) -> None:
    premises = grid.build(database)
    old = grid.labels_of(database)["T2"][0]

    moved = merge(
        database,
        grid.read(
            [node for node in TOWN if not node.startswith("T2")],
            [line for line in LINES if "T2" not in line],
        ),
        now=NOW,
    )

    gone = {premises["T2.0"], premises["T2.1"]}
    assert moved == 2
    assert "T2" not in grid.labels_of(database)
    assert {each for each, place in places(database).items() if place == -1} == gone
    assert waiting(database) == {(each, place) for each in gone for place in (old, -1)}


def test_who_waits_for_a_transformer_is_placed_when_it_comes(database: Database) -> None:
    grid.build(database)
    with database.write() as session:
        new = make.make_premise(session, transformer="T4", tree_order=-1)
        make.make_premise(session, transformer="B", tree_order=-1)  # no transformer

    moved = merge(database, grid.read([*TOWN, "T4:transformer"], [*LINES, "B-T4"]), now=NOW)

    place = grid.labels_of(database)["T4"][0]
    assert (moved, places(database)[new]) == (1, place)
    assert waiting(database) == {(new, place), (new, -1)}


def test_what_is_no_transformer_any_more_carries_nobody_and_back(database: Database) -> None:
    premises = grid.build(database)
    kinds = [node.replace("T3:transformer", "T3:section") for node in TOWN]
    before = grid.labels_of(database)

    assert merge(database, grid.read(kinds), now=NOW) == 2
    assert grid.in_span(database, "F2")[0] == set()
    assert merge(database, grid.read(), now=NOW) == 2
    assert grid.in_span(database, "F2")[0] == {premises["T3.0"], premises["T3.1"]}
    assert grid.labels_of(database) == before


def test_an_old_network_numbered_without_gaps_is_taken_over(database: Database) -> None:
    premises = grid.build(database)
    dense = {"S1": (0, 7), "F1": (1, 4), "A": (2, 4), "T1": (3, 3), "T2": (4, 4),
             "F2": (5, 7), "B": (6, 7), "T3": (7, 7)}  # fmt: skip
    given = grid.labels_of(database)
    with database.write() as session:
        for ref, (first, last) in dense.items():
            for table in (t.premise, t.reach):
                old = table.c.tree_order == given[ref][0]
                session.execute(update(table).where(old).values(tree_order=first))
            node = t.network_node.c.ref == ref
            session.execute(
                update(t.network_node).where(node).values(tree_order=first, tree_last=last)
            )

    assert merge(database, grid.read(), now=NOW) == 0
    switch(database, opened=["F1-A"], closed=["A-B"], now=NOW, actor="ana")

    everybody = set(premises.values())
    assert grid.in_span(database, "F2") == (everybody, everybody, 12)
    assert grid.in_span(database, "F1") == (set(), set(), 0)


def test_a_merge_that_broke_off_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    premises = grid.build(database)
    lines = ["S1-F1", "S1-F2", "F1-A open", "F2-B", "A-T1", "A-T2", "B-T3", "A-B"]
    with monkeypatch.context() as broken:
        broken.setattr(tree, "relabel", lambda *_given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            merge(database, grid.read(lines=lines), now=NOW)

    assert merge(database, grid.read(lines=lines), now=NOW) == 4

    assert grid.in_span(database, "F2")[0] == set(premises.values())


def test_a_merge_that_others_outrun_begins_again_and_gives_up_at_last(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, others = tree.claim, iter([False, True])

    def claim(session, seen, *, now):
        return not next(others, False) and real(session, seen, now=now)

    monkeypatch.setattr(tree, "claim", claim)
    premises = grid.build(database)
    assert grid.in_span(database, "S1")[0] == set(premises.values())

    monkeypatch.setattr(tree, "claim", lambda *_given, **_named: False)
    with pytest.raises(GuardRefused, match="changed by others"):
        merge(database, grid.read(lines=LINES[:-1]), now=NOW)


def test_a_large_network_comes_in_several_transactions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relabelling, "_FULL", 3)
    monkeypatch.setattr(relabelling, "_NEW_AT_ONCE", 2)
    monkeypatch.setattr(upkeep, "_EDGES_AT_ONCE", 2)

    premises = grid.build(database)

    assert grid.in_span(database, "S1")[0] == set(premises.values())
    with database.read() as session:
        assert changes.counters(session)["network"] > 5


def test_orders_are_asked_for_by_name_or_all(database: Database) -> None:
    grid.build(database)
    labels = grid.labels_of(database)

    with database.read() as session:
        every = network.transformer_orders(session)
        some = network.transformer_orders(session, ["T1", "A", "?"])

    assert every == {ref: labels[ref][0] for ref in ("T1", "T2", "T3")}
    assert some == {"T1": labels["T1"][0]}


def test_any_sequence_of_imports_and_switching_keeps_reach_exact(database: Database) -> None:
    @settings(
        max_examples=30 if database.is_sqlite else 6,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(
            st.tuples(wirings(), st.lists(st.integers(0, 19), max_size=2)), min_size=2, max_size=4
        )
    )
    def holds(steps: list[tuple[list[str], list[int]]]) -> None:
        grid.empty(database)
        first = ["S1-A", *(f"A-{ref}" for ref in ("T1", "T2", "T3", "T4"))]
        premises = grid.build(database, grid.read(NODES, first), each=1)
        for wiring, turned in steps:
            merge(database, grid.read(NODES, wiring), now=NOW)
            for number in turned:
                now = states(database)
                ref = sorted(now)[number % len(now)]
                side = {"closed": [ref]} if now[ref][0] else {"opened": [ref]}
                switch(database, **side, now=NOW, actor="ana", force=True)

            with database.read() as session:
                stored = tree.read(session)
            parents = {row[0]: row[1] for row in stored.labels}
            fed = grid.feeding(NODES, {edge[0]: bool(edge[3]) for edge in stored.edges}, {})
            assert {ref: parents[ref] for ref in fed if fed[ref]} == {
                ref: parent for ref, parent in fed.items() if parent
            }
            for node in parents:
                wanted = {
                    premises[f"{each}.0"]
                    for each in grid.through(parents, node)
                    if each.startswith("T")
                }
                assert grid.in_span(database, node) == (wanted, wanted, 2 * len(wanted))

    holds()
