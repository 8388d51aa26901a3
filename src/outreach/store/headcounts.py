"""Counts made beforehand, a row a place and a block of places: what a node touches, without reading reach.

Occurrences add up over a range of tree order; `recurrences` makes them distinct. The rows have the
generations of reach and are renewed for the places that a load has touched.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, and_, case, func, or_, select

from outreach.model.record import AffectedCounts
from outreach.model.words import CHANNEL_BITS, PriorityClass
from outreach.store import (
    bulk,
    contactable,
    families,
    generations,
    planning,
    recurrences,
    tables as t,
    touched,
)
from outreach.store.families import Family
from outreach.store.generations import Row
from outreach.store.session import Database, Session
from outreach.store.tables_record import FOREVER

Span = tuple[int, int]
Tally = dict[tuple[int, int], int]
"""(family, bucket) -> count."""

_PLACES = 150
"""Places that one transaction counts: some 10,000 rows of reach."""
_REACHED = {"sms": 1, "email": 2, "voice": 4, "sms_or_email": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a node touches, and what telling it would take."""

    affected: AffectedCounts
    messages: dict[str, int]
    """By channel, for a step that speaks by SMS and e-mail."""


# ── Asking ───────────────────────────────────────────────────────────────────────────────────


def counts(session: Session, span: Span, generation: int) -> Counted | None:
    """Everything about one span; None if two localities share a number (then count the rows)."""
    names = _localities(session)
    if names is None:
        return None
    tally = _distinct(session, span, generation)
    of: Callable[[Family], int] = lambda family: sum(  # noqa: E731
        count for (each, _bucket), count in tally.items() if each == family
    )
    by_set = {bits: count for (each, bits), count in tally.items() if each == Family.CUSTOMER}
    customers, class_a = of(Family.CUSTOMER), of(Family.CLASS_A)
    affected = AffectedCounts(
        premises=of(Family.PREMISE),
        accounts=of(Family.ACCOUNT),
        customers=customers,
        households=of(Family.HOUSEHOLD),
        priority_customers=class_a,
        priority_expired_customers=of(Family.REGISTERED) - class_a,
        reachable=reachable(by_set),
        localities=in_order({names[number]: n for number, n in _of(tally, Family.PREMISE)}),
    )
    messages = dict(_of(tally, Family.MESSAGE))
    by_channel = {
        one.value: messages[CHANNEL_BITS[one]]
        for one in contactable.WRITTEN
        if messages.get(CHANNEL_BITS[one])
    }
    return Counted(affected=affected, messages=by_channel)


def reachable(by_set: Mapping[int, int]) -> dict[str, int]:
    """Customers by channel, by `sms_or_email`, and `none` of all; from customers by set of channels."""
    counted = {
        name: sum(count for channels, count in by_set.items() if channels & bits)
        for name, bits in _REACHED.items()
    }
    return counted | {"none": by_set.get(0, 0)}


def in_order(premises: Mapping[str, int]) -> tuple[str, ...]:
    """Localities, those with most premises first."""
    return tuple(sorted(premises, key=lambda name: (-premises[name], name)))


def _of(tally: Tally, family: Family) -> Iterator[tuple[int, int]]:
    return ((bucket, n) for (each, bucket), n in tally.items() if each == family and n)


def _distinct(session: Session, span: Span, generation: int) -> Tally:
    h, c = t.headcount, t.recurrence
    low, high = span
    tally: Counter[tuple[int, int]] = Counter()
    summed = (
        select(h.c.family, h.c.bucket, func.sum(h.c.count))
        .where(_pieces(low, high), generations.visible(h, generation))
        .group_by(h.c.family, h.c.bucket)
    )
    again = (
        select(c.c.family, c.c.bucket, func.count())
        .where(
            c.c.family.in_(families.RECURRING),
            c.c.tree_order.between(low, high),
            c.c.earlier >= low,
            generations.visible(c, generation),
        )
        .group_by(c.c.family, c.c.bucket)
    )
    for family, bucket, count in session.execute(summed):
        tally[family, bucket] += int(count)
    for family, bucket, count in session.execute(again):
        tally[family, bucket] -= count
    return dict(tally)


def _pieces(low: int, high: int) -> ColumnElement[bool]:
    """Whole blocks in the middle, single places at both ends."""
    h = t.headcount.c
    first, last = families.whole_blocks(low, high)
    if last < first:
        return and_(h.level == 0, h.place.between(low, high))
    begin, end = families.bounds(first, last)
    pieces = [and_(h.level == 1, h.place.between(first, last))]
    if low < begin:
        pieces.append(and_(h.level == 0, h.place.between(low, begin - 1)))
    if end < high:
        pieces.append(and_(h.level == 0, h.place.between(end + 1, high)))
    return or_(*pieces)


def _localities(session: Session) -> dict[int, str] | None:
    """number -> locality, by hops over the index; a plain DISTINCT would read every premise."""
    p = t.premise.c
    hop: CTE = select(func.min(p.locality).label("name")).cte("hop", recursive=True)
    following = select(func.min(p.locality)).where(p.locality > hop.c.name).scalar_subquery()
    hop = hop.union_all(select(following).where(hop.c.name.is_not(None)))
    names = session.scalars(select(hop.c.name).where(hop.c.name.is_not(None))).all()
    numbered = {locality_number(name): name for name in names}
    return numbered if len(numbered) == len(names) else None


def locality_number(name: str) -> int:
    """31 bits of its checksum: the bucket of its premises."""
    return zlib.crc32(name.encode()) & 0x7FFFFFFF


# ── Keeping up ───────────────────────────────────────────────────────────────────────────────


def renew(
    database: Database, *, progress: Callable[[str, int], None] = lambda _stage, _count: None
) -> None:
    """Counts the places that a load has touched, for the next generation, in slices."""
    done = 0
    while True:
        with database.write() as session:
            places = touched.places(
                session, touched.UNCOUNTED, after=touched.FIRST_PLACE, limit=_PLACES
            )
            if places:
                _renew(session, places)
                touched.forget(session, touched.UNCOUNTED, places)
        if not places:
            return
        done += len(places)
        progress("headcounts", done)


def _renew(session: Session, places: Sequence[int]) -> None:
    planning.plan_each(session)
    planning.look_up(session)
    since = generations.current(session) + 1
    desired = _counted(session, places, generation=since)
    current = {_key(row): row for row in _standing(session, 0, places, since=since)}
    gone = [row for key, row in current.items() if desired.get(key) != row["count"]]
    new = [
        {"level": 0, "place": key[0], "family": key[1], "bucket": key[2], "count": count}
        for key, count in desired.items()
        if key not in current or current[key]["count"] != count
    ]
    generations.replace(session, t.headcount, gone=gone, new=new, since=since)
    touched.note(session, touched.ENDED, {row["place"] for row in gone})
    _add_to_blocks(session, gone, new, since=since)


def _add_to_blocks(
    session: Session, gone: Sequence[Row], new: Sequence[Row], *, since: int
) -> None:
    deltas: Counter[tuple[int, int, int]] = Counter()
    for rows, sign in ((new, 1), (gone, -1)):
        for row in rows:
            deltas[families.block(row["place"]), row["family"], row["bucket"]] += (
                sign * row["count"]
            )
    changed = {key: delta for key, delta in deltas.items() if delta}
    standing = _standing(session, 1, sorted({key[0] for key in changed}), since=since)
    old = {_key(row): row for row in standing if _key(row) in changed}
    sums = {key: delta + (old[key]["count"] if key in old else 0) for key, delta in changed.items()}
    generations.replace(
        session,
        t.headcount,
        gone=list(old.values()),
        new=[
            {"level": 1, "place": key[0], "family": key[1], "bucket": key[2], "count": count}
            for key, count in sums.items()
            if count
        ],
        since=since,
    )


def _key(row: Any) -> tuple[int, int, int]:
    return (row["place"], row["family"], row["bucket"])


def _standing(session: Session, level: int, places: Collection[int], *, since: int) -> list[Row]:
    h = t.headcount
    wanted = (h.c.level == level, h.c.place.in_(places), generations.visible(h, since))
    return generations.rows(session, select(h).where(*wanted))


def _counted(
    session: Session, places: Sequence[int], *, generation: int
) -> dict[tuple[int, int, int], int]:
    """(place, family, bucket) -> how many distinct ones are at that place."""
    found: dict[tuple[int, int, int], int] = {}
    r, here = (
        t.reach,
        and_(t.reach.c.tree_order.in_(places), generations.visible(t.reach, generation)),
    )
    for place, locality, count in session.execute(_premises(places)):
        found[place, Family.PREMISE, locality_number(locality)] = count
    for place, count in session.execute(_accounts(places)):
        found[place, Family.ACCOUNT, 0] = count
    customers = select(r.c.tree_order, r.c.channels, func.count(r.c.customer_id.distinct()))
    for place, bits, count in session.execute(
        customers.where(here).group_by(r.c.tree_order, r.c.channels)
    ):
        found[place, Family.CUSTOMER, bits] = count
    for row in session.execute(_people(here)):
        for family, count in zip(_OF_PEOPLE, row[1:], strict=True):
            if count:
                found[row[0], family, 0] = count
    spoken = r.c.channel == contactable.chosen(contactable.WRITTEN, r.c.channels, r.c.preferred)
    bit = contactable.bit(r.c.channel)
    for place, number, count in session.execute(
        select(r.c.tree_order, bit, func.count(r.c.contact_point_id.distinct()))
        .where(here, r.c.channel != "", spoken)
        .group_by(r.c.tree_order, r.c.channel)
    ):
        found[place, Family.MESSAGE, number] = count
    return found


_OF_PEOPLE = (Family.HOUSEHOLD, Family.CLASS_A, Family.REGISTERED)


def _people(here: ColumnElement[bool]) -> Select[Any]:
    r = t.reach.c
    is_a = r.priority == PriorityClass.A
    return (
        select(
            r.tree_order,
            func.count(r.household_id.distinct()),
            func.count(case((is_a, r.customer_id)).distinct()),
            func.count(case((or_(is_a, r.expired), r.customer_id)).distinct()),
        )
        .where(here)
        .group_by(r.tree_order)
    )


def _premises(places: Sequence[int]) -> Select[Any]:
    p = t.premise.c
    return (
        select(p.tree_order, p.locality, func.count())
        .where(p.tree_order.in_(places), p.closed_at.is_(None))
        .group_by(p.tree_order, p.locality)
    )


def _accounts(places: Sequence[int]) -> Select[Any]:
    p = t.premise.c
    return (
        select(p.tree_order, func.count(t.supply.c.account_id.distinct()))
        .join(t.supply, t.supply.c.premise_id == p.id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .where(p.tree_order.in_(places), p.closed_at.is_(None), t.account.c.closed_at.is_(None))
        .group_by(p.tree_order)
    )


# ── Switching ────────────────────────────────────────────────────────────────────────────────


def moved(session: Session, old_to_new: Mapping[int, int]) -> None:
    """Follows places that got another number, in the transaction that relabels reach and premises.

    Counts of the places go along, blocks are summed anew, and whoever occurs at several places is put
    in the order of the new numbers.
    """
    places = {old: new for old, new in old_to_new.items() if old != new}
    if not places:
        return
    recurrences.moved(session, places)
    _follow(session, places)


def _follow(session: Session, places: Mapping[int, int]) -> None:
    h = t.headcount
    found = select(h).where(h.c.level == 0, h.c.place.in_(list(places)))
    rows = generations.rows(session, found)
    generations.erase(session, h, rows)
    bulk.insert_rows(session, h, [{**row, "place": places[row["place"]]} for row in rows])
    blocks = {families.block(place) for pair in places.items() for place in pair}
    for block in sorted(blocks):
        _sum_block(session, block)


def _sum_block(session: Session, block: int) -> None:
    """The block's rows afresh: as seen now, and as the next generation will see it."""
    h, now = t.headcount, generations.current(session)
    low, high = families.bounds(block, block)
    session.execute(h.delete().where(h.c.level == 1, h.c.place == block))
    sums: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for number, generation in enumerate((now, now + 1)):
        summed = select(h.c.family, h.c.bucket, func.sum(h.c.count)).where(
            h.c.level == 0, h.c.place.between(low, high), generations.visible(h, generation)
        )
        for family, bucket, count in session.execute(summed.group_by(h.c.family, h.c.bucket)):
            sums[family, bucket][number] = int(count)
    rows = [
        {"level": 1, "place": block, "family": family, "bucket": bucket, "since": since,
         "until": until, "count": count}
        for (family, bucket), (seen, following) in sums.items()
        for since, until, count in _spans(seen, following, now)
        if count
    ]  # fmt: skip
    bulk.insert_rows(session, h, rows)


def _spans(seen: int, following: int, now: int) -> list[tuple[int, int, int]]:
    if seen == following:
        return [(0, FOREVER, seen)]
    return [(0, now + 1, seen), (now + 1, FOREVER, following)]
