"""The network as the company's files give it, and what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping as Dictionary
from dataclasses import dataclass, replace
from pathlib import Path
from sys import intern
from typing import Any

from outreach.model.record import NetworkNode, RowRefused
from outreach.record.accounts import fold
from outreach.record.forest import grow
from outreach.record.labels import plan
from outreach.record.mapping import EdgeColumns, Network, NodeColumns
from outreach.record.network_files import read_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One node as the file names it, its place in the tree still unknown."""

    ref: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One stretch of line, without direction; an open one carries nothing."""

    ref: str
    node_a: str
    node_b: str
    is_open: bool
    """As planned: what the file says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRead:
    """The network with its tree as planned, and what is wrong with it."""

    source: str = ""
    """File that findings name."""
    nodes: tuple[NetworkNode, ...] = ()
    """In tree order, numbered as if nothing were in the database yet."""
    edges: tuple[Edge, ...] = ()
    kinds: dict[str, int]
    unknown_ends: tuple[str, ...] = ()
    """Names in edges that no node has."""
    loop_edges: tuple[str, ...] = ()
    """Closed edges that the tree does not need: a ring that ought to be open somewhere."""
    duplicate_nodes: tuple[str, ...] = ()
    duplicate_edges: tuple[str, ...] = ()

    @property
    def loops(self) -> int:
        return len(self.loop_edges)

    @property
    def unconnected(self) -> tuple[str, ...]:
        """Nodes that no substation feeds."""
        return tuple(
            node.ref for node in self.nodes if node.parent is None and node.kind != "substation"
        )

    def findings(self) -> Iterator[RowRefused]:
        """Everything that is wrong, an id each, for the file of rejected rows."""
        found = {
            "closes_a_loop": self.loop_edges,
            "fed_by_no_substation": self.unconnected,
            "edge_end_without_node": self.unknown_ends,
            "node_named_twice": self.duplicate_nodes,
            "edge_named_twice": self.duplicate_edges,
        }
        for reason, refs in found.items():
            for ref in refs:
                yield RowRefused(file=self.source, record=0, line=0, reason=reason, detail=ref)


def read_network(folder: Path, network: Network) -> NetworkRead:
    """Reads any source as the mapping says. InputRefused if one is missing, damaged or unlike it."""
    source, node_rows, edge_rows = read_rows(folder, network)
    kinds = {fold(word): kind for word, kind in network.kinds.items()}
    words = {fold(word) for word in network.open}
    devices = [_device(row, network.node_columns, kinds) for row in _taken(node_rows)]
    edges = [_edge(row, network.edge_columns, words) for row in _taken(edge_rows)]
    by_ref = {device.ref: device for device in devices if device.ref}
    unique = _each_named_once(edges)
    tree, loops = numbered(by_ref.values(), unique)
    named = {end for edge in unique for end in (edge.node_a, edge.node_b)}
    return NetworkRead(
        source=source,
        nodes=tree,
        edges=unique,
        kinds=dict(Counter(device.kind for device in by_ref.values())),
        unknown_ends=tuple(sorted(named - set(by_ref))),
        loop_edges=loops,
        duplicate_nodes=_repeated(device.ref for device in devices),
        duplicate_edges=_repeated(edge.ref for edge in edges),
    )


def numbered(
    devices: Iterable[Device], edges: Iterable[Edge]
) -> tuple[tuple[NetworkNode, ...], tuple[str, ...]]:
    """The forest as planned, in tree order, and the closed edges left over.

    What no substation reaches stands alone after the trees. The same files, in any order, give the
    same numbers.
    """
    by_ref = {device.ref: device for device in devices}
    forest = grow(
        (ref for ref, device in by_ref.items() if device.kind == "substation"),
        sorted(by_ref),
        ((edge.ref, edge.node_a, edge.node_b, edge.is_open) for edge in edges),
    )
    rows = [row for move in plan((), forest.parents).moves for row in move.rows]
    nodes = tuple(
        NetworkNode(
            ref=ref,
            kind=by_ref[ref].kind,
            name=by_ref[ref].name,
            parent=parent,
            order=order,
            last=last,
        )
        for ref, parent, order, last in rows
    )
    return nodes, forest.loops


def _each_named_once(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    """Further edges of one name become `name#2`, `name#3`: each can carry a street of its own."""
    unique: dict[str, Edge] = {}
    for edge in dict.fromkeys(edges):
        ref, number = edge.ref, 2
        while ref in unique:
            ref, number = f"{edge.ref}#{number}", number + 1
        unique[ref] = edge if ref == edge.ref else replace(edge, ref=ref)
    return tuple(unique.values())


def _repeated(refs: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(ref for ref, count in Counter(refs).items() if count > 1))


def _taken(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each, and not kept: of a large network the rows take more than what is made of them."""
    rows.reverse()
    while rows:
        yield rows.pop()


def _device(row: Dictionary[str, Any], columns: NodeColumns, kinds: Dictionary[str, str]) -> Device:
    ref = _text(row, columns.ref)
    return Device(
        ref=intern(ref.upper()),
        kind=kinds.get(fold(_text(row, columns.kind)), "other"),
        name=_text(row, columns.name) or ref,
    )


def _edge(row: Dictionary[str, Any], columns: EdgeColumns, open_words: set[str]) -> Edge:
    ends = (_text(row, columns.node_a).upper(), _text(row, columns.node_b).upper())
    return Edge(
        ref=_text(row, columns.ref) or "-".join(ends),
        node_a=intern(ends[0]),
        node_b=intern(ends[1]),
        is_open=fold(_text(row, columns.state)) in open_words,
    )


def _text(row: Dictionary[str, Any], column: str) -> str:
    value = row.get(column) if column else None
    return "" if value is None else str(value).strip()
