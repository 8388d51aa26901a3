"""One lane driven to its end, for the tests of the sender."""

from __future__ import annotations

import asyncio
from typing import Any

from tests import make
from tests.fakes.lane import Carrier, make_driver

from outreach.delivery import sender
from outreach.delivery.hands import Driven
from outreach.model.words import MessageState as S
from outreach.store import ledger
from outreach.store.session import Database


def drive(database: Database, carrier: Carrier, *, linger: float = 0.0, **changes: Any) -> Driven:
    driver = make_driver(carrier.clock, **changes)
    duration = max(30.0, linger)
    return asyncio.run(
        sender.drive_lane(database, "sms", carrier, driver, duration=duration, linger=linger)
    )


def given(
    database: Database, how_many: int = 1, *, rate: float = 100.0, **changes: Any
) -> list[int]:
    with database.write() as session:
        make.make_lane(session, rate=rate)
        return make.make_messages(session, how_many, **changes)


def states(database: Database) -> dict[S, int]:
    with database.read() as session:
        assert ledger.adds_up(session)
        return {state: count for state, count in ledger.counts(session).items() if count}


def row(database: Database, message: int) -> Any:
    with database.read() as session:
        return make.row_of(session, message)
