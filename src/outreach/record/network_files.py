"""Reads the rows of nodes and edges: one JSON file with two lists, or a source of any form for each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from outreach.model.errors import InputRefused
from outreach.model.record import RowRefused
from outreach.record.mapping import EdgeColumns, Network, NodeColumns
from outreach.record.source_form import SourceForm
from outreach.record.sources import open_source

Rows = list[dict[str, Any]]


def read_rows(folder: Path, network: Network) -> tuple[str, Rows, Rows]:
    """(name of the source, rows of nodes, rows of edges); InputRefused as `read_network` says."""
    if network.nodes_csv is not None and network.edges_csv is not None:
        name, nodes = _source_rows(folder, network.nodes_csv, network.node_columns)
        return name, nodes, _source_rows(folder, network.edges_csv, network.edge_columns)[1]
    return network.file, *_json_rows(folder / network.file, network)


def _source_rows(
    folder: Path, form: SourceForm, columns: NodeColumns | EdgeColumns
) -> tuple[str, Rows]:
    source = open_source(form, folder, columns.model_dump().values())
    rows = []
    try:
        for row in source:
            if isinstance(row, RowRefused):
                # A tree with a hole would leave whole streets untold: one bad row refuses the file.
                raise InputRefused(f"{source.name}: line {row.line}: {row.reason}; mend the row")
            rows.append(dict(zip(source.columns, row.fields, strict=True)))
    finally:
        source.close()
    return source.name, rows


def _json_rows(path: Path, network: Network) -> tuple[Rows, Rows]:
    try:
        body = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputRefused(f"{path}: no such file; the mapping names it") from None
    except (ValueError, RecursionError):
        raise InputRefused(f"{path}: not JSON in UTF-8") from None
    nodes = _list_at(path, body, network.nodes, network.node_columns)
    return nodes, _list_at(path, body, network.edges, network.edge_columns)


def _list_at(path: Path, body: Any, key: str, columns: NodeColumns | EdgeColumns) -> Rows:
    rows = body.get(key) if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputRefused(f"{path}: no list of objects under `{key}`")
    needed = set(columns.model_dump().values()) - {"", getattr(columns, "name", "")}
    for place, row in enumerate(rows):
        if missing := sorted(needed - row.keys()):
            raise InputRefused(f"{path}: {key}[{place}]: no key `{missing[0]}`")
    return rows
