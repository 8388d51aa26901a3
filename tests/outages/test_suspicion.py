"""Which device reports point at: one, the lowest that explains them, however they come in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from outreach.model.record import NetworkNode
from outreach.outages import suspicion
from outreach.outages.suspicion import Counted, Network, Standing, Suspected, moves

_EACH = 20
_SECTIONS = ("S1", "S2", "S3")


def _node(ref: str, kind: str, parent: str | None) -> NetworkNode:
    return NetworkNode(ref=ref, kind=kind, name=ref, parent=parent, order=0, last=0)


def _network(reports: dict[str, int], *, standing: int = 60) -> Network:
    """Feeders of three, two and one section of twenty transformers each; `reports` of premises by transformer."""
    nodes = [_node("SUB", "substation", None), _node("F1", "feeder", "SUB")]
    nodes += [_node("F2", "feeder", "SUB"), _node("F3", "feeder", "SUB")]
    nodes += [_node("S8", "section", "F2"), _node("S9", "section", "F2")]
    nodes += [_node("S7", "section", "F3")]
    nodes += [_node(each, "section", "F1") for each in _SECTIONS]
    nodes += [_node(ref, "transformer", ref.partition("-")[0]) for ref in reports]
    counts = {"SUB": 120, "F1": 60, "F2": 40, "F3": 20}
    counts |= dict.fromkeys((*_SECTIONS, "S7", "S8", "S9"), _EACH)
    return Network(
        nodes=nodes,
        transformers=counts | dict.fromkeys(reports, 1),
        reported={
            ref: Counted(reporting=count, standing=standing) for ref, count in reports.items()
        },
    )


def _named(reports: dict[str, int], *, standing: int = 60) -> list[str]:
    return [each.node for each in suspicion.suspected(_network(reports, standing=standing))]


def _each(section: str, count: int, *, premises: int = 1) -> dict[str, int]:
    return {f"{section}-T{number:02}": premises for number in range(1, count + 1)}


CASES = {
    "nothing": ({}, []),
    "one home is its own breaker": ({"S1-T01": 1}, []),
    "two of sixty homes are too few": ({"S1-T01": 2}, []),
    "three homes are their transformer": ({"S1-T01": 3}, ["S1-T01"]),
    "two transformers of twenty stay two": ({"S1-T01": 3, "S1-T02": 3}, ["S1-T01", "S1-T02"]),
    "a third of a section is the section": (_each("S1", 7), ["S1"]),
    "less than a third of single homes is nothing yet": (_each("S1", 6), []),
    "twenty dark transformers are one section": (_each("S1", 20, premises=5), ["S1"]),
    "a stray home next door raises nothing": (_each("S1", 20) | {"S2-T01": 1}, ["S1"]),
    "a dark transformer next door is its own": (
        _each("S1", 20) | {"S2-T01": 3},
        ["S1", "S2-T01"],
    ),
    "most sections of a feeder are the feeder": (_each("S1", 12) | _each("S3", 9), ["F1"]),
    "a feeder and a home of another are no substation": (
        _each("S1", 12) | _each("S2", 12) | {"S9-T01": 1},
        ["F1"],
    ),
    "two feeders are the substation": (
        _each("S1", 12) | _each("S2", 12) | _each("S3", 9) | _each("S8", 9) | _each("S9", 9),
        ["SUB"],
    ),
    "half of a feeder's sections is not the feeder": (_each("S9", 20) | {"S8-T01": 1}, ["S9"]),
    "a feeder's only section is the section": (_each("S7", 12), ["S7"]),
    "one section of each feeder is not the substation": (
        _each("S1", 12) | _each("S9", 2),
        ["S1"],
    ),
}


@pytest.mark.parametrize(("reports", "wanted"), CASES.values(), ids=CASES)
def test_reports_point_at_the_lowest_device_that_explains_them(
    reports: dict[str, int], wanted: list[str]
) -> None:
    assert _named(reports) == wanted


def test_a_transformer_of_two_homes_is_dark_when_both_say_so_and_one_home_never_is() -> None:
    both = _named({"S1-T01": 2}, standing=2)
    alone = _named({"S1-T01": 1}, standing=1)

    assert both == ["S1-T01"]
    assert alone == []


def test_two_homes_are_too_few_for_a_section_of_two_transformers() -> None:
    def small(homes: int) -> list[str]:
        reports = {"S1-T01": 1, "S1-T02": homes - 1}
        network = _network(reports)
        return [
            each.node
            for each in suspicion.suspected(
                replace(network, transformers={**network.transformers, "S1": 2})
            )
        ]

    assert small(2) == []
    assert small(3) == ["S1"]


def test_a_suspicion_says_how_much_speaks_for_it() -> None:
    found = suspicion.suspected(_network(_each("S1", 20, premises=2)))

    assert found == [Suspected(node="S1", premises=40, transformers=20)]


@given(st.permutations(sorted(_each("S1", 20))))
@settings(max_examples=25, deadline=None)
def test_twenty_dark_transformers_are_one_suspicion_in_whatever_order_they_speak(
    order: list[str],
) -> None:
    above = {"S1": ["F1", "SUB"], "F1": ["SUB"], "SUB": []}
    stands: dict[int, str] = {}
    heard: dict[str, int] = {}
    for ref in order:
        heard[ref] = 3
        found = suspicion.suspected(_network(heard))
        feeding = {each.node: above.get(each.node, ["S1", "F1", "SUB"]) for each in found}
        known = [
            Standing(id=number, node=node, above=tuple(above.get(node, ["S1", "F1", "SUB"])))
            for number, node in stands.items()
        ]
        step = moves(found, known, feeding)
        for gone, _into in step.merged:
            del stands[gone]
        for one in step.opened:
            stands[len(heard) * 100 + len(stands)] = one.node

    assert list(stands.values()) == ["S1"]


def test_a_suspicion_above_takes_in_what_speaks_below_it() -> None:
    wanted = [Suspected(node="S1-T01", premises=3, transformers=1)]

    step = moves(wanted, [Standing(id=7, node="S1", above=("F1",))], {"S1-T01": ["S1", "F1"]})

    assert (step.opened, step.merged) == ((), ())
    assert step.covered == ((7, wanted[0]),)


def test_those_below_go_into_the_new_one_of_the_device_above() -> None:
    wanted = [Suspected(node="S1", premises=9, transformers=7)]
    below = [Standing(id=each, node=f"S1-T0{each}", above=("S1", "F1")) for each in (1, 2)]

    step = moves(wanted, below, {"S1": ["F1"]})

    assert step.opened == tuple(wanted)
    assert step.merged == ((1, "S1"), (2, "S1"))
