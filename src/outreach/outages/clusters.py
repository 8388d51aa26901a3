"""Reports of people still without supply, put together where one fault explains them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from outreach.model.record import NetworkNode

_TOO_HIGH = frozenset({"feeder", "substation"})
"""Two reports under one feeder are two faults, until more is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Premises that one fault may keep dark."""

    node: str
    """Transformer, or the section of several; empty for premises off the network."""
    premises: tuple[str, ...]


def clusters(reported: Mapping[str, int], nodes: Iterable[NetworkNode]) -> list[Cluster]:
    """Premises by their nearest common node: their transformer, or the section of several that report.

    `reported`: ref of a premise -> the tree order where it stands. `nodes` hold at least those that
    stand there and what feeds them.
    """
    known = {node.ref: node for node in nodes}
    at = {node.order: node for node in known.values()}
    standing: dict[str, list[str]] = defaultdict(list)
    for premise, order in reported.items():
        standing[at[order].ref if order in at else ""].append(premise)
    shared: dict[str, list[str]] = defaultdict(list)
    for ref in standing:
        shared[_above(known, ref)].append(ref)
    found: dict[str, list[str]] = defaultdict(list)
    for above, places in shared.items():
        for ref in places:
            found[above if above and len(places) > 1 else ref] += standing[ref]
    return [Cluster(node=ref, premises=tuple(sorted(found[ref]))) for ref in sorted(found)]


def _above(known: Mapping[str, NetworkNode], ref: str) -> str:
    """The section of a transformer; empty where there is none below the feeder. A section is its own."""
    node = known.get(ref)
    if node is None:
        return ""
    if node.kind == "section":
        return ref
    above = known.get(node.parent or "")
    return "" if above is None or above.kind in _TOO_HIGH else above.ref
