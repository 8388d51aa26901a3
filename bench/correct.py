"""Guarantee G15: a correction after a wrong send, by one command, while a lane and the IVR are at work.

    python bench/correct.py [--quick] [--json] [--size MESSAGES] [--only sqlite|postgresql]

Messages stand in the ledger as accepted, sent, delivered, unknown, in doubt and failed; `correct` is run
as the terminal runs it. Measured: recipients against those whose message was or may have been sent, the
seconds until the first call, until the IVR speaks the new version, and of the whole command. Limits are
the promised ones: 5 s, 1 s and 60 s at 100,000.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import _databases
import _sending
from _figures import Asked, Figure, run
from sqlalchemy import func, insert, select
from tests import make, town

from outreach.campaigns import correcting
from outreach.campaigns.engine import Engine
from outreach.delivery.hands import Limits
from outreach.delivery.sender import drive_lane
from outreach.entry.http.live import Loader
from outreach.model.message import Content
from outreach.model.occasion import NewOccasion, OccasionId, Scope
from outreach.model.words import TOLD_STATES, Channel, OccasionKind, Service
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.store import occasions, tables as t
from outreach.store.session import Database

STATES = ("accepted", "accepted", "sent", "delivered", "unknown", "in_doubt", "failed")
FIRST = 1_000
_SLICE = 10_000
CONTENT = Content(text="Outreach: CORRECCION. Nuestro aviso era erroneo. Lo correcto: solo Nunoa.")


def _wrong_send(engine: Engine, size: int) -> OccasionId:
    """An outage that so many people were told of, each by one text."""
    now = _sending.now()
    with engine.database.write() as session:
        town.build(session)
        make.make_lane(session, pool="sms:*", rate=_sending.RATE)
    new = NewOccasion(
        kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=town.FEEDER, zone=make.ZONE
    )
    revision = revise.opened(Scope(nodes=(town.FEEDER,)), start_at=now, change=Change(), now=now)
    occasion = engine.open(new, revision, now=now).occasion.id
    wave = engine.launch(occasion, "unplanned-outage", actor="ana", now=now).waves[-1].id
    with engine.database.write() as session:
        session.execute(t.queue.delete())
        session.execute(t.message.update().values(state="delivered"))
        customer = session.execute(select(func.min(t.customer.c.id))).scalar_one()
        for start in range(FIRST, FIRST + size, _SLICE):
            numbers = range(start, min(start + _SLICE, FIRST + size))
            points = [_sending._point(n, Channel.SMS) for n in numbers]  # noqa: SLF001  our own
            session.execute(insert(t.contact_point), points)
            session.execute(insert(t.message), [_message(n, wave, customer) for n in numbers])
    return occasion


def _message(n: int, wave: int, customer: int) -> dict[str, object]:
    made = _sending._message(n, Channel.SMS, "sms:*", wave, customer)  # noqa: SLF001  our own
    del made["id"]  # the database numbers it, or the correction's rows would get the same numbers
    return {**made, "state": STATES[n % len(STATES)]}


def _told(database: Database, occasion: OccasionId) -> set[int]:
    m, w = t.message.c, t.step_run.c
    asked = (
        select(m.contact_point_id)
        .join(t.step_run, w.id == m.step_run_id)
        .join(t.run, t.run.c.id == w.run_id)
        .where(t.run.c.occasion_id == occasion, m.state.in_(list(TOLD_STATES)))
    )
    with database.read() as session:
        return set(session.scalars(asked))


def _corrected(database: Database) -> set[int]:
    m, w = t.message.c, t.step_run.c
    asked = select(m.contact_point_id).join(t.step_run, w.id == m.step_run_id)
    with database.read() as session:
        return set(session.scalars(asked.where(w.step == "correction")))


class _AtWork:
    """A lane and the IVR's look at the truth, each in a thread, as two processes would be."""

    def __init__(self, database: Database) -> None:
        self.carrier = _sending.Noting()
        self.ivr_at = 0.0
        self._database = database
        self._over = threading.Event()
        self._threads = [threading.Thread(target=each) for each in (self._send, self._look)]

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join()

    def _send(self) -> None:
        driver = _sending.driver_of(
            CONTENT, Limits(chunk=3_000, in_flight=800), wanted=lambda: not self._over.is_set()
        )
        asyncio.run(
            drive_lane(self._database, "sms", self.carrier, driver, duration=600, linger=600)
        )

    def _look(self) -> None:
        load = Loader(self._database, shown=lambda _each: "out", now=_sending.now)
        while not self._over.is_set() and not self.ivr_at:
            if any(each.occasion.revision.version > 1 for each in load()):
                self.ivr_at = time.perf_counter()
            self._over.wait(0.2)


def _measured(database: Database, name: str, size: int) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        engine = town.engine(database, town.workspace(Path(folder)))
        occasion = _wrong_send(engine, size)
        expected = _told(database, occasion)
        with database.read() as session:
            current = occasions.get(session, occasion).revision
        with _AtWork(database) as work:
            began, now = time.perf_counter(), _sending.now()
            revision = revise.corrected(current, "solo afecta a Ñuñoa", now=now)
            if revision is None:
                raise SystemExit("nothing to correct")
            correcting.correct(engine, occasion, revision, actor="ana", now=now)
            whole = time.perf_counter() - began
            until = time.perf_counter() + 30
            while not (work.carrier.called and work.ivr_at) and time.perf_counter() < until:
                time.sleep(0.02)
    heard = _corrected(database)
    first_at = next(iter(work.carrier.called), 0.0)
    yield Figure(
        figure=f"correction, recipients, {name}", value=len(heard), unit="people",
        limit=len(expected), goal="exactly who was or may have been told", met=heard == expected,
    )  # fmt: skip
    yield _within(f"correction, first call, {name}", first_at - began, 5.0)
    yield _within(f"correction, the IVR says it, {name}", work.ivr_at - began, 1.0)
    yield _within(f"correction, the whole command, {name}", whole, 60.0)


def _within(figure: str, seconds: float, limit: float) -> Figure:
    return Figure(
        figure=figure, value=seconds, unit="s", limit=limit, goal=f"<= {limit:g} s",
        met=0 < seconds <= limit,
    )  # fmt: skip


def measured(asked: Asked) -> Iterator[Figure]:
    with _databases.urls(asked.databases) as urls:
        for name, url in urls.items():
            with _databases.migrated(url) as database:
                yield from _measured(database, name, asked.size)


if __name__ == "__main__":
    run(__doc__, measured, sizes=(5_000, 100_000), unit="messages")
