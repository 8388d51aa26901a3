"""A scope of refs as one SQL condition over tree order, locality, postal code, area and premise."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Dialect,
    FromClause,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy.types import UserDefinedType

from outreach.model.occasion import Occasion, Revision, Scope
from outreach.model.words import LoadState
from outreach.store import bulk, tables as t
from outreach.store.session import Session

Span = tuple[int, int]

MOST_PLACES = 5_000
"""Tree orders that are looked up one by one; a scope that stands at more is read by a whole pass."""
_AT_ONCE = 500
_NESTED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One side of a scope, resolved against today's network."""

    spans: tuple[Span, ...] = ()
    localities: tuple[str, ...] = ()
    named: bool = False
    """Premises of the revision, as `scope_premise` holds them."""
    postal_codes: tuple[str, ...] = ()
    areas: tuple[int, ...] = ()
    """Ids of areas."""
    premise_ids: tuple[int, ...] = ()
    """Premises of a scope that belongs to no revision, or is taken away."""
    places: tuple[int, ...] | None = None
    """Tree orders at which the premises of the last four stand; None: not narrowed down."""
    less: Part | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.spans or self.localities or self.stands_apart)

    @property
    def stands_apart(self) -> bool:
        """Whether it holds premises that neither their place in the tree nor their locality tells."""
        return bool(self.named or self.postal_codes or self.areas or self.premise_ids)

    @property
    def only_spans(self) -> bool:
        """Whether it is nothing but spans of tree order, so that counts made beforehand add up."""
        return not (self.localities or self.stands_apart or self.less)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """What is still out at a revision: the scope less its restored part."""

    occasion: int
    version: int
    out: Part
    back: Part

    @property
    def only_spans(self) -> bool:
        """Whether all of it is spans of tree order and nothing is taken away."""
        return self.out.only_spans and self.back.is_empty

    @property
    def spans(self) -> tuple[Span, ...] | None:
        """All of it, in order, where it is nothing but spans of tree order; else None."""
        if not self.out.only_spans or not self.back.only_spans:
            return None
        return without(self.out.spans, self.back.spans)

    def covers(self, table: FromClause) -> ColumnElement[bool]:
        """True for rows still out; `table` has tree_order, locality, and premise_id (or is premise)."""
        return self._side(table, self.out, restored=False, back=self.back)

    def _side(
        self, table: FromClause, part: Part, *, restored: bool, back: Part | None = None
    ) -> ColumnElement[bool]:
        """A part without its `less`, and without `back`.

        Spans are taken out of spans here: a storm brings back hundreds of streets one by one, and the
        database would hold each row of a substation against every one of them.
        """
        spans, by_spans = part.spans, not (part.localities or part.stands_apart)
        gone: list[tuple[Part, bool]] = []
        for taken, of in ((part.less, restored), (back, True)):
            if taken is None or taken.is_empty:
                continue
            if taken.less is None:
                spans = without(spans, taken.spans)
            is_taken = taken.less is None and by_spans
            gone.append((replace(taken, spans=()) if is_taken else taken, of))
        either = _inside(table, spans)
        if part.localities:
            either.append(table.c.locality.in_(part.localities))
        if part.stands_apart:
            either.append(self._apart(table, part, restored=restored))
        held = or_(*either) if either else false()
        outside = [
            not_(self._side(table, taken, restored=of)) for taken, of in gone if not taken.is_empty
        ]
        return and_(held, *outside) if outside else held

    def _apart(self, table: FromClause, part: Part, *, restored: bool) -> ColumnElement[bool]:
        """By premise; the places come first, for reach has no index by premise, nor needs one."""
        premise_id = table.c.premise_id if "premise_id" in table.c else table.c.id
        wanted = _premises(part)
        if part.named:
            wanted.append(self._named(restored=restored))
        inside = or_(*(premise_id.in_(each) for each in wanted))
        if part.places is None:
            return inside
        if not part.places:
            return false()
        return and_(table.c.tree_order.in_(_written("places", part.places)), inside)

    def _named(self, *, restored: bool) -> Select[tuple[int]]:
        return _named_in(self.occasion, self.version, restored=restored)


def remaining(session: Session, occasion: Occasion, revision: Revision | None = None) -> Remaining:
    """Resolves a revision's scope (default: the newest); a closed occasion leaves nothing out."""
    chosen = revision or occasion.revision
    back = _of_revision(session, occasion, chosen, restored=True)
    out = (
        _of_revision(session, occasion, chosen, restored=False) if chosen.state.is_open else Part()
    )
    return Remaining(occasion=occasion.id, version=chosen.version, out=out, back=back)


def whole(session: Session, occasion: Occasion, revision: Revision) -> Remaining:
    """Everything the revision ever named, restored or not, open or not."""
    out = _of_revision(session, occasion, revision, restored=False)
    return Remaining(occasion=occasion.id, version=revision.version, out=out, back=Part())


def typed(session: Session, scope: Scope) -> Remaining:
    """A scope that belongs to no occasion, resolved against today's network."""
    return Remaining(occasion=0, version=0, out=resolve(session, scope), back=Part())


def resolve(session: Session, scope: Scope, *, named: Select[tuple[int]] | None = None) -> Part:
    """The scope against today's network and record; what is unknown touches nobody.

    `named` selects the ids of its premises where a table holds them already; else they are looked
    up by ref and become part of the statement.
    """
    by_table = named is not None and bool(scope.premises)
    part = Part(
        spans=spans(session, scope.nodes),
        localities=scope.localities,
        named=by_table,
        postal_codes=scope.postal_codes,
        areas=area_ids(session, scope.areas),
        premise_ids=() if by_table else premise_ids(session, scope.premises),
        less=resolve(session, scope.less) if scope.less and not scope.less.is_empty else None,
    )
    return _narrowed(session, part, named) if part.stands_apart else part


def _of_revision(
    session: Session, occasion: Occasion, revision: Revision, *, restored: bool
) -> Part:
    scope = revision.restored if restored else revision.scope
    if scope.is_empty:
        return Part()
    named = None
    if scope.premises:
        named = _named_in(occasion.id, revision.version, restored=restored)
    return resolve(session, scope, named=named)


def _narrowed(session: Session, part: Part, named: Select[tuple[int]] | None) -> Part:
    """With the places of its premises; without them while a load moves premises under our feet.

    Reach then stands still until the load is done, where premise has moved on already.
    """
    merging = exists().where(t.record_load.c.state == LoadState.MERGING)
    if session.execute(select(merging)).scalar_one():
        return part
    wanted = [*_premises(part), *([named] if part.named and named is not None else [])]
    inside = or_(*(t.premise.c.id.in_(each) for each in wanted))
    found = select(t.premise.c.tree_order).where(inside).distinct().limit(MOST_PLACES + 1)
    places = tuple(sorted(session.scalars(found)))
    if len(places) > MOST_PLACES:
        return part
    return replace(part, places=places)


def _premises(part: Part) -> list[Any]:
    """What selects the ids of premises, each kind by its own index."""
    wanted: list[Any] = []
    if part.postal_codes:
        wanted.append(select(t.premise.c.id).where(t.premise.c.postal_code.in_(part.postal_codes)))
    if part.areas:
        inside = t.area_premise.c
        wanted.append(select(inside.premise_id).where(inside.area_id.in_(part.areas)))
    if part.premise_ids:
        wanted.append(_written("premise_ids", part.premise_ids))
    return wanted


def _written(name: str, numbers: Sequence[int]) -> BindParameter[int]:
    """Numbers as part of the statement: thousands of parameters are more than a database takes."""
    return bindparam(name, numbers, expanding=True, literal_execute=True, unique=True)


def _named_in(occasion: int, version: int, *, restored: bool) -> Select[tuple[int]]:
    named = t.scope_premise.c
    return select(named.premise_id).where(
        named.occasion_id == occasion,
        named.version == version,
        named.restored.is_(restored),
    )


def spans(session: Session, refs: tuple[str, ...]) -> tuple[Span, ...]:
    """[first, last] tree order under each node, nested ones swallowed, in order."""
    if not refs:
        return ()
    kept: list[Span] = []
    dialect = session.get_bind().dialect.name
    for low, high in session.execute(_under(dialect), {"refs": bulk.numbers(refs, dialect)}):
        if not kept or low > kept[-1][1]:
            kept.append((low, high))
    return tuple(kept)


def holds(session: Session, scope: Scope, other: Scope) -> bool:
    """Whether a scope surely holds all of another, in today's network; only nodes can tell."""
    if scope == other:
        return True
    if Scope(nodes=scope.nodes) != scope or Scope(nodes=other.nodes) != other:
        return False
    return not without(spans(session, other.nodes), spans(session, scope.nodes))


@cache
def _under(dialect: str) -> Select[Any]:
    node = t.network_node.c
    return (
        select(node.tree_order, node.tree_last)
        .where(bulk.one_of(node.ref, "refs", dialect))
        .order_by(node.tree_order, node.tree_last.desc())
    )


@cache
def _under_each(dialect: str) -> Select[Any]:
    node = t.network_node.c
    return select(node.ref, node.tree_order, node.tree_last).where(
        bulk.one_of(node.ref, "refs", dialect)
    )


def spans_of(session: Session, refs: Iterable[str]) -> dict[str, Span]:
    """[first, last] tree order under each known node, one by one."""
    wanted, dialect = list(refs), session.get_bind().dialect.name
    if not wanted:
        return {}
    given = {"refs": bulk.numbers(wanted, dialect)}
    rows = session.execute(_under_each(dialect), given)
    return {ref: (low, high) for ref, low, high in rows}


def without(spans: Sequence[Span], gone: Sequence[Span]) -> tuple[Span, ...]:
    """What is left of some spans once others are taken out, in order; both bounds belong to a span."""
    left: list[Span] = []
    away = sorted(gone)
    ends = [last for _first, last in away]  # in order too: none lies within another
    for low, high in spans:
        rest = low
        for first, last in islice(away, bisect_left(ends, low), None):
            if first > high:
                break
            if first > rest:
                left.append((rest, first - 1))
            rest = last + 1
        if rest <= high:
            left.append((rest, high))
    return tuple(left)


def is_within(place: int, spans: Sequence[Span]) -> bool:
    """Whether a tree order lies in one of some spans, in order and none within another."""
    at = bisect_left(spans, place, key=itemgetter(1))
    return at < len(spans) and spans[at][0] <= place


def _inside(table: FromClause, spans: Sequence[Span]) -> list[ColumnElement[bool]]:
    """Within any of them; all but the first are written into the statement as one value.

    Said one by one, a storm's two hundred take SQLAlchemy longer than the database.
    """
    first = [table.c.tree_order.between(low, high) for low, high in spans[:1]]
    if len(spans) <= 1:
        return list(first)
    value = tuple(spans[1:])
    kind = _Spans(f"{table.name}.tree_order")  # type: ignore[attr-defined]  # a table, or a named alias
    rest = bindparam("spans", value, type_=kind, literal_execute=True, unique=True)
    return [*first, rest]


class _Spans(UserDefinedType[bool]):
    """Spans of numbers as a condition on a column, in brackets: SQLite nests no statement deeper than a thousand."""

    cache_ok = True

    def __init__(self, column: str) -> None:
        self.column = column

    def literal_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        def written(spans: tuple[Span, ...]) -> str:
            each = [f"{self.column} BETWEEN {low:d} AND {high:d}" for low, high in spans]
            parts = [
                " OR ".join(each[start : start + _NESTED]) for start in range(0, len(each), _NESTED)
            ]
            return f"(({') OR ('.join(parts)}))"

        return written


def area_ids(session: Session, digests: Sequence[str]) -> tuple[int, ...]:
    """Ids of the areas of these digests; unknown ones touch nobody."""
    if not digests:
        return ()
    found = select(t.area.c.id).where(t.area.c.digest.in_(digests)).order_by(t.area.c.id)
    return tuple(session.scalars(found))


def has_postal_code(session: Session, code: str) -> bool:
    """Whether an open premise has exactly this code."""
    p = t.premise.c
    own = select(p.id).where(p.postal_code == code, p.closed_at.is_(None)).limit(1)
    return session.execute(own).first() is not None


def postal_codes(session: Session) -> list[str]:
    """Every postal code with a premise, in order."""
    p = t.premise.c
    found = select(p.postal_code).where(p.closed_at.is_(None), p.postal_code != "").distinct()
    return sorted(session.scalars(found))


def held_by_areas(
    session: Session, areas: Sequence[int]
) -> tuple[tuple[Span, ...], frozenset[int]]:
    """The premises of these areas, short: places that lie inside whole, and the other premises' ids."""
    p, inside = t.premise.c, t.area_premise.c
    held = select(inside.premise_id).where(inside.area_id.in_(areas))
    own = (p.closed_at.is_(None), p.id.in_(held))
    counted = select(p.tree_order, func.count()).where(*own).group_by(p.tree_order)
    some: dict[int, int] = dict(session.execute(counted).all())
    stands = select(p.tree_order).where(*own)
    every = select(p.tree_order, func.count()).where(
        p.closed_at.is_(None), p.tree_order.in_(stands), p.tree_order >= 0
    )
    rows = session.execute(every.group_by(p.tree_order))
    whole_places = {place for place, count in rows if some[place] == count}
    ids = (
        number
        for number, place in session.execute(select(p.id, p.tree_order).where(*own))
        if place not in whole_places
    )
    return tuple((place, place) for place in sorted(whole_places)), frozenset(ids)


def premise_ids(session: Session, refs: Sequence[str]) -> tuple[int, ...]:
    """Ids of premises by ref, in slices that fit a statement."""
    found: list[int] = []
    for start in range(0, len(refs), _AT_ONCE):
        wanted = t.premise.c.ref.in_(refs[start : start + _AT_ONCE])
        found += session.scalars(select(t.premise.c.id).where(wanted))
    return tuple(sorted(found))
