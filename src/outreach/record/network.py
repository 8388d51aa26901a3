"""Reads the network and makes its tree: everything fed through a device is one span of the order."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable, Mapping as Dictionary
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outreach.model.errors import InputRefused
from outreach.model.record import NetworkNode, RowRefused
from outreach.record.accounts import fold
from outreach.record.csv_file import CsvFile
from outreach.record.mapping import CsvForm, EdgeColumns, Network, NodeColumns


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRead:
    """The network with its tree, and what is wrong with it."""

    nodes: tuple[NetworkNode, ...] = ()
    """In tree order."""
    edges: tuple[Edge, ...] = ()
    kinds: dict[str, int]
    unknown_ends: tuple[str, ...] = ()
    """Names in edges that no node has."""
    loops: int = 0
    """Closed edges that the tree does not need: a ring that ought to be open somewhere."""
    duplicate_nodes: tuple[str, ...] = ()

    @property
    def unconnected(self) -> tuple[str, ...]:
        """Nodes that no substation feeds."""
        return tuple(
            node.ref for node in self.nodes if node.parent is None and node.kind != "substation"
        )


def read_network(folder: Path, network: Network) -> NetworkRead:
    """Reads JSON or CSV as the mapping says. InputRefused if a file is missing, damaged or unlike it."""
    node_rows, edge_rows = _rows(folder, network)
    kinds = {fold(word): kind for word, kind in network.kinds.items()}
    words = {fold(word) for word in network.open}
    devices = [_device(row, network.node_columns, kinds) for row in node_rows]
    edges = [_edge(row, network.edge_columns, words) for row in edge_rows]
    by_ref = {device.ref: device for device in devices if device.ref}
    tree, loops = grow(by_ref.values(), edges)
    counted = Counter(device.ref for device in devices)
    named = {end for edge in edges for end in (edge.node_a, edge.node_b)}
    return NetworkRead(
        nodes=tree,
        edges=tuple({edge.ref: edge for edge in edges}.values()),
        kinds=dict(Counter(device.kind for device in by_ref.values())),
        unknown_ends=tuple(sorted(named - set(by_ref))),
        loops=loops,
        duplicate_nodes=tuple(sorted(ref for ref, count in counted.items() if count > 1)),
    )


def grow(devices: Iterable[Device], edges: Iterable[Edge]) -> tuple[tuple[NetworkNode, ...], int]:
    """The forest from the substations outward over closed edges, and the number of closed edges left over.

    Breadth first decides who feeds whom, depth first numbers; by name among equals, so that the same
    files give the same numbers. What no substation reaches stands alone after the trees.
    """
    by_ref = {device.ref: device for device in devices}
    beside = _neighbours(by_ref, edges)
    roots = sorted(ref for ref, device in by_ref.items() if device.kind == "substation")
    parents = _parents(roots, beside)
    children: dict[str, list[str]] = {}
    for ref, parent in parents.items():
        if parent is not None:
            children.setdefault(parent, []).append(ref)
    spans: dict[str, tuple[int, int]] = {}
    for root in (*roots, *sorted(set(by_ref) - set(parents))):
        _number(root, children, spans)
    nodes = tuple(
        NetworkNode(
            ref=ref,
            kind=by_ref[ref].kind,
            name=by_ref[ref].name,
            parent=parents.get(ref),
            order=order,
            last=last,
        )
        for ref, (order, last) in sorted(spans.items(), key=lambda item: item[1][0])
    )
    fed = sum(len(beside[ref]) for ref in parents) // 2
    return nodes, fed - sum(parent is not None for parent in parents.values())


def _neighbours(known: Iterable[str], edges: Iterable[Edge]) -> dict[str, set[str]]:
    beside: dict[str, set[str]] = {ref: set() for ref in known}
    for edge in edges:
        ends = {edge.node_a, edge.node_b}
        if not edge.is_open and len(ends) == 2 and ends <= beside.keys():  # noqa: PLR2004  two ends
            beside[edge.node_a].add(edge.node_b)
            beside[edge.node_b].add(edge.node_a)
    return beside


def _parents(roots: list[str], beside: dict[str, set[str]]) -> dict[str, str | None]:
    """Node -> the node that feeds it, for all that a substation reaches."""
    parents: dict[str, str | None] = dict.fromkeys(roots)
    waiting = deque(roots)
    while waiting:
        here = waiting.popleft()
        for ref in sorted(beside[here] - parents.keys()):
            parents[ref] = here
            waiting.append(ref)
    return parents


def _number(root: str, children: dict[str, list[str]], spans: dict[str, tuple[int, int]]) -> None:
    """Numbers one tree in depth-first order, without recursion: feeders can be thousands of nodes long."""
    started: list[str] = []
    waiting = [root]
    while waiting:
        ref = waiting.pop()
        spans[ref] = (len(spans), len(spans))
        started.append(ref)
        waiting += sorted(children.get(ref, ()), reverse=True)
    for ref in reversed(started):
        ends = [spans[child][1] for child in children.get(ref, ())]
        spans[ref] = (spans[ref][0], max(ends, default=spans[ref][1]))


def _device(row: Dictionary[str, Any], columns: NodeColumns, kinds: Dictionary[str, str]) -> Device:
    ref = _text(row, columns.ref)
    return Device(
        ref=ref.upper(),
        kind=kinds.get(fold(_text(row, columns.kind)), "other"),
        name=_text(row, columns.name) or ref,
    )


def _edge(row: Dictionary[str, Any], columns: EdgeColumns, open_words: set[str]) -> Edge:
    return Edge(
        ref=_text(row, columns.ref),
        node_a=_text(row, columns.node_a).upper(),
        node_b=_text(row, columns.node_b).upper(),
        is_open=fold(_text(row, columns.state)) in open_words,
    )


def _text(row: Dictionary[str, Any], column: str) -> str:
    value = row.get(column) if column else None
    return "" if value is None else str(value).strip()


_Rows = list[dict[str, Any]]


def _rows(folder: Path, network: Network) -> tuple[_Rows, _Rows]:
    if network.nodes_csv is not None and network.edges_csv is not None:
        nodes = _csv_rows(folder, network.nodes_csv, network.node_columns)
        return nodes, _csv_rows(folder, network.edges_csv, network.edge_columns)
    return _json_rows(folder / network.file, network)


def _csv_rows(folder: Path, form: CsvForm, columns: NodeColumns | EdgeColumns) -> _Rows:
    file = CsvFile(folder, form, columns.model_dump().values())
    rows = []
    for row in file:
        if isinstance(row, RowRefused):
            # A tree with a hole would leave whole streets untold: here one bad row refuses the file.
            raise InputRefused(f"{file.path}: line {row.line}: {row.reason}; mend the row")
        rows.append(dict(zip(file.columns, row.fields, strict=True)))
    return rows


def _json_rows(path: Path, network: Network) -> tuple[_Rows, _Rows]:
    try:
        body = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputRefused(f"{path}: no such file; the mapping names it") from None
    except (ValueError, RecursionError):
        raise InputRefused(f"{path}: not JSON in UTF-8") from None
    nodes = _list_at(path, body, network.nodes, network.node_columns)
    return nodes, _list_at(path, body, network.edges, network.edge_columns)


def _list_at(path: Path, body: Any, key: str, columns: NodeColumns | EdgeColumns) -> _Rows:
    rows = body.get(key) if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputRefused(f"{path}: no list of objects under `{key}`")
    needed = set(columns.model_dump().values()) - {"", getattr(columns, "name", "")}
    for place, row in enumerate(rows):
        if missing := sorted(needed - row.keys()):
            raise InputRefused(f"{path}: {key}[{place}]: no key `{missing[0]}`")
    return rows
