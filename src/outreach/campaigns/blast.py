"""How far a launch reaches, against the company's size and its own past: whoever sends more than usual says how many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

SHARE = 0.10
"""Of all customers: a wrong segment is mostly "everybody"."""
TIMES = 3
"""The largest of the newest launches."""
NEWEST = 20
LEAST = 100
"""Customers below which no launch is large: ten per cent of a village are one street."""


class Why(StrEnum):
    """What makes a launch unusually large."""

    SHARE = "share"
    HISTORY = "history"
    MOVED = "moved"
    """Not as many as it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blast:
    """An unusually large launch, in numbers to be shown."""

    why: Why
    customers: int
    """The number that a person types."""
    share: float
    """Of all customers, 0 to 1."""
    largest: int
    """Messages of the largest of the newest launches."""


def blast(customers: int, messages: int, *, everybody: int, recent: Sequence[int]) -> Blast | None:
    """None for a launch of a usual size.

    customers, messages: of this launch. everybody: customers of the record. recent: messages of the
    newest launches; without any, only the share counts.
    """
    if customers < LEAST:
        return None
    share = customers / everybody if everybody else 1.0
    largest = max(recent, default=0)
    if share > SHARE:
        return Blast(why=Why.SHARE, customers=customers, share=share, largest=largest)
    if recent and messages > TIMES * largest:
        return Blast(why=Why.HISTORY, customers=customers, share=share, largest=largest)
    return None


def typed(text: str) -> int | None:
    """A number as people write it: 18000, 18,000, 18.000 or 18 000; None if it is none."""
    digits = "".join(character for character in text if character not in " .,'\u00a0\u202f")
    return int(digits) if digits.isascii() and digits.isdigit() else None
