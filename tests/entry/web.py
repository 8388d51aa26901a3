"""A web side for tests: fakes where the rooms meet, a real database, a clock that is set by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient
from tests.contactcenter.make_truths import NIGHT, RULES, speak
from tests.make import KEYRING

from outreach.entry.http.app import Front, create_app
from outreach.entry.http.context import Callback, WebContext
from outreach.model.contactcenter import LiveTruth
from outreach.model.errors import StoreUnusable
from outreach.model.message import Receipt
from outreach.settings import Http, Settings
from outreach.settings_contactcenter import ContactCenter
from outreach.store.session import Database

PUBLIC = "https://avisos.example.cl"
FLOW = "https://cc.example.com/flow"
SETTINGS = Settings(
    workspace=Path("nowhere"),
    http=Http(public_url=PUBLIC),
    contactcenter=ContactCenter(default_flow_url=FLOW),
)


@dataclass
class World:
    """What the tests move: the clocks, the truths, and whether the database is away."""

    now: datetime = NIGHT
    steady: float = 1000.0
    live: list[LiveTruth] = field(default_factory=list)
    loads: int = 0
    taken: list[Callback] = field(default_factory=list)
    commits: int = 0
    fails: Exception | None = None
    apps: list[Front] = field(default_factory=list)

    def passes(self, **by: float) -> None:
        self.now += timedelta(**by)
        self.steady += timedelta(**by).total_seconds()

    def close(self) -> None:
        for app in self.apps:
            app.close()

    def load_live(self) -> list[LiveTruth]:
        self.loads += 1
        if self.fails:
            raise self.fails
        return self.live

    def take_in(self, callbacks: Any, now: datetime) -> None:
        if self.fails:
            raise self.fails
        self.commits += 1
        self.taken += callbacks


class AwayDatabase:
    """A database that can be taken away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_away = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def read(self) -> Any:
        if self.is_away:
            raise StoreUnusable("the database is away")
        return self._database.read()

    def write(self) -> Any:
        if self.is_away:
            raise StoreUnusable("the database is away")
        return self._database.write()


def receipt(form: Any, token: str | None) -> Receipt:
    return Receipt(
        provider="twilio",
        event_key=form.get("MessageSid", ""),
        token=token,
        provider_ref=None,
        state=None,
    )


def make_context(database: Any, world: World, **changes: Any) -> WebContext:
    values: dict[str, Any] = {
        "settings": SETTINGS,
        "database": database,
        "keyring": KEYRING,
        "now": lambda: world.now,
        "monotonic": lambda: world.steady,
        "load_live": world.load_live,
        "speak": speak,
        "normalise": lambda text: "+56" + text[-9:] if text[-9:].isdigit() else None,
        "rules": RULES,
        "take_in": world.take_in,
        "twilio_receipt": receipt,
        "sendgrid_receipts": lambda _raw: [receipt({"MessageSid": "s"}, None)],
    }
    return WebContext(**(values | changes))


def make_app(database: Any, world: World, **changes: Any) -> Front:
    """The application with its board looked at once; no thread runs."""
    app = create_app(make_context(database, world, **changes))
    world.apps.append(app)
    app.board.refresh()
    return app


def browser(
    app: Front, *, at: str = "http://127.0.0.1:8020", peer: str = "127.0.0.1"
) -> TestClient:
    return TestClient(app, base_url=at, client=(peer, 50000), raise_server_exceptions=False)
