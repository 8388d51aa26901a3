"""Row "receipts": form POST, HMAC checked, answered after the commit that many requests share.

    python bench/receipts.py [--quick] [--json] [--size CALLBACKS] [--seconds S] [--only sqlite|postgresql]

256 keep-alive connections post Twilio's status callbacks to our web process (each database, durable);
every one answered must stand in the table of receipts. Limit: hello-world on the same server, right before.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import _databases
from _figures import Asked, Figure, run
from _web import KEYRING, Served, hello
from sqlalchemy import func, insert, select

from outreach import clock
from outreach.channels.twilio_sms import is_genuine, receipt
from outreach.contactcenter.answer import Rules
from outreach.delivery import receipts
from outreach.entry.http.app import create_app
from outreach.entry.http.context import WebContext
from outreach.entry.http.keeping import keep
from outreach.model.notice import Spoken
from outreach.model.words import MessageState
from outreach.settings import Settings
from outreach.store import tables as t
from outreach.store.session import Database

CONNECTIONS = 256
SECRET = "secret"  # noqa: S105  signs the load of this script
PUBLIC_URL = Settings(workspace=Path("nowhere")).http.public_url


def app(url: str) -> Any:
    """Runs in the server's process."""
    database = Database(url)
    context = WebContext(
        settings=Settings(workspace=Path("nowhere")),
        database=database,
        keyring=KEYRING,
        now=clock.now,
        monotonic=clock.monotonic,
        load_live=list,
        speak=lambda _template, _locale, _facts: Spoken(text="", ssml="", seconds=0),
        normalise=lambda _text: None,
        rules=Rules(),
        take_in=partial(keep, database, KEYRING),
        twilio_receipt=receipt,
        twilio_genuine=partial(_genuine, SECRET),
        sendgrid_receipts=lambda _raw: [],
    )
    return create_app(context)


def _genuine(secret: str, url: str, pairs: Any, signature: str) -> bool:
    return is_genuine(url, pairs, signature, secret)


def say_hello() -> Any:
    return hello


def callbacks(each: int) -> list[list[bytes]]:
    numbers = itertools.count(1)
    return [[_callback(next(numbers)) for _ in range(each)] for _ in range(CONNECTIONS)]


def _callback(number: int) -> bytes:
    path = f"/webhooks/twilio/status/{KEYRING.token(number, 1)}"
    form = {"MessageSid": f"SM{number:032}", "MessageStatus": "delivered", "ErrorCode": ""}
    text = PUBLIC_URL + path
    text += "".join(name + form[name] for name in sorted(form))
    signature = base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), hashlib.sha1))
    body = "&".join(f"{name}={value}" for name, value in form.items()).encode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nX-Twilio-Signature: {signature.decode()}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _applied(database: Database, size: int) -> float:
    """Receipts a second that find their message and move it; all of them checked afterwards."""
    with database.write() as session:
        session.execute(insert(t.message), [_message(number) for number in range(1, size + 1)])
    began, applied, done = time.perf_counter(), 0, -1
    while done:
        with database.write() as session:
            done = receipts.apply(session, KEYRING, now=clock.now())
        applied += done
    took = time.perf_counter() - began
    with database.read() as session:
        delivered = select(func.count()).where(t.message.c.state == MessageState.DELIVERED)
        moved = session.execute(delivered).scalar_one()
    if moved < applied * 0.95:
        raise SystemExit(f"{applied} receipts applied, {moved} messages moved: something was lost")
    return applied / took


def _message(number: int) -> dict[str, object]:
    return {
        "id": number, "step_run_id": 1, "contact_point_id": number, "customer_id": number,
        "household_id": number, "channel": "sms", "priority": "C", "locale": "es", "zone": "UTC",
        "locality": "", "premises": 1, "rank": number, "pool": "sms", "lane": "sms",
        "state": MessageState.ACCEPTED, "try": 1, "failures": 0,
    }  # fmt: skip


def measured(asked: Asked) -> Iterator[Figure]:
    each = max(1, asked.size // CONNECTIONS)
    with _databases.urls(asked.databases) as urls:
        for name, url in urls.items():
            with _databases.migrated(url) as database:
                yield from _measured(database, name, each, asked.seconds)


def _measured(database: Database, name: str, each: int, seconds: float) -> Iterator[Figure]:
    ours = Served(app, database.url.render_as_string(hide_password=False))
    limit = Served(say_hello)
    sent = callbacks(each)
    try:
        top, mine = (one.load(sent, seconds) for one in (limit, ours))
    finally:
        ours.stop()
        limit.stop()
    applied = _applied(database, each * CONNECTIONS)
    with database.read() as session:
        kept = session.execute(select(func.count()).select_from(t.receipt)).scalar_one()
    answered = mine["answers"]
    if kept < min(answered, CONNECTIONS * each) * 0.95:
        raise SystemExit(f"{kept} receipts on disk, {answered} answered: something was lost")
    yield Figure(
        figure=f"receipts answered after the commit, {name}", value=mine["rate"], unit="1/s",
        limit=top["rate"], goal=">= 4,000/s", met=mine["rate"] >= 4_000,
    )  # fmt: skip
    yield Figure(
        figure=f"receipts applied to their messages, {name}", value=applied, unit="1/s",
        goal=">= 5,000/s", met=applied >= 5_000,
    )  # fmt: skip
    yield Figure(
        figure=f"receipts, p99 at 256 connections, {name}", value=mine["p99_ms"], unit="ms",
        limit=top["p99_ms"], goal="<= 150 ms", met=mine["p99_ms"] <= 150,
    )  # fmt: skip


if __name__ == "__main__":
    run(
        __doc__,
        measured,
        sizes=(51_200, 128_000),
        seconds=(5.0, 12.0),
        unit="callbacks, each of its own",
    )
