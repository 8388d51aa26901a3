"""What the record knows of somebody or of a place, from which source and since when; and how fresh it all is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, func, select

from outreach.model.words import LoadState
from outreach.store import points, suppressions, tables as t
from outreach.store.session import Session
from outreach.store.suppressions import Suppression

MOST = 20
"""Customers shown of one premise or address; a caretaker's number has thousands."""
_DEEPEST = 30


class Origin(NamedTuple):
    """Where a row of the record comes from; all None for rows older than the first sync."""

    source: str | None
    record: int | None
    """Record number in that source."""
    loaded_at: datetime | None
    """When our row last changed."""
    updated_on: date | None
    """The day the source gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKnown:
    """One contract."""

    ref: str
    customer_type: str
    priority: str
    priority_expired: bool
    life_support: str
    life_support_until: date | None
    closed_at: datetime | None
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class PremiseKnown:
    """One supply point of the customer."""

    ref: str
    account: str
    role: str
    locality: str
    postal_code: str
    zone: str
    transformer: str
    path: tuple[str, ...]
    """Nodes that feed it, from the top down; empty: not on the network."""
    street_sealed: bytes
    closed_at: datetime | None
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class PointKnown:
    """One address for one purpose."""

    channel: str
    purpose: str
    address_hash: bytes
    address_sealed: bytes
    consent: bool | None
    """None: not given."""
    basis: str
    """On what ground we write; empty: we do not."""
    usable: bool
    customers: int
    """How many hold it."""
    loaded_at: datetime
    bad_since: datetime | None
    suppressions: tuple[Suppression, ...]
    """Those that hold on this channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerKnown:
    """One customer with all that hangs on them."""

    id: int
    ref: str
    name_sealed: bytes
    household: str
    members: tuple[str, ...]
    """Other open customers of the household."""
    locale: str
    zone: str
    preferred: str
    tags: tuple[str, ...]
    loaded_at: datetime
    closed_at: datetime | None
    accounts: tuple[AccountKnown, ...]
    premises: tuple[PremiseKnown, ...]
    points: tuple[PointKnown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How old the record is, and whether a load has broken off."""

    loaded_at: datetime | None
    """When the last load that ended began; None: none ever did."""
    customers: int
    premises: int
    sources: tuple[tuple[str, datetime | None], ...]
    """(name, when it was last read to its end), by name."""
    unfinished: tuple[LoadState, str, datetime] | None
    """(state, phase, since when) of the newest load, if it is not done."""


def customers_named(session: Session, ref: str) -> list[int]:
    """Ids of the customers of an account or a premise, or of the customer, with exactly this ref."""
    by_account = select(t.account.c.customer_id).where(t.account.c.ref == ref)
    by_customer = select(t.customer.c.id).where(t.customer.c.ref == ref)
    by_premise = (
        select(t.account.c.customer_id)
        .join(t.supply, t.supply.c.account_id == t.account.c.id)
        .join(t.premise, t.premise.c.id == t.supply.c.premise_id)
        .where(t.premise.c.ref == ref)
    )
    for asked in (by_account, by_customer, by_premise):
        if found := list(session.scalars(asked.distinct().limit(MOST))):
            return sorted(found)
    return []


def customers_at(session: Session, hashes: Collection[bytes]) -> list[int]:
    """Ids of the customers who hold this address (`Keyring.standing`), at most MOST of them."""
    link = t.customer_contact.c
    here = select(t.contact_point.c.id).where(points.at(session, hashes))
    asked = select(link.customer_id).where(link.contact_point_id.in_(here))
    return list(session.scalars(asked.distinct().order_by(link.customer_id).limit(MOST)))


def known(session: Session, customers: Collection[int]) -> list[CustomerKnown]:
    """All that the record knows of these customers."""
    asked = (
        select(t.customer, t.household.c.ref.label("household"))
        .join(t.household, t.household.c.id == t.customer.c.household_id)
        .where(t.customer.c.id.in_(customers))
        .order_by(t.customer.c.id)
    )
    return [_known(session, row) for row in session.execute(asked).all()]


def freshness(session: Session) -> Freshness:
    """How fresh the record is; cheap, for the figures are those that the load itself noted."""
    load, source = t.record_load.c, t.record_source.c
    newest = select(t.record_load).order_by(load.id.desc()).limit(1)
    last = session.execute(newest).first()
    done = session.execute(newest.where(load.state == LoadState.DONE)).first()
    counts = done.counts if done else {}
    at_work = {LoadState.STAGING, LoadState.MERGING}
    return Freshness(
        loaded_at=done.loaded_at if done else None,
        customers=int(counts.get("customers", 0)),
        premises=int(counts.get("premises", 0)),
        sources=tuple(
            (name, read_at)
            for name, read_at in session.execute(
                select(source.name, source.read_at).order_by(source.name)
            )
        ),
        unfinished=(
            (LoadState(last.state), last.phase, last.loaded_at)
            if last and last.state in at_work
            else None
        ),
    )


def _known(session: Session, row: Row[Any]) -> CustomerKnown:
    accounts = _accounts(session, row.id)
    return CustomerKnown(
        id=row.id,
        ref=row.ref,
        name_sealed=row.name_sealed,
        household=row.household,
        members=_members(session, row.household_id, row.id),
        locale=row.locale,
        zone=row.zone,
        preferred=row.preferred or "",
        tags=_tags(session, row.id),
        loaded_at=row.loaded_at,
        closed_at=row.closed_at,
        accounts=tuple(accounts),
        premises=tuple(_premises(session, row.id)),
        points=tuple(_points(session, row.id)),
    )


def _members(session: Session, household: int, but: int) -> tuple[str, ...]:
    c = t.customer.c
    others = select(c.ref).where(c.household_id == household, c.id != but, c.closed_at.is_(None))
    return tuple(session.scalars(others.order_by(c.ref).limit(MOST)))


def _tags(session: Session, customer: int) -> tuple[str, ...]:
    tag = t.customer_tag.c
    return tuple(
        session.scalars(select(tag.tag).where(tag.customer_id == customer).order_by(tag.tag))
    )


def _accounts(session: Session, customer: int) -> list[AccountKnown]:
    a = t.account
    asked = _with_source(select(a, t.record_source.c.name.label("source")), a)
    rows = session.execute(
        asked.where(a.c.customer_id == customer).order_by(func.length(a.c.ref), a.c.ref)
    )
    return [
        AccountKnown(
            ref=row.ref,
            customer_type=row.customer_type,
            priority=row.priority,
            priority_expired=row.priority_expired,
            life_support=row.life_support,
            life_support_until=row.life_support_until,
            closed_at=row.closed_at,
            origin=_origin(row),
        )
        for row in rows
    ]


def _premises(session: Session, customer: int) -> list[PremiseKnown]:
    p, a = t.premise, t.account
    asked = select(
        p, a.c.ref.label("account"), t.supply.c.role, t.record_source.c.name.label("source")
    ).select_from(
        p.join(t.supply, t.supply.c.premise_id == p.c.id)
        .join(a, a.c.id == t.supply.c.account_id)
        .outerjoin(t.record_source, t.record_source.c.id == p.c.source_id)
    )
    rows = session.execute(asked.where(a.c.customer_id == customer).order_by(p.c.ref)).all()
    return [
        PremiseKnown(
            ref=row.ref,
            account=row.account,
            role=row.role,
            locality=row.locality,
            postal_code=row.postal_code,
            zone=row.zone,
            transformer=row.transformer,
            path=_path(session, row.transformer) if row.tree_order >= 0 else (),
            street_sealed=row.street_sealed,
            closed_at=row.closed_at,
            origin=_origin(row),
        )
        for row in rows
    ]


def _path(session: Session, transformer: str) -> tuple[str, ...]:
    """By parents, a step an index lookup; a tree has no loops, but a broken one must end too."""
    node = t.network_node.c
    path: list[str] = []
    ref: str | None = transformer
    while ref and len(path) < _DEEPEST:
        path.append(ref)
        ref = session.scalar(select(node.parent_ref).where(node.ref == ref))
    return tuple(reversed(path))


def _points(session: Session, customer: int) -> list[PointKnown]:
    p, link = t.contact_point, t.customer_contact
    rows: Sequence[Row[Any]] = session.execute(
        select(p, link.c.purpose, link.c.consent, link.c.basis, link.c.usable, link.c.loaded_at)
        .join(link, link.c.contact_point_id == p.c.id)
        .where(link.c.customer_id == customer)
        .order_by(p.c.channel, p.c.id, link.c.purpose)
    ).all()
    stopped = suppressions.by_address(session, {row.address_hash for row in rows})
    return [
        PointKnown(
            channel=row.channel,
            purpose=row.purpose,
            address_hash=row.address_hash,
            address_sealed=row.address_sealed,
            consent=row.consent,
            basis=row.basis,
            usable=row.usable,
            customers=row.customers,
            loaded_at=row.loaded_at,
            bad_since=row.bad_since,
            suppressions=tuple(
                one
                for one in stopped.get(row.address_hash, ())
                if one.channel in {suppressions.ANY, row.channel}
            ),
        )
        for row in rows
    ]


def _with_source(asked: Select[Any], table: Any) -> Select[Any]:
    return asked.outerjoin(t.record_source, t.record_source.c.id == table.c.source_id)


def _origin(row: Row[Any]) -> Origin:
    return Origin(row.source, row.source_record, row.loaded_at, row.updated_on)
