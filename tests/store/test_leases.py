"""One owner leads at a time; the fence rises at each takeover."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tests.make import NOW

from outreach.model.errors import StoreUnusable
from outreach.store import leases
from outreach.store.leases import Fence, Fenced, Seat
from outreach.store.session import Database

LEASE = timedelta(seconds=10)


def take(database: Database, owner: str, *, after: int = 0) -> int | None:
    with database.write() as session:
        return leases.take(session, "clock", owner, now=NOW + timedelta(seconds=after), lease=LEASE)


def test_the_first_takes_the_lease_and_keeps_its_fence_while_prolonging(database: Database):
    assert [take(database, "a"), take(database, "a", after=5)] == [1, 1]


def test_another_is_refused_while_the_lease_runs_and_takes_over_after_it(database: Database):
    take(database, "a")

    assert take(database, "b", after=9) is None
    assert take(database, "b", after=11) == 2


def test_who_was_overtaken_does_not_lead_again_by_itself(database: Database):
    take(database, "a")
    take(database, "b", after=11)

    assert take(database, "a", after=12) is None
    with database.read() as session:
        assert leases.holder(session, "clock", now=NOW + timedelta(seconds=12)) == "b"
        assert leases.holder(session, "clock", now=NOW + timedelta(seconds=99)) is None


def test_a_lease_given_back_can_be_taken_at_once(database: Database):
    take(database, "a")
    with database.write() as session:
        leases.release(session, "clock", "b", now=NOW)
    assert take(database, "b") is None

    with database.write() as session:
        leases.release(session, "clock", "a", now=NOW)

    assert take(database, "b") == 2


def test_who_knows_the_leader_dead_seizes_the_lease_and_the_fence_rises(database: Database):
    take(database, "a")

    with database.write() as session:
        fences = [
            leases.seize(session, "clock", owner, now=NOW, lease=LEASE) for owner in ("b", "b")
        ]

    assert fences == [2, 2]
    assert take(database, "a") is None


def test_a_lease_that_lasts_need_not_be_written(database: Database):
    take(database, "a")

    with database.read() as session:
        assert leases.lasts(session, "clock", "a", until=NOW + LEASE)
        assert not leases.lasts(session, "clock", "a", until=NOW + 2 * LEASE)
        assert not leases.lasts(session, "clock", "b", until=NOW)


def test_who_stands_on_an_overtaken_fence_is_refused(database: Database):
    take(database, "a")
    with database.write() as session:
        leases.stand(session, "clock", Fence(number=1))
    take(database, "b", after=11)

    with pytest.raises(Fenced, match="fence 1 was overtaken by 2"), database.write() as session:
        leases.stand(session, "clock", Fence(number=1))
    with pytest.raises(Fenced), database.write() as session:
        leases.stand(session, "nobody's", Fence(number=1))


def test_a_leader_that_is_stopped_inside_a_write_soon_loses_it(database: Database):
    take(database, "a")
    if database.is_sqlite:
        return  # its one writer is waited for

    def stopped_inside() -> None:
        with database.write() as session:
            fence = Fence(number=1, stopped_for=timedelta(milliseconds=30))
            leases.stand(session, "clock", fence)
            # Waits for the row, until the server has ended us.
            assert take(database, "b", after=11) == 2
            session.execute(text("UPDATE lease SET owner = 'a'"))

    with pytest.raises((StoreUnusable, DBAPIError)):
        stopped_inside()

    with database.read() as session:
        assert leases.held(session, "clock") == leases.Held(
            owner="b", until=NOW + timedelta(seconds=21), fence=2
        )


def test_a_stale_lease_is_taken_unless_its_row_has_changed(database: Database):
    take(database, "a")
    with database.read() as session:
        stale = leases.held(session, "clock")
    take(database, "a", after=1)

    with database.write() as session:
        assert leases.take(session, "clock", "b", now=NOW, lease=LEASE, stale=stale) is None
        fresh = leases.held(session, "clock")
        assert leases.take(session, "clock", "b", now=NOW, lease=LEASE, stale=fresh) == 2


def test_a_seat_is_ones_own_until_its_connection_ends(database: Database):
    first, second = Seat(database), Seat(database)
    shares = not database.is_sqlite

    assert [first.holds("x"), first.holds("x"), second.holds("x")] == [shares, shares, False]
    assert second.holds("y") is shares

    first.close()
    if shares:
        with database.write() as session:
            # Waits, server-side, until the backend of the closed connection has let go.
            session.execute(text("SET LOCAL lock_timeout = '10s'"))
            session.execute(
                text("SELECT pg_advisory_xact_lock(hashtext('outreach.seat'), hashtext('x'))")
            )
        with database.write() as session:
            assert not leases.is_seated(session, "x")
            assert leases.is_seated(session, "y")
    assert second.holds("x") is shares
    second.close()


def test_a_seat_lost_with_its_connection_is_taken_anew(database: Database):
    seat = Seat(database)
    if not seat.holds("x"):
        return  # SQLite has no seats
    with database.write() as session:
        session.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        )

    assert seat.holds("x") is False
    assert seat.holds("x") is True
    seat.close()
