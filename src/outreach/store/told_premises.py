"""The premises that one message stands for, so that a person with several sees which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    case,
    distinct,
    func,
    not_,
    or_,
    select,
)

from outreach.model.occasion import Occasion, Revision
from outreach.model.words import OccasionKind
from outreach.store import generations, occasions, points, scopes, tables as t
from outreach.store.scopes import Remaining, Span
from outreach.store.session import Session

Dark = Span | str
"""A node's span, or a locality."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stood:
    """One premise of a message; the street is sealed, and None where several customers share the address."""

    locality: str
    street_sealed: bytes | None
    tree_order: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Where other outages of the service kept people in the dark as a revision was written.

    By node and locality; what they name by premise, postal code or area is not looked at.
    """

    spans: tuple[Span, ...] = ()
    localities: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.spans or self.localities)

    @property
    def places(self) -> tuple[Dark, ...]:
        return (*self.spans, *self.localities)

    def is_dark(self, one: Stood) -> bool:
        return one.locality in self.localities or any(
            low <= one.tree_order <= high for low, high in self.spans
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """A premise, and whether a revision ever held it, and still does."""

    stood: Stood
    is_ever: bool
    is_still: bool


NOTHING = Beside()
_LONGEST = timedelta(days=30)
"""An outage open for longer than this is a mistake in the books, and not looked for."""
_AT_ONCE = 200


def beside(session: Session, occasion: Occasion, revision: Revision) -> Beside:
    """What was dark beside an outage at one of its revisions, however long ago that was."""
    if occasion.kind is not OccasionKind.OUTAGE:
        return NOTHING
    at, o = revision.recorded_at, t.occasion.c
    others = and_(
        o.id != occasion.id,
        o.kind == OccasionKind.OUTAGE,
        o.service == occasion.service,
        o.drill.is_(occasion.drill),
        o.opened_at.between(at - _LONGEST, at),
    )
    found = [each for each in occasions.as_of(session, at, others) if each.state.is_open]
    refs = {ref for one in found for ref in set(one.scope.nodes) - set(one.restored.nodes)}
    return Beside(
        spans=tuple(scopes.spans_of(session, refs).values()),
        localities=frozenset(name for one in found for name in one.scope.localities),
    )


def divided(
    session: Session, ours: Remaining, dark: Sequence[Dark]
) -> dict[Dark, frozenset[bytes]]:
    """Of each of these places: hashes of the addresses that have a premise there, and another one in `ours`.

    Two ranges of reach, once for a place: asked message by message it would be most of the sending.
    """
    generation = generations.current(session)
    here, there = t.reach.alias("here"), t.reach.alias("there")
    inside = and_(ours.covers(here), generations.visible(here, generation))
    mine = select(here.c.contact_point_id).where(inside, here.c.channel != "")
    found: dict[Dark, set[bytes]] = {each: set() for each in dark}
    spans = sorted(each for each in dark if not isinstance(each, str))
    for condition in _places(there, spans, {*found} - {*spans}):
        rows = session.execute(
            select(t.contact_point.c.address_hash, there.c.tree_order, there.c.locality)
            .join(there, there.c.contact_point_id == t.contact_point.c.id)
            .where(
                condition,
                generations.visible(there, generation),
                not_(ours.covers(there)),
                there.c.contact_point_id.in_(mine),
            )
        )
        for digest, place, locality in rows:
            if locality in found:
                found[locality].add(digest)
            for span in spans:
                if span[0] <= place <= span[1]:
                    found[span].add(digest)
    return {each: frozenset(digests) for each, digests in found.items()}


def _places(
    table: FromClause, spans: Sequence[Span], localities: Collection[Dark]
) -> Iterator[ColumnElement[bool]]:
    """In portions: SQLite reads no expression of a thousand terms."""
    for start in range(0, len(spans), _AT_ONCE):
        part = spans[start : start + _AT_ONCE]
        yield or_(*(table.c.tree_order.between(low, high) for low, high in part))
    if localities:
        yield table.c.locality.in_(sorted(map(str, localities)))


def around(
    session: Session, hashes: Sequence[bytes], ever: Remaining, still: Remaining
) -> dict[tuple[str, bytes], list[Lying]]:
    """Open premises of whoever holds these addresses, by channel and hash, in the order of `of_message`.

    One statement for many addresses: asked one by one, they are most of a storm's sending.
    """
    found: dict[tuple[str, bytes], list[Lying]] = defaultdict(list)
    sides = [case((each.covers(t.premise), 1), else_=0) for each in (ever, still)]
    for key, stood, is_ever, is_still in _held(session, hashes, *sides):
        found[key].append(Lying(stood=stood, is_ever=bool(is_ever), is_still=bool(is_still)))
    return found


def held(session: Session, hashes: Sequence[bytes]) -> dict[tuple[str, bytes], list[Stood]]:
    """The same wherever they lie, for `lying`: what people hold is the same at every revision."""
    found: dict[tuple[str, bytes], list[Stood]] = defaultdict(list)
    for key, stood in _held(session, hashes):
        found[key].append(stood)
    return found


def lying(stood: Iterable[Stood], ever: Sequence[Span], still: Sequence[Span]) -> list[Lying]:
    """Premises held against two scopes that are nothing but spans of tree order, in order."""
    return [
        Lying(
            stood=one,
            is_ever=scopes.is_within(one.tree_order, ever),
            is_still=scopes.is_within(one.tree_order, still),
        )
        for one in stood
    ]


def _held(
    session: Session, hashes: Sequence[bytes], *sides: ColumnElement[int]
) -> Iterator[tuple[Any, ...]]:
    c, held, p, mine = t.contact_point.c, t.customer_contact.c, t.premise.c, t.account.c
    owned = (
        select(c.id, c.channel, c.address_hash, t.supply.c.premise_id)
        .join(t.customer_contact, held.contact_point_id == c.id)
        .join(t.account, mine.customer_id == held.customer_id)
        .join(t.supply, t.supply.c.account_id == mine.id)
        .where(points.at(session, hashes), mine.closed_at.is_(None))
        .distinct()
        .subquery()
    )
    shared = _shared(session, hashes)
    place = (p.locality, p.street_sealed, p.tree_order)
    rows = session.execute(
        select(owned.c.id, owned.c.channel, owned.c.address_hash, *place, *sides)
        .join(t.premise, p.id == owned.c.premise_id)
        .where(p.closed_at.is_(None))
        .order_by(p.locality, p.ref)
    )
    for point, channel, digest, locality, street, tree_order, *within in rows:
        kept = None if point in shared else street
        stood = Stood(locality=locality, street_sealed=kept, tree_order=tree_order)
        yield (channel, digest), stood, *within


def _shared(session: Session, hashes: Sequence[bytes]) -> set[int]:
    """Contact points that several customers hold."""
    c, held = t.contact_point.c, t.customer_contact.c
    return set(
        session.scalars(
            select(c.id)
            .join(t.customer_contact, held.contact_point_id == c.id)
            .where(points.at(session, hashes))
            .group_by(c.id)
            .having(func.count(distinct(held.customer_id)) > 1)
        )
    )


def of_message(
    session: Session, message: int, wanted: Sequence[Remaining], *, limit: int
) -> Iterator[list[Stood]]:
    """For each scope: open premises in it of whoever holds the message's contact point, at most `limit`.

    What one customer's street is, another must not read in a mailbox they share.
    """
    every: Sequence[Sequence[Any]] | None = None
    for scope in wanted:
        spans = scope.spans
        if spans is None:
            p = t.premise.c
            inside = _supplied().where(scope.covers(t.premise)).limit(limit)
            asked = inside.order_by(p.locality, p.ref)
            yield [_stood(row) for row in session.execute(asked, {"message": message})]
            continue
        if every is None:
            every = session.execute(_in_order(), {"message": message}).all()
        within = (row for row in every if scopes.is_within(row[2], spans))
        yield [_stood(row) for row in islice(within, limit)]


def _stood(row: Sequence[Any]) -> Stood:
    locality, street, place, holding = row
    return Stood(
        locality=locality, street_sealed=street if holding == 1 else None, tree_order=place
    )


@cache
def _in_order() -> Select[Any]:
    return _supplied().order_by(t.premise.c.locality, t.premise.c.ref)


@cache
def _supplied() -> Select[Any]:
    """Made once, for each message of who has several premises asks; a handful, of whoever holds its point."""
    held, p = t.customer_contact.c, t.premise.c
    point = select(t.message.c.contact_point_id).where(t.message.c.id == bindparam("message"))
    mine = held.contact_point_id == point.scalar_subquery()
    many = select(func.count(distinct(held.customer_id))).where(mine).scalar_subquery()
    supplied = (
        select(t.supply.c.premise_id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .where(
            t.account.c.customer_id.in_(select(held.customer_id).where(mine)),
            t.account.c.closed_at.is_(None),
        )
    )
    return select(p.locality, p.street_sealed, p.tree_order, many).where(
        p.id.in_(supplied), p.closed_at.is_(None)
    )
