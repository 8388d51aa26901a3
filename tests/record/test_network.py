"""The tree and its spans."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, strategies as st

from outreach.model.errors import InputRefused
from outreach.record.mapping import CsvForm, EdgeColumns, Network, NodeColumns
from outreach.record.network import Device, Edge, numbered, read_network

NETWORK = Network(
    file="n.json",
    node_columns=NodeColumns(ref="id", kind="kind"),
    edge_columns=EdgeColumns(ref="id", node_a="a", node_b="b"),
    kinds={"S": "substation"},
)


def make_device(ref: str, kind: str = "section") -> Device:
    return Device(ref=ref, kind=kind, name=ref)


def make_edge(a: str, b: str, *, is_open: bool = False) -> Edge:
    return Edge(ref=f"{a}-{b}", node_a=a, node_b=b, is_open=is_open)


def test_a_span_holds_everything_fed_through_its_node() -> None:
    devices = [make_device("S", "substation"), *map(make_device, "ABCX")]
    edges = [
        make_edge("A", "S"),
        make_edge("B", "A"),
        make_edge("S", "C"),
        make_edge("C", "B", is_open=True),
        make_edge("C", "C"),
        make_edge("C", "?"),
    ]

    nodes, loops = numbered(devices, edges)

    parents = {node.ref: node.parent for node in nodes}
    assert parents == {"S": None, "A": "S", "B": "A", "C": "S", "X": None}
    within = {
        node.ref: {each.ref for each in nodes if node.order <= each.order <= node.last}
        for node in nodes
    }
    assert within == {"S": {*"SABC"}, "A": {*"AB"}, "B": {"B"}, "C": {"C"}, "X": {"X"}}
    assert loops == ()


def test_a_closed_ring_is_named_and_still_a_tree() -> None:
    devices = [make_device("S", "substation"), *map(make_device, "AB")]

    nodes, loops = numbered(
        devices, [make_edge("S", "A"), make_edge("A", "B"), make_edge("B", "S")]
    )

    assert loops == ("A-B",)
    assert [node.parent for node in nodes] == [None, "S", "S"]


def test_two_lines_between_the_same_two_are_no_ring() -> None:
    devices = [make_device("S", "substation"), make_device("A")]

    _nodes, loops = numbered(devices, [make_edge("S", "A"), make_edge("A", "S")])

    assert loops == ()


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=30), st.randoms())
def test_the_order_is_nested_and_independent_of_the_files_order(
    pairs: list[tuple[int, int]], random: Random
) -> None:
    devices = [make_device(str(n), "substation" if n < 2 else "section") for n in range(13)]
    edges = [make_edge(str(a), str(b)) for a, b in pairs]

    nodes, _loops = numbered(devices, edges)

    by_ref = {node.ref: node for node in nodes}
    assert [node.order for node in nodes] == sorted({node.order for node in nodes})
    assert len(nodes) == 13
    for node in nodes:
        parent = by_ref.get(node.parent or "")
        if parent is not None:
            assert parent.order < node.order < node.last < parent.last
    shuffled = random.sample(edges, len(edges))
    assert numbered(reversed(devices), shuffled)[0] == nodes


def test_what_is_wrong_is_told_with_its_id(tmp_path: Path) -> None:
    nodes = [("S", "S"), ("A", "?"), ("B", "?"), ("X", "?"), ("X", "?")]
    edges = [("1", "S", "A"), ("2", "A", "B"), ("2", "B", "S"), ("", "B", "Q")]
    body = {
        "nodes": [{"id": ref, "kind": kind} for ref, kind in nodes],
        "edges": [{"id": ref, "a": a, "b": b} for ref, a, b in edges],
    }
    (tmp_path / "n.json").write_text(json.dumps(body))

    read = read_network(tmp_path, NETWORK)

    assert [(found.reason, found.detail) for found in read.findings()] == [
        ("closes_a_loop", "2"),
        ("fed_by_no_substation", "X"),
        ("edge_end_without_node", "Q"),
        ("node_named_twice", "X"),
        ("edge_named_twice", "2"),
    ]
    assert {found.file for found in read.findings()} == {"n.json"}
    assert [edge.ref for edge in read.edges] == ["1", "2", "2#2", "B-Q"]
    assert read.loops == 1


def test_a_network_may_come_as_two_csv_files(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text("id,kind\nS1,S\ns2,?\nS2,?\n")
    (tmp_path / "e.csv").write_text("id,a,b\n1,S1,s2\n")
    network = NETWORK.model_copy(
        update={
            "file": "",
            "nodes_csv": CsvForm(file="n.csv"),
            "edges_csv": CsvForm(file="e.csv"),
        }
    )

    read = read_network(tmp_path, network)

    assert [(node.ref, node.kind, node.parent) for node in read.nodes] == [
        ("S1", "substation", None),
        ("S2", "other", "S1"),
    ]
    assert read.duplicate_nodes == ("S2",)

    (tmp_path / "e.csv").write_text("id,a,b\n1,S1\n")
    with pytest.raises(InputRefused, match="line 2: wrong_column_count; mend the row"):
        read_network(tmp_path, network)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        ("{", "not JSON in UTF-8"),
        ("[]", "no list of objects under `nodes`"),
        (json.dumps({"nodes": [1], "edges": []}), "no list of objects under `nodes`"),
        (json.dumps({"nodes": [{"id": "1"}], "edges": []}), r"nodes\[0\]: no key `kind`"),
        (json.dumps({"nodes": []}), "no list of objects under `edges`"),
    ],
)
def test_a_damaged_network_file_is_refused_in_one_line(
    tmp_path: Path, content: str | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "n.json").write_text(content)

    with pytest.raises(InputRefused, match=said):
        read_network(tmp_path, NETWORK)
