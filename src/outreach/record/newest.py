"""One record per key: the newest wins whole, and the losers are told apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from outreach.record.csv_file import Row


@dataclass(frozen=True, slots=True)
class _Loser:
    key: str
    record: int
    day: date
    content: int


class Newest:
    """Offered rows in file order, keeps one a key: latest day first, then the later record."""

    def __init__(self) -> None:
        self._best: dict[str, tuple[Row, date]] = {}
        self._lost: list[_Loser] = []

    def offer(self, key: str, row: Row, day: date | None) -> None:
        """A row without a day counts as the oldest."""
        day = day or date.min
        held = self._best.get(key)
        loser = (row, day)
        if held is None or day >= held[1]:
            self._best[key] = (row, day)
            if held is None:
                return
            loser = held
        lost, lost_day = loser
        self._lost.append(_Loser(key, lost.record, lost_day, hash(lost.fields)))

    def winners(self) -> dict[str, Row]:
        """Key -> row, in the order in which the keys were first seen."""
        return {key: row for key, (row, _day) in self._best.items()}

    def losers(self) -> dict[str, tuple[int, ...]]:
        """`identical`, `same_date_earlier_row`, `older_date` -> record numbers, ascending."""
        found: dict[str, list[int]] = {}
        for loser in self._lost:
            winner, day = self._best[loser.key]
            if loser.content == hash(winner.fields):
                reason = "identical"
            else:
                reason = "same_date_earlier_row" if loser.day == day else "older_date"
            found.setdefault(reason, []).append(loser.record)
        return {reason: tuple(sorted(records)) for reason, records in found.items()}
