"""Row "lanes": how truly a lane keeps its rate, what a second worker adds, and how soon a launch is heard.

    python bench/lanes.py [--quick] [--json] [--size MESSAGES] [--seconds S] [--only sqlite|postgresql]

The product's own sender with its ledger on disk, and a carrier in the process that notes each call.
A lane of 200 a second is driven for S seconds: limit is its rate. So many messages are sent by one
process and its lane, then by two, each with a lane of the same pool (PostgreSQL; limit: the one). A lane
waits in a running process while an outage is launched: limit is what the launch itself takes, its
audience written.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import tempfile
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import _databases
import _sending
from _figures import Asked, Figure, run
from _sending import Noting
from tests import make, town

from outreach.delivery.hands import Limits
from outreach.delivery.pace import BURST_S
from outreach.delivery.sender import drive_lane
from outreach.model.message import Content
from outreach.model.occasion import NewOccasion, Scope
from outreach.model.words import Channel, OccasionKind, Service
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.store import tables as t
from outreach.store.session import Database

RATE = 200
HEARD_WITHIN_S = 0.5
CORES_FOR_TWO = 4
"""Two workers, the server, and whoever else asks it."""
CONTENT = Content(text="Outreach: corte de luz en Providencia. Vuelta estimada: mar 05:30.")


def _drive(
    database: Database, lane: str, carrier: Noting, *, seconds: float, linger: float = 0.0
) -> None:
    driver = _sending.driver_of(CONTENT, Limits(chunk=3_000, in_flight=800), owner=lane)
    driven = asyncio.run(
        drive_lane(database, lane, carrier, driver, duration=seconds, linger=linger)
    )
    if driven.halted:
        raise SystemExit(f"the lane stopped: {driven.halted}")


# ── A lane's own rate ────────────────────────────────────────────────────────────────────────


def _paced(database: Database, name: str, seconds: float) -> Iterator[Figure]:
    _sending.fill(database, int(RATE * seconds * 1.5), Channel.SMS)
    with database.write() as session:
        session.execute(t.lane.update().values(rate=float(RATE)))
    carrier = Noting()
    _drive(database, "sms", carrier, seconds=seconds)
    called = carrier.called
    held = (len(called) - 1) / (called[-1] - called[0])
    yield Figure(
        figure=f"lane, its rate, {name}", value=held, unit="messages/s", limit=float(RATE),
        goal=">= 98 % of its rate", met=held >= 0.98 * RATE,
    )  # fmt: skip
    most = max(bisect_left(called, each + 1) - place for place, each in enumerate(called))
    at_most = RATE * (1 + BURST_S)
    yield Figure(
        figure=f"lane, the most in any second, {name}", value=most, unit="messages",
        limit=float(RATE), goal=f"<= {at_most:g}, burst included", met=most <= at_most,
    )  # fmt: skip


# ── A second worker ──────────────────────────────────────────────────────────────────────────


def _work(url: str, lane: str, starts: Any, ended: Any) -> None:
    database = Database(url)
    starts.wait()
    _drive(database, lane, Noting(), seconds=600)
    ended.put(time.time())
    database.close()


def _rate(url: str, size: int, lanes: tuple[str, ...]) -> float:
    """Messages a second of so many processes, from the moment in which all are ready."""
    with _databases.migrated(url) as database:
        _sending.fill(database, size, Channel.SMS)
        with database.write() as session:
            for lane in lanes:
                if lane != "sms":
                    make.make_lane(session, name=lane, rate=_sending.RATE)
        context = multiprocessing.get_context("spawn")
        starts, ended = context.Barrier(len(lanes) + 1), context.Queue()
        workers = [context.Process(target=_work, args=(url, lane, starts, ended)) for lane in lanes]
        for each in workers:
            each.start()
        starts.wait()
        began = time.time()
        took: float = max(ended.get(timeout=600) for _each in workers) - began
        for each in workers:
            each.join()
        _sending.check(database, size)
    return size / took


def _two_workers(url: str, size: int) -> Figure:
    one, two = _rate(url, size, ("sms",)), _rate(url, size, ("sms", "sms2"))
    cores = os.cpu_count() or 1
    short = "" if cores >= CORES_FOR_TWO else f", which takes {CORES_FOR_TWO} cores: {cores} here"
    return Figure(
        figure="two workers beside one, postgresql", value=two, unit="messages/s", limit=one,
        goal=f">= 1.6 x{short}", met=two >= 1.6 * one,
    )  # fmt: skip


# ── From launch to the first call ────────────────────────────────────────────────────────────


def _launched(database: Database, name: str) -> Figure:
    carrier = Noting()
    with tempfile.TemporaryDirectory() as folder:
        engine = town.engine(database, town.workspace(Path(folder)))
        with database.write() as session:
            town.build(session)
            make.make_lane(session, pool="sms:*", rate=_sending.RATE)
        now = _sending.now()
        new = NewOccasion(
            kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=town.FEEDER, zone=make.ZONE
        )
        revision = revise.opened(
            Scope(nodes=(town.FEEDER,)), start_at=now, change=Change(), now=now
        )
        occasion = engine.open(new, revision, now=now).occasion.id
        lane = threading.Thread(
            target=_drive,
            args=(database, "sms", carrier),
            kwargs={"seconds": 5.0, "linger": 5.0},
        )
        lane.start()
        time.sleep(2.0)  # by now it waits for work
        began = time.perf_counter()
        engine.launch(occasion, "unplanned-outage", actor="ana", now=_sending.now())
        frozen = time.perf_counter() - began
        lane.join()
    heard = carrier.called[0] - began if carrier.called else float("inf")
    return Figure(
        figure=f"launch to first call, {name}", value=heard, unit="s", limit=frozen,
        goal=f"<= its launch + {HEARD_WITHIN_S:g} s", met=heard <= frozen + HEARD_WITHIN_S,
    )  # fmt: skip


def measured(asked: Asked) -> Iterator[Figure]:
    with _databases.urls(asked.databases) as urls:
        for name, url in urls.items():
            with _databases.migrated(url) as database:
                yield from _paced(database, name, max(asked.seconds, 1.0))
            with _databases.migrated(url) as database:
                yield _launched(database, name)
            if name == "postgresql":
                yield _two_workers(url, asked.size)


if __name__ == "__main__":
    run(__doc__, measured, sizes=(20_000, 100_000), seconds=(6.0, 20.0), unit="messages")
