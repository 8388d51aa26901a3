"""The record of customers and premises: what it holds by now, and what people ask it by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    case,
    exists,
    func,
    not_,
    or_,
    select,
)

from outreach.model.record import RecordFreshness
from outreach.model.words import Channel, LoadState, Purpose
from outreach.store import generations, tables as t
from outreach.store.session import Session

_MOST_SHARED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPoint:
    """An address of many customers, sealed."""

    channel: str
    address_hash: bytes
    address_sealed: bytes
    customers: int


def freshness(session: Session) -> RecordFreshness | None:
    """When the record was last loaded; None: never."""
    latest = (
        select(t.record_load)
        .where(t.record_load.c.state == LoadState.DONE)
        .order_by(t.record_load.c.loaded_at.desc(), t.record_load.c.id.desc())
    )
    load = session.execute(latest.limit(1)).first()
    if load is None:
        return None
    return RecordFreshness(
        source=load.source,
        loaded_at=load.loaded_at,
        customers=_open_count(session, t.customer),
        premises=_open_count(session, t.premise),
    )


def localities(session: Session) -> list[str]:
    """Every locality with a premise, in alphabetical order."""
    found = (
        select(t.premise.c.locality)
        .where(t.premise.c.closed_at.is_(None), t.premise.c.locality != "")
        .distinct()
    )
    return sorted(session.scalars(found))


def known_premises(session: Session, refs: Sequence[str]) -> set[str]:
    """Those of the refs that are premises today."""
    found: set[str] = set()
    for start in range(0, len(refs), 500):
        wanted = t.premise.c.ref.in_(refs[start : start + 500])
        found.update(
            session.scalars(select(t.premise.c.ref).where(wanted, t.premise.c.closed_at.is_(None)))
        )
    return found


def premises_on(session: Session, orders: Sequence[int]) -> list[str]:
    """Refs of the premises that hang directly on the nodes of these tree orders."""
    hung = t.premise.c.tree_order.in_(orders)
    found = select(t.premise.c.ref).where(hung, t.premise.c.closed_at.is_(None))
    return sorted(session.scalars(found))


def customer_figures(session: Session) -> dict[str, int]:
    """Customers, and those of several accounts."""
    a = t.account.c
    several = (
        select(a.customer_id)
        .where(a.closed_at.is_(None))
        .group_by(a.customer_id)
        .having(func.count() > 1)
        .subquery()
    )
    return {
        "customers": _open_count(session, t.customer),
        "customers_of_several_accounts": _count(session, select(func.count()).select_from(several)),
    }


def household_figures(session: Session) -> dict[str, int]:
    """Households, those of several customers, and the size of the largest."""
    c = t.customer.c
    size = func.count().label("size")
    sizes = select(size).where(c.closed_at.is_(None)).group_by(c.household_id).subquery()
    several = func.sum(case((sizes.c.size > 1, 1), else_=0))
    row = session.execute(select(func.count(), several, func.max(sizes.c.size))).one()
    names = ("households", "households_of_several_customers", "largest_household")
    return dict(zip(names, (int(value or 0) for value in row), strict=True))


def point_figures(session: Session, *, home: str, ignored_above: int | None) -> dict[str, int]:
    """Distinct (customer, address) by kind; home: the company's country.

    ignored_above: addresses of more customers than this are none.
    """
    point = t.contact_point.c
    is_foreign = (point.country != home).label("is_foreign")
    held = (
        select(point.channel, is_foreign, func.count())
        .select_from(_held())
        .where(*_counting(ignored_above))
        .group_by(point.channel, is_foreign)
    )
    count = {(channel, bool(foreign)): n for channel, foreign, n in session.execute(held)}
    by_channel = {
        one: count.get((one, False), 0) + count.get((one, True), 0) for one in list(Channel)
    }
    return {
        "phone": by_channel[Channel.VOICE],
        "mobile": by_channel[Channel.SMS],
        "fixed": by_channel[Channel.VOICE] - by_channel[Channel.SMS],
        "foreign_phone": count.get((Channel.VOICE, True), 0),
        "email": by_channel[Channel.EMAIL],
    }


def reachable(session: Session, *, by_household: bool = False) -> dict[str, int]:
    """Customers, or households, with something to write to: by channel, and `sms_or_email`."""
    link, point = t.customer_contact.c, t.contact_point.c
    unit = t.customer.c.household_id if by_household else link.customer_id
    has = {one: func.max(case((point.channel == one, 1), else_=0)) for one in _ASKED}
    found = select(*[count.label(one.value) for one, count in has.items()]).select_from(
        _held().join(t.customer, t.customer.c.id == link.customer_id) if by_household else _held()
    )
    units = (
        found.where(link.purpose == Purpose.SERVICE, link.usable, link.basis != "")
        .group_by(unit)
        .subquery()
    )
    written = case((or_(units.c.sms == 1, units.c.email == 1), 1), else_=0)
    sums = [func.sum(units.c[one.value]) for one in _ASKED]
    row = session.execute(select(*sums, func.sum(written), func.count()).select_from(units)).one()
    return dict(
        zip(
            ("sms", "email", "voice", "sms_or_email", "any"),
            (int(v or 0) for v in row),
            strict=True,
        )
    )


_ASKED = (Channel.SMS, Channel.EMAIL, Channel.VOICE)


def shared_points(session: Session, *, more_than: int) -> list[SharedPoint]:
    """Addresses of more customers than that, most customers first, at most a hundred."""
    point = t.contact_point.c
    found = (
        select(point.channel, point.address_hash, point.address_sealed, point.customers)
        .where(point.customers > more_than, point.channel.in_((Channel.VOICE, Channel.EMAIL)))
        .order_by(point.customers.desc(), point.id)
        .limit(_MOST_SHARED)
    )
    return [SharedPoint(**row) for row in map(dict, session.execute(found).mappings())]


def reach_rows(session: Session) -> int:
    """Rows of (contact point, premise, customer) that can be written to."""
    seen = generations.visible(t.reach, generations.current(session))
    return _count(
        session, select(func.count()).select_from(t.reach).where(seen, t.reach.c.channel != "")
    )


def premise_figures(
    session: Session, *, has_network: bool, has_coordinates: bool
) -> tuple[dict[str, int], dict[str, int]]:
    """(`connected`, `without_customer`) and, by reason, the premises that were taken with a warning."""
    p, node = t.premise.c, t.network_node.c
    feeds = node.kind == "transformer"
    is_fed = or_(node.parent_ref.is_not(None), node.kind == "substation")
    counted = {
        "connected": feeds & is_fed,
        "unknown_transformer": (p.transformer != "") & func.coalesce(not_(feeds), True),
        "unconnected_transformer": feeds & not_(is_fed),
        "no_transformer": p.transformer == "",
        "bad_coordinates": p.latitude.is_(None),
    }
    placed = t.premise.outerjoin(t.network_node, node.ref == p.transformer)
    sums = [func.sum(case((which, 1), else_=0)) for which in counted.values()]
    row = session.execute(select(*sums).select_from(placed).where(p.closed_at.is_(None))).one()
    found = dict(zip(counted, (int(value or 0) for value in row), strict=True))
    figures = {
        "connected": found.pop("connected"),
        "without_customer": _count(session, _premises(~_supplied())),
    }
    holder = exists().where(t.account.c.ref == p.holder, t.account.c.closed_at.is_(None))
    found["unknown_customer"] = _count(session, _premises(~holder))
    kept = {
        "unknown_customer": True,
        "bad_coordinates": has_coordinates,
        "no_transformer": has_network,
        "unknown_transformer": has_network,
        "unconnected_transformer": has_network,
    }
    return figures, {name: found[name] for name, holds in kept.items() if holds and found[name]}


def _premises(which: ColumnElement[bool]) -> Select[int]:
    return select(func.count()).select_from(t.premise).where(t.premise.c.closed_at.is_(None), which)


def _supplied() -> ColumnElement[bool]:
    return exists().where(t.supply.c.premise_id == t.premise.c.id)


def _held() -> Any:
    return t.customer_contact.join(
        t.contact_point, t.contact_point.c.id == t.customer_contact.c.contact_point_id
    )


def _counting(ignored_above: int | None) -> list[ColumnElement[bool]]:
    is_service = t.customer_contact.c.purpose == Purpose.SERVICE
    if ignored_above is None:
        return [is_service]
    return [is_service, t.contact_point.c.customers <= ignored_above]


def _open_count(session: Session, table: Table) -> int:
    return _count(
        session, select(func.count()).select_from(table).where(table.c.closed_at.is_(None))
    )


def _count(session: Session, counted: Select[int]) -> int:
    return session.execute(counted).scalar_one()
