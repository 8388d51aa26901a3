"""The IVR fails safe: whatever breaks, a well-formed answer within 300 ms, and never a stale one."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from sqlalchemy import text
from tests.contactcenter.make_truths import NIGHT, make_truth, minutes
from tests.entry.test_http_ivr import CANARY, asked
from tests.entry.web import World, browser, make_app
from tests.make import (  # fmt: skip
    make_account,
    make_contact_point,
    make_customer,
    make_customer_contact,
    make_premise,
)

from outreach.campaigns.pressed import Taking
from outreach.entry.http.app import Front
from outreach.store.session import Database

WITHIN_S = 0.3


@pytest.fixture
def world():
    world = World(live=[make_truth(public_etr=NIGHT + minutes(40))])
    yield world
    world.close()


@pytest.fixture
def known(database):
    _caller(database)
    return database


def _caller(database: Database) -> None:
    with database.write() as session:
        person = make_customer(session, locale="es")
        contract = make_account(session, customer=person, ref="C-1")
        number = make_contact_point(session, address=CANARY)
        make_customer_contact(session, customer=person, contact_point=number)
        make_premise(session, account=contract, tree_order=150, locality="Ñuñoa")


def timed(app: Front, **question: str) -> tuple[Any, float]:
    client = browser(app)
    began = time.perf_counter()
    heard = client.post("/v1/ivr/answer", json=question)
    return heard, time.perf_counter() - began


def test_a_locked_database_is_not_waited_for(sqlite_template, tmp_path, world):
    shutil.copy(sqlite_template, tmp_path / "luz.db")
    known = Database(f"sqlite:///{tmp_path / 'luz.db'}", durable=False)
    _caller(known)
    app = make_app(known, world)
    before = asked(app, ani=CANARY).json()["status"]
    known.engine.dispose()
    app.recognition._callers.close()
    with closing(sqlite3.connect(tmp_path / "luz.db", isolation_level=None)) as locking:
        locking.execute("PRAGMA locking_mode=EXCLUSIVE")
        locking.execute("BEGIN EXCLUSIVE")

        heard, took = timed(app, ani=CANARY)
        by_place, took_by_place = timed(app, locality="Ñuñoa")

    assert before == "etr"
    assert (heard.status_code, heard.json()["text"]) == (200, "")
    assert by_place.json()["status"] == "etr", "memory needs no database"
    assert max(took, took_by_place) < WITHIN_S
    app.close()
    known.close()


def test_a_database_killed_in_the_middle_is_answered_from_memory_then_neutrally(
    known, world, tmp_path
):
    app = make_app(known, world)
    assert asked(app, ani=CANARY).json()["match"] == "ani"
    _killed(known, app, tmp_path)

    heard, took = timed(app, ani=CANARY)
    world.passes(seconds=3)
    app.board.refresh()
    by_place = asked(app, locality="Ñuñoa").json()
    world.passes(seconds=300)
    late = asked(app, locality="Ñuñoa").json()

    assert heard.status_code == 200
    assert took < WITHIN_S
    assert by_place["status"] == "etr"
    assert (late["status"], late["text"]) == ("stale", "")


def _killed(database: Database, app, folder: Path) -> None:
    """Nothing answers at its address any more, and what was connected is cut."""
    if not database.is_sqlite:
        with database.read() as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
    torn = folder / "torn.db"
    torn.write_bytes(b"no database at all " * 100)
    gone = Database(f"sqlite:///{torn}" if database.is_sqlite else "postgresql://127.0.0.1:9/gone")
    app.recognition._callers.close()
    app.recognition._callers._database = gone
    app.board._database = gone


@pytest.mark.parametrize("path", ["/v1/ivr/vxml", "/v1/ivr/vxml/data", "/v1/ivr/twiml", "/v1/ivr/connect"])  # fmt: skip
def test_a_full_disk_or_garbage_in_a_template_gives_neutral_documents(kept_sqlite, world, path):
    def broken(template, locale, facts):
        raise OSError(28, "No space left on device")

    app = make_app(kept_sqlite, world, speak=broken, pressed=lambda _key, _now: Taking.OTHER)

    heard = browser(app).post(path, data={"locality": "Ñuñoa", "From": "x"})

    assert heard.status_code == 200
    assert "space" not in heard.text
    if path != "/v1/ivr/connect":
        etree.fromstring(heard.content)
