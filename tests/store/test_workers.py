"""Who is at work shows it; what the dead held is free at once, what the silent hold only when it lapses."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from tests import make

from outreach.model.words import MessageState
from outreach.store import lanes, leases, ledger, tables as t, workers
from outreach.store.leases import LEADER, Seat
from outreach.store.session import Database
from outreach.store.workers import Worker

NOW = make.NOW
LATER = NOW + workers.SILENT_FOR + timedelta(seconds=1)
GONE = f"{socket.gethostname()}:{2**22 + 1}:dead"
"""No such process: numbers end below."""
HERE = workers.owner_name("here")


def at_work(database: Database, owner: str, **changes: Any) -> None:
    values: dict[str, Any] = {"owner": owner, "kind": "worker", "started_at": NOW, "seen_at": NOW}
    with database.write() as session:
        workers.announce(session, Worker(**(values | changes)))


def buried(database: Database, owner: str, *, now=LATER) -> bool:
    with database.write() as session:
        return workers.bury(session, owner, now=now)


def test_a_sign_of_life_renews_the_row_and_ends_with_the_process(database: Database):
    at_work(database, "a", lanes=("sms", "email"))
    at_work(database, "a", seen_at=NOW + timedelta(seconds=20))
    at_work(database, "b", kind="scheduler")
    with database.write() as session:
        workers.stopping(session, "a", now=NOW)

    with database.read() as session:
        [one] = workers.alive(session, now=NOW + timedelta(seconds=21))

    assert (one.owner, one.lanes, one.stopping_at) == ("a", ("sms", "email"), NOW)
    with database.write() as session:
        workers.leave(session, "a")
        assert [each.owner for each in workers.alive(session, now=NOW)] == ["b"]
        assert workers.alive(session, now=NOW)[0].lanes == ()


def test_only_who_fell_silent_is_asked_for(database: Database):
    at_work(database, "a")
    at_work(database, "b", seen_at=LATER)

    with database.read() as session:
        assert workers.silent(session, now=LATER) == ["a"]
        assert workers.silent(session, now=NOW) == []


def test_the_dead_leave_their_lanes_their_lead_and_their_messages_in_doubt(database: Database):
    at_work(database, GONE)
    with database.write() as session:
        lane = make.make_lane(session)
        [message] = make.make_messages(session, 1)
        lanes.acquire(session, lane, GONE, now=NOW, lease=timedelta(seconds=30))
        leases.take(session, LEADER, GONE, now=NOW, lease=timedelta(seconds=30))
        session.execute(
            update(t.message).values(
                {"state": "sending", "owner": GONE, "lease_until": NOW + timedelta(seconds=30),
                 "try": 1, "lane": lane, "claimed_at": NOW}
            )
        )  # fmt: skip
        session.execute(t.queue.delete())

    assert buried(database, GONE)

    with database.write() as session:
        assert lanes.acquire(session, lane, HERE, now=LATER, lease=timedelta(seconds=30))
        assert leases.holder(session, LEADER, now=LATER) is None
        assert ledger.lapse(session, now=LATER + timedelta(microseconds=1)) == 1
        assert make.state_of(session, message) is MessageState.IN_DOUBT
        assert workers.alive(session, now=NOW) == []


def test_who_is_not_dead_for_certain_keeps_its_leases(database: Database):
    seat = Seat(database)
    seat.holds(workers.seat_name(HERE))
    at_work(database, HERE)
    at_work(database, GONE, seen_at=LATER)

    try:
        assert not buried(database, HERE)
        assert not buried(database, GONE)
        assert not buried(database, "never seen")
        with database.read() as session:
            assert len(workers.alive(session, now=NOW)) == 2
    finally:
        seat.close()


@pytest.mark.parametrize(
    "owner",
    ["elsewhere:4711:x", "no number", f"{socket.gethostname()}:1:x", f"{socket.gethostname()}:x:x"],
)
def test_on_one_machine_only_its_own_processes_can_be_known_dead(
    tmp_path, sqlite_template, owner, monkeypatch
):
    def other_peoples(pid: int, _number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", other_peoples)
    (tmp_path / "one.db").write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{tmp_path / 'one.db'}")
    at_work(database, owner)

    assert not buried(database, owner)
    with database.read() as session:
        assert session.execute(select(t.worker.c.owner)).scalar() == owner

    assert not buried(database, owner, now=NOW + timedelta(hours=2))
    with database.read() as session:
        assert session.execute(select(t.worker.c.owner)).scalar() is None
    database.close()
