"""Beside the IVR's load: a campaign that writes its ledger, and a revision that the next caller must hear."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from datetime import timedelta
from statistics import median
from typing import Any

from _databases import migrated, urls
from _web import Served
from sqlalchemy import insert, update

from outreach import clock
from outreach.model.occasion import NewOccasion, Revision, Scope
from outreach.model.words import OccasionKind, OccasionState, Service
from outreach.store import occasions, tables as t
from outreach.store.session import Database

CHUNK = 200
PAUSE_S = 0.05
"""2,000 messages a second at most, written and settled: a fast lane."""
TRIES = 5
_MESSAGE = {
    "step_run_id": 1, "customer_id": 1, "household_id": 1, "channel": "sms", "priority": "C",
    "locale": "es", "zone": "America/Santiago", "locality": "Comuna A", "premises": 1,
    "rank": 1, "pool": "sms:*", "try": 1, "failures": 0,
}  # fmt: skip


def campaign(url: str) -> None:
    """Writes and settles messages until it is killed; a process of its own."""
    database, number = Database(url), 0
    while True:
        rows = [
            _MESSAGE | {"contact_point_id": number + each, "state": "sending"}
            for each in range(CHUNK)
        ]
        with database.write() as session:
            session.execute(insert(t.message), rows)
        settled = update(t.message).where(
            t.message.c.contact_point_id.between(number, number + CHUNK)
        )
        with database.write() as session:
            session.execute(settled.values(state="accepted", accepted_at=clock.now()))
        number += CHUNK
        time.sleep(PAUSE_S)


def heard_after(app: Any, wanted: tuple[str, ...]) -> list[tuple[str, float, float]]:
    """(database, median, worst) seconds from a commit of this process to the changed answer of another."""
    found = []
    with urls(wanted) as each:
        for name, url in each.items():
            with migrated(url) as database:
                served = Served(app, url)
                try:
                    took = [_one(database, served.port, number) for number in range(TRIES)]
                finally:
                    served.stop()
            found.append((name, median(took), max(took)))
    return found


def _one(database: Database, port: int, number: int) -> float:
    place = f"Lugar {number}"
    with database.write() as session:
        session.execute(
            insert(t.premise).values(
                ref=place, transformer="T", tree_order=-1, locality=place, street_sealed=b"s",
                zone="America/Santiago",
            )
        )  # fmt: skip
        occasions.add(session, _new(place), _revision(place))
    began = time.perf_counter()
    while _status(port, place) == "none":
        time.sleep(0.005)
    return time.perf_counter() - began


def _new(place: str) -> NewOccasion:
    return NewOccasion(
        kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=place, zone="America/Santiago"
    )


def _revision(place: str) -> Revision:
    now = clock.now()
    return Revision(
        version=1, state=OccasionState.ACTIVE, scope=Scope(localities=(place,)), start_at=now,
        next_update_at=now + timedelta(hours=1), recorded_at=now,
    )  # fmt: skip


def _status(port: int, place: str) -> str:
    query = urllib.parse.urlencode({"locality": place})
    address = f"http://127.0.0.1:{port}/v1/ivr/answer?{query}"
    with urllib.request.urlopen(address, timeout=5) as heard:
        return str(json.load(heard)["status"])
