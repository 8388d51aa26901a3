"""Contact points that no record brings: our own accounts."""

from __future__ import annotations

from outreach.model.words import Channel
from outreach.store import tables as t
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
