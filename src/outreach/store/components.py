"""Who belongs together, for millions: union-find in flat arrays, and the first account of each component."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator


class Components:
    """Customers and what joins them; about 12 bytes each.

    Ids that were not given at the start (closed customers) are passed over.
    """

    def __init__(self, ids: Iterable[int]) -> None:
        """`ids` ascend."""
        self._ids = array("I", ids)
        self._leaders = array("i", range(len(self._ids)))
        self._first = array("I", bytes(4 * len(self._ids)))

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def join(self, one: int, other: int) -> None:
        """From now on the two belong together."""
        places = self._place(one), self._place(other)
        if places[0] is None or places[1] is None:
            return
        first, second = self._leader(places[0]), self._leader(places[1])
        self._leaders[max(first, second)] = min(first, second)

    def offer(self, id_: int, account: int) -> None:
        """An open account of this customer, lowest first; call it when all that joins is joined."""
        place = self._place(id_)
        if place is None:
            return
        leader = self._leader(place)
        self._first[leader] = self._first[leader] or account

    def first(self, id_: int) -> int:
        """The account that was offered first in this customer's component; 0 if it has none."""
        place = self._place(id_)
        return 0 if place is None else self._first[self._leader(place)]

    def slices(self, size: int) -> Iterator[tuple[int, int]]:
        """(first, last) ids of as many customers each."""
        for begin in range(0, len(self._ids), size):
            yield self._ids[begin], self._ids[min(begin + size, len(self._ids)) - 1]

    def _place(self, id_: int) -> int | None:
        guess = id_ - self._ids[0] if self._ids else 0  # right where no id below is missing
        if 0 <= guess < len(self._ids) and self._ids[guess] == id_:
            return guess
        place = bisect_left(self._ids, id_)
        return place if place < len(self._ids) and self._ids[place] == id_ else None

    def _leader(self, place: int) -> int:
        leaders = self._leaders
        while leaders[place] != place:
            leaders[place] = leaders[leaders[place]]  # halving keeps the paths short
            place = leaders[place]
        return place
