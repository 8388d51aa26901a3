"""Faults of provider, database, time and process, each met by a small fleet of real processes."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.fleet import ailments, checker, drive, history, recipients, scenarios
from tests.fleet.nursery import Nursery
from tests.fleet.terms import DEADLINE_S, LEASE_S, Fleet, Lane, Window

from outreach import clock
from outreach.store import tables as t
from outreach.store.session import Database

SCALE = 0.1
SMS, EMAIL = Lane(name="sms1", channel="sms", rate=40.0), Lane(name="email", channel="email", rate=40.0)  # fmt: skip
Start = Callable[..., Any]


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as nursery:
        yield nursery


def make_fleet(database: Database, folder: Path, **more: Any) -> Fleet:
    recipients.workspace(folder)
    url = database.url.render_as_string(hide_password=False)
    values: dict[str, Any] = {"lanes": (SMS, EMAIL), "scale": SCALE}
    return drive.make_fleet(folder, url, 11, **(values | more))


@contextmanager
def sound(fleet: Fleet, database: Database) -> Iterator[None]:
    """After the block every row must be in order."""
    yield
    verdict = checker.check(fleet, database)
    assert verdict.broken == {}, verdict.examples


@pytest.fixture
def file_database(sqlite_template: Path, tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "fleet.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.mark.parametrize("what", ["half_open", "drip"])
def test_a_carrier_that_hangs_delays_only_its_own_channel(
    what: str, file_database: Database, tmp_path: Path, nursery: Nursery
) -> None:
    recipients.fill(file_database, sms=80, email=80)
    bad = (Window(start=0, end=6, what=what, port="sms"),)
    fleet = make_fleet(file_database, tmp_path, windows=bad)

    with sound(fleet, file_database), drive.running(fleet, nursery, file_database, workers=2) as driven:  # fmt: skip
        driven.settle(still=20)

    with file_database.read() as session:
        m = t.message.c
        waits = sorted(
            (row[0] - row[1]).total_seconds()
            for row in session.execute(
                select(m.accepted_at, m.claimed_at).where(m.channel == "email", m.accepted_at.is_not(None))
            )
        )  # fmt: skip
    assert len(waits) == 80
    assert waits[76] <= 10.0
    assert all(spent <= DEADLINE_S * SCALE + 1.0 for spent in spent_in_calls(fleet))


def spent_in_calls(fleet: Fleet) -> list[float]:
    """Seconds of each call from its beginning to its end."""
    began, spent = {}, []
    for one in history.read(fleet.history):
        if one.get("what") != "call":
            continue
        if one["event"] == "invoke":
            began[one["token"]] = one["at"]
        else:
            spent.append(one["at"] - began.pop(one["token"]))
    return spent


def test_a_worker_stopped_past_its_lease_is_fenced(
    database: Database, tmp_path: Path, nursery: Nursery
) -> None:
    recipients.fill(database, sms=160)
    fleet = make_fleet(database, tmp_path, lanes=(SMS,))

    with sound(fleet, database), drive.running(fleet, nursery, database, workers=2) as driven:
        driven.until(lambda: driven.sent() >= 20, seconds=30)
        for name in ("w0", "w1"):
            driven.kill(name, signal.SIGSTOP)
            driven.listen_on(seconds=LEASE_S * SCALE * 1.5)
            driven.kill(name, signal.SIGCONT)
        driven.settle(still=20)
        driven.listen_on(seconds=1)

    assert driven.kills == 0


@pytest.mark.parametrize(
    ("disk", "said"), [("read-only", "read-only"), ("takes nothing", "the disk fails")]
)
def test_a_disk_that_takes_nothing_for_a_while_loses_nothing(
    disk: str, said: str, file_database: Database, tmp_path: Path, nursery: Nursery
) -> None:
    recipients.fill(file_database, sms=120)
    fleet = make_fleet(file_database, tmp_path, lanes=(SMS,))

    with sound(fleet, file_database), drive.running(fleet, nursery, file_database, workers=1) as driven:  # fmt: skip
        driven.until(lambda: driven.sent() >= 10, seconds=30)
        driven.ails["w0"] = {"disk": disk, "disk_for_s": 3.0}
        driven.kill("w0")
        driven.until(lambda: driven.kills == 1, seconds=10)
        driven.ails.clear()
        driven.settle(still=20)

    assert any(said in log.read_text() for log in (tmp_path / "logs").glob("worker*.log"))


@pytest.mark.parametrize(
    "by_s", [3_600.0, -3_600.0, ailments.to_year(1970), ailments.to_year(2037)],
    ids=["an hour on", "an hour back", "to 1970", "to 2037"],
)  # fmt: skip
def test_a_clock_that_jumps_in_one_process_sends_nothing_twice(
    by_s: float, file_database: Database, tmp_path: Path, nursery: Nursery
) -> None:
    recipients.fill(file_database, sms=160)
    fleet = make_fleet(file_database, tmp_path, lanes=(SMS, Lane(name="sms2", channel="sms", rate=20.0)))  # fmt: skip

    with drive.running(fleet, nursery, file_database, workers=2, clocks=1) as driven:
        driven.until(lambda: driven.sent() >= 20, seconds=30)
        driven.ails["w0"] = {"jump_by_s": by_s, "jump_at_s": clock.monotonic() - fleet.epoch + 1.0}
        driven.kill("w0")
        driven.settle(still=8, seconds=40)
        driven.ails.clear()
        driven.kill("w0")
        driven.settle(still=15)

    verdict = checker.check(fleet, file_database)
    assert verdict.broken == {}, verdict.examples


def test_a_server_that_is_restarted_loses_nothing(tmp_path: Path, nursery: Nursery) -> None:
    with scenarios.server(tmp_path / "pg") as (url, restart):
        database = Database(url)
        recipients.fill(database, sms=160)
        fleet = make_fleet(database, tmp_path / "fleet", lanes=(SMS,))

        with drive.running(fleet, nursery, database, workers=2) as driven:
            driven.until(lambda: driven.sent() >= 20, seconds=30)
            restart()
            driven.settle(still=20)

        verdict = checker.check(fleet, database)
        database.close()
    assert not driven.crashes
    assert verdict.broken == {}, verdict.examples


def test_after_a_stop_no_call_begins_a_second_later(
    database: Database, tmp_path: Path, nursery: Nursery
) -> None:
    lanes = tuple(Lane(name=f"sms{n}", channel="sms", rate=50.0) for n in range(4))
    fleet = make_fleet(database, tmp_path, lanes=lanes, scale=1.0)

    told = scenarios.stops(fleet, nursery, database, how_many=4_000, seconds=8.0, opt_outs=40)

    verdict = checker.check(fleet, database)
    assert told["calls"] > 100
    assert verdict.late_calls == 0, verdict.examples
