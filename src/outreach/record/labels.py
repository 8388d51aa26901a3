"""Labels of the tree with gaps between them: what moves is numbered anew, all else keeps its numbers.

Every node holds two labels, [order, last]; whatever is fed through it lies strictly between them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from outreach.record.forest import Parents

STRIDE = 1 << 32
"""Between two labels at the first numbering."""
LIMIT = 1 << 62
"""No label lies above; beyond it everything is numbered anew."""

Labelled = tuple[str, str | None, int, int]
"""(ref, parent, order, last)"""
Span = tuple[int, int]
_order = itemgetter(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One node with everything under it, at its new place; parents before children."""

    top: str
    """Empty: everything is numbered anew."""
    rows: tuple[Labelled, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What has to be written so that the labels say the new forest."""

    moves: tuple[Move, ...] = ()
    """Each can be applied alone: what its top hangs on is in place, its labels are free."""
    vanished: tuple[str, ...] = ()


def plan(
    stored: Sequence[Labelled], parents: Parents, *, stride: int = STRIDE, limit: int = LIMIT
) -> Plan:
    """From the labels as they stand (in their order) to the forest as it is to be.

    A node moves when its parent changed or its label does not lie where its stored parent says
    (a move that broke off). Where there is no room under the new parent, the smallest ancestor
    with room beside it moves instead. Damaged labels are all given anew.
    """
    vanished = tuple(row[0] for row in stored if row[0] not in parents)
    moved = _changed(stored, parents)
    if moved is None:
        return Plan(moves=(_everything(parents, stride),), vanished=vanished)
    if not moved:
        return Plan(vanished=vanished)
    moves = _Layout(stored, parents, stride).moves(moved)
    if moves and max(move.rows[0][3] for move in moves) > limit:
        moves = [_everything(parents, stride)]
    return Plan(moves=tuple(moves), vanished=vanished)


def _changed(stored: Sequence[Labelled], parents: Parents) -> dict[str, None] | None:
    """What hangs elsewhere, is new, or does not lie inside its stored parent; None: spans cross or repeat."""
    changed: dict[str, None] = {}
    around: list[str | None] = [None]
    ends = [1 << 63]
    before = -1
    for ref, parent, order, last in stored:
        while ends[-1] < order:
            ends.pop()
            around.pop()
        if order <= before or last < order or last > ends[-1]:
            return None
        if around[-1] != parent or parents.get(ref, ref) != parent:
            changed[ref] = None
        around.append(ref)
        ends.append(last)
        before = order
    known = {row[0] for row in stored}
    new = dict.fromkeys(ref for ref in parents if ref not in known)
    return {ref: None for ref in changed if ref in parents} | new


def _children(parents: Parents) -> dict[str | None, list[str]]:
    children: dict[str | None, list[str]] = {}
    for ref, parent in parents.items():
        children.setdefault(parent, []).append(ref)
    return children


def _laid(
    top: str, children: dict[str | None, list[str]], parents: Parents, label: int, step: int
) -> tuple[list[Labelled], int]:
    """Rows of one subtree, a `step` apart after `label`, and the last label given.

    Without recursion: feeders can be thousands of nodes long.
    """
    orders: dict[str, int] = {}
    lasts: dict[str, int] = {}
    waiting = [(top, False)]
    while waiting:
        ref, is_left = waiting.pop()
        label += step
        if is_left:
            lasts[ref] = label
            continue
        orders[ref] = label
        waiting.append((ref, True))
        waiting += [(child, False) for child in reversed(children.get(ref, ()))]
    return [(ref, parents[ref], order, lasts[ref]) for ref, order in orders.items()], label


def _everything(parents: Parents, stride: int) -> Move:
    children, rows, label = _children(parents), list[Labelled](), 0
    for root in children.get(None, ()):
        laid, label = _laid(root, children, parents, label, stride)
        rows += laid
    return Move(top="", rows=tuple(rows))


class _Layout:
    """Finds room for what moves. Labels that are given up are free only for the next plan, so that
    each move can be written alone and in any order."""

    def __init__(
        self,
        stored: Sequence[Labelled],
        parents: Parents,
        stride: int,
    ) -> None:
        self.stored, self.parents, self.stride = stored, parents, stride
        self.old = {row[0]: row for row in stored}
        self.children = _children(parents)
        self.sizes: dict[str, int] = {}

    def moves(self, moved: dict[str, None]) -> list[Move]:
        """The moves, outermost tops only."""
        groups = self._by_parent(moved)
        while crowded := self._crowded(groups):
            moved |= dict.fromkeys(map(self._roomy, crowded))
            groups = self._by_parent(moved)
        moves = [move for parent, tops in groups.items() for move in self._lay(parent, tops)]
        # What lay deepest goes first, so that nothing is left behind by what moves away above it.
        return sorted(moves, key=lambda move: -self.old[move.top][2] if move.top in self.old else 0)

    def _by_parent(self, moved: dict[str, None]) -> dict[str | None, list[str]]:
        """Those that lie under no other of them, by what they are to hang on."""
        groups: dict[str | None, list[str]] = {}
        clear: set[str | None] = {None}
        for ref in moved:
            passed, above = [], self.parents[ref]
            while above not in clear and above not in moved:
                passed.append(above)
                above = self.parents[above or ""]
            if above in clear:
                clear.update(passed)
                groups.setdefault(self.parents[ref], []).append(ref)
        return groups

    def _crowded(self, groups: dict[str | None, list[str]]) -> list[str]:
        return [
            parent
            for parent, tops in groups.items()
            if parent is not None and not self._has_room(parent, tops)
        ]

    def _roomy(self, ref: str) -> str:
        """The nearest, from this node upward, that fits beside its siblings; a root always does."""
        while (parent := self.parents[ref]) is not None and not self._has_room(parent, [ref]):
            ref = parent
        return ref

    def _has_room(self, parent: str, tops: Iterable[str]) -> bool:
        return self._gap(parent)[1] >= self._labels(tops)

    def _labels(self, tops: Iterable[str]) -> int:
        return 2 * sum(map(self._size, tops))

    def _size(self, top: str) -> int:
        """How many nodes a subtree has."""
        if top not in self.sizes:
            total, waiting = 0, [top]
            while waiting:
                ref = waiting.pop()
                total += self.sizes.get(ref, 1)
                waiting += () if ref in self.sizes else self.children.get(ref, ())
            self.sizes[top] = total
        return self.sizes[top]

    def _gap(self, parent: str) -> Span:
        """The widest free stretch under the parent: the label before it, and how many it holds."""
        _ref, _parent, before, end = self.old[parent]
        best = (before, 0)
        for order, last in [*self._inside(before, end), (end, end)]:
            if order - before - 1 > best[1]:
                best = (before, order - before - 1)
            before = last
        return best

    def _inside(self, low: int, high: int) -> Iterable[Span]:
        """The outermost spans after the label `low` and up to `high`."""
        while True:
            place = bisect_right(self.stored, low, key=_order)
            if place == len(self.stored) or self.stored[place][2] > high:
                return
            yield self.stored[place][2:]
            low = self.stored[place][3]

    def _lay(self, parent: str | None, tops: list[str]) -> Iterable[Move]:
        if parent is None:
            label, step = max((row[3] for row in self.stored), default=0), self.stride
        else:
            needed = self._labels(tops)
            label, free = self._gap(parent)
            # Half of the stretch stays free for those who come after.
            step = (free // 2 if free // 2 >= needed else free) // needed
        for top in tops:
            rows, label = _laid(top, self.children, self.parents, label, step)
            yield Move(top=top, rows=tuple(rows))
