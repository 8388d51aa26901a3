"""Brings the stored network to what the company's files say; an unchanged one writes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from outreach.model.errors import GuardRefused
from outreach.record.forest import Forest, grow
from outreach.record.labels import Labelled, Plan, plan
from outreach.record.network import NetworkRead
from outreach.record.relabelling import TRIES, Outrun, Relabelling
from outreach.store import tree
from outreach.store.session import Database

_EDGES_AT_ONCE = 5_000
_VANISHED_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What is stored of nodes and edges beside how they hang together."""

    named: dict[str, tuple[str, str]]
    """Node -> (kind, name)."""
    planned_open: set[str]
    """Edges."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What has to be written so that the stored network is the one that was read."""

    edges: tuple[dict[str, Any], ...]
    """New or changed."""
    vanished_edges: tuple[str, ...]
    renamed: tuple[Labelled, ...]
    """Of another kind or name, at the place they have."""
    left: tuple[int, ...]
    """Labels of what is no transformer any more."""
    plan: Plan

    @property
    def is_none(self) -> bool:
        changed = self.edges or self.vanished_edges or self.renamed
        return not (changed or self.plan.moves or self.plan.vanished)


def merge(database: Database, network: NetworkRead, *, now: datetime) -> int:
    """Takes the network in, in transactions of about half a second; how many premises moved.

    The file says what is open as planned; the actual state of a switch is kept unless its edge is
    new or planned otherwise than before. Broken off anywhere, the next call goes on. Premises
    whose transformer vanished are off the network (-1), those whose transformer came are on it,
    both noted as touched. GuardRefused while an audience is being written, or when others keep
    changing the network.
    """
    moved = 0
    for _try in range(TRIES):
        with database.read() as session:
            stored = tree.read(session)
            described = Described(
                named=tree.named(session), planned_open=tree.planned_open(session)
            )
        found = difference(stored, described, network)
        work = Relabelling(database=database, stored=stored, now=now, named=_named(network))
        try:
            if not found.is_none:
                _write(work, found)
        except Outrun:
            moved += work.premises
            continue
        return moved + work.premises + _place(database)
    raise GuardRefused("the network is being changed by others all the time; try again later")


def difference(stored: tree.Stored, described: Described, network: NetworkRead) -> Difference:
    """Compares; deciding only."""
    edges = {edge[0]: (*edge, edge[0] in described.planned_open) for edge in stored.edges}
    wanted = {
        edge.ref: (edge.ref, edge.node_a, edge.node_b, *_states(edges.get(edge.ref), edge.is_open))
        for edge in network.edges
    }
    changes = plan(stored.labels, _forest(stored, network, wanted.values()).parents)
    moving = {row[0] for move in changes.moves for row in move.rows}
    now_called, was_called = _named(network), described.named
    changed = {
        ref for ref, was in was_called.items() if ref in now_called and was != now_called[ref]
    }
    return Difference(
        edges=tuple(
            dict(zip(_EDGE, edge, strict=True))
            for edge in wanted.values()
            if edges.get(edge[0]) != edge
        ),
        vanished_edges=tuple(ref for ref in edges if ref not in wanted),
        renamed=tuple(row for row in stored.labels if row[0] in changed - moving),
        left=tuple(
            row[2]
            for row in stored.labels
            if row[0] in changed and was_called[row[0]][0] == "transformer" != now_called[row[0]][0]
        ),
        plan=changes,
    )


def _named(network: NetworkRead) -> dict[str, tuple[str, str]]:
    return {node.ref: (node.kind, node.name) for node in network.nodes}


_EDGE = ("ref", "node_a", "node_b", "open", "normally_open")


def _states(stored: tree.EdgeRow | None, normally_open: bool) -> tuple[bool, bool]:  # noqa: FBT001  a cell of the file
    """(open, normally open): a switch stays as it is until its plan changes."""
    if stored is None or stored[4] != normally_open:
        return normally_open, normally_open
    return bool(stored[3]), normally_open


def _forest(stored: tree.Stored, network: NetworkRead, edges: Any) -> Forest:
    there = {node.ref for node in network.nodes}
    # A node comes after what fed it last; what is new was fed by nothing yet.
    order = [row[0] for row in stored.labels if row[0] in there]
    order += sorted(there - set(order))
    return grow(
        (node.ref for node in network.nodes if node.kind == "substation"),
        order,
        (edge[:4] for edge in edges),
        last_fed={row[0]: row[1] for row in stored.labels if row[1] in there},
    )


def _write(work: Relabelling, found: Difference) -> None:
    for rows in tree.sliced(found.edges, _EDGES_AT_ONCE):
        work.write(partial(tree.save_edges, rows=rows))
    for refs in tree.sliced(found.vanished_edges, _EDGES_AT_ONCE):
        work.write(partial(tree.forget_edges, refs=refs))
    if found.left:
        work.write(partial(tree.unplace, labels=found.left))
    labels = {row[0]: row[2] for row in work.stored.labels}
    # Before anything moves: a label that is given anew must not carry who stood there before.
    for gone in tree.sliced(found.plan.vanished, _VANISHED_AT_ONCE):
        work.write(partial(tree.forget_nodes, nodes={ref: labels[ref] for ref in gone}))
    for renamed in tree.sliced(found.renamed):
        work.write(partial(work.relabel, rows=renamed))
    if found.plan.moves:
        work.move(found.plan)


def _place(database: Database) -> int:
    """Premises that waited for their transformer; asked at every merge, written where there are some."""
    after = placed = 0
    while True:
        with database.read() as session:
            waiting = tree.waiting(session, after)
        if not waiting:
            return placed
        with database.write() as session:
            placed += tree.place(session, waiting)
        after = waiting[-1]
