"""`outreach record switch`: who is fed another way, and what is refused."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update
from tests import make
from tests.entry.cli_runs import NOW, lay_out, run
from tests.record import grid

from outreach.entry.http.live import Board, Loader
from outreach.record.upkeep import merge
from outreach.store import audience, ivr, occasions, scopes, tables as t
from outreach.store.session import Database


@pytest.fixture
def database(tmp_path, sqlite_template):
    lay_out(tmp_path / "luz", database=sqlite_template)
    database = Database(f"sqlite:///{tmp_path / 'luz' / 'outreach.db'}")
    grid.build(database)
    yield database
    database.close()


@pytest.fixture
def switch(database, tmp_path):
    return lambda *words: run("record", "switch", *words, workspace=tmp_path / "luz")


def test_it_says_who_is_fed_another_way(switch, database):
    shown = switch("--open", "F1-A", "--close", "a-b")

    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines() == [
        "open: F1-A · closed: A-B",
        "F1 -> F2: 4 premises · 4 customers",
        "open outages and the IVR follow · to put it back: outreach record switch --normal",
    ]
    assert len(grid.in_span(database, "F2")[0]) == 6


def test_the_points_off_plan_are_listed_and_put_back(switch, database):
    before = grid.in_span(database, "F2")[0]
    switch("--open", "F1-A", "--close", "A-B")

    listed = json.loads(switch("--list", "--format", "json").stdout)
    back = switch("--normal")

    assert [(each["edge"], each["is_open"], each["planned_open"]) for each in listed] == [
        ("A-B", False, True),
        ("F1-A", True, False),
    ]
    assert back.stdout.splitlines()[:2] == [
        "open: A-B · closed: F1-A",
        "F2 -> F1: 4 premises · 4 customers",
    ]
    assert grid.in_span(database, "F2")[0] == before
    assert switch("--normal").stdout == "nothing changed: every point is so already\n"
    assert "every point is as planned" in switch("--list").stderr


def test_a_trial_writes_nothing_and_says_what_would_be_refused(switch, database):
    before = grid.labels_of(database)

    dark = switch("--open", "F1-A", "--dry-run")
    fine = switch("--open", "F1-A", "--close", "A-B", "--dry-run")

    assert dark.stdout.splitlines()[1:] == [
        "open: F1-A",
        "nobody is fed another way",
        "on no substation now: 4 premises; they stay under what fed them last",
        "refused without --yes",
    ]
    assert fine.stdout.splitlines()[-1] == "to do it: without --dry-run"
    assert grid.labels_of(database) == before


def test_the_dark_and_rings_need_a_yes(switch):
    refused = switch("--open", "F1-A")
    dark = switch("--open", "F1-A", "--yes")
    ring = switch("--close", "F1-A", "--close", "A-B", "--yes", "--format", "json")

    assert refused.exit_code == 3
    assert "would leave 4 premises on no substation" in refused.stderr
    assert dark.stdout.splitlines()[-1].startswith("next: outreach outage open")
    told = json.loads(ring.stdout)
    assert (told["lit"], told["dark"], told["loops"]) == (4, 0, ["A-B"])


def test_a_ring_and_the_relit_are_said_in_words(switch):
    switch("--open", "F1-A", "--yes")

    lines = switch("--close", "F1-A", "--close", "A-B", "--yes").stdout.splitlines()

    assert lines[-3:-1] == ["fed again: 4 premises", "a ring is closed at A-B"]


@pytest.mark.parametrize(
    "words", [(), ("--list", "--normal"), ("--open", "F1-A", "--list")], ids=["none", "two", "both"]
)
def test_one_thing_at_a_time(switch, words):
    shown = switch(*words)

    assert shown.exit_code == 1
    assert "say one of" in shown.stderr


def test_an_unknown_point_comes_with_near_ones(switch):
    shown = switch("--open", "F1-")

    assert shown.exit_code == 1
    assert "'F1-': no such edge; near: F1-A" in shown.stderr


def test_many_points_are_shortened(switch, database):
    nodes = ["S1:substation", *(f"X{number}:section" for number in range(10))]

    merge(
        database,
        grid.read(nodes, [f"S1-X{number}" for number in range(10)]),
        now=grid.NOW,
    )

    shown = switch(*(f"--open=S1-X{number}" for number in range(10)))

    assert shown.stdout.splitlines()[0].endswith("S1-X7, 2 more")


def test_an_open_outage_and_the_live_truth_follow_at_once(switch, database):
    with database.write() as session:
        make.make_occasion(session)
        scope = {"nodes": ["F2"], "localities": [], "premises": []}
        session.execute(update(t.revision).values(scope=scope))
    board = Board(
        database,
        Loader(database, shown=lambda _occasion: "out_1", now=lambda: NOW),
        monotonic=lambda: 0.0,
        clock=lambda: NOW,
        large_from=1,
    )
    board.refresh()
    seen = []
    with database.read() as session:
        (occasion,) = occasions.open_ones(session)
        seen.append(audience.affected(session, scopes.remaining(session, occasion)).premises)

    switch("--open", "F1-A", "--close", "A-B")

    assert board.refresh()
    with database.read() as session:
        (truth,) = ivr.live(session, since=NOW, shown=lambda _occasion: "out_1")
        seen.append(audience.affected(session, scopes.remaining(session, occasion)).premises)
    assert (truth.customers, seen) == (6, [2, 6])
    assert not board.refresh()
