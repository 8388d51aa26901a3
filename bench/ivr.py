"""Row "IVR answer by caller number": our answer beside hello-world on the same server, interleaved.

    python bench/ivr.py [--quick] [--json] [--size CONTACT_POINTS] [--seconds S]

32 keep-alive connections ask for the answer of callers drawn from all contact points (SQLite on disk),
while fifty outages cover a fifth of them and a campaign writes its ledger beside. Limit: hello-world on the same server, in alternating
rounds; the ratio is taken per second of the server's own processor time.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

from _figures import Asked, Figure, run
from _ivr_beside import TRIES, campaign, heard_after
from _web import KEYRING, Served, fresh_database, hello
from sqlalchemy import insert

from outreach import clock
from outreach.contactcenter.answer import Rules
from outreach.entry.http.app import create_app
from outreach.entry.http.context import WebContext
from outreach.entry.http.live import Loader
from outreach.messages.render import Renderer
from outreach.messages.texts import read_texts
from outreach.model.message import Receipt
from outreach.model.notice import Words
from outreach.model.occasion import NewOccasion, Revision, Scope
from outreach.model.words import OccasionKind, OccasionState, Service
from outreach.settings import Settings, carried
from outreach.store import occasions, tables as t
from outreach.store.session import Database

CONNECTIONS = 32
OUTAGES = 50
WARM_UP_S = 5.0
"""In which every sentence of 50 outages in 20 places is composed: once a revision, not once a call."""
LOADED = datetime(2026, 7, 1, tzinfo=UTC)
LOCALITIES = [f"Comuna {chr(65 + n)}" for n in range(20)]


def number(each: int) -> str:
    return f"+569{each:08}"


def seed(database: Database, points: int) -> None:
    """`points` customers with one account, premise and phone each, and fifty outages over a fifth."""
    with database.write() as session:
        for table, row in ROWS.items():
            for start in range(1, points + 1, 20_000):
                session.execute(
                    insert(t.metadata.tables[table]),
                    [row(each) for each in range(start, min(start + 20_000, points + 1))],
                )
        _outages(session, points)


def _household(each: int) -> dict[str, Any]:
    return {"id": each, "ref": f"H{each}"}


def _customer(each: int) -> dict[str, Any]:
    return {"id": each, "ref": f"K{each}", "household_id": each, "name_sealed": b"n",
            "locale": "es", "zone": "America/Santiago", "loaded_at": LOADED}  # fmt: skip


def _account(each: int) -> dict[str, Any]:
    return {"id": each, "ref": f"C{each}", "customer_id": each, "customer_type": "residential",
            "priority": "C", "priority_expired": False}  # fmt: skip


def _premise(each: int) -> dict[str, Any]:
    return {"id": each, "ref": f"P{each}", "transformer": "T", "tree_order": each,
            "locality": LOCALITIES[each % 20], "street_sealed": b"s",
            "zone": "America/Santiago"}  # fmt: skip


def _point(each: int) -> dict[str, Any]:
    return {"id": each, "channel": "sms", "address_hash": KEYRING.hash(number(each)),
            "address_sealed": b"a" * 42, "country": "CL", "prefix": "569",
            "customers": 1}  # fmt: skip


def _contact(each: int) -> dict[str, Any]:
    return {"customer_id": each, "contact_point_id": each, "purpose": "service", "consent": True,
            "usable": True, "basis": "contract", "loaded_at": LOADED}  # fmt: skip


ROWS = {
    "household": _household,
    "customer": _customer,
    "account": _account,
    "premise": _premise,
    "supply": lambda each: {"premise_id": each, "account_id": each, "role": "holder"},
    "contact_point": _point,
    "customer_contact": _contact,
}


def _outages(session: Any, points: int) -> None:
    now, each = clock.now(), points // OUTAGES // 5
    for turn in range(OUTAGES):
        low = 1 + turn * (points // OUTAGES)
        session.execute(
            insert(t.network_node).values(
                ref=f"F{turn}", kind="feeder", name=f"F{turn}", tree_order=low, tree_last=low + each
            )
        )
        revision = Revision(
            version=1, state=OccasionState.ACTIVE, scope=Scope(nodes=(f"F{turn}",)), start_at=now,
            public_etr=now + timedelta(hours=3), next_update_at=now + timedelta(hours=3),
            recorded_at=now,
        )  # fmt: skip
        new = NewOccasion(
            kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=f"F{turn}",
            zone="America/Santiago", source_ref=None,
        )  # fmt: skip
        occasions.add(session, new, revision)


def app(url: str) -> Any:
    """Runs in the server's process."""
    database = Database(url)
    words = Words(sender="Luz", company="Luz", link="https://example.com/luz", phone="600",
                  priority_line="601", emergency="133")  # fmt: skip
    context = WebContext(
        settings=Settings(workspace=Path("nowhere")),
        database=database,
        keyring=KEYRING,
        now=clock.now,
        monotonic=clock.monotonic,
        load_live=Loader(database, shown=lambda each: f"out_{each.id}", now=clock.now),
        speak=Renderer(read_texts(carried("templates")), words).speak,
        normalise=lambda _text: None,
        rules=Rules(),
        take_in=lambda _callbacks, _now: None,
        twilio_receipt=_no_receipt,
        sendgrid_receipts=lambda _raw: [],
    )
    return create_app(context)


def _no_receipt(form: Any, token: str | None) -> Receipt:
    raise NotImplementedError


def say_hello() -> Any:
    return hello


def questions(points: int) -> list[list[bytes]]:
    random.seed(7)
    return [
        [_question(number(random.randint(1, points))) for _ in range(400)]
        for _ in range(CONNECTIONS)
    ]


def _question(ani: str) -> bytes:
    body = f'{{"ani": "{ani}"}}'.encode()
    head = (
        b"POST /v1/ivr/answer HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    return head + body


def measured(wanted: Asked) -> Iterator[Figure]:
    points, seconds, rounds = wanted.size, wanted.seconds, 2 if wanted.quick else 3
    with tempfile.TemporaryDirectory() as folder:
        database = fresh_database(Path(folder) / "ivr.db")
        seed(database, points)
        url = database.url.render_as_string()
        ours, limit = Served(app, url), Served(say_hello)
        asked = questions(points)
        beside = get_context("spawn").Process(target=campaign, args=(url,), daemon=True)
        beside.start()
        try:
            ours.load(asked, min(WARM_UP_S, seconds))
            runs = [(limit.load(asked, seconds), ours.load(asked, seconds)) for _ in range(rounds)]
        finally:
            beside.kill()
            beside.join()
            ours.stop()
            limit.stop()
            database.close()
    top, mine = (
        {key: median(run[side][key] for run in runs) for key in ("rate", "per_cpu", "p99_ms")}
        for side in (0, 1)
    )
    goal = ">= 0.70 of hello-world"
    for what, key in (("per CPU second", "per_cpu"), ("wall clock", "rate")):
        yield Figure(
            figure=f"IVR answer by caller number, {what}", value=mine[key], unit="1/s",
            limit=top[key], goal=goal, met=mine[key] >= 0.7 * top[key],
        )  # fmt: skip
    yield Figure(
        figure="IVR answer, p99 at 32 connections", value=mine["p99_ms"], unit="ms",
        limit=top["p99_ms"], goal="<= 10 ms", met=mine["p99_ms"] <= 10,
    )  # fmt: skip
    for name, usual, worst in heard_after(app, wanted.databases):
        yield Figure(
            figure=f"commit to the changed answer, worst of {TRIES}, {name}", value=worst,
            unit="s", limit=usual, goal="<= 1 s, another process", met=worst <= 1,
        )  # fmt: skip


if __name__ == "__main__":
    run(__doc__, measured, sizes=(20_000, 200_000), seconds=(3.0, 6.0), unit="contact points")
