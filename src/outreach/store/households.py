"""Keeps households: customers joined by a common premise or address, named by their lowest account.

Whoever keeps the record notes in `touched_customer` every customer who gained or lost an account, an
address or a supply, or was closed; and, with `note_holders`, who else holds an address that lost one.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, union

from outreach.store import (
    bulk,
    changes,
    household_links as links,
    planning,
    suppressions,
    tables as t,
    touched,
)
from outreach.store.components import Components
from outreach.store.session import Database, Session

__all__ = ["Renewed", "note_holders", "renew", "touch"]

Progress = Callable[[str, int], None]

_EVERYBODY = select(func.count()).where(t.customer.c.closed_at.is_(None))
WHOLE_FROM = 0.1
"""Share of touched customers from which all households are computed afresh: then that is quicker."""
FEW = 500
"""Never too many: it is not worth counting everybody."""
_JOINED = (t.customer, t.account, t.premise, t.supply, t.contact_point, t.customer_contact)
_SLICE = 2_000
_TOUCHED_AT_ONCE = 300
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """What was done: `moved` customers now stand in another household than before."""

    whole: bool
    touched: int
    moved: int


def renew(
    database: Database,
    *,
    shared_by_more_than: int,
    now: datetime,
    progress: Progress = lambda _stage, _count: None,
) -> Renewed:
    """Brings every customer's household up to the record, in slices of at most about 0.5 s.

    Looks at what stands in `touched_customer` and `touched_premise`, and leaves it there for reach; adds who
    moved to another household, and their premises. Interrupted, it is simply called again. A household
    row is never deleted, for the ledger speaks of it; whoever has that lowest account stands in it again.
    """
    with database.write() as session:
        suppressions.lift_given_anew(session, now=now)
    with database.apart() as own, own.read() as session:
        noted = array("q", links.ids(session, _touched()))
        is_much = len(noted) > FEW and len(noted) > WHOLE_FROM * session.scalars(_EVERYBODY).one()
    if not (touched_in_all := len(noted)):
        return Renewed(whole=False, touched=0, moved=0)
    if is_much:
        del noted  # 40 MB of five millions, which nobody needs one by one
        moved = _renew_all(database, shared_by_more_than, now, progress)
        return Renewed(whole=True, touched=touched_in_all, moved=moved)
    moved = done = 0
    for some in links.chunks(noted, _TOUCHED_AT_ONCE):
        moved += _renew_around(database, some, shared_by_more_than, now)
        progress("households", done := done + len(some))
    return Renewed(whole=False, touched=touched_in_all, moved=moved)


def touch(session: Session, customers: Collection[int]) -> None:
    """Notes that household and reach of these customers are to be renewed."""
    rows = [(customer,) for customer in customers]
    bulk.upsert(session, t.touched_customer, ("customer_id",), rows, key=("customer_id",))


def note_holders(session: Session, points: Collection[int]) -> None:
    """Notes every customer with the address of one of these contact points, on whichever channel."""
    p = t.contact_point.c
    hashes = session.scalars(select(p.address_hash).where(bulk.among(session, p.id, points)))
    touched.holders_of_addresses(session, set(hashes))


def _renew_all(database: Database, more_than: int, now: datetime, progress: Progress) -> int:
    planning.refresh_statistics(database, _JOINED)
    with database.apart() as own, own.read() as session:
        everybody = _joined_all(session, more_than)
    moved = done = 0
    for first, last in everybody.slices(_SLICE):
        between = t.customer.c.id.between(first, last)
        with database.read() as session:
            strangers = _strangers(session, everybody, between)
        if strangers:
            with database.write() as session:
                _move(session, strangers, now)
        moved += len(strangers)
        progress("households", done := min(done + _SLICE, len(everybody)))
    return moved


def _joined_all(session: Session, more_than: int) -> Components:
    everybody = Components(links.open_customers(session))
    for one, other in links.joined_by_turn(links.together_at_premises(session)):
        everybody.join(one, other)
    for one, other in links.together_by_address(session, more_than):
        everybody.join(one, other)
    for customer, account in links.open_accounts(session):
        everybody.offer(customer, account)
    return everybody


def _renew_around(database: Database, noted: Sequence[int], more_than: int, now: datetime) -> int:
    """Computes afresh the households of these and of whoever they join now or joined before.

    The circle is a union of whole households, and every new tie of a touched customer ends inside it:
    so what is left outside agrees already, or is still to be looked at.
    """
    with database.read() as session:
        near = links.neighbours(session, noted, more_than).union(noted)
        circle = links.members(session, links.households_of(session, near))
        people = _joined_circle(session, circle, more_than)
        strangers = _strangers(session, people, bulk.among(session, t.customer.c.id, circle))
    for some in links.chunks(strangers, _SLICE):
        with database.write() as session:
            _move(session, some, now)
    return len(strangers)


def _joined_circle(session: Session, circle: Collection[int], more_than: int) -> Components:
    people = Components(sorted(circle))
    shared = links.joining(session, links.addresses_of(session, circle), more_than)
    for one, other in links.joined_by([*shared, *links.premises_of(session, circle)]):
        people.join(one, other)
    for customer, account in links.accounts_of(session, circle):
        people.offer(customer, account)
    return people


_Stranger = tuple[int, str]
"""(customer, the household they belong in)"""


def _strangers(session: Session, people: Components, those: ColumnElement[bool]) -> list[_Stranger]:
    """Those who stand in another household than theirs; without an open account one stays."""
    found = session.execute(
        select(t.customer.c.id, t.household.c.ref)
        .join(t.household, t.household.c.id == t.customer.c.household_id)
        .where(those, t.customer.c.closed_at.is_(None))
    )
    wanted = [(customer, ref, people.first(customer)) for customer, ref in found]
    those = bulk.among(session, t.account.c.id, {account for _customer, _ref, account in wanted})
    named = dict(session.execute(select(t.account.c.id, "H-" + t.account.c.ref).where(those)).all())
    return [
        (one, named[account]) for one, ref, account in wanted if account and ref != named[account]
    ]


def _move(session: Session, strangers: Sequence[_Stranger], now: datetime) -> None:
    """Puts them where they belong, and notes them and their premises for reach."""
    ids = _households(session, {ref for _customer, ref in strangers})
    rows = [(customer, ids[ref]) for customer, ref in strangers]
    bulk.update(session, t.customer, ("id", "household_id"), rows)
    moved = [customer for customer, _ref in strangers]
    touch(session, moved)
    for some in links.chunks(moved, _AT_ONCE):
        touched.premises_of_customers(session, some)
    changes.bump(session, "record", now=now)


def _households(session: Session, refs: set[str]) -> dict[str, int]:
    """Ref -> id; made where nobody had that lowest account before."""
    known = _known(session, refs)
    new = [(ref,) for ref in sorted(refs - known.keys())]
    if not new:
        return known
    bulk.insert(session, t.household, ("ref",), new)
    return _known(session, refs)


def _known(session: Session, refs: set[str]) -> dict[str, int]:
    those = bulk.among(session, t.household.c.ref, refs)
    return dict(session.execute(select(t.household.c.ref, t.household.c.id).where(those)).all())


def _touched() -> Select[Any]:
    """Customers noted, and those supplied at premises noted."""
    noted = select(t.touched_premise.c.premise_id)
    premises = (
        select(t.account.c.customer_id)
        .join(t.supply, t.supply.c.account_id == t.account.c.id)
        .where(t.supply.c.premise_id.in_(noted))
    )
    either = union(select(t.touched_customer.c.customer_id), premises).subquery()
    return select(either.c.customer_id).order_by(either.c.customer_id)
