"""Contact points by their addresses, and those that no record brings: our own accounts."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement

from outreach.model.words import Channel
from outreach.store import bulk, tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session


def keep(session: Session, channel: Channel, *, address_hash: bytes, sealed: bytes) -> None:
    """Writes a contact point without a customer, unless it is there."""
    row = {
        "channel": channel,
        "address_hash": address_hash,
        "address_sealed": sealed,
        "country": "*",
        "prefix": "",
        "customers": 0,
    }
    session.execute(insert_into(session, t.contact_point).values(**row).on_conflict_do_nothing())


def at(session: Session, hashes: Collection[bytes]) -> ColumnElement[bool]:
    """Whether a contact point is at one of these addresses, on whichever channel.

    Every channel is named because the index begins with it: by the hash alone all points are read.
    """
    point = t.contact_point.c
    return point.channel.in_(list(Channel)) & bulk.among(session, point.address_hash, list(hashes))
