"""Which device a burst of reports points at: the lowest one that explains them, never one suspicion a transformer.

| step                | rule                                                                              |
|---------------------|-----------------------------------------------------------------------------------|
| a transformer       | reports of `premises` of its premises, or of all where it has fewer; never of one |
| a device above      | as many premises, from `share` of its transformers, through two or more of its    |
|                     | children or one that is dark; most of its children that are devices are dark      |
| which of them       | from the substation down: the first that is dark by these rules, unless all its   |
|                     | reports come through one child: then that one                                     |

One home speaks for its transformer once two transformers speak, since a fuse of one's own does not
trip next door. The share keeps a few scattered homes from darkening a feeder; most of the devices
below it, because sections of a feeder that stay silent have supply. Numbers: `Rule`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from outreach.model.record import NetworkNode

_TRANSFORMER = "transformer"
_FEWEST = 2
"""One home alone is its own breaker until a neighbour says the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """From how many reports on something is suspected."""

    premises: int = 3
    share: float = 1 / 3
    """Of a device's transformers that must report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What reports and the record say of one node itself, not of what it feeds."""

    reporting: int
    """Distinct premises that stand right there and report."""
    standing: int
    """Open premises that stand right there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspected:
    """A device that may be dark, and how much speaks for it."""

    node: str
    premises: int
    transformers: int


@dataclass(frozen=True, kw_only=True)
class Network:
    """The part of the tree above the reports.

    `nodes`: where reports stand, all that feeds them, and of these every child that is a device
    and not a transformer. `transformers`: under each node, itself included, by ref.
    """

    nodes: Sequence[NetworkNode]
    transformers: Mapping[str, int]
    reported: Mapping[str, Counted]
    rule: Rule = field(default_factory=Rule)

    @cached_property
    def children(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for node in self.nodes:
            if node.parent:
                found[node.parent].append(node.ref)
        return found

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        return {node.ref: node.kind for node in self.nodes}

    @cached_property
    def roots(self) -> list[str]:
        return sorted(node.ref for node in self.nodes if node.parent not in self.kinds)

    @cached_property
    def sums(self) -> Mapping[str, Suspected]:
        """Premises and transformers that report at or under each node."""
        found: dict[str, Suspected] = {}
        for ref in self._lowest_first():
            below = [found[child] for child in self.children.get(ref, ())]
            own = self.reported.get(ref)
            here = own.reporting if own else 0
            found[ref] = Suspected(
                node=ref,
                premises=here + sum(each.premises for each in below),
                transformers=(here > 0) + sum(each.transformers for each in below),
            )
        return found

    @cached_property
    def dark(self) -> frozenset[str]:
        """Nodes that the rule calls dark."""
        found: set[str] = set()
        for ref in self._lowest_first():
            if self._is_dark(ref, found):
                found.add(ref)
        return frozenset(found)

    def speaking(self, ref: str) -> list[str]:
        """Children through which reports come; the node itself if premises stand right at it."""
        below = [each for each in self.children.get(ref, ()) if self.sums[each].premises]
        own = self.reported.get(ref)
        return [*below, ref] if below and own and own.reporting else below

    def _is_dark(self, ref: str, below: set[str]) -> bool:
        speaking = self.speaking(ref)
        if not speaking:
            return self._is_dark_itself(ref)
        told, rule = self.sums[ref], self.rule
        devices = [each for each in self.children[ref] if self._is_device(each)]
        return (
            (len(speaking) >= _FEWEST or speaking[0] in below)
            and told.premises >= rule.premises
            and told.transformers >= rule.share * self.transformers.get(ref, 0)
            and (not devices or 2 * sum(each in below for each in devices) > len(devices))
        )

    def _is_dark_itself(self, ref: str) -> bool:
        own = self.reported.get(ref)
        if own is None:
            return False
        return own.reporting >= max(_FEWEST, min(self.rule.premises, own.standing))

    def _is_device(self, ref: str) -> bool:
        return self.kinds[ref] != _TRANSFORMER and self.transformers.get(ref, 0) > 0

    def _lowest_first(self) -> list[str]:
        """Every node after all that it feeds."""
        found: list[str] = []
        ahead = list(self.roots)
        while ahead:
            ref = ahead.pop()
            found.append(ref)
            ahead += self.children.get(ref, ())
        return found[::-1]


def suspected(network: Network) -> list[Suspected]:
    """The devices that explain the reports, by ref; reports that reach no device point at none yet."""
    found: list[Suspected] = []
    ahead = list(network.roots)
    while ahead:
        ref = ahead.pop()
        speaking = network.speaking(ref)
        if ref in network.dark and len(speaking) != 1:
            found.append(network.sums[ref])
        else:
            ahead += (each for each in speaking if each != ref)
    return sorted(found, key=lambda each: each.node)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A suspicion that stands, and what feeds its device, nearest first."""

    id: int
    node: str
    above: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """What makes the suspicions that stand into those that should."""

    opened: tuple[Suspected, ...] = ()
    covered: tuple[tuple[int, Suspected], ...] = ()
    """It stands at this device already, or above: one that reports reached never shrinks by itself."""
    merged: tuple[tuple[int, str], ...] = ()
    """A suspicion of a device below goes into the one of this device."""


def moves(
    wanted: Iterable[Suspected], standing: Sequence[Standing], above: Mapping[str, Sequence[str]]
) -> Moves:
    """One suspicion a device, none under another; `above`: what feeds each wanted device.

    A suspicion that must move up ends in a new one: it carries the name of the device that people look for.
    """
    at = {each.node: each.id for each in standing}
    opened: list[Suspected] = []
    covered: list[tuple[int, Suspected]] = []
    merged: list[tuple[int, str]] = []
    for one in wanted:
        holder = next((at[ref] for ref in (one.node, *above.get(one.node, ())) if ref in at), None)
        if holder is None:
            opened.append(one)
        else:
            covered.append((holder, one))
        merged += ((each.id, one.node) for each in standing if one.node in each.above)
    return Moves(opened=tuple(opened), covered=tuple(covered), merged=tuple(merged))
