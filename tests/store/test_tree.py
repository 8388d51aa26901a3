"""What stands on the network's labels: placed, taken off, counted, and never changed twice at once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import event, select, update
from tests import make

from outreach.model.errors import StoreUnusable
from outreach.store import changes, tables as t, tree
from outreach.store.session import Database

NOW = datetime(2026, 7, 16, 6, 43, tzinfo=UTC)


def test_only_the_first_of_two_changes_claims_what_both_have_read(database: Database) -> None:
    with database.read() as session:
        seen = tree.read(session).counter

    with database.write() as session:
        assert tree.claim(session, seen, now=NOW)
    with database.write() as session:
        assert not tree.claim(session, seen, now=NOW)

    with database.read() as session:
        assert changes.counters(session) == {"network": 1, "record": 1}
        assert tree.read(session).counter == 1


def test_premises_wait_for_their_transformer_in_the_order_of_their_ids(database: Database) -> None:
    with database.write() as session:
        make.make_node(session, ref="T1", kind="transformer", tree_order=7, tree_last=8)
        first, second = (
            make.make_premise(session, transformer="T1", tree_order=-1) for _each in range(2)
        )
        make.make_premise(session, transformer="T2", tree_order=-1)

    with database.write() as session:
        assert tree.waiting(session) == [first, second]
        assert tree.waiting(session, after=first) == [second]
        assert tree.place(session, [first]) == 1
        assert tree.place(session, []) == 0

    with database.read() as session:
        place = t.premise.c.tree_order
        assert session.scalar(select(place).where(t.premise.c.id == first)) == 7
        assert tree.waiting(session) == [second]


def test_premises_and_customers_are_counted_by_group_closed_ones_not(database: Database) -> None:
    with database.write() as session:
        both = make.make_customer(session)
        for label in (5, 6):
            account = make.make_account(session, customer=both)
            make.make_premise(session, account=account, tree_order=label)
        make.make_premise(session, tree_order=6)
        closed = make.make_premise(session, tree_order=5)
        session.execute(update(t.premise).where(t.premise.c.id == closed).values(closed_at=NOW))

    with database.read() as session:
        assert tree.supplied(session, {5: 1, 6: 1}) == {1: (3, 1)}
        assert tree.supplied(session, {5: 1, 6: 2, 9: 3}) == {1: (1, 1), 2: (2, 1)}
        assert tree.supplied(session, {}) == {}


def test_labels_change_places_at_one_stroke(database: Database) -> None:
    with database.write() as session:
        first = make.make_premise(session, tree_order=5)
        second = make.make_premise(session, tree_order=6)

    with database.write() as session:
        assert tree.relabel(session, [], {5: 6, 6: 5}) == 2

    with database.read() as session:
        found = session.execute(select(t.premise.c.id, t.premise.c.tree_order))
        assert {row[0]: row[1] for row in found} == {first: 6, second: 5}


def test_names_are_read_for_all_or_for_some(database: Database) -> None:
    with database.write() as session:
        make.make_node(session, ref="A", kind="section", name="North")
        make.make_node(session, ref="B", kind="feeder", name="South", tree_order=2, tree_last=2)

    with database.read() as session:
        assert tree.named(session) == {"A": ("section", "North"), "B": ("feeder", "South")}
        assert tree.named(session, ["B", "?"]) == {"B": ("feeder", "South")}
        assert tree.read(session).kinds == {"B": "feeder"}


def test_a_lost_connection_is_said_in_one_line(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.read() as session:
        pooled = session.connection().connection
        monkeypatch.setattr(type(pooled), "driver_connection", None)

        with pytest.raises(StoreUnusable, match="connection was lost"):
            tree.read(session)


def test_a_move_reads_no_table_whole(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL reads small tables whole, whatever their indexes")
    plans: list[str] = []
    is_asked = False

    def explained(connection, cursor, statement, parameters, context, is_many) -> None:
        nonlocal is_asked
        if is_asked or is_many or statement.startswith("INSERT"):
            return
        is_asked = True
        found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        plans.extend(row[-1] for row in found)
        is_asked = False

    with database.write() as session:
        event.listen(database.engine, "before_cursor_execute", explained)
        node = {"ref": "T1", "kind": "transformer", "name": "", "parent_ref": None}
        tree.relabel(session, [{**node, "tree_order": 9, "tree_last": 9}], {7: 9})
        tree.supplied(session, {9: 1})

    assert plans
    whole = [plan for plan in plans if plan.startswith("SCAN") and "VIRTUAL" not in plan]
    assert whole == ["SCAN record_state"]
