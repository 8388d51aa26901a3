"""What merging accounts asks and writes: customers, households, contact points and who holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import delete, select

from outreach.model.words import Purpose
from outreach.store import bulk, tables as t
from outreach.store.bulk import Tuples
from outreach.store.session import Session

ACCOUNT_NAMES = (
    "id", "ref", "customer_id", "customer_type", "priority", "priority_expired", "base_priority",
    "life_support", "life_support_on", "life_support_until", "updated_on", "closed_at", "source_id",
    "source_record", "source_hash", "loaded_at", "body_sealed",
)  # fmt: skip
CUSTOMER_NAMES = (
    "id", "ref", "household_id", "name_sealed", "locale", "zone", "preferred", "loaded_at",
    "closed_at",
)  # fmt: skip
POINT_NAMES = (
    "id", "channel", "address_hash", "address_sealed", "country", "prefix", "customers",
)  # fmt: skip
LINK_NAMES = (
    "customer_id", "contact_point_id", "purpose", "consent", "usable", "basis", "loaded_at",
)  # fmt: skip


class KnownAccount(NamedTuple):
    """An account of the record, as merging finds it."""

    id: int
    customer_id: int
    closed_at: datetime | None


class KnownCustomer(NamedTuple):
    """A customer of the record, as merging finds them."""

    id: int
    ref: str
    household_id: int
    name_sealed: bytes
    locale: str
    zone: str
    preferred: str | None
    closed_at: datetime | None


class OpenAccount(NamedTuple):
    """An open account with what it said."""

    ref: str
    customer_id: int
    updated_on: date | None
    body_sealed: bytes


class Point(NamedTuple):
    """A contact point, and how many customers hold it."""

    id: int
    customers: int


class Link(NamedTuple):
    """What a customer's hold on a contact point allows."""

    consent: bool | None
    usable: bool
    basis: str


class StagedAccount(NamedTuple):
    """An account on its way into the record."""

    ref: str
    record: int
    day: date | None
    source_hash: int
    customer_key: str
    customer_type: str
    priority: str
    priority_expired: bool
    base_priority: str
    life_support: str
    life_support_on: date | None
    life_support_until: date | None
    body_sealed: bytes


def staged_accounts(session: Session, *, since: str, limit: int) -> list[StagedAccount]:
    """The next staged accounts by ref, from `since` on: as they lie, and as indexes of refs grow.

    Accounts of one customer may come apart: each slice looks at all that its customers hold.
    """
    stage = t.stage_account
    columns = [stage.c[name] for name in StagedAccount._fields]
    found = select(*columns).where(stage.c.ref >= since).order_by(stage.c.ref)
    return list(map(StagedAccount._make, session.execute(found.limit(limit)).all()))


def forget_staged(session: Session, *, until: str) -> None:
    """Forgets the accounts that were merged: all up to this ref."""
    session.execute(delete(t.stage_account).where(t.stage_account.c.ref <= until))


def gone(session: Session, entity: str, *, limit: int) -> list[int]:
    """The next ids that are to be closed."""
    c = t.stage_gone.c
    return list(session.scalars(select(c.id).where(c.entity == entity).order_by(c.id).limit(limit)))


def forget_gone(session: Session, entity: str, ids: Collection[int]) -> None:
    c = t.stage_gone.c
    session.execute(delete(t.stage_gone).where(c.entity == entity, bulk.among(session, c.id, ids)))


def accounts(session: Session, refs: Collection[str]) -> dict[str, KnownAccount]:
    """ref -> account, closed ones too."""
    c = t.account.c
    found = select(c.ref, c.id, c.customer_id, c.closed_at).where(bulk.among(session, c.ref, refs))
    return {ref: KnownAccount(*values) for ref, *values in session.execute(found).all()}


def accounts_by_id(session: Session, ids: Collection[int]) -> list[KnownAccount]:
    c = t.account.c
    found = select(c.id, c.customer_id, c.closed_at).where(bulk.among(session, c.id, ids))
    return [KnownAccount(*row) for row in session.execute(found)]


def open_accounts(session: Session, customers: Collection[int]) -> list[OpenAccount]:
    """Every open account of these customers."""
    if not customers:
        return []
    c = t.account.c
    found = select(c.ref, c.customer_id, c.updated_on, c.body_sealed).where(
        bulk.among(session, c.customer_id, customers), c.closed_at.is_(None)
    )
    return [OpenAccount(*row) for row in session.execute(found).all()]


def customers_by_ref(session: Session, refs: Collection[str]) -> dict[str, int]:
    """ref -> id, closed ones too."""
    c = t.customer.c
    found = select(c.ref, c.id).where(bulk.among(session, c.ref, refs))
    return dict(session.execute(found).all())


def customers(session: Session, ids: Collection[int]) -> dict[int, KnownCustomer]:
    """id -> customer, closed ones too."""
    if not ids:
        return {}
    c = t.customer.c
    columns = [c[name] for name in KnownCustomer._fields]
    found = session.execute(select(*columns).where(bulk.among(session, c.id, ids)))
    return {row.id: KnownCustomer(*row) for row in found}


def households(session: Session, refs: Collection[str]) -> dict[str, int]:
    """ref -> id; those that are new are made."""
    c = t.household.c
    found = select(c.ref, c.id).where(bulk.among(session, c.ref, refs))
    ids = dict(session.execute(found).all())
    new = sorted(set(refs) - ids.keys())
    made = dict(zip(new, bulk.new_ids(session, t.household, len(new)), strict=True))
    bulk.insert(session, t.household, ("id", "ref"), [(id_, ref) for ref, id_ in made.items()])
    return ids | made


def links(session: Session, customers: Collection[int]) -> dict[tuple[int, int], Link]:
    """(customer, contact point) -> what it allows."""
    if not customers:
        return {}
    c = t.customer_contact.c
    found = select(c.customer_id, c.contact_point_id, c.consent, c.usable, c.basis).where(
        bulk.among(session, c.customer_id, customers), c.purpose == Purpose.SERVICE
    )
    return {
        (customer, point): Link(consent, usable, basis)
        for customer, point, consent, usable, basis in session.execute(found)
    }


def tags(session: Session, customers: Collection[int]) -> set[tuple[str, int]]:
    """(tag, customer)."""
    if not customers:
        return set()
    c = t.customer_tag.c
    found = select(c.tag, c.customer_id).where(bulk.among(session, c.customer_id, customers))
    return {(tag, customer) for tag, customer in session.execute(found)}


def points(
    session: Session, hashes: Mapping[str, Collection[bytes]]
) -> dict[tuple[str, bytes], Point]:
    """(channel, address hash) -> contact point, for the hashes of each channel."""
    c, found = t.contact_point.c, dict[tuple[str, bytes], Point]()
    for channel, wanted in hashes.items():
        rows = session.execute(
            select(c.address_hash, c.id, c.customers).where(
                c.channel == channel, bulk.among(session, c.address_hash, wanted)
            )
        )
        found |= {(channel, bytes(digest)): Point(id_, held) for digest, id_, held in rows.all()}
    return found


def held_by(session: Session, ids: Collection[int]) -> dict[int, int]:
    """id -> customers, for contact points by their ids."""
    if not ids:
        return {}
    c = t.contact_point.c
    found = select(c.id, c.customers).where(bulk.among(session, c.id, ids))
    return dict(session.execute(found).all())


def holders(session: Session, points: Collection[int]) -> set[int]:
    """Customers who hold one of these contact points."""
    if not points:
        return set()
    c = t.customer_contact.c
    found = select(c.customer_id).where(bulk.among(session, c.contact_point_id, points))
    return set(session.scalars(found.distinct()))


def add_customers(session: Session, rows: Tuples) -> None:
    """Rows in the order of CUSTOMER_NAMES."""
    bulk.insert(session, t.customer, CUSTOMER_NAMES, rows)


def change_customers(session: Session, rows: Tuples) -> None:
    """Rows of id, name_sealed, locale, zone, preferred, loaded_at, closed_at."""
    names = ("id", "name_sealed", "locale", "zone", "preferred", "loaded_at", "closed_at")
    bulk.update(session, t.customer, names, rows)


def close_customers(session: Session, ids: Iterable[int], *, now: datetime) -> None:
    bulk.update(session, t.customer, ("id", "closed_at"), [(id_, now) for id_ in ids])


def save_accounts(session: Session, *, new: Tuples, known: Tuples) -> None:
    """Rows in the order of ACCOUNT_NAMES."""
    bulk.insert(session, t.account, ACCOUNT_NAMES, new)
    bulk.update(session, t.account, ACCOUNT_NAMES, known)


def close_accounts(session: Session, ids: Iterable[int], *, now: datetime) -> None:
    rows = [(id_, now, now) for id_ in ids]
    bulk.update(session, t.account, ("id", "closed_at", "loaded_at"), rows)


def add_points(session: Session, rows: Tuples) -> None:
    """Rows in the order of POINT_NAMES."""
    bulk.insert(session, t.contact_point, POINT_NAMES, rows)


def count_points(session: Session, held: dict[int, int]) -> None:
    """Writes by how many customers contact points are held."""
    bulk.update(session, t.contact_point, ("id", "customers"), list(held.items()))


def save_links(session: Session, *, new: Tuples, known: Tuples) -> None:
    """Rows in the order of LINK_NAMES; a link that stays keeps the time since when it is held."""
    bulk.insert(session, t.customer_contact, LINK_NAMES, new)
    key = ("customer_id", "contact_point_id", "purpose")
    bulk.upsert(session, t.customer_contact, LINK_NAMES, known, key=key, kept=("loaded_at",))


def drop_links(session: Session, pairs: Collection[tuple[int, int]]) -> None:
    """Takes contact points from customers."""
    gone = [(customer, point, Purpose.SERVICE.value) for customer, point in pairs]
    bulk.remove_rows(
        session, t.customer_contact, ("customer_id", "contact_point_id", "purpose"), gone
    )


def save_tags(session: Session, *, new: Tuples, gone: Tuples) -> None:
    """Rows of (tag, customer)."""
    bulk.insert(session, t.customer_tag, ("tag", "customer_id"), new)
    bulk.remove_rows(session, t.customer_tag, ("tag", "customer_id"), gone)


def touch_customers(session: Session, ids: Iterable[int]) -> None:
    """Notes that household and reach of these have to be looked at."""
    rows = [(id_,) for id_ in sorted(ids)]
    bulk.upsert(session, t.touched_customer, ("customer_id",), rows, key=("customer_id",))
