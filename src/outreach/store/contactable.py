"""Which contact points of a customer may be written to, and on which of them a step speaks; as SQL."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import reduce

from sqlalchemy import ColumnElement, FromClause, and_, case, exists, func, not_, or_, select

from outreach.model.words import CHANNEL_BITS, Channel, Purpose
from outreach.store import tables as t
from outreach.store.suppressions import ANY

WRITTEN = (Channel.SMS, Channel.EMAIL)
"""The channels for which messages are counted beforehand."""


def is_contactable(
    held: FromClause = t.customer_contact, point: FromClause = t.contact_point
) -> ColumnElement[bool]:
    """Over customer_contact and contact_point, joined.

    Usable, with a basis (consent, or contract where none is needed), and no receipt has called it bad.
    """
    return and_(
        held.c.usable,
        held.c.basis != "",
        held.c.purpose == Purpose.SERVICE,
        point.c.bad_since.is_(None),
    )


def is_spoken_to(
    held: FromClause = t.customer_contact, point: FromClause = t.contact_point
) -> ColumnElement[bool]:
    """The same without who has said no to service notices there: they hear on their next channel."""
    return and_(is_contactable(held, point), not_(_is_closed(point, ANY, Purpose.SERVICE)))


def is_warned(
    held: FromClause = t.customer_contact, point: FromClause = t.contact_point
) -> ColumnElement[bool]:
    """The same with those whom an emergency still finds there: they have said no to service notices alone."""
    return and_(is_contactable(held, point), not_(_is_closed(point, ANY)))


def _is_closed(point: FromClause, *purposes: str) -> ColumnElement[bool]:
    s = t.suppression.alias()
    return (
        exists()
        .where(
            s.c.address_hash == point.c.address_hash,
            or_(s.c.channel == ANY, s.c.channel == point.c.channel),
            s.c.purpose.in_(purposes),
        )
        .correlate(point)
    )


def bits(customer: ColumnElement[int]) -> ColumnElement[int]:
    """The set of channels (CHANNEL_BITS) on which this customer can be written to."""
    # Under names of their own: the statement around it may join the same tables.
    held, point = t.customer_contact.alias(), t.contact_point.alias()
    each: list[ColumnElement[int]] = [
        func.max(case((point.c.channel == channel, number), else_=0))
        for channel, number in CHANNEL_BITS.items()
    ]
    total: ColumnElement[int] = reduce(operator.add, each)
    found = (
        select(total)
        .select_from(held.join(point, point.c.id == held.c.contact_point_id))
        .where(held.c.customer_id == customer, is_spoken_to(held, point))
        .scalar_subquery()
    )
    return func.coalesce(found, 0)


def bit(channel: ColumnElement[str]) -> ColumnElement[int]:
    """Its bit of CHANNEL_BITS."""
    return case({one.value: number for one, number in CHANNEL_BITS.items()}, value=channel, else_=0)


def is_warned_alone(channels: Sequence[Channel]) -> ColumnElement[bool]:
    """Over reach: nothing but an emergency is said on this channel, one of these, of a row; see `is_warned`."""
    r = t.reach.c
    return and_(r.channel.in_(channels), r.channels.op("&")(bit(r.channel)) == 0)


def chosen(
    channels: Sequence[Channel], has: ColumnElement[int], preferred: ColumnElement[str]
) -> ColumnElement[str]:
    """The preferred channel if the step offers it and the customer has it, else the first they have."""
    offered = {channel: has.op("&")(CHANNEL_BITS[channel]) != 0 for channel in channels}
    wished = [(and_(preferred == channel, offered[channel]), channel.value) for channel in channels]
    in_order = [(offered[channel], channel.value) for channel in channels]
    return case(*wished, *in_order, else_="")
