"""One contact that came in, and how several records of it become one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class ContactKind(StrEnum):
    """How somebody came to us; only calls count for the estimator."""

    CALL = "call"
    CHAT = "chat"
    MESSAGE = "message"
    CLICK = "click"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """One arrival, as far as it is known; None or "" where no record has told it yet.

    Callers are a keyed hash only. Equal times decide nothing: of two records of one instant the one
    seen first stands.
    """

    call_id: str
    at: datetime
    """UTC; the earliest moment that any record of this contact names."""
    address_hash: bytes | None
    """None: withheld, unreadable, or not told yet."""
    dnis: str = ""
    """The dialled number as digits."""
    queue: str = ""
    """The first queue that it came to."""
    contained: bool | None = None
    """Ended without ever reaching a queue of agents."""
    abandoned: bool | None = None
    """The caller left before anybody answered."""
    wait_s: int | None = None
    talk_s: int | None = None
    source: str = "file"
    kind: str | None = None
    wrap_up: str = ""
    told: tuple[tuple[str, datetime], ...] = ()
    """Facts that a record later than `at` told, with its time, by name."""


FACTS = (
    "address_hash", "dnis", "queue", "wait_s", "talk_s", "kind", "wrap_up", "contained", "abandoned",
)  # fmt: skip
"""In the order of the bits of `known_to`."""
_FIRST = ("address_hash", "dnis", "queue", "wait_s", "talk_s", "kind")
_LAST = ("wrap_up",)


def known_to(row: CallRow) -> int:
    """Which facts are known, a bit each in the order of FACTS; records only ever add bits."""
    return (
        (row.address_hash is not None)
        | (row.dnis != "") << 1
        | (row.queue != "") << 2
        | (row.wait_s is not None) << 3
        | (row.talk_s is not None) << 4
        | (row.kind is not None) << 5
        | (row.wrap_up != "") << 6
        | (row.contained is not None) << 7
        | (row.abandoned is not None) << 8
    )


def merged(stored: CallRow, other: CallRow) -> CallRow:
    """Both records of one contact as one.

    Each fact is what the earliest record says that knows it, the wrap-up what the latest says; a
    contact that reached a queue was not contained, one that was answered not abandoned. So neither
    order nor repetition of records with different times changes the result.
    """
    if stored == other:
        return stored
    at = min(stored.at, other.at)
    when, other_when = dict(stored.told), dict(other.told)
    facts: dict[str, object] = {}
    told: dict[str, datetime] = {}
    for fact in (*_FIRST, *_LAST):
        row, time = _teller(fact, (stored, when), (other, other_when))
        facts[fact] = getattr(row, fact)
        if time != at and facts[fact] not in _UNKNOWN:
            told[fact] = time
    return replace(
        stored,
        at=at,
        source=other.source if other.at < stored.at else stored.source,
        contained=_firm(stored.contained, other.contained),
        abandoned=_firm(stored.abandoned, other.abandoned),
        told=tuple(sorted(told.items())),
        **facts,  # type: ignore[arg-type]  # each fact under its own name
    )


_UNKNOWN = (None, "")
_Told = tuple[CallRow, Mapping[str, datetime]]


def _teller(fact: str, one: _Told, two: _Told) -> tuple[CallRow, datetime]:
    """Whose word stands, and when it was said."""
    (row, when), (other, other_when) = one, two
    mine, theirs = when.get(fact, row.at), other_when.get(fact, other.at)
    if getattr(other, fact) in _UNKNOWN:
        return row, mine
    if getattr(row, fact) in _UNKNOWN:
        return other, theirs
    is_other = theirs > mine if fact in _LAST else theirs < mine
    return (other, theirs) if is_other else (row, mine)


def _firm(one: bool | None, two: bool | None) -> bool | None:  # noqa: FBT001  three values, none a switch
    """A no has seen what refutes the yes."""
    if one is None or two is None:
        return two if one is None else one
    return one and two
