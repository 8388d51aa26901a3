"""Grows the network's forest: who feeds whom over closed edges, from the substations outward."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

Parents = Mapping[str, str | None]
"""Node -> the node that feeds it; None: a root."""
EdgeEnds = tuple[str, str, str, bool]
"""(ref, one end, other end, is open)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Every node with what feeds it. No two parts of the network share a node."""

    parents: dict[str, str | None]
    """Parents come before their children. A node that nothing feeds now stays where it was last fed
    from, as long as an edge still leads there; else it is a root."""
    fed: frozenset[str]
    """What a substation feeds now."""
    loops: tuple[str, ...]
    """Closed edges that the forest does not need: rings that ought to be open somewhere."""


def grow(
    substations: Iterable[str],
    nodes: Iterable[str],
    edges: Iterable[EdgeEnds],
    *,
    last_fed: Parents | None = None,
) -> Forest:
    """Breadth first, by name among equals, so that the same files give the same forest.

    `nodes` in an order in which each comes after what `last_fed` names for it; the last feeding
    keeps the dark under the device that failed: who still sits there is out, not moved away.
    Edges to unknown nodes carry nothing. 140,000 nodes take about 0.3 s.
    """
    everything, known = list(nodes), list(edges)
    parents: dict[str, str | None] = dict.fromkeys(sorted(substations))
    _reach(parents, _neighbours(everything, known))
    fed = frozenset(parents)
    dark = [ref for ref in everything if ref not in fed]
    if dark:
        parents |= _left_as_they_were(dark, known, last_fed or {})
    return Forest(parents=parents, fed=fed, loops=loops(parents, fed, known))


def standing(parents: Parents, substations: Iterable[str], edges: Iterable[EdgeEnds]) -> set[str]:
    """What a substation feeds in the stored forest; `parents` with each after what feeds it."""
    known = list(edges)
    cut: set[tuple[str, str]] = set()
    for _ref, a, b, is_open in known:
        if is_open:
            cut |= {pair for pair in ((a, b), (b, a)) if parents.get(pair[0]) == pair[1]}
    if cut:  # unless a second line between the two is closed
        cut -= {pair for _ref, a, b, is_open in known if not is_open for pair in ((a, b), (b, a))}
    fed = set(substations)
    for ref, parent in parents.items():
        if parent in fed and (ref, parent) not in cut:
            fed.add(ref)
    return fed


def loops(parents: Parents, fed: Container[str], edges: Iterable[EdgeEnds]) -> tuple[str, ...]:
    """Closed edges between what is fed that the forest does not need, one a pair of nodes: two lines
    between the same two are no ring that matters."""
    spare = {
        (min(a, b), max(a, b)): ref
        for ref, a, b, is_open in edges
        if not is_open and parents.get(a) != b and parents.get(b) != a and a != b
    }
    return tuple(sorted(ref for (a, b), ref in spare.items() if a in fed and b in fed))


_Beside = dict[str, str | list[str] | None]
"""Node -> its only neighbour, or all of them: a list each would cost as much as all the rest."""


def _neighbours(nodes: list[str], edges: list[EdgeEnds]) -> _Beside:
    beside: _Beside = dict.fromkeys(nodes)
    for _ref, a, b, is_open in edges:
        if not is_open and a in beside and b in beside and a != b:
            _join(beside, a, b)
            _join(beside, b, a)
    return beside


def _join(beside: _Beside, here: str, other: str) -> None:
    known = beside[here]
    if known is None:
        beside[here] = other
    elif isinstance(known, str):
        beside[here] = [known, other]
    else:
        known.append(other)


def _reach(parents: dict[str, str | None], beside: _Beside) -> None:
    """Adds whatever closed edges lead to, each with the node that feeds it."""
    queue = list(parents)
    for here in queue:  # it grows while it is walked
        others = beside[here]
        if isinstance(others, list):
            found = [ref for ref in others if ref not in parents]
            found.sort()
            parents.update(dict.fromkeys(found, here))
            queue += found
        elif others is not None and others not in parents:
            parents[others] = here
            queue.append(others)


def _left_as_they_were(
    dark: list[str], edges: list[EdgeEnds], last_fed: Parents
) -> dict[str, str | None]:
    """What fed each node last, where an edge, closed or open, still joins the two."""
    wanted = {ref: last_fed[ref] for ref in dark if last_fed.get(ref) is not None}
    joined = {
        end
        for _ref, a, b, _open in edges
        for end, other in ((a, b), (b, a))
        if wanted.get(end) == other
    }
    return {ref: wanted[ref] if ref in joined else None for ref in dark}
