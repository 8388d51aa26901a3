"""A scope of refs as one SQL condition over tree order, locality and named premises."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, FromClause, Select, and_, false, not_, or_, select

from outreach.model.occasion import Occasion, Revision, Scope
from outreach.store import tables as t
from outreach.store.session import Session

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One side of a scope, resolved against today's network."""

    spans: tuple[Span, ...] = ()
    localities: tuple[str, ...] = ()
    named: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.spans or self.localities or self.named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What is still out at a revision: the scope less its restored part."""

    occasion: int
    version: int
    out: Part
    back: Part

    def covers(self, table: FromClause) -> ColumnElement[bool]:
        """True for rows still out; `table` has tree_order, locality, and premise_id (or is premise)."""
        out = self._side(table, self.out, restored=False)
        if self.back.is_empty:
            return out
        return and_(out, not_(self._side(table, self.back, restored=True)))

    def _side(self, table: FromClause, part: Part, *, restored: bool) -> ColumnElement[bool]:
        premise_id = table.c.premise_id if "premise_id" in table.c else table.c.id
        either: list[ColumnElement[bool]] = [
            table.c.tree_order.between(low, high) for low, high in part.spans
        ]
        if part.localities:
            either.append(table.c.locality.in_(part.localities))
        if part.named:
            either.append(premise_id.in_(self._named(restored=restored)))
        return or_(*either) if either else false()

    def _named(self, *, restored: bool) -> Select[tuple[int]]:
        return select(t.scope_premise.c.premise_id).where(
            t.scope_premise.c.occasion_id == self.occasion,
            t.scope_premise.c.version == self.version,
            t.scope_premise.c.restored.is_(restored),
        )


def remaining(session: Session, occasion: Occasion, revision: Revision | None = None) -> Remaining:
    """Resolves a revision's scope (default: the newest); a closed occasion leaves nothing out."""
    chosen = revision or occasion.revision
    out = resolve(session, chosen.scope) if chosen.state.is_open else Part()
    return Remaining(
        occasion=occasion.id,
        version=chosen.version,
        out=out,
        back=resolve(session, chosen.restored),
    )


def whole(session: Session, occasion: Occasion, revision: Revision) -> Remaining:
    """Everything the revision ever named, restored or not, open or not."""
    return Remaining(
        occasion=occasion.id,
        version=revision.version,
        out=resolve(session, revision.scope),
        back=Part(),
    )


def resolve(session: Session, scope: Scope) -> Part:
    """Spans of the nodes in today's tree; unknown nodes touch nobody."""
    return Part(
        spans=spans(session, scope.nodes), localities=scope.localities, named=bool(scope.premises)
    )


def spans(session: Session, refs: tuple[str, ...]) -> tuple[Span, ...]:
    """[first, last] tree order under each node, nested ones swallowed, in order."""
    if not refs:
        return ()
    node = t.network_node
    found = session.execute(
        select(node.c.tree_order, node.c.tree_last)
        .where(node.c.ref.in_(refs))
        .order_by(node.c.tree_order)
    )
    kept: list[Span] = []
    for low, high in found:
        if not kept or low > kept[-1][1]:
            kept.append((low, high))
    return tuple(kept)
