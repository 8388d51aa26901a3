"""Finds the few truths that touch a caller among the hundreds of a storm, in a bisection."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence

from outreach.contactcenter.answer import Caller
from outreach.model.contactcenter import CallerPremise, LiveTruth


class Lookup:
    """An index over live truths: by tree order, locality, postal code, premise, and the large ones."""

    def __init__(self, live: Sequence[LiveTruth], *, large_from: int) -> None:
        self.live = tuple(live)
        self._large = tuple(each for each in self.live if each.customers >= large_from)
        self._areas: dict[str, list[LiveTruth]] = defaultdict(list)
        self._localities: dict[str, list[int]] = defaultdict(list)
        self._codes: dict[str, list[int]] = defaultdict(list)
        self._premises: dict[int, list[int]] = defaultdict(list)
        self._edges, self._between = _segments(self.live)
        for number, each in enumerate(self.live):
            for area in each.areas:
                self._areas[area.casefold()].append(each)
            for locality in each.scope.localities:
                self._localities[locality].append(number)
            for code in each.scope.postal_codes - {""}:
                self._codes[code].append(number)
            for premise in each.scope.premise_ids:
                self._premises[premise].append(number)

    def candidates(self, caller: Caller) -> Sequence[LiveTruth]:
        """At least every truth that `answer.decide` would find for this caller."""
        if caller.premises:
            return [self.live[number] for number in sorted(self._touching(caller.premises))]
        if caller.locality:
            return self._areas.get(caller.locality.casefold(), ())
        return self._large

    def standing_of(self, caller: Caller) -> tuple[object, ...] | None:
        """Equal for callers who hear the same while these truths hold; None where it takes a look.

        Names neither the caller nor the supply: what touches it, where it is, how it is spoken to.
        """
        if len(caller.premises) != 1:
            return None
        (supply,) = caller.premises
        found = self._touching(caller.premises)
        touching = [(n, self.live[n].back.covers(supply)) for n in sorted(found)] if found else ()
        spoken = (caller.match, caller.locale, supply.locality, supply.zone)
        return (*touching, spoken, supply.priority, supply.customer_type, supply.takes_sms)

    def knows(self, locality: str) -> bool:
        """Whether some truth touches a locality of this name."""
        return locality.casefold() in self._areas

    def _touching(self, premises: Sequence[CallerPremise]) -> set[int]:
        found: set[int] = set()
        for premise in premises:
            place = bisect_right(self._edges, premise.tree_order) - 1
            if place >= 0:
                found.update(self._between[place])
            found.update(self._localities.get(premise.locality, ()))
            found.update(self._codes.get(premise.postal_code, ()))
            found.update(self._premises.get(premise.premise_id, ()))
        return found and {number for number in found if self._is_inside(number, premises)}

    def _is_inside(self, number: int, premises: Sequence[CallerPremise]) -> bool:
        """What is taken away from a scope stands in no index."""
        scope = self.live[number].scope
        return scope.less is None or any(scope.covers(premise) for premise in premises)


def _segments(live: Sequence[LiveTruth]) -> tuple[list[int], list[set[int]]]:
    """Edges in ascending order, and the truths that cover each stretch from one to the next."""
    spans = [(low, high, n) for n, each in enumerate(live) for low, high in each.scope.spans]
    edges = sorted({low for low, _high, _n in spans} | {high + 1 for _low, high, _n in spans})
    between: list[set[int]] = [set() for _ in edges]
    for low, high, number in spans:
        for place in range(bisect_left(edges, low), bisect_left(edges, high + 1)):
            between[place].add(number)
    return edges, between
