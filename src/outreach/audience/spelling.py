"""What was typed against what the record has: the same word spelled otherwise, and near ones."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from outreach.model.spelling import plain

MOST_SHOWN = 5
_ALIKE = 0.5


def code(text: str) -> str:
    """A postal code without what people put between its parts: `750-0000` is `7500000`."""
    return "".join(letter for letter in plain(text) if letter.isalnum())


def near(typed: str, known: Iterable[str]) -> tuple[str, ...]:
    """The record's own words nearest to what was typed, at most five, nearest first."""
    spelled: dict[str, str] = {}
    for one in known:
        spelled.setdefault(plain(one), one)
    alike = get_close_matches(plain(typed), spelled, n=MOST_SHOWN, cutoff=_ALIKE)
    return tuple(spelled[one] for one in alike)
