"""`doctor` and `/metrics` show the work in counts: who drives what, what waits, what is in doubt."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

from prometheus_client import generate_latest
from sqlalchemy import insert
from tests import make

from outreach.entry.cli import at_work, doctor, doctor_clock
from outreach.entry.http import work_metrics
from outreach.store import due, known, lanes, leases, tables as t, workers

NOW = make.NOW


def busy(database) -> None:
    """A worker that drives the lane, two that wait, one in doubt."""
    with database.write() as session:
        step_run = make.make_step_run(session, created_at=NOW - timedelta(seconds=9))
        make.make_messages(session, 2, step_run=step_run)
        lane = make.make_lane(session)
        make.make_lane(session, name="idle")
        leases.take(session, leases.LEADER, "host:1:x", now=NOW, lease=timedelta(seconds=9))
        overdue(session, timedelta(seconds=7))
        lanes.acquire(session, lane, "host:1:x", now=NOW, lease=timedelta(seconds=30))
        at_hand(session, "worker")
        session.execute(
            insert(t.attempt).values(
                {"message_id": 9, "try": 1, "lane": lane, "started_at": NOW, "ended_at": NOW,
                 "outcome": "in_doubt", "code": "", "reason": "", "looks": 0}
            )
        )  # fmt: skip


def overdue(session, by: timedelta) -> None:
    due.add(
        session, [due.NewDue(at=NOW - by, what="notice", occasion_id=make.make_occasion(session))]
    )


def at_hand(session, kind: str) -> None:
    workers.announce(
        session, workers.Worker(owner="host:1:x", kind=kind, started_at=NOW, seen_at=NOW)
    )


def test_metrics_show_the_work(database):
    busy(database)
    context = SimpleNamespace(now=lambda: NOW, jobs_waiting=lambda _session: {"freeze": 3})

    with database.read() as session:
        found = work_metrics.read(session, context)  # type: ignore[arg-type]

    text = generate_latest(SimpleNamespace(collect=lambda: found)).decode()
    for line in (
        'outreach_lane_held{lane="sms",owner="host:1:x"} 1.0',
        'outreach_lane_weight{lane="idle"} 100.0',
        'outreach_backlog{class="C",pool="sms:CL"} 2.0',
        'outreach_backlog_oldest_seconds{class="C",pool="sms:CL"} 9.0',
        'outreach_doubts{age="under_1m"} 1.0',
        'outreach_doubts{age="older"} 0.0',
        'outreach_workers{kind="worker"} 1.0',
        'outreach_jobs_waiting{kind="freeze"} 3.0',
        "outreach_clock_lag_seconds 7.0",
        'outreach_clock_fence{owner="host:1:x"} 1.0',
    ):
        assert line in text


def test_doctor_shows_the_work(database):
    context = SimpleNamespace(now=NOW, database=database)
    quiet = list(at_work.lines(context))  # type: ignore[arg-type]
    busy(database)

    said = "\n".join(at_work.lines(context))  # type: ignore[arg-type]

    assert quiet == []
    for words in ("host:1:x", "sms:CL", " 9 s", "idle", "clock: 7 s behind; fence 1"):
        assert words in said
    assert len(said.splitlines()) == 6


def test_doctor_says_when_nobody_sends_or_nobody_leads_the_clock(database):
    context = SimpleNamespace(now=NOW, database=database)
    with database.write() as session:
        make.make_messages(session, 1)
    alone = list(doctor._senders(context))  # type: ignore[arg-type]

    with database.write() as session:
        at_hand(session, "worker")
    without_clock = list(doctor._senders(context))  # type: ignore[arg-type]
    with database.write() as session:
        leases.take(session, leases.LEADER, "x", now=NOW, lease=timedelta(seconds=9))

    assert len(alone) == len(without_clock) == 1
    assert "outreach serve" in alone[0]
    assert "outreach scheduler" in without_clock[0]
    assert list(doctor._senders(context)) == []  # type: ignore[arg-type]


def test_doctor_says_when_the_clock_is_behind_and_when_a_host_has_old_zone_rules(database):
    context = SimpleNamespace(now=NOW, database=database)
    assert list(doctor_clock.clock(context)) == []  # type: ignore[arg-type]

    with database.write() as session:
        overdue(session, timedelta(minutes=3))
        known.keep(session, known.ZONE_RULES, "2099a", now=NOW)
    behind, old = doctor_clock.clock(context)  # type: ignore[arg-type]

    assert "due for 3 min" in behind
    assert "2099a" in old
