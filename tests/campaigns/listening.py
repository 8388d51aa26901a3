"""Endpoints that listen, and what they got."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

from tests import make
from tests.campaigns.opened import (
    NOW,
)
from tests.campaigns.test_webhooks import Receiver, endpoint

from outreach.campaigns import news, webhooks
from outreach.campaigns.webhooks import Answer
from outreach.model.news import NewsKind
from outreach.settings import Http, Settings
from outreach.store.session import Database

MINUTE = timedelta(minutes=1)
GONE, DOWN = Answer(status=410), Answer(status=503)


def listening(*kinds: str, name: str = "crm", **changes: Any) -> Settings:
    return Settings(
        endpoints=(endpoint(name, kinds=kinds or ("*",), **changes),),
        http=Http(public_url="https://avisos.example"),
    )


def declare(database: Database, settings: Settings) -> None:
    with database.write() as session:
        news.declare(session, settings, now=NOW)


def post(
    database: Database, settings: Settings, receiver: Receiver, *, now=NOW
) -> Counter[str]:  # fmt: skip
    return webhooks.deliver(database, settings, make.KEYRING, now=now, http=receiver)


def got(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _name, body, _headers in receiver.got]


def happened(database: Database, settings: Settings, *, now=NOW) -> list[dict[str, Any]]:
    """Every event that waits, in the order of their types and times."""
    receiver = Receiver()
    post(database, settings, receiver, now=now)
    return got(receiver)


def tell(database: Database, **data: Any) -> int:
    with database.write() as session:
        return news.tell(session, NewsKind.CASE_OPENED, "cas:7", data, now=NOW)
