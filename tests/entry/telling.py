"""A night in the small town whose keys open its addresses, and hands that move its messages."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import select, update
from tests import make
from tests.entry.cli_runs import NOW
from tests.entry.cli_town import Night

from outreach.addresses import write_keyring
from outreach.campaigns.telling import Teller
from outreach.delivery.verdicts import body_hash
from outreach.model.words import MessageState
from outreach.settings import load
from outreach.store import explain, tables as t
from outreach.store.explain import Wanted

UNPLANNED = "unplanned-outage"
LATER = NOW + timedelta(minutes=7)


def night(folder: Path, template: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    """The town on one feeder, 43 minutes past two in the morning, with the keys of the tests."""
    for name in ("DATABASE_URL", "TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID", "SENDGRID_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    made = Night(folder, template)
    (made.folder / "outreach.key").unlink()
    write_keyring(make.KEYRING, made.folder / "outreach.key")
    return made


def tripped(of: Night, *more: str) -> Any:
    """The feeder is out, and its people are being told."""
    of.answer("outage", "open", "ALM-F12", *more, "--yes")
    return of.answer("campaign", "launch", UNPLANNED, "last", "--yes")


def send(
    of: Night, *, at: datetime, state: MessageState = MessageState.DELIVERED, **where: Any
) -> int:
    """Everything queued, or only of one class, leaves and ends in this state, as the sender writes it."""
    settings = load(of.folder)
    with of.database.read() as session:
        waiting = explain.messages(session, Wanted(state=MessageState.QUEUED, limit=1000))
    teller = Teller(of.database, settings)
    chosen = [
        one for one in waiting if where.get("priority") in {None, one.recipient.priority.value}
    ]
    for one in chosen:
        said = body_hash(teller.render(one.recipient, ""))
        with of.database.write() as session:
            session.execute(
                update(t.message)
                .where(t.message.c.id == one.recipient.id)
                .values(
                    {
                        "state": state, "try": 1, "lane": "sms", "provider": "outbox", "segments": 1,
                        "body_hash": said, "slot_at": at, "claimed_at": at, "accepted_at": at,
                        "delivered_at": at if state is MessageState.DELIVERED else None,
                    }
                )
            )  # fmt: skip
            session.execute(t.queue.delete().where(t.queue.c.message_id == one.recipient.id))
    return len(chosen)


def lines(shown: Result) -> list[str]:
    """What stands on stdout; the command must have gone well."""
    assert shown.exit_code == 0, shown.output
    return shown.stdout.splitlines()


def rows(of: Night, table: str) -> list[Any]:
    with of.database.read() as session:
        return list(session.execute(select(t.metadata.tables[table])).mappings())
