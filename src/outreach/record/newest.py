"""One record per key: the newest wins whole, and the losers are told apart."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

_KEPT = 100_000
"""Losers that are kept one by one; an export that repeats more of its rows gets their number only."""


class Read(NamedTuple):
    """One record as a rival for its key."""

    record: int
    day: date | None
    """A record without a day counts as the oldest."""
    digest: int
    """Of its content."""


@dataclass(frozen=True, slots=True)
class _Loser:
    key: str
    read: Read


def wins(later: Read, earlier: Read) -> bool:
    """Whether the later record replaces the earlier one: it does unless it is older by its day."""
    return (later.day or date.min) >= (earlier.day or date.min)


class Losers:
    """Records that lost to another of their key, in file order."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[_Loser] = []
        self._winners: dict[str, Read] = {}
        self._uncounted: Counter[str] = Counter()

    def lost(self, key: str, loser: Read, *, to: Read) -> None:
        """Notes a loser; why it lost is judged against the last winner of its key."""
        self.count += 1
        if len(self._kept) < _KEPT:
            self._kept.append(_Loser(key, loser))
            self._winners[key] = to
            return
        if key in self._winners:
            self._winners[key] = to
        self._uncounted[_reason(loser, to)] += 1

    def records(self) -> dict[str, tuple[int, ...]]:
        """`identical`, `same_date_earlier_row`, `older_date` -> record numbers, ascending."""
        found: dict[str, list[int]] = {}
        for loser in self._kept:
            reason = _reason(loser.read, self._winners[loser.key])
            found.setdefault(reason, []).append(loser.read.record)
        return {reason: tuple(sorted(records)) for reason, records in found.items()}

    def counts(self) -> dict[str, int]:
        """How many there are by reason, also of those whose record number is not kept."""
        kept = {reason: len(records) for reason, records in self.records().items()}
        return dict(Counter(kept) + self._uncounted)


def _reason(loser: Read, winner: Read) -> str:
    if loser.digest == winner.digest:
        return "identical"
    return "same_date_earlier_row" if loser.day == winner.day else "older_date"
