"""All but these nodes, against the leaves of the tree."""

from __future__ import annotations

import pytest

from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.occasion import Scope
from outreach.model.record import NetworkNode
from outreach.outages.partial import all_but, outside


def _node(ref: str, parent: str | None, order: int, last: int) -> NetworkNode:
    return NetworkNode(ref=ref, kind="node", name=ref, parent=parent, order=order, last=last)


TREE = [
    _node("F12", None, 0, 6),
    _node("S1", "F12", 1, 2),
    _node("T1", "S1", 2, 2),
    _node("S2", "F12", 3, 5),
    _node("T2", "S2", 4, 4),
    _node("T3", "S2", 5, 5),
    _node("T4", "F12", 6, 6),
    _node("F21", None, 7, 7),
]


@pytest.mark.parametrize(
    ("except_", "back", "passed"),
    [
        pytest.param(("S2",), ("S1", "T4"), ("F12",), id="a-section"),
        pytest.param(("T2",), ("S1", "T3", "T4"), ("F12", "S2"), id="a-transformer"),
        pytest.param(("T2", "S1"), ("T3", "T4"), ("F12", "S2"), id="two"),
        pytest.param(("F12",), (), (), id="everything"),
    ],
)
def test_all_but_some_nodes_is_the_fewest_nodes_beside_them(
    except_: tuple[str, ...], back: tuple[str, ...], passed: tuple[str, ...]
) -> None:
    found = all_but(Scope(nodes=("F12",)), except_, TREE)

    assert (found.part.nodes, found.passed) == (back, passed)


def test_other_nodes_and_named_premises_of_the_scope_are_back_whole() -> None:
    found = all_but(Scope(nodes=("F12", "F21"), premises=("P9",)), ["S2"], TREE)

    assert found.part == Scope(nodes=("S1", "T4", "F21"), premises=("P9",))


def test_a_node_that_is_not_out_cannot_be_excepted() -> None:
    with pytest.raises(GuardRefused, match=r"F21, X: not within what is out \(F12\)"):
        all_but(Scope(nodes=("F12",)), ["F21", "X"], TREE)


def test_a_scope_by_locality_asks_for_the_nodes_that_are_back() -> None:
    with pytest.raises(InputRefused, match="name the nodes that are back"):
        all_but(Scope(localities=("Ñuñoa",)), ["S2"], TREE)


def test_a_scope_that_the_tree_has_lost_holds_nothing() -> None:
    assert outside(Scope(nodes=("GONE",)), ["S2"], TREE) == ("S2",)
