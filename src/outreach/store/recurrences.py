"""Who occurs at several places: one row a place and its predecessor, so that sums of occurrences become distinct.

Of one that occurs in [a, b], all places but the first have a predecessor of at least a: distinct =
occurrences - rows with place in [a, b] and predecessor >= a.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Insert,
    Integer,
    Select,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
)

from outreach.model.words import PriorityClass
from outreach.store import bulk, contactable, generations, planning, tables as t, touched
from outreach.store.families import RECURRING, Family
from outreach.store.generations import Row
from outreach.store.session import Database, Session

_BUILD_IDS = 2_500
"""Ids of customers, households or points that one transaction of building looks at."""


def renew(session: Session, wanted: Mapping[Family, Collection[int]], *, since: int) -> None:
    """Rows of these ones as the record has them now; in the caller's transaction.

    Keys of `wanted`: CUSTOMER (its accounts and classes with it), HOUSEHOLD, MESSAGE (contact points).
    """
    for key, ids in wanted.items():
        given = {"ids": bulk.numbers(ids, _dialect(session))}
        for family in _TOGETHER[key]:
            found = generations.rows(session, _chains(family, key, _dialect(session)), given)
            desired = {_key(row): row for row in found}
            current = {_key(row): row for row in _current(session, family, ids, since=since)}
            gone = [row for each, row in current.items() if each not in desired]
            new = [row for each, row in desired.items() if each not in current]
            generations.replace(session, t.recurrence, gone=gone, new=new, since=since)
            touched.note(session, touched.ENDED, {row["tree_order"] for row in gone})


def build(database: Database, *, since: int) -> None:
    """Rows of everybody, from nothing, in slices; goes on where a crash stopped it."""
    with database.read() as session:
        mark = -(touched.mark(session, touched.CHAIN_MARK) or 0)
    for number, key in enumerate(_TOGETHER):
        begins = number * _STEP
        with database.read() as session:
            last = session.execute(select(func.max(_IDS[key]))).scalar() or 0
        for low in range(max(mark, begins), begins + last + 1, _BUILD_IDS):
            with database.write() as session:
                planning.plan_each(session)
                planning.look_up(session)
                planning.commit_later(session)
                # Named one by one: given a query, PostgreSQL works out the channels of everybody.
                span = {"low": low - begins, "high": low - begins + _BUILD_IDS}
                if ids := session.scalars(_several(key), span).all():
                    given = {"ids": bulk.numbers(ids, _dialect(session)), "generation": since}
                    for family in _TOGETHER[key]:
                        session.execute(_insert(family, key, _dialect(session)), given)
                # Below zero, where no label is: labels move while this stands.
                touched.set_mark(session, -(low + _BUILD_IDS), touched.CHAIN_MARK)


_STEP = 1 << 40
"""Marks of the second kind begin here, of the third at twice this."""
_TOGETHER = {
    Family.CUSTOMER: (Family.CUSTOMER, Family.ACCOUNT, Family.CLASS_A, Family.REGISTERED),
    Family.HOUSEHOLD: (Family.HOUSEHOLD,),
    Family.MESSAGE: (Family.MESSAGE,),
}
"""Families that are found over the same ids."""
_IDS = {
    Family.CUSTOMER: t.customer.c.id,
    Family.HOUSEHOLD: t.household.c.id,
    Family.MESSAGE: t.contact_point.c.id,
}
_OWN = {
    Family.CUSTOMER: t.account.c.customer_id,
    Family.HOUSEHOLD: t.customer.c.household_id,
    Family.MESSAGE: t.customer_contact.c.contact_point_id,
}
_COUNTED = {
    Family.ACCOUNT: t.account.c.id,
    Family.CUSTOMER: t.customer.c.id,
    Family.HOUSEHOLD: t.customer.c.household_id,
    Family.CLASS_A: t.customer.c.id,
    Family.REGISTERED: t.customer.c.id,
    Family.MESSAGE: t.customer_contact.c.contact_point_id,
}
_IS_A = t.account.c.priority == PriorityClass.A
_ONLY = {Family.CLASS_A: _IS_A, Family.REGISTERED: or_(_IS_A, t.account.c.priority_expired)}


@cache
def _chains(family: Family, key: Family, dialect: str) -> Select[Any]:
    """(family, entity, bucket, tree_order, earlier) of the parameter `ids`, which are of the kind `key`.

    Made once: to put it together costs more than to run it for the few thousand ids of a slice.
    """
    at = _occurrences(family, bulk.one_of(_OWN[key], "ids", dialect)).distinct().subquery()
    before: ColumnElement[int] = func.lag(at.c.tree_order).over(
        partition_by=(at.c.entity, at.c.bucket), order_by=at.c.tree_order
    )
    linked = select(at.c.entity, at.c.bucket, at.c.tree_order, before.label("earlier")).subquery()
    return select(
        literal(int(family)).label("family"),
        linked.c.entity,
        linked.c.bucket,
        linked.c.tree_order,
        linked.c.earlier,
    ).where(linked.c.earlier.is_not(None))


def _occurrences(family: Family, those: ColumnElement[bool]) -> Select[Any]:
    """(entity, bucket, tree_order) from the record itself; off the network nothing is counted."""
    if family is Family.MESSAGE:
        return _messages(those)
    c = t.customer.c
    bucket = contactable.bits(c.id) if family is Family.CUSTOMER else literal(0, Integer)
    rows = _supplied(t.customer, c.id, _COUNTED[family], bucket).where(those, c.closed_at.is_(None))
    return rows.where(_ONLY[family]) if family in _ONLY else rows


def _messages(those: ColumnElement[bool]) -> Select[Any]:
    """The same for contact points to which an SMS and e-mail step writes."""
    c, held, point = t.customer.c, t.customer_contact.c, t.contact_point.c
    # Channels are worked out apart: else PostgreSQL compares a channel with those of everybody.
    holder = (
        select(
            point.id.label("point_id"),
            point.channel,
            c.id,
            func.coalesce(c.preferred, "").label("preferred"),
            contactable.bits(c.id).label("has"),
        )
        .select_from(t.customer_contact)
        .join(t.contact_point, point.id == held.contact_point_id)
        .join(t.customer, c.id == held.customer_id)
        .where(those, c.closed_at.is_(None), contactable.is_spoken_to())
        .cte("holder")
        .prefix_with("MATERIALIZED")
    )
    h = holder.c
    spoken = h.channel == contactable.chosen(contactable.WRITTEN, h.has, h.preferred)
    return _supplied(holder, h.id, h.point_id, contactable.bit(h.channel)).where(spoken)


def _supplied(
    people: FromClause, customer: ColumnElement[int], entity: Any, bucket: Any
) -> Select[Any]:
    """Where these people's open accounts are supplied."""
    return (
        select(entity.label("entity"), bucket.label("bucket"), t.premise.c.tree_order)
        .select_from(people)
        .join(t.account, t.account.c.customer_id == customer)
        .join(t.supply, t.supply.c.account_id == t.account.c.id)
        .join(t.premise, t.premise.c.id == t.supply.c.premise_id)
        .where(
            t.premise.c.tree_order >= 0,
            t.premise.c.closed_at.is_(None),
            t.account.c.closed_at.is_(None),
        )
    )


@cache
def _several(key: Family) -> Select[int]:
    """Those ids in [low, high), two parameters, that have more than one supply: nobody else can recur."""
    own = _OWN[key]
    rows = select(own).select_from(t.account).join(
        t.supply, t.supply.c.account_id == t.account.c.id
    )  # fmt: skip
    if key is Family.HOUSEHOLD:
        rows = rows.join(t.customer, t.customer.c.id == t.account.c.customer_id)
    if key is Family.MESSAGE:
        held = t.customer_contact.c.customer_id
        rows = rows.join(t.customer_contact, held == t.account.c.customer_id)
    between = (own >= bindparam("low"), own < bindparam("high"))
    return rows.where(*between).group_by(own).having(func.count() > 1)


@cache
def _insert(family: Family, key: Family, dialect: str) -> Insert:
    """The chains of the parameter `ids`, from the parameter `generation` on."""
    rows = _chains(family, key, dialect).add_columns(bindparam("generation", type_=Integer))
    return insert(t.recurrence).from_select([*_KEY, "since"], rows)


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


_KEY = ("family", "entity", "bucket", "tree_order", "earlier")


def _key(row: Any) -> tuple[int, ...]:
    return tuple(row[name] for name in _KEY)


def _current(session: Session, family: Family, ids: Collection[int], *, since: int) -> list[Row]:
    """Rows that hold from `since` on, of these ids; accounts by the customer they belong to."""
    c = t.recurrence.c
    owned = bulk.among(session, c.entity, ids)
    if family is Family.ACCOUNT:
        theirs = bulk.among(session, t.account.c.customer_id, ids)
        owned = c.entity.in_(select(t.account.c.id).where(theirs))
    # + 0 keeps SQLite on the index by entity: by family it would read everybody of it
    wanted = select(t.recurrence).where(
        c.family + 0 == int(family), owned, generations.visible(t.recurrence, since)
    )
    return generations.rows(session, wanted)


def moved(session: Session, places: Mapping[int, int]) -> None:
    """Follows places that got another number; whoever occurs at one of them is put in order anew."""
    c = t.recurrence.c
    of_one = select(c.family, c.entity).distinct()
    # Apart and with the families named: one query with OR reads the whole table.
    at_place = of_one.where(c.family.in_(RECURRING), bulk.among(session, c.tree_order, places))
    before = of_one.where(bulk.among(session, c.earlier, places))
    theirs = {
        (row.family, row.entity) for each in (at_place, before) for row in session.execute(each)
    }
    entities = {entity for _family, entity in theirs}
    # By entity alone: asked for pairs, SQLite reads the whole family for each.
    found = generations.rows(
        session, select(t.recurrence).where(bulk.among(session, c.entity, entities))
    )
    rows = [row for row in found if (row["family"], row["entity"]) in theirs]
    generations.erase(session, t.recurrence, rows)
    bulk.insert_rows(session, t.recurrence, list(_relinked(rows, places)))


def _relinked(rows: Iterable[Row], places: Mapping[int, int]) -> Iterable[Row]:
    """The same ones at the new numbers; each span of generations has a chain of its own."""

    def of_one(row: Row) -> tuple[int, ...]:
        return (row["family"], row["entity"], row["bucket"])

    for (family, entity, bucket), theirs in groupby(sorted(rows, key=of_one), key=of_one):
        found = list(theirs)
        cuts = sorted({row["since"] for row in found} | {row["until"] for row in found})
        for since, until in pairwise(cuts):
            alive = [row for row in found if row["since"] <= since < row["until"]]
            stands = {row[name] for row in alive for name in ("tree_order", "earlier")}
            ordered = sorted(places.get(place, place) for place in stands)
            for earlier, place in pairwise(ordered):
                yield {"family": family, "entity": entity, "bucket": bucket, "tree_order": place,
                       "earlier": earlier, "since": since, "until": until}  # fmt: skip
