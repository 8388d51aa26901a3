"""Keeps the receipts of many webhook requests in one transaction: the commit is what costs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from outreach.addresses import Keyring
from outreach.entry.http.context import Callback
from outreach.store import receipts
from outreach.store.session import Database


def keep(database: Database, keyring: Keyring, callbacks: Sequence[Callback], now: datetime) -> int:
    """All callbacks or none; returns after the commit with how many events were new."""
    with database.write() as session:
        requests = [(each.receipts, each.raw) for each in callbacks]
        return receipts.add(session, keyring, requests, now=now)
