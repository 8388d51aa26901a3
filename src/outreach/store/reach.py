"""Keeps `reach`: who can be written to under each node, so that asking at crisis time is one range."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, delete, func, insert, literal, select, text

from outreach.model.words import CHANNEL_BITS, Purpose
from outreach.store import tables as t
from outreach.store.session import Session

_JOINED = (
    t.household,
    t.customer,
    t.account,
    t.premise,
    t.supply,
    t.contact_point,
    t.customer_contact,
)


def rebuild(session: Session) -> int:
    """Writes reach afresh from the record; returns its rows.

    One row per contactable contact point, premise and customer. Contactable: usable, with a basis
    (consent, or contract where none is needed), and no receipt has called it bad.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Without fresh statistics the first import joins by nested loops: 108 s instead of 2.
        for table in _JOINED:
            session.execute(text(f"ANALYZE {table.name}"))
    session.execute(delete(t.reach))
    rows = _rows()
    session.execute(insert(t.reach).from_select([one.name for one in rows.selected_columns], rows))
    return session.execute(select(func.count()).select_from(t.reach)).scalar_one()


def _rows() -> Select[Any]:
    people, points, channels = _supplied(), _contactable(), _channels()
    own_channels = channels.c.customer_id == people.c.customer_id
    return (
        select(
            t.premise.c.tree_order,
            points.c.contact_point_id,
            people.c.premise_id,
            people.c.customer_id,
            t.customer.c.household_id,
            t.household.c.ref.label("household"),
            people.c.priority,
            points.c.channel,
            channels.c.channels,
            func.coalesce(t.customer.c.preferred, literal("")).label("preferred"),
            t.customer.c.locale,
            t.customer.c.zone,
            t.premise.c.locality,
            points.c.country,
        )
        .select_from(people)
        .join(t.premise, t.premise.c.id == people.c.premise_id)
        .join(t.customer, t.customer.c.id == people.c.customer_id)
        .join(t.household, t.household.c.id == t.customer.c.household_id)
        .join(points, points.c.customer_id == people.c.customer_id)
        .join(channels, own_channels)
        .where(t.premise.c.closed_at.is_(None), t.customer.c.closed_at.is_(None))
        # In key order: an insert into a clustered table at its end is several times cheaper.
        .order_by(t.premise.c.tree_order, points.c.contact_point_id, people.c.premise_id)
    )


def _supplied() -> Any:
    """(premise, customer) with the best class among the customer's accounts there; A sorts first."""
    return (
        select(
            t.supply.c.premise_id,
            t.account.c.customer_id,
            func.min(t.account.c.priority).label("priority"),
        )
        .join(t.account, t.account.c.id == t.supply.c.account_id)
        .where(t.account.c.closed_at.is_(None))
        .group_by(t.supply.c.premise_id, t.account.c.customer_id)
        .subquery()
    )


def _contactable() -> Any:
    return (
        select(
            t.customer_contact.c.customer_id,
            t.customer_contact.c.contact_point_id,
            t.contact_point.c.channel,
            t.contact_point.c.country,
        )
        .join(t.contact_point, t.contact_point.c.id == t.customer_contact.c.contact_point_id)
        .where(
            t.customer_contact.c.usable,
            t.customer_contact.c.basis != "",
            t.customer_contact.c.purpose == Purpose.SERVICE,
            t.contact_point.c.bad_since.is_(None),
        )
        .subquery()
    )


def _channels() -> Any:
    """customer -> the bits of CHANNEL_BITS of all that is contactable."""
    points = _contactable()
    bits: Any = sum(
        func.max(case((points.c.channel == channel, bit), else_=0))
        for channel, bit in CHANNEL_BITS.items()
    )
    return (
        select(points.c.customer_id, bits.label("channels"))
        .group_by(points.c.customer_id)
        .subquery()
    )
