"""What the forked processes do: the product's own worker, scheduler and web side, on a shrunk clock.

The product's times that are constants (settling, looking twice, giving up, backing off) are set here in
proportion to the scale of the fleet; leases and deadlines are settings. Giving up comes three times sooner
still. Texts are rendered by the fleet itself: the same words for everybody, as in a real outage.
"""

from __future__ import annotations

import asyncio
import base64
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from typing import Any

import uvicorn
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.fleet import ailments, breaking, carrier, proxy
from tests.fleet.failpoints import Failpoints
from tests.fleet.history import History
from tests.fleet.terms import (
    ACCOUNT,
    API_KEY,
    AUTH_TOKEN,
    DEADLINE_S,
    LEASE_S,
    Fleet,
    sendgrid_key,
)
from tests.make import KEYRING

from outreach.campaigns.jobs import EVERY
from outreach.delivery import doubt, failover, retry, sender
from outreach.entry import scheduler, wiring, worker
from outreach.entry.http.app import create_app
from outreach.entry.wiring import Installation
from outreach.model.message import Content, Recipient
from outreach.model.words import Channel
from outreach.settings import Delivery, Http, Lane, SendGrid, Settings, Twilio
from outreach.store import backlog
from outreach.store.session import Database

TEXT = Content(
    text="Outreach: corte de luz en Providencia. Vuelta estimada: mar 05:30.",
    subject="Corte de luz en Providencia",
)
SENDER = {"sms": "+5691111{:04}", "email": "avisos{}@example.com"}
_GIVING_UP = 1 / 3
_CONSTANTS: tuple[tuple[Any, str, float], ...] = (
    (doubt, "SETTLE_S", 1.0),
    (doubt, "APART", 1.0),
    (backlog, "LOOKED_FROM", 1.0),
    (backlog, "LOOKED_APART", 1.0),
    (doubt, "RESEND_AFTER", 1.0),
    (doubt, "GIVE_UP_AFTER", _GIVING_UP),
    (retry, "FIRST_BACKOFF", 1.0),
    (sender, "CLAIM_S", 1.0),
    (failover, "COOLED_FOR", 1.0),
    (failover, "APART", 1.0),
)
_OFTEN = timedelta(seconds=0.1)
"""The clock looks after nothing more often, whatever the scale."""


def preload() -> None:
    """Loads what the product loads late, so that a child begins to work at once."""
    for name in ("twilio.rest", "twilio.request_validator", "twilio.http.response", "sendgrid",
                 "sendgrid.helpers.eventwebhook", "python_http_client", "psycopg", "asyncio",
                 "outreach.channels.twilio_sms", "outreach.channels.sendgrid_email",
                 "outreach.channels.transport", "sqlalchemy.dialects.postgresql.psycopg",
                 "uvicorn.protocols.http.httptools_impl", "uvicorn.lifespan.on"):  # fmt: skip
        import_module(name)


class _Teller:
    """Renders without the record: what is tested is who gets it and how often, not what it says."""

    def render(self, recipient: Recipient, address: str) -> Content:
        return TEXT

    def pause_after(self, recipient: Recipient) -> int:
        return 1 << 30


def settings(fleet: Fleet) -> Settings:
    """The settings of the fleet's one installation."""
    public = sendgrid_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # fmt: skip
    shrunk: dict[str, Any] = {
        "lease_s": LEASE_S * fleet.scale,
        "provider_deadline_s": DEADLINE_S * fleet.scale,
        "only_loopback": True,
    }
    return Settings(
        workspace=fleet.folder,
        database_url=fleet.database_url,
        lanes=tuple(_lane(number, each) for number, each in enumerate(fleet.lanes)),
        twilio=Twilio(account_sid=ACCOUNT, auth_token=AUTH_TOKEN, base_url=_url(fleet, "sms")),  # type: ignore[arg-type]
        sendgrid=SendGrid(
            api_key=API_KEY,  # type: ignore[arg-type]
            base_url=_url(fleet, "email"),
            webhook_public_key=base64.b64encode(public).decode(),
        ),
        http=Http(host="127.0.0.1", port=fleet.ports["web"], public_url=fleet.web_url),
        delivery=Delivery(**(shrunk | fleet.fixes)),
    )


def _lane(number: int, lane: Any) -> Lane:
    return Lane(
        name=lane.name,
        channel=Channel(lane.channel),
        provider="twilio" if lane.channel == "sms" else "sendgrid",
        sender=SENDER[lane.channel].format(number),
        rate=lane.rate,
        country="CL",
    )


def _url(fleet: Fleet, port: str) -> str:
    return f"http://127.0.0.1:{fleet.ports[port]}"


def shrink(fleet: Fleet) -> None:
    """Sets the product's constants to the fleet's scale, in this process."""
    for module, name, share in _CONSTANTS:
        value = getattr(module, name)
        setattr(module, name, value * fleet.scale * share)
    for kind, every in EVERY.items():
        EVERY[kind] = min(every, max(_OFTEN, every * fleet.scale))


def _installation(fleet: Fleet, life: dict[str, Any]) -> Installation:
    history = History(fleet.history, life["slot"])
    shrink(fleet)
    breaking.break_rule(fleet.breaks)
    Failpoints(history, armed=life.get("failpoint", ""), nth=life.get("nth", 1)).install()
    # Waits for no disk: what dies are processes, never the host.
    database = Database(fleet.database_url, durable=False)
    ailments.burden(database, life)
    made = Installation(
        settings=settings(fleet),
        database=database,
        clocks=ailments.clocks(fleet, life),
        keyring=KEYRING,
    )
    made.teller = _Teller()  # type: ignore[assignment]
    history.note("begins", life=life)
    return made


def work(fleet: Fleet, life: dict[str, Any]) -> None:
    """`outreach worker`, until killed or SIGTERM."""

    async def main() -> None:
        working = worker.Worker(_installation(fleet, life))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, working.stop)
        await working.run()

    asyncio.run(main())


def schedule(fleet: Fleet, life: dict[str, Any]) -> None:
    """The clock of the product."""
    ticking = scheduler.Clock(_installation(fleet, life), alone=True)
    ticking.start()
    threading.Event().wait()


def serve(fleet: Fleet, life: dict[str, Any]) -> None:
    """The web side: webhooks."""
    app = create_app(wiring.web_context(_installation(fleet, life)))
    uvicorn.run(app, host="127.0.0.1", port=fleet.ports["web"], log_level="warning", access_log=False)  # fmt: skip


Role = Callable[[Fleet, dict[str, Any]], None]
ROLES: dict[str, Role] = {
    "worker": work,
    "scheduler": schedule,
    "web": serve,
    "carrier": carrier.carry,
    "proxy": proxy.misbehave,
}
