"""A desk over the small town, and people who write to it."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from sqlalchemy import select
from tests import make, town
from tests.campaigns.tell import NOW

from outreach.campaigns.engine import Engine
from outreach.campaigns.reply_status import Phrasing
from outreach.campaigns.replying import Desk, take
from outreach.campaigns.replying_rules import Answer
from outreach.entry.http.live import Loader
from outreach.model.reply import InboundReply
from outreach.store import tables as t

A, C = "+56970000001", "+56970000002"
"""The town's household of class A, and one of class C."""
STRANGER = "+56999999999"
_numbers = itertools.count(1)


def make_desk(engine: Engine) -> Desk:
    load = Loader(engine.database, shown=lambda each: f"out_{each.id}", now=lambda: NOW)
    return Desk(engine=engine, phrasing=Phrasing(settings=engine.settings, load_live=load))


def text(body: str, address: str = C, **changes: Any) -> InboundReply:
    values: dict[str, Any] = {
        "channel": "sms", "provider": "twilio", "provider_ref": f"SM{next(_numbers)}",
        "address": address, "to": "+56900000000", "body": body, "at": NOW,
    }  # fmt: skip
    return InboundReply(**(values | changes))


def write(desk: Desk, body: str, address: str = C, *, at: datetime = NOW, **changes: Any) -> Answer:
    return take(desk, text(body, address, at=at, **changes), now=at)


def suppressed(engine: Engine, address: str) -> set[tuple[str, str]]:
    """(channel, reason)."""
    s = t.suppression.c
    with engine.database.read() as session:
        rows = session.execute(
            select(s.channel, s.reason).where(s.address_hash == make.KEYRING.hash(address))
        )
        return {(row[0], row[1]) for row in rows}


def rows(engine: Engine, table: Any) -> list[Any]:
    with engine.database.read() as session:
        return list(session.execute(select(table)).mappings())


def town_engine(database: Any, folder: Any, *, north: str = "AC", south: str = "C") -> Engine:
    with database.write() as session:
        town.build(session, north=north, south=south)
    return town.engine(database, town.workspace(folder))
