"""What waits to be renewed: premises, and under numbers below zero the places to count, purge or go on from.

All of it lives in `touched_premise`, whose key (premise, place) keeps every piece of work once:
a row is deleted in the transaction that does its work, so that a crash repeats nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, literal, select, true
from sqlalchemy.dialects import postgresql, sqlite

from outreach.model.words import Channel
from outreach.store import bulk, tables as t
from outreach.store.session import Session

UNCOUNTED, ENDED, MARK, CHAIN_MARK, UNSEEN = -1, -2, -3, -4, -5
"""In place of a premise: headcounts of the place are old; it has ended rows; building goes on here (two
marks); something is written that is not seen before the next switch."""
_UNTIL_SEEN = (MARK, CHAIN_MARK, UNSEEN)
FIRST_PLACE = -2
"""Below every place; -1 is off the network."""

_p = t.touched_premise


def note(session: Session, kind: int, places: Collection[int]) -> None:
    rows = [{"premise_id": kind, "tree_order": place} for place in sorted(places)]
    bulk.upsert_rows(session, _p, rows, ("premise_id", "tree_order"))


def note_from(session: Session, kind: int, places: Select[int]) -> None:
    """The same for what a query finds, without a way through this process."""
    # A WHERE of its own: without one SQLite reads ON CONFLICT as the ON of a join.
    _note(session, select(literal(kind), places.subquery().c[0]).where(true()))


def premises_of_customers(session: Session, customers: Sequence[int]) -> None:
    """Notes the premises of these customers, closed ones and accounts too: their rows may have to go."""
    _note(
        session,
        select(t.premise.c.id, t.premise.c.tree_order)
        .join(t.supply, t.supply.c.premise_id == t.premise.c.id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .where(bulk.among(session, t.account.c.customer_id, customers))
        .distinct(),
    )


def holders_of_points(session: Session, points: Sequence[int]) -> None:
    """Notes whoever holds one of these contact points."""
    held = t.customer_contact
    those = bulk.among(session, held.c.contact_point_id, points)
    _customers(session, select(held.c.customer_id).where(those).distinct())


def holders_of_addresses(session: Session, hashes: Collection[bytes]) -> None:
    """Notes whoever holds one of these addresses, on whichever channel."""
    held, p = t.customer_contact.c, t.contact_point.c
    # Every channel is named because the index begins with it.
    those = (p.channel.in_(list(Channel)), bulk.among(session, p.address_hash, hashes))
    found = select(held.customer_id).join(t.contact_point, p.id == held.contact_point_id)
    _customers(session, found.where(*those).distinct())


def _customers(session: Session, found: Select[tuple[int]]) -> None:
    session.execute(
        _insert(session)(t.touched_customer)
        .from_select(["customer_id"], found)
        .on_conflict_do_nothing()
    )


def _note(session: Session, rows: Select[tuple[int, int]]) -> None:
    session.execute(
        _insert(session)(_p)
        .from_select(["premise_id", "tree_order"], rows)
        .on_conflict_do_nothing()
    )


def _insert(session: Session) -> type[postgresql.Insert | sqlite.Insert]:
    is_postgres = session.get_bind().dialect.name == "postgresql"
    return postgresql.Insert if is_postgres else sqlite.Insert


def customers(session: Session, *, limit: int) -> list[int]:
    """The next touched customers."""
    c = t.touched_customer.c.customer_id
    return list(session.scalars(select(c).order_by(c).limit(limit)))


def premises(session: Session, *, limit: int) -> list[tuple[int, int]]:
    """(premise, place) of the next touched premises."""
    found = (
        select(_p).where(_p.c.premise_id > 0).order_by(_p.c.premise_id, _p.c.tree_order)
    ).limit(limit)
    return [(row[0], row[1]) for row in session.execute(found)]


def places(session: Session, kind: int, *, after: int, limit: int) -> list[int]:
    """The next places of this kind of work above `after`, in tree order."""
    found = select(_p.c.tree_order).where(_p.c.premise_id == kind, _p.c.tree_order > after)
    return list(session.scalars(found.order_by(_p.c.tree_order).limit(limit)))


def forget(session: Session, kind: int, done: Sequence[int]) -> None:
    if done:
        those = bulk.among(session, _p.c.tree_order, done)
        session.execute(delete(_p).where(_p.c.premise_id == kind, those))


def forget_premises(session: Session, done: Sequence[int]) -> None:
    bulk.remove(session, _p.c.premise_id, done)


def forget_customers(session: Session, done: Sequence[int]) -> None:
    bulk.remove(session, t.touched_customer.c.customer_id, done)


def forget_next(session: Session, *, limit: int) -> bool:
    """Forgets the next touched customers and premises, so many of each; whether there were any."""
    c, premise = t.touched_customer.c.customer_id, _p.c.premise_id
    ends = [_last(session, c, c > 0, limit), _last(session, premise, premise > 0, limit)]
    session.execute(delete(t.touched_customer).where(c <= ends[0]))
    session.execute(delete(_p).where(premise.between(1, ends[1])))
    return any(ends)


def _last(session: Session, column: Any, noted: ColumnElement[bool], limit: int) -> int:
    """The last of the next so many ids, without a way through this process; 0: there are none."""
    some = select(column.label("id")).where(noted).order_by(column).limit(limit).subquery()
    return session.execute(select(func.max(some.c.id))).scalar() or 0


def mark(session: Session, kind: int = MARK) -> int | None:
    """Where building goes on; None: it has not begun."""
    return session.execute(select(_p.c.tree_order).where(_p.c.premise_id == kind)).scalar()


def set_mark(session: Session, value: int, kind: int = MARK) -> None:
    session.execute(delete(_p).where(_p.c.premise_id == kind))
    session.execute(insert(_p).values(premise_id=kind, tree_order=value))


def is_unseen(session: Session) -> bool:
    """Whether anything was written, by whichever process, that waits for a switch."""
    found = select(_p.c.premise_id).where(_p.c.premise_id.in_(_UNTIL_SEEN))
    return session.execute(found.limit(1)).first() is not None


def drop_marks(session: Session) -> None:
    """All is seen; the next building begins at the beginning."""
    session.execute(delete(_p).where(_p.c.premise_id.in_(_UNTIL_SEEN)))
