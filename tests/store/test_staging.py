"""Rows written and found by the thousand, the same on both databases; what a load stages."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select, text

from outreach.model.errors import StoreUnusable
from outreach.model.words import LoadState
from outreach.store import bulk, loads, staging, tables as t, touched
from outreach.store.session import Database

NOW = datetime(2026, 6, 12, 12, tzinfo=UTC)


def make_row(ref: str, record: int = 2) -> tuple[object, ...]:
    return (
        ref, record, date(2026, 1, 1), 7, "C-1", "home", "C", False, "C", "", None, None, b"body",
    )  # fmt: skip


def test_what_is_staged_is_found_replaced_and_forgotten(database: Database) -> None:
    with database.write() as session:
        staging.stage(session, "account", [make_row("1"), make_row("it's")])
        staging.unstage(session, "account", ["1", "it's", "unknown"])
        staging.stage(session, "account", [make_row("1", record=9)])

    with database.write() as session:
        found = staging.staged(session, "account", ["1", "it's"])
        assert found == {"1": staging.Staged(9, date(2026, 1, 1), 7)}
        assert staging.count(session, "account") == 1
        assert staging.count_known(session, "account") == 0
        assert staging.highest(session, "account") == 0
        staging.clear(session)
        assert staging.count(session, "account") == 0


def test_what_was_staged_is_forgotten_in_slices_that_hold_nobody_up(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "_CLEARED", 2)
    with database.write() as session:
        staging.stage(session, "account", [make_row(ref) for ref in "12345"])
        bulk.insert(session, t.stage_gone, ("entity", "id"), [("account", 7), ("premise", 7)])

    slices = 0
    is_left = True
    while is_left:
        with database.write() as session:
            is_left = staging.clear(session)
        slices += 1

    with database.read() as session:
        assert staging.count(session, "account") == 0
        assert session.execute(select(t.stage_gone)).first() is None
    assert slices == (4 if database.is_sqlite else 1)  # PostgreSQL empties tables whole, at once


def test_what_was_noted_is_forgotten_some_at_a_time_and_the_marks_stay(database: Database) -> None:
    with database.write() as session:
        bulk.insert(session, t.touched_customer, ("customer_id",), [(id_,) for id_ in (2, 5, 9)])
        rows = [(3, 10), (3, 20), (4, 10), (touched.UNCOUNTED, 10)]
        bulk.insert(session, t.touched_premise, ("premise_id", "tree_order"), rows)

    with database.write() as session:
        assert touched.forget_next(session, limit=2)
        assert touched.customers(session, limit=9) == [9]
        assert touched.premises(session, limit=9) == [(4, 10)]
        assert touched.forget_next(session, limit=2)
        assert not touched.forget_next(session, limit=2)
        assert touched.places(session, touched.UNCOUNTED, after=-2, limit=9) == [10]


def test_rows_are_changed_and_removed_by_what_they_hold(database: Database) -> None:
    with database.write() as session:
        ids = list(bulk.new_ids(session, t.household, 3))
        rows = [(id_, f"H-{id_}") for id_ in ids]
        bulk.insert(session, t.household, ("id", "ref"), rows)
        bulk.update(session, t.household, ("id", "ref"), [(ids[0], "H-new")])
        bulk.remove_rows(
            session, t.household, ("id", "ref"), [(ids[1], f"H-{ids[1]}"), (ids[2], "H-no")]
        )
        bulk.remove_rows(session, t.household, ("id", "ref"), [])
        bulk.remove(session, t.household.c.ref, [])

    with database.write() as session:
        left = session.execute(select(t.household.c.id, t.household.c.ref).order_by("id")).all()
        assert [tuple(row) for row in left] == [(ids[0], "H-new"), (ids[2], f"H-{ids[2]}")]
        assert bulk.new_ids(session, t.household, 0) == []
        assert min(bulk.new_ids(session, t.household, 2)) > ids[2]


def test_a_day_and_an_instant_come_back_as_they_were(database: Database) -> None:
    names = ("name", "watermark", "read_at")
    with database.write() as session:
        bulk.insert(session, t.record_source, names, [("a", "", NOW), ("b", "", None)])

    with database.read() as session:
        c = t.record_source.c
        found = dict(session.execute(select(c.name, c.read_at)).all())
    assert found == {"a": NOW, "b": None}


def test_a_load_that_died_while_staging_is_given_up_by_the_next(database: Database) -> None:
    with database.write() as session:
        first = loads.begin(session, source="a", mode="full", fingerprint="x", now=NOW)
        second = loads.begin(session, source="a", mode="full", fingerprint="x", now=NOW)
        assert loads.last(session) is None
        assert loads.unfinished(session) is None
        loads.note(session, second, state=LoadState.MERGING, phase="accounts")
        going_on = loads.unfinished(session)

    assert going_on is not None
    assert (going_on.id, going_on.phase) == (second, "accounts")
    with database.read() as session:
        states = dict(session.execute(select(t.record_load.c.id, t.record_load.c.state)).all())
    assert states[first] == LoadState.REFUSED


def test_one_load_holds_the_record_until_it_lets_go(database: Database) -> None:
    with database.write() as session:
        loads.hold(session, "one", now=NOW, lease=timedelta(minutes=2))
    with pytest.raises(StoreUnusable, match="another load"), database.write() as session:
        loads.hold(session, "other", now=NOW, lease=timedelta(minutes=2))
    with database.write() as session:
        loads.release(session, "one")
        loads.hold(session, "other", now=NOW, lease=timedelta(minutes=2))


def test_a_source_is_known_by_its_name(database: Database) -> None:
    with database.write() as session:
        id_, watermark = loads.source(session, "crm")
        loads.read_to_its_end(session, id_, watermark="2026-06-12", now=NOW)
        assert watermark == ""

    with database.write() as session:
        assert loads.source(session, "crm") == (id_, "2026-06-12")


def test_a_lost_server_is_told_in_one_line_also_while_rows_are_copied(database: Database) -> None:
    rows = [(1, "H-1"), (2, "H-2")]

    def lose_and_insert() -> None:
        with database.write() as session:
            if not database.is_sqlite:
                own = session.scalar(text("SELECT pg_backend_pid()"))
                with database.write() as other:
                    other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})
            bulk.insert(session, t.household, ("id", "ref"), rows)

    if database.is_sqlite:  # there is no server to lose
        lose_and_insert()
        return
    with pytest.raises(StoreUnusable):
        lose_and_insert()


@pytest.mark.parametrize("ref", ['a"b', "a\\b", "{a,b}", "NULL", "", "ñ 1", "it's"])
def test_whatever_a_ref_is_made_of_it_is_found_and_kept(database: Database, ref: str) -> None:
    with database.write() as session:
        bulk.upsert(session, t.household, ("id", "ref"), [(1, ref), (2, "other")], key=("id",))

    with database.read() as session:
        found = select(t.household.c.id).where(bulk.among(session, t.household.c.ref, [ref]))
        assert list(session.scalars(found)) == [1]


def test_nothing_stays_nothing_in_rows_that_are_written_over(database: Database) -> None:
    with database.write() as session:
        staging.stage(session, "account", [make_row("1")])
        bulk.update(
            session, t.stage_account, ("ref", "day", "body_sealed"), [("1", None, b"\0\xff")]
        )

    with database.read() as session:
        row = session.execute(select(t.stage_account.c.day, t.stage_account.c.body_sealed)).one()
        assert (row.day, bytes(row.body_sealed)) == (None, b"\0\xff")
