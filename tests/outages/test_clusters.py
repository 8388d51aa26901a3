"""Reports put together where one fault explains them."""

from __future__ import annotations

from outreach.model.record import NetworkNode
from outreach.outages.clusters import Cluster, clusters


def _node(ref: str, kind: str, parent: str | None, order: int, last: int) -> NetworkNode:
    return NetworkNode(ref=ref, kind=kind, name=ref, parent=parent, order=order, last=last)


TREE = [
    _node("F1", "feeder", None, 1, 20),
    _node("S1", "section", "F1", 2, 9),
    _node("T1", "transformer", "S1", 3, 3),
    _node("T2", "transformer", "S1", 4, 4),
    _node("S2", "section", "F1", 10, 20),
    _node("T3", "transformer", "S2", 11, 11),
    _node("T9", "transformer", "F1", 20, 20),
]


def test_reports_of_one_transformer_are_one_cluster() -> None:
    assert clusters({"P2": 3, "P1": 3}, TREE) == [Cluster(node="T1", premises=("P1", "P2"))]


def test_two_transformers_of_a_section_are_the_section() -> None:
    assert clusters({"P1": 3, "P2": 4, "P3": 11}, TREE) == [
        Cluster(node="S1", premises=("P1", "P2")),
        Cluster(node="T3", premises=("P3",)),
    ]


def test_a_feeder_is_no_cluster() -> None:
    assert [each.node for each in clusters({"P1": 20, "P2": 11}, TREE)] == ["T3", "T9"]


def test_premises_on_a_section_itself_join_its_transformers() -> None:
    assert clusters({"P1": 2, "P2": 3}, TREE) == [Cluster(node="S1", premises=("P1", "P2"))]


def test_premises_off_the_network_are_a_cluster_without_a_node() -> None:
    assert clusters({"P1": -1}, TREE) == [Cluster(node="", premises=("P1",))]


def test_no_reports_are_no_clusters() -> None:
    assert clusters({}, TREE) == []
