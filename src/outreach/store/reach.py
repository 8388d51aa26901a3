"""Keeps `reach`: who is under each node and how to reach them, so that asking at crisis time is one range.

One row a contactable contact point, premise and customer; a customer with nothing contactable has one
row with an empty channel, so that everybody affected is found here. Rows are written for the next
generation and seen when that is switched to (`generations`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Insert,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    select,
    update,
)

from outreach.model.words import LoadState
from outreach.store import (
    bulk,
    contactable,
    generations,
    headcounts,
    leases,
    planning,
    recurrences,
    tables as t,
    touched,
)
from outreach.store.families import Family
from outreach.store.generations import Row
from outreach.store.session import Database, Session
from outreach.store.tables_record import FOREVER

Progress = Callable[[str, int], None]
"""Called with a stage (`reach`) and how many premises or places are done."""

LEASE = "record"
"""Who holds it alone changes what is derived from the record."""
_BUILD_PREMISES = 1_500
"""Premises that one transaction of building takes, on PostgreSQL half as many: nobody waits for 0.5 s."""
_PREMISES = 250
_CUSTOMERS = 2_000
_LAST = (1 << 63) - 1
_JOINED = (
    t.household,
    t.customer,
    t.account,
    t.premise,
    t.supply,
    t.contact_point,
    t.customer_contact,
)


def _quiet(_stage: str, _count: int) -> None:
    """Nobody watches."""


def renew(database: Database, *, now: datetime, progress: Progress = _quiet) -> int:  # noqa: ARG001  as every phase of a load
    """Writes what touched customers and premises are by now, for the next generation; returns premises.

    The first time everything is built. Each transaction takes well under 0.5 s and drops the work it
    has done from the list, so that a crash repeats nothing. Headcounts follow; switching is the caller's.
    """
    with database.read() as session:
        is_kept = generations.is_kept(session)
    done = 0 if is_kept else _build(database, progress)
    done = _touched(database, progress, done)
    headcounts.renew(database, progress=progress)
    return done


def keep_up(database: Database, *, owner: str, now: datetime) -> int:
    """Renews what receipts have touched since, unless a load is at work; returns premises.

    Small by nature: a receipt touches one person. What is more waits for the next call.
    """
    with database.write() as session:
        if not _is_touched(session) or not generations.is_kept(session) or _is_loading(session):
            return 0
        lease = timedelta(minutes=5)
        if leases.take(session, LEASE, owner, now=now, lease=lease) is None:
            return 0
    try:
        done = renew(database, now=now)
        generations.switch(database, now=now)
        generations.purge(database)
    finally:
        with database.write() as session:
            leases.take(session, LEASE, owner, now=now, lease=timedelta(microseconds=-1))
    return done


def _is_touched(session: Session) -> bool:
    wanted = exists(select(t.touched_customer.c.customer_id))
    return bool(session.execute(select(wanted)).scalar())


def _is_loading(session: Session) -> bool:
    merging = t.record_load.c.state == LoadState.MERGING
    return session.execute(select(t.record_load.c.id).where(merging)).first() is not None


# ── What is touched ──────────────────────────────────────────────────────────────────────────


def _touched(database: Database, progress: Progress, done: int) -> int:
    while True:
        with database.write() as session:
            if customers := touched.customers(session, limit=_CUSTOMERS):
                touched.premises_of_customers(session, customers)
                touched.forget_customers(session, customers)
        if not customers:
            break
    while True:
        with database.write() as session:
            if premises := touched.premises(session, limit=_PREMISES):
                _renew(session, premises)
                touched.forget_premises(session, list({premise for premise, _place in premises}))
        if not premises:
            return done
        done += len(premises)
        progress("reach", done)


def _renew(session: Session, premises: Sequence[tuple[int, int]]) -> None:
    planning.plan_each(session)
    since = generations.current(session) + 1
    ids = sorted({premise for premise, _place in premises})
    rows = generations.rows(session, _rows(bulk.among(session, t.premise.c.id, ids)))
    desired = {_key(row): row for row in rows}
    places = {place for _premise, place in premises} | {
        row["tree_order"] for row in desired.values()
    }
    current = {_key(row): row for row in _current(session, ids, places, since=since)}
    gone = [row for key, row in current.items() if _differs(row, desired.get(key))]
    new = [row for key, row in desired.items() if _differs(row, current.get(key))]
    generations.replace(session, t.reach, gone=gone, new=new, since=since)
    everybody = [*desired.values(), *current.values()]
    recurrences.renew(
        session,
        {
            Family.CUSTOMER: {row["customer_id"] for row in everybody},
            Family.HOUSEHOLD: {row["household_id"] for row in everybody},
            Family.MESSAGE: {row["contact_point_id"] for row in everybody} - {0},
        },
        since=since,
    )
    touched.note(session, touched.ENDED, {row["tree_order"] for row in gone})
    touched.note(session, touched.UNCOUNTED, places - {-1})
    touched.set_mark(session, 0, touched.UNSEEN)


_KEY = ("tree_order", "contact_point_id", "premise_id", "customer_id")


def _key(row: Any) -> tuple[int, ...]:
    return tuple(row[name] for name in _KEY)


def _differs(row: Row, other: Row | None) -> bool:
    return other is None or any(row[name] != other[name] for name in _SAME)


def _current(
    session: Session, premises: Collection[int], places: Collection[int], *, since: int
) -> list[Row]:
    r = t.reach
    found = select(r).where(
        bulk.among(session, r.c.tree_order, places),
        bulk.among(session, r.c.premise_id, premises),
        generations.visible(r, since),
    )
    return generations.rows(session, found)


# ── Everything ───────────────────────────────────────────────────────────────────────────────


def _build(database: Database, progress: Progress) -> int:
    """All rows of everybody, in tree order: an insert at the end of a clustered table is the cheapest."""
    with database.read() as session:
        since, mark = generations.current(session) + 1, touched.mark(session)
    if mark is None:
        _forget_touched(database)
        planning.refresh_statistics(database, _JOINED)
        mark = _OFF_NETWORK
    done = 0
    while mark < _LAST:
        with database.write() as session:
            mark = _build_slice(session, mark, since=since)
            done += _at_once(session)
        progress("reach", done)
    recurrences.build(database, since=since)
    planning.refresh_statistics(database, (t.reach,))
    return done


_OFF_NETWORK = -(1 << 62)
"""Marks from here on count ids of premises off the network; from 0 on they are tree orders."""


def _build_slice(session: Session, mark: int, *, since: int) -> int:
    """Rows of the next premises; returns the next mark, which it also notes.

    Waits for no disk: what a server's crash takes is built again, and nobody sees it before the switch.
    """
    planning.plan_each(session)
    planning.commit_later(session)
    p, r = t.premise.c, t.reach.c
    if mark < 0:
        low = mark - _OFF_NETWORK
        end = session.execute(_end_of(session, p.id, p.id >= low)).scalar()
        high = _LAST if end is None else end
        old = r.tree_order == -1
        following = 0 if end is None else end + 1 + _OFF_NETWORK
    else:
        end = session.execute(_end_of(session, p.tree_order, p.tree_order >= mark)).scalar()
        low, high = mark, _LAST if end is None else end
        old = r.tree_order.between(low, high)
        following = _LAST if end is None else end + 1
        places = select(p.tree_order).where(p.tree_order.between(low, high)).distinct()
        touched.note_from(session, touched.UNCOUNTED, places)
    _end_old(session, old, since=since)
    given = {"low": low, "high": high, "generation": since}
    session.execute(_insert(on_network=mark >= 0), given)
    touched.set_mark(session, following)
    return following


def _end_of(
    session: Session, column: ColumnElement[int], after: ColumnElement[bool]
) -> Select[int]:
    return select(column).where(after).order_by(column).offset(_at_once(session)).limit(1)


def _at_once(session: Session) -> int:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return _BUILD_PREMISES if is_sqlite else -(-_BUILD_PREMISES // 2)


def _end_old(session: Session, where: ColumnElement[bool], *, since: int) -> None:
    """What a version before this one had written; on a first load there is none."""
    r = t.reach.c
    standing = (where, r.since < since, r.until == FOREVER)
    if session.execute(select(r.tree_order).where(*standing).limit(1)).first() is None:
        return
    touched.note_from(session, touched.ENDED, select(r.tree_order).where(*standing).distinct())
    session.execute(update(t.reach).where(*standing).values(until=since))


@cache
def _insert(*, on_network: bool) -> Insert:
    """Rows of premises between the parameters `low` and `high`, from the parameter `generation` on.

    By tree order, or by id where they are off the network. Made once: it costs as much as a slice's rows.
    """
    p = t.premise.c
    low, high = bindparam("low", type_=BigInteger), bindparam("high", type_=BigInteger)
    off = and_(p.tree_order == -1, p.id.between(low, high))
    rows = _rows(p.tree_order.between(low, high) if on_network else off)
    ordered = rows.order_by(*(rows.selected_columns[name] for name in _KEY))
    names = [*(column.name for column in rows.selected_columns), "since"]
    generation = bindparam("generation", type_=Integer)
    return insert(t.reach).from_select(names, ordered.add_columns(generation))


def _forget_touched(database: Database) -> None:
    """Building reads the whole record, and with it whatever was noted."""
    is_left = True
    while is_left:
        with database.write() as session:
            is_left = touched.forget_next(session, limit=20 * _CUSTOMERS)


# ── One row ──────────────────────────────────────────────────────────────────────────────────


def _rows(which: ColumnElement[bool]) -> Select[Any]:
    """What reach holds of these premises, by the record as it is."""
    people = _supplied(which)
    c, at, held, point = t.customer.c, people.c, t.customer_contact.c, t.contact_point.c
    # Asked contact by contact: a joined subquery would be read whole for every slice on SQLite.
    good = exists(
        select(point.id)
        .where(point.id == held.contact_point_id, contactable.is_warned())
        .correlate(t.customer_contact)
    )
    return (
        select(
            at.tree_order,
            func.coalesce(point.id, 0).label("contact_point_id"),
            at.premise_id,
            at.customer_id,
            c.household_id,
            t.household.c.ref.label("household"),
            at.priority,
            at.expired,
            func.coalesce(point.channel, "").label("channel"),
            at.channels,
            func.coalesce(c.preferred, "").label("preferred"),
            c.locale,
            c.zone,
            at.locality,
            func.coalesce(point.country, "").label("country"),
        )
        .select_from(people)
        .join(t.customer, c.id == at.customer_id)
        .join(t.household, t.household.c.id == c.household_id)
        .outerjoin(t.customer_contact, and_(held.customer_id == c.id, good))
        .outerjoin(t.contact_point, point.id == held.contact_point_id)
        .where(c.closed_at.is_(None))
    )


_SAME = ("household_id", "household", "priority", "expired", "channel", "channels", "preferred",
         "locale", "zone", "locality", "country")  # fmt: skip
"""What two rows of one key are compared by."""


def _supplied(which: ColumnElement[bool]) -> Any:
    """(premise, customer) with the best class among the customer's accounts there; A sorts first."""
    p, a = t.premise.c, t.account.c
    lapsed = func.max(case((a.priority_expired, 1), else_=0)) == 1
    return (
        select(
            p.id.label("premise_id"),
            func.min(p.tree_order).label("tree_order"),
            func.min(p.locality).label("locality"),
            a.customer_id,
            func.min(a.priority).label("priority"),
            lapsed.label("expired"),
            contactable.bits(a.customer_id).label("channels"),
        )
        .join(t.supply, t.supply.c.premise_id == p.id)
        .join(t.account, a.id == t.supply.c.account_id)
        .where(which, p.closed_at.is_(None), a.closed_at.is_(None))
        .group_by(p.id, a.customer_id)
        .subquery()
    )
