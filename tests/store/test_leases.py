"""One owner leads at a time; the fence rises at each takeover."""

from __future__ import annotations

from datetime import timedelta

from tests.make import NOW

from outreach.store import leases
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
