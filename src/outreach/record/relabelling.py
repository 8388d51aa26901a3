"""Writes a planned relabelling, a transaction for what fits in half a second, unless somebody was faster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from outreach.model.errors import GuardRefused
from outreach.record.labels import Labelled, Plan
from outreach.store import tree
from outreach.store.session import Database, Session

TRIES = 5
"""How often a change is planned anew because somebody else changed the network meanwhile."""

_FULL = 20_000
_PREMISES_EACH = 40
"""Supply points on one transformer, about: what moving it weighs, beside one node."""
_NEW = 4
"""What writing a new node weighs: 5,000 of them fill a transaction."""
_NEW_AT_ONCE = 5_000


class Outrun(Exception):
    """Somebody else changed the network since it was read; what was written so far is whole."""


@dataclass(kw_only=True)
class Relabelling:
    """One change of the network under way. The labels agree with the parents after every transaction."""

    database: Database
    stored: tree.Stored
    now: datetime
    named: dict[str, tuple[str, str]]
    """Node -> (kind, name), as they are to be."""
    premises: int = field(default=0, init=False)
    """Moved so far."""
    _seen: int = field(init=False)
    _old: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._seen = self.stored.counter
        self._old = {row[0]: row[2] for row in self.stored.labels}

    def write(self, *changes: Callable[[Session], int | None]) -> None:
        """One transaction; each change says how many premises it moved, or None.

        Outrun if the network is not as it was read.
        """
        with self.database.write() as session:
            if not tree.claim(session, self._seen, now=self.now):
                raise Outrun
            moved = sum(change(session) or 0 for change in changes)
        self.premises += moved
        self._seen += 1

    def move(self, plan: Plan, *first: Callable[[Session], int | None]) -> None:
        """Writes the moves; `first` in the same transaction as the first of them."""
        for batch in self._batches(plan):
            self.write(*first, partial(self.relabel, rows=batch))
            first = ()
        if first:
            self.write(*first)

    def relabel(self, session: Session, rows: Sequence[Labelled]) -> int:
        """Nodes at these places, and what stands on them, within a transaction; premises moved."""
        places = [(self._old[row[0]], row[2]) for row in rows if row[0] in self._old]
        moved = {old: new for old, new in places if old != new}
        if moved and tree.is_freezing(session):
            raise GuardRefused(
                "an audience is being written just now, and goes by the network; try again in some seconds"
            )
        return tree.relabel(session, [self._row(row) for row in rows], moved)

    def _row(self, row: Labelled) -> dict[str, Any]:
        ref, parent, order, last = row
        kind, name = self.named[ref]
        return {
            "ref": ref,
            "kind": kind,
            "name": name,
            "parent_ref": parent,
            "tree_order": order,
            "tree_last": last,
        }

    def _batches(self, plan: Plan) -> Iterator[list[Labelled]]:
        """Pieces that are consistent each, filled up to what one transaction takes."""
        batch: list[Labelled] = []
        weight = 0
        for piece in self._pieces(plan):
            heavy = sum(map(self._weight, piece))
            if batch and weight + heavy > _FULL:
                yield batch
                batch, weight = [], 0
            batch += piece
            weight += heavy
        if batch:
            yield batch

    def _pieces(self, plan: Plan) -> Iterator[Sequence[Labelled]]:
        for move in plan.moves:
            if any(row[0] in self._old for row in move.rows):
                yield move.rows
            else:  # nothing stands on new nodes yet
                yield from tree.sliced(move.rows, _NEW_AT_ONCE)

    def _weight(self, row: Labelled) -> int:
        if row[0] not in self._old:
            return _NEW
        return _PREMISES_EACH if self.named[row[0]][0] == "transformer" else 1
