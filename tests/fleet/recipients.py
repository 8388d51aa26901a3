"""Fills a ledger with people to be told: waves, contact points and queued messages, straight into the tables."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import insert, literal, select
from tests import make

from outreach.campaigns import pins
from outreach.model.words import Channel
from outreach.settings import Settings, carried
from outreach.store import tables as t
from outreach.store.session import Database, Session

_SLICE = 5_000


def address(channel: str, number: int) -> str:
    return f"+569{number:08}" if channel == Channel.SMS else f"persona{number}@example.com"


def workspace(folder: Path) -> None:
    """What the web side reads from disk."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "templates").exists():
        shutil.copytree(carried("templates"), folder / "templates")


def _wave(session: Session) -> int:
    """A frozen wave of a run of its own, pinned to a campaign as it ships."""
    pinned = pins.read(Settings(workspace=carried("campaigns").parent), "unplanned-outage")
    known = select(t.pinned.c.digest).where(t.pinned.c.digest == pinned.digest)
    if session.execute(known).first() is None:
        session.execute(
            insert(t.pinned).values(digest=pinned.digest, body=pinned.body, at=make.NOW)
        )
    return make.make_step_run(session, run=make.make_run(session, pinned=pinned.digest))


def fill(database: Database, *, sms: int, email: int = 0, twins: int = 0) -> dict[str, int]:
    """So many people with a message each; the first `twins` of them get the same words from a second wave.

    Class A is one in 50, B one in 10. Returns the waves by name.
    """
    with database.write() as session:
        customer = make.make_customer(session)
        waves = {name: _wave(session) for name in ("sms", "email", "twins")}
        for channel, how_many in (("sms", sms), ("email", email)):
            _people(session, channel, how_many)
            _messages(session, waves[channel], channel, how_many, customer)
        _messages(session, waves["twins"], "sms", twins, customer)
    with database.write() as session:
        make_queue(session)
    return waves


def fill_waves(database: Database, *, people: int, waves: int) -> list[int]:
    """So many people who are told by each of so many waves, each of an occasion of its own."""
    with database.write() as session:
        customer = make.make_customer(session)
        made = [_wave(session) for _each in range(waves)]
        _people(session, Channel.SMS, people)
        for wave in made:
            _messages(session, wave, Channel.SMS, people, customer)
        make_queue(session)
    return made


def _people(session: Session, channel: str, how_many: int) -> None:
    first = 0 if channel == Channel.SMS else 10_000_000
    rows = (
        {
            "id": first + n, "channel": channel, "address_hash": make.KEYRING.hash(address(channel, n)),
            "address_sealed": make.KEYRING.seal(address(channel, n)), "country": "CL",
            "prefix": "+569", "customers": 1,
        }
        for n in range(1, how_many + 1)
    )  # fmt: skip
    _insert(session, t.contact_point, rows)


def _messages(session: Session, wave: int, channel: str, how_many: int, customer: int) -> None:
    first = 0 if channel == Channel.SMS else 10_000_000
    rows = (
        {
            "step_run_id": wave, "contact_point_id": first + n, "customer_id": customer, "household_id": 1,
            "channel": channel, "priority": "A" if n % 50 == 0 else "B" if n % 10 == 0 else "C",
            "locale": "es", "zone": make.ZONE, "locality": "Providencia", "premises": 1,
            "rank": (n * 2654435761) % (1 << 62), "pool": f"{channel}:CL", "state": "queued",
            "try": 0, "failures": 0,
        }
        for n in range(1, how_many + 1)
    )  # fmt: skip
    _insert(session, t.message, rows)
    session.execute(t.step_run.update().where(t.step_run.c.id == wave).values(frozen=how_many))


def make_queue(session: Session) -> None:
    """Every queued message into the queue."""
    m = t.message.c
    session.execute(
        insert(t.queue).from_select(
            ["pool", "tier", "priority", "rank", "message_id", "step_run_id"],
            select(m.pool, literal(2), m.priority, m.rank, m.id, m.step_run_id).where(
                m.state == "queued"
            ),
        )
    )


def _insert(session: Session, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    held: list[dict[str, Any]] = []
    for row in rows:
        held.append(row)
        if len(held) == _SLICE:
            session.execute(insert(table), held)
            held = []
    if held:
        session.execute(insert(table), held)
