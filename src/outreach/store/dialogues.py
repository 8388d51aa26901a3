"""The question that a person's next word answers: one at a time for each address and channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import delete, select

from outreach.store import tables as t
from outreach.store.dialects import insert_into
from outreach.store.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """What was asked; `options`: number as text -> what it stands for."""

    asks: str
    options: Mapping[str, str] = field(default_factory=dict)
    expires_at: datetime


def current(
    session: Session, address_hash: bytes, channel: str, *, now: datetime
) -> Dialogue | None:
    """The question that is still open; None: none is."""
    d = t.dialogue.c
    row = session.execute(
        select(d.asks, d.options, d.expires_at).where(
            d.address_hash == address_hash, d.channel == channel, d.expires_at > now
        )
    ).first()
    if row is None:
        return None
    return Dialogue(asks=row.asks, options=row.options, expires_at=row.expires_at)


def ask(
    session: Session, address_hash: bytes, channel: str, asked: Dialogue, *, now: datetime
) -> None:
    """Keeps a question in the place of any before it."""
    into = insert_into(session, t.dialogue)
    given = {
        "asks": asked.asks, "options": dict(asked.options), "asked_at": now,
        "expires_at": asked.expires_at,
    }  # fmt: skip
    session.execute(
        into.values(address_hash=address_hash, channel=channel, **given).on_conflict_do_update(
            index_elements=["address_hash", "channel"], set_=given
        )
    )


def close(session: Session, address_hash: bytes, channel: str) -> None:
    """Nothing is asked of this address any more."""
    d = t.dialogue.c
    session.execute(delete(t.dialogue).where(d.address_hash == address_hash, d.channel == channel))
