"""What joins customers into households, asked of the record: whole, streamed, or around a few customers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, func, select

from outreach.model.words import Channel
from outreach.store import bulk, points, tables as t
from outreach.store.session import Session

Pair = tuple[Any, int]
"""(premise id or address hash, customer id)"""

_STREAMED = {"yield_per": 10_000}
_AT_ONCE = 1_000
_BY_ADDRESS = (t.contact_point.c.address_hash, t.customer_contact.c.customer_id)


def open_customers(session: Session) -> Iterator[int]:
    """Ids, ascending."""
    found = select(t.customer.c.id).where(t.customer.c.closed_at.is_(None))
    return ids(session, found.order_by(t.customer.c.id))


def ids(session: Session, asked: Select[Any]) -> Iterator[int]:
    """The only column of a select that may have millions of rows."""
    return (row[0] for row in _streamed(session, asked))


def open_accounts(session: Session) -> Iterator[tuple[int, int]]:
    """(customer, account id) of every open account, lowest number first."""
    return _streamed(session, _accounts(session))


def together_at_premises(session: Session) -> Iterator[Pair]:
    """(premise, customer) where a premise has more than one supply, premise by premise."""
    several = (
        select(t.supply.c.premise_id).group_by(t.supply.c.premise_id).having(func.count() > 1)
    ).scalar_subquery()
    found = _supplied().where(t.supply.c.premise_id.in_(several)).order_by(t.supply.c.premise_id)
    return _streamed(session, found)


def together_by_address(session: Session, more_than: int) -> Iterator[tuple[int, int]]:
    """Pairs of customers with a common address, enough of them to join all its holders.

    Addresses of more customers than `more_than` are left out.
    """
    found = _streamed(session, _held(by_address=False).order_by(*_BY_ADDRESS))
    for _digest, links in groupby(found, key=itemgetter(0)):
        least, *rest = dict.fromkeys(customer for _digest, customer in links)
        if len(rest) < more_than:
            yield from ((least, other) for other in rest)


def joined_by(pairs: Iterable[Pair]) -> Iterator[tuple[int, int]]:
    """(first, each further) customer of the same premise or address."""
    first: dict[Any, int] = {}
    for what, customer in pairs:
        one = first.setdefault(what, customer)
        if one != customer:
            yield one, customer


def joined_by_turn(pairs: Iterable[Pair]) -> Iterator[tuple[int, int]]:
    """As `joined_by`, for pairs that come sorted: nothing is remembered."""
    last: Pair = (None, 0)
    for pair in pairs:
        if pair[0] == last[0] and pair[1] != last[1]:
            yield last[1], pair[1]
        last = pair


def holders_of(session: Session, hashes: Sequence[bytes]) -> list[Pair]:
    """(address hash, open customer), each pair once."""
    return list(session.execute(_held().where(points.at(session, hashes)).distinct()))


def addresses_of(session: Session, customers: Collection[int]) -> list[Pair]:
    """(address hash, customer) of these, open or not, each pair once."""
    link = t.customer_contact
    asked = (
        select(t.contact_point.c.address_hash, link.c.customer_id)
        .join(link, link.c.contact_point_id == t.contact_point.c.id)
        .where(bulk.among(session, link.c.customer_id, customers))
    )
    return list(session.execute(asked.distinct()))


def premises_of(session: Session, customers: Collection[int]) -> list[Pair]:
    """(premise, customer) of these, open ones."""
    those = bulk.among(session, t.account.c.customer_id, customers)
    return list(session.execute(_supplied().where(those)))


def accounts_of(session: Session, customers: Collection[int]) -> list[tuple[int, int]]:
    """(customer, account id) of the open accounts of these, lowest number first."""
    those = bulk.among(session, t.account.c.customer_id, customers)
    return list(session.execute(_accounts(session).where(those)))


def _accounts(session: Session) -> Select[Any]:
    """In the order of numbers, also where they are unpadded."""
    account = t.account.c
    is_sqlite = session.get_bind().dialect.name == "sqlite"  # which compares byte by byte
    order = account.ref if is_sqlite else account.ref.collate("C")
    asked = select(account.customer_id, account.id).where(account.closed_at.is_(None))
    return asked.order_by(func.length(account.ref), order)


def neighbours(session: Session, customers: Collection[int], more_than: int) -> set[int]:
    """Who shares a premise or an address with these, now or just before this load."""
    places = {premise for premise, _customer in premises_of(session, customers)}
    at_them = _supplied().where(bulk.among(session, t.supply.c.premise_id, places))
    found = {row.customer_id for row in session.execute(at_them)}
    hashes = {digest for digest, _customer in addresses_of(session, customers)}
    for some in chunks(_joining(session, hashes, more_than), _AT_ONCE):
        found.update(customer for _digest, customer in holders_of(session, some))
    return found


def joining(session: Session, pairs: Iterable[Pair], more_than: int) -> list[Pair]:
    """Those of the pairs whose address several of them hold, and not too many in all."""
    pairs = list(pairs)
    members = Counter(digest for digest, _customer in pairs)
    several = [digest for digest, count in members.items() if count > 1]
    counted = {digest: holders for digest, holders, _touched in _counted(session, several)}
    return [pair for pair in pairs if 1 < counted.get(pair[0], 0) <= more_than]


def households_of(session: Session, customers: Collection[int]) -> set[int]:
    """Ids of the households in which these stand, the closed ones too."""
    those = bulk.among(session, t.customer.c.id, customers)
    return set(session.scalars(select(t.customer.c.household_id).where(those).distinct()))


def members(session: Session, households: Collection[int]) -> set[int]:
    """Open customers of these households."""
    those = bulk.among(session, t.customer.c.household_id, households)
    asked = select(t.customer.c.id).where(those, t.customer.c.closed_at.is_(None))
    return set(session.scalars(asked))


def chunks(values: Collection[Any], size: int) -> Iterator[list[Any]]:
    """The values, as many at a time."""
    rest = iter(values)
    while some := list(islice(rest, size)):
        yield some


def _joining(session: Session, hashes: Collection[bytes], more_than: int) -> list[bytes]:
    """Addresses that join their holders, or did until this load gave them one holder too many."""
    return [
        digest
        for digest, holders, touched in _counted(session, hashes)
        if holders - touched <= more_than
    ]


def _counted(session: Session, hashes: Collection[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """(address hash, its open customers, those of them that this load touched)."""
    held, touched = t.contact_point.c.address_hash, t.touched_customer
    customer = t.customer_contact.c.customer_id
    for some in chunks(hashes, _AT_ONCE):
        asked = (
            _held()
            .with_only_columns(
                held,
                func.count(customer.distinct()),
                func.count(touched.c.customer_id.distinct()),
            )
            .outerjoin(touched, touched.c.customer_id == customer)
            .where(bulk.among(session, held, some))
            .group_by(held)
        )
        yield from session.execute(asked)


def _supplied() -> Select[tuple[int, int]]:
    """(premise, customer), each open: holder and occupant alike."""
    return (
        select(t.supply.c.premise_id, t.account.c.customer_id)
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .join(t.premise, t.premise.c.id == t.supply.c.premise_id)
        .join(t.customer, t.customer.c.id == t.account.c.customer_id)
        .where(
            t.premise.c.closed_at.is_(None),
            t.account.c.closed_at.is_(None),
            t.customer.c.closed_at.is_(None),
        )
    )


def _held(*, by_address: bool = True) -> Select[tuple[bytes, int]]:
    """(address hash, open customer), of every channel and purpose, usable or not."""
    link = t.customer_contact
    held = (
        select(*_BY_ADDRESS)
        .select_from(t.contact_point)
        .join(link, link.c.contact_point_id == t.contact_point.c.id)
        .join(t.customer, t.customer.c.id == link.c.customer_id)
        .where(t.customer.c.closed_at.is_(None))
    )
    # The index of addresses begins with the channel: whoever looks one up names them all.
    return held.where(t.contact_point.c.channel.in_(list(Channel))) if by_address else held


def _streamed(session: Session, asked: Select[Any]) -> Iterator[Any]:
    """By the thousand: one by one each row costs as much again."""
    found = session.execute(asked, execution_options=_STREAMED)
    return chain.from_iterable(found.partitions())
