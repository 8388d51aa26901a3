"""The words of a file's cells: folded once, looked up ever after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping as Dictionary, Sequence
from datetime import date, datetime
from functools import lru_cache

from outreach.record.cells import Row

_REMEMBERED = 10_000


def fold(word: str) -> str:
    """How words of a file are compared: trimmed, in any case."""
    return word.strip().casefold()


@lru_cache(maxsize=20_000)  # strptime costs 10 µs, and the same days come again and again
def parsed_day(text: str, formats: tuple[str, ...]) -> date | None:
    """The day by the first format that fits; None if none does."""
    for form in formats:
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007  a day has no zone
        except ValueError:
            continue
    return None


class Words(dict[str, str]):
    """Cell as written -> meaning, in any case and with blanks around it; unknown words mean `default`."""

    def __init__(self, meanings: Dictionary[str, str], default: str = "") -> None:
        super().__init__()
        self._meanings = {fold(word): meaning for word, meaning in meanings.items()}
        self._default = default

    @classmethod
    def one_of(cls, words: Iterable[str]) -> Words:
        """Words that all mean yes."""
        return cls(dict.fromkeys(words, "yes"))

    def __missing__(self, cell: str) -> str:
        meaning = self._meanings.get(fold(cell), self._default)
        if len(self) < _REMEMBERED:
            self[cell] = meaning
        return meaning


class Cells:
    """Finds the trimmed cells of a row by the names of the mapping; a column left out is empty."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._places = {name: place for place, name in enumerate(columns)}

    def place(self, column: str) -> int:
        """Where the column stands; -1 for one that the mapping leaves out."""
        return self._places[column] if column else -1

    def places(self, columns: Iterable[str]) -> tuple[int, ...]:
        return tuple(self._places[column] for column in columns)


def trimmed(row: Row) -> list[str]:
    """All cells of a row, trimmed, and an empty one at the place of columns that are left out."""
    return [*map(str.strip, row.fields), ""]


def cell(row: Row, place: int) -> str:
    """The trimmed cell of a place."""
    return row.fields[place].strip() if place >= 0 else ""
