"""Parts of a scope in the network tree: all but these nodes, and whether a part lies inside."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import Scope
from outreach.model.record import NetworkNode


@dataclass(frozen=True, slots=True, kw_only=True)
class AllBut:
    """The part of a scope that is back when all but some nodes are."""

    part: Scope
    passed: tuple[str, ...]
    """Nodes between the scope and the excepted ones: premises hung directly on them are in no
    node of `part`, and come back only if they are added to it by name."""


def all_but(scope: Scope, except_: Collection[str], tree: Iterable[NetworkNode]) -> AllBut:
    """The fewest nodes that hold the scope without the excepted nodes; its premises stay named.

    `tree` holds at least everything under the scope's nodes. Raises InputRefused for a scope by
    locality, postal code or area, which no set of nodes can express, GuardRefused for a node
    outside of the scope.
    """
    by = _not_by_node(scope)
    if by:
        raise InputRefused(f"this outage is by {by}; name the nodes that are back, one by one")
    nodes = {node.ref: node for node in tree}
    outside_scope = outside(scope, except_, nodes.values())
    if outside_scope:
        raise GuardRefused(
            f"{', '.join(outside_scope)}: not within what is out ({', '.join(scope.nodes)})"
        )
    children: dict[str | None, list[NetworkNode]] = {}
    for node in sorted(nodes.values(), key=lambda node: node.order):
        children.setdefault(node.parent, []).append(node)
    excepted = [nodes[ref] for ref in except_]
    back: list[str] = []
    passed: list[str] = []
    waiting = [nodes[ref] for ref in reversed(scope.nodes)]
    while waiting:
        node = waiting.pop()
        if any(_holds(hole, node) for hole in excepted):
            continue
        if not any(_holds(node, hole) for hole in excepted):
            back.append(node.ref)
            continue
        passed.append(node.ref)
        waiting.extend(reversed(children.get(node.ref, [])))
    return AllBut(part=Scope(nodes=tuple(back), premises=scope.premises), passed=tuple(passed))


def _not_by_node(scope: Scope) -> str:
    if scope.localities:
        return "locality"
    if scope.postal_codes:
        return "postal code"
    return "area" if scope.areas else ""


def outside(scope: Scope, refs: Collection[str], tree: Iterable[NetworkNode]) -> tuple[str, ...]:
    """Those of `refs` that are not fed through a node of the scope, unknown ones included."""
    nodes = {node.ref: node for node in tree}
    held = [nodes[ref] for ref in scope.nodes if ref in nodes]
    return tuple(
        ref
        for ref in refs
        if ref not in nodes or not any(_holds(node, nodes[ref]) for node in held)
    )


def _holds(node: NetworkNode, other: NetworkNode) -> bool:
    return node.order <= other.order and other.last <= node.last
