"""A run in the ledger with its slots, receipts and calls, as a storm leaves them: for the bench of the measurement."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from _figures import BOTH  # sets the path of tests/
from sqlalchemy import Table, insert, update
from tests import make

from outreach.model import order
from outreach.store import tables as t
from outreach.store.session import Database, Session

__all__ = ["BOTH", "NUMBER", "START", "fill"]

START: datetime = make.NOW
NUMBER = "6002001111"
_CHUNK = 50_000
_CLASSES = ("A", *("B",) * 9, *("C",) * 40)
_ROLLOUT_S = 3_600


def fill(database: Database, households: int) -> tuple[int, int]:
    """(run, wave) of so many households, all sent to within the hour; one call of every sixteen."""
    with database.write() as session:
        occasion = make.make_occasion(session, opened_at=START)
        session.execute(update(t.revision).values(start_at=START, recorded_at=START))
        run = make.make_run(
            session, occasion=occasion, seed=make.SEED, launched_at=START,
            seed_hash=order.commitment(make.SEED),
        )  # fmt: skip
        wave = make.make_step_run(
            session, run=run, created_at=START, frozen_at=START, frozen=households
        )
    turns = _turns(households)
    for start in range(0, households, _CHUNK):
        some = range(start, min(households, start + _CHUNK))
        with database.write() as session:
            for table, rows in _people(some, wave, turns).items():
                session.execute(insert(table), rows)
    with database.write() as session:
        _calls(session, households)
    return run, wave


def _turns(households: int) -> dict[int, datetime]:
    """In rank order inside a class, a hundred at once, as lanes claim them."""
    ranked = sorted(
        range(households), key=lambda n: (_CLASSES[n % 50], order.rank(make.SEED, f"H-{n}"))
    )
    step = _ROLLOUT_S / households
    begin = START + timedelta(minutes=10)
    return {
        n: begin + timedelta(seconds=place // 100 * 100 * step) for place, n in enumerate(ranked)
    }


def _people(
    numbers: range, wave: int, turns: dict[int, datetime]
) -> dict[Table, list[dict[str, Any]]]:
    rows: dict[Table, list[dict[str, Any]]] = {
        t.household: [], t.customer: [], t.contact_point: [], t.customer_contact: [], t.message: [],
    }  # fmt: skip
    for n in numbers:
        ids = {"customer_id": n + 1, "contact_point_id": n + 1}
        rows[t.household].append({"id": n + 1, "ref": f"H-{n}"})
        rows[t.customer].append(
            {"id": n + 1, "ref": f"K{n}", "household_id": n + 1, "name_sealed": b"",
             "locale": "es", "zone": "UTC", "loaded_at": START}
        )  # fmt: skip
        rows[t.contact_point].append(
            {"id": n + 1, "channel": "sms", "address_hash": make.KEYRING.hash(f"+{n}"),
             "address_sealed": b"", "country": "CL", "prefix": "", "customers": 1}
        )  # fmt: skip
        rows[t.customer_contact].append(
            {**ids, "purpose": "service", "usable": True, "basis": "", "loaded_at": START}
        )
        rows[t.message].append(
            {**ids, "step_run_id": wave, "household_id": n + 1, "channel": "sms",
             "priority": _CLASSES[n % 50], "locale": "es", "zone": "UTC", "locality": "",
             "premises": 1, "pool": "sms:CL", "try": 1, "rank": order.rank(make.SEED, f"H-{n}"),
             "failures": 0, "state": "delivered" if n % 7 else "undelivered", "slot_at": turns[n],
             "delivered_at": turns[n] + timedelta(seconds=2 + n % 60) if n % 7 else None}
        )  # fmt: skip
    return rows


def _calls(session: Session, households: int) -> None:
    random = Random(1)
    rows = list(_drawn(random, households))
    for start in range(0, len(rows), _CHUNK):
        session.execute(insert(t.call), rows[start : start + _CHUNK])


def _drawn(random: Random, households: int) -> Iterator[dict[str, Any]]:
    for number in range(households // 16):
        at = START + timedelta(minutes=random.uniform(0, 300))
        yield {
            "call_id": f"call-{number}", "at": at, "known": True, "dnis": NUMBER, "queue": "",
            "address_hash": make.KEYRING.hash(f"+{random.randrange(households)}"),
            "contained": False, "abandoned": False, "source": "bench",
        }  # fmt: skip
