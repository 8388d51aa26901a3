"""Nodes and localities, found by name."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import insert
from tests import make

from outreach.model.record import NetworkNode
from outreach.store import network, record, tables as t
from outreach.store.session import Database


def make_node(ref: str, order: int, last: int, name: str = "", kind: str = "feeder") -> NetworkNode:
    return NetworkNode(ref=ref, kind=kind, name=name or ref, parent=None, order=order, last=last)


NODES = (
    make_node("ALM-F12", 0, 2, "Alameda 12"),
    make_node("ALM-F21", 3, 4, "Alameda 21"),
    make_node("T-1", 5, 5, "twin", "transformer"),
    make_node("T-2", 6, 6, "twin", "transformer"),
)


def _filled(database: Database) -> None:
    with database.write() as session:
        for node in NODES:
            make.make_node(
                session, ref=node.ref, kind=node.kind, name=node.name,
                tree_order=node.order, tree_last=node.last,
            )  # fmt: skip
        for order, locality in enumerate(("B", "A", "A", "C", "")):
            make.make_premise(session, tree_order=order, locality=locality)
        for ref in ("L-12", "L-120", "T-9"):
            session.execute(
                insert(t.network_edge).values(ref=ref, node_a="a", node_b="b", open=False)
            )


def test_a_node_is_found_by_ref_in_any_case_or_by_its_only_name(database: Database) -> None:
    _filled(database)

    with database.read() as session:
        assert network.find_node(session, " alm-f12 ") == NODES[0]
        assert network.find_node(session, "alameda 21") == NODES[1]
        assert network.find_node(session, "twin") is None
        assert network.find_node(session, "F12") is None


def test_near_matches_hold_the_text_or_resemble_it(database: Database) -> None:
    _filled(database)

    with database.read() as session:
        assert network.near_matches(session, "F12")[0] == "ALM-F12"
        assert set(network.near_matches(session, "alm-f22")) >= {"ALM-F12", "ALM-F21"}
        assert network.near_matches(session, "alam", limit=1) == ["ALM-F12"]
        assert network.near_matches(session, "100%_\\") == []
        assert network.near_matches(session, " ") == []


def test_the_outermost_nodes_are_no_transformers(database: Database) -> None:
    _filled(database)

    with database.read() as session:
        assert network.outermost(session, limit=5) == ["ALM-F12", "ALM-F21"]
        assert network.outermost(session, limit=1) == ["ALM-F12"]


def test_spans_lie_under_nodes(database: Database) -> None:
    _filled(database)

    with database.read() as session:
        assert network.spans(session, ["ALM-F21", "ALM-F12", "?"]) == [(0, 2), (3, 4)]
        assert [node.ref for node in network.under(session, ["ALM-F21"])] == ["ALM-F21"]
        assert network.under(session, ["?"]) == []
        assert record.localities(session) == ["A", "B", "C"]


def test_near_edges_hold_the_text_or_resemble_it(database: Database) -> None:
    _filled(database)

    with database.read() as session:
        assert network.near_edges(session, "12") == ["L-12", "L-120"]
        assert network.near_edges(session, "l-12", limit=1) == ["L-12"]
        assert network.near_edges(session, "T-8") == ["T-9"]
        assert network.near_edges(session, " ") == []


def test_an_empty_database_has_no_record(database: Database) -> None:
    with database.read() as session:
        assert record.freshness(session) is None


def test_the_newest_load_is_the_freshness(database: Database) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with database.write() as session:
        make.make_load(session, source="old", loaded_at=now)
        make.make_load(session, source="new", loaded_at=now)
        found = record.freshness(session)

    assert found is not None
    assert (found.source, found.customers, found.loaded_at) == ("new", 0, now)
