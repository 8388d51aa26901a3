"""Nodes and localities, found by name."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import insert

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
        network.replace_nodes(session, NODES)
        for order, locality in enumerate(("B", "A", "A", "C", "")):
            session.execute(
                insert(t.premise).values(
                    ref=str(order), transformer="", tree_order=order, locality=locality,
                    street_sealed=b"", zone="UTC",
                )
            )  # fmt: skip


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


def test_spans_and_localities_lie_under_nodes(database: Database) -> None:
    _filled(database)

    with database.read() as session:
        assert network.spans(session, ["ALM-F21", "ALM-F12", "?"]) == [(0, 2), (3, 4)]
        assert network.localities_under(session, [(0, 2)]) == ["A", "B"]
        assert network.localities_under(session, []) == []
        assert record.localities(session) == ["A", "B", "C"]


def test_a_smaller_network_leaves_no_old_node(database: Database) -> None:
    _filled(database)

    with database.write() as session:
        network.replace_nodes(session, NODES[:1])
        network.replace_edges(session, [{"ref": "1", "node_a": "x", "node_b": "y", "open": False}])
        network.replace_edges(session, [])

    with database.read() as session:
        assert network.find_node(session, "T-1") is None
        assert network.find_node(session, "ALM-F12") is not None
        network.replace_nodes(session, [])
        assert network.find_node(session, "ALM-F12") is None


def test_an_empty_database_has_no_record(database: Database) -> None:
    with database.read() as session:
        assert record.freshness(session) is None
        assert record.open_refs(session) == (set(), set())


def test_the_newest_load_is_the_freshness(database: Database) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    with database.write() as session:
        record.log_load(session, source="old", counts={}, now=now)
        record.log_load(session, source="new", counts={}, now=now)
        found = record.freshness(session)

    assert found is not None
    assert (found.source, found.customers, found.loaded_at) == ("new", 0, now)
