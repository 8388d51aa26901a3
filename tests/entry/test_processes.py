"""Real workers and schedulers: they begin at once, stop politely, and nobody waits for the dead."""

from __future__ import annotations

import os
import signal
import time

import pytest
from sqlalchemy import select
from tests import town
from tests.entry.processes import Company, until

from outreach.model.words import MessageState
from outreach.store import tables as t
from outreach.store.leases import LEADER

GONE = {MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.UNDELIVERED}
LANE = select(t.lane.c.owner).where(t.lane.c.owner.is_not(None))
TOLD = select(t.message.c.accepted_at).where(t.message.c.state.in_(GONE))
AT_WORK = select(t.worker.c.owner)
LED = select(t.lease.c.owner).where(t.lease.c.name == LEADER)


@pytest.fixture
def company(database, tmp_path) -> Company:
    with database.write() as session:
        town.build(session)
    return Company(tmp_path / "w", database)


@pytest.fixture
def slow(database, tmp_path) -> Company:
    """Thirty people of class A at two messages a second: a lane that is driven for a while."""
    with database.write() as session:
        town.build(session, north="A" * 30, south="")
    return Company(tmp_path / "w", database, rate=2)


def test_a_worker_sends_at_once_what_a_launch_has_frozen(company, record_property):
    with company.run("worker", "--lanes", "sms"):
        until(lambda: company.asked(AT_WORK))

        frozen_at = company.launch()
        until(lambda: company.asked(TOLD))

    took = time.monotonic() - frozen_at
    record_property("launch_to_first_call_s", took)
    print(f"launch to first call: {took:.3f} s after the freeze")  # noqa: T201  a figure to see with -s
    assert took < 3.0  # 0.5 s where the machine is ours alone


def test_a_launch_that_dies_after_its_commit_is_frozen_and_sent_by_a_worker(company, monkeypatch):
    def dies(*_args: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("outreach.campaigns.waves.frozen", dies)
    with company.run("worker"):
        until(lambda: company.asked(AT_WORK))
        with pytest.raises(KeyboardInterrupt):
            company.launch()

        assert company.asked(select(t.step_run.c.id).where(t.step_run.c.state == "freezing")) or (
            company.asked(TOLD)
        )
        until(lambda: company.asked(TOLD))


def test_a_worker_told_to_stop_gives_its_lane_back_and_exits_0(slow):
    with slow.run("worker") as process:
        slow.launch()
        until(lambda: slow.asked(TOLD) and slow.asked(LANE))

        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        _out, error = process.communicate(timeout=30)

        assert process.returncode == 0, error
        assert time.monotonic() - started < 15
        assert "Traceback" not in error
    assert slow.asked(LANE) is None
    assert slow.asked(AT_WORK) is None
    sending = select(t.message.c.id).where(t.message.c.state == MessageState.SENDING)
    assert slow.asked(sending) is None


def test_the_lane_of_a_killed_worker_is_driven_again_long_before_its_lease_ends(slow):
    with slow.run("worker") as first, slow.run("worker") as second:
        until(lambda: len(rows(slow, AT_WORK)) == 2)
        slow.launch()
        until(lambda: slow.asked(LANE))
        dead = slow.asked(LANE)[0]
        [driving] = [one for one in (first, second) if one.pid == int(dead.split(":")[1])]

        driving.kill()
        driving.wait(10)  # a dead child that nobody has asked after still counts as a process
        killed_at = time.monotonic()
        until(lambda: (row := slow.asked(LANE)) and row[0] != dead)

        took = time.monotonic() - killed_at
        print(f"lane taken over: {took:.2f} s after kill -9")  # noqa: T201  a figure to see with -s
        assert took < 12  # a lease lasts 30 s


def test_another_scheduler_leads_within_a_second_of_a_kill(company):
    if company.database.is_sqlite:
        return  # one process serves there; its lease ends, or its successor buries it
    with company.run("scheduler"), company.run("scheduler"):
        leader = until(lambda: company.asked(LED))[0]
        both = select(t.worker.c.owner).where(t.worker.c.kind == "scheduler")
        until(lambda: len(rows(company, both)) == 2)

        os.kill(int(leader.split(":")[1]), signal.SIGKILL)
        killed_at = time.monotonic()
        until(lambda: (row := company.asked(LED)) and row[0] != leader)

        took = time.monotonic() - killed_at
        print(f"lead taken over: {took:.2f} s after kill -9")  # noqa: T201  a figure to see with -s
        assert took < 3.0  # 1 s where the machine is ours alone


def test_a_scheduler_told_to_stop_gives_the_lead_back(company):
    with company.run("scheduler") as process:
        until(lambda: company.asked(LED))
        process.send_signal(signal.SIGTERM)
        _out, error = process.communicate(timeout=30)

    assert process.returncode == 0, error
    with company.database.read() as session:
        until_, seen = session.execute(select(t.lease.c.until)).scalar(), time.time()
    assert until_.timestamp() <= seen
    assert company.asked(AT_WORK) is None


def rows(company: Company, what: object) -> list[object]:
    with company.database.read() as session:
        return list(session.execute(what))  # type: ignore[call-overload]
