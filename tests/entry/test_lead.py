"""Who leads the clock: nobody's wall clock decides it, and the dead and the silent lose it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from tests import make

from outreach.entry.lead import Lead, Steady
from outreach.entry.wiring import Clocks, Installation
from outreach.settings import Settings
from outreach.store import leases, workers
from outreach.store.leases import LEADER, NOBODY, Seat

NOW = make.NOW
SECOND = timedelta(seconds=1)


class Host:
    """A process with a wall clock of its own that can be set, and one that cannot."""

    def __init__(self, database, folder, owner: str, *, seat: Seat | None = None) -> None:
        self.wall, self.monotonic = NOW, 0.0
        self.installation = Installation(
            settings=Settings(workspace=folder), database=database, keyring=make.KEYRING,
            clocks=Clocks(now=lambda: self.wall, monotonic=lambda: self.monotonic), owner=owner,
        )  # fmt: skip
        self.lead = Lead(self.installation, seat=seat)

    def fence(self, *, after: float = 0) -> int | None:
        self.wall += after * SECOND
        self.monotonic += after
        found = self.lead.fence()
        return found.number if found else None


@pytest.fixture
def hosts(database, tmp_path) -> tuple[Host, Host]:
    return Host(database, tmp_path, "a"), Host(database, tmp_path, "b")


def together(hosts: tuple[Host, Host], *, seconds: int) -> list[tuple[int | None, int | None]]:
    return [(hosts[0].fence(after=1), hosts[1].fence(after=1)) for _ in range(seconds)]


def test_a_leader_that_lives_keeps_the_lead_whatever_its_wall_clock_says(hosts):
    a, b = hosts
    together(hosts, seconds=2)

    for jump in (timedelta(hours=1), timedelta(hours=-2), timedelta(days=4_000), -timedelta(days=20_000)):  # fmt: skip
        for host in hosts:
            host.wall += jump
        b_first = b.fence(), a.fence()
        assert b_first == (None, 1)
        assert set(together(hosts, seconds=15)) == {(1, None)}


def test_a_leader_that_died_before_the_clock_was_set_back_is_followed_within_one_lease(hosts):
    a, b = hosts
    together(hosts, seconds=2)
    b.wall -= timedelta(hours=1)

    fences = [b.fence(after=1) for _ in range(12)]

    assert fences.index(2) <= 10
    assert a.fence(after=12) is None


def test_one_waits_a_whole_lease_by_its_own_clock_before_it_takes_over(hosts):
    a, b = hosts
    assert (a.fence(), b.fence()) == (1, None)

    assert [b.fence(after=1) for _ in range(12)].index(2) == 9


def test_a_restarted_process_need_not_wait_for_a_lease_that_is_long_over(hosts):
    a, b = hosts
    a.fence()
    b.wall += 11 * SECOND

    assert b.fence() == 2


def test_a_lease_given_back_is_taken_at_once(hosts, database):
    a, b = hosts
    together(hosts, seconds=2)
    with database.write() as session:
        leases.release(session, LEADER, "a", now=a.wall)
        held = leases.held(session, LEADER)

    assert held is not None
    assert held.owner == NOBODY
    assert b.fence(after=1) == 2


def test_the_seat_of_a_dead_leader_gives_the_lead_at_once_and_that_of_a_living_one_does_not(
    database, tmp_path
):
    if database.is_sqlite:
        return  # one process serves there
    seat, living = Seat(database), Seat(database)
    a = Host(database, tmp_path, "a")
    b = Host(database, tmp_path, "b", seat=seat)
    living.holds(workers.seat_name("a"))
    assert (a.fence(), b.fence()) == (1, None)

    living.close()
    with database.write() as session:
        session.execute(text("SET LOCAL lock_timeout = '10s'"))
        session.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('outreach.seat'), hashtext('worker:a'))")
        )  # fmt: skip

    assert b.fence() == 2
    seat.close()


def test_a_wall_clock_that_leaps_to_2038_is_not_believed_for_five_minutes(database, tmp_path):
    host = Host(database, tmp_path, "a")
    steady = Steady(host.installation.clocks)

    def leaps(wall: timedelta, *, after: float) -> bool:
        host.wall += wall
        host.monotonic += after
        return steady.leaps()

    years = timedelta(days=4_200)
    assert not leaps(timedelta(hours=1), after=0.5)
    assert [leaps(-5 * years, after=0.5), leaps(5 * years, after=0.5)] == [True, False]
    assert [leaps(years, after=0.5), leaps(SECOND, after=1), leaps(-years, after=1)] == [
        True, True, False,
    ]  # fmt: skip
    assert [leaps(years, after=0.5), leaps(SECOND, after=301), leaps(SECOND, after=1)] == [
        True, False, False,
    ]  # fmt: skip
