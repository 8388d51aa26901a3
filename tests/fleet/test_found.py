"""What the fleet has found: the smallest story of each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text, update
from tests import make
from tests.fakes.lane import Carrier, make_driver
from tests.fleet import run

from outreach.campaigns import jobs
from outreach.campaigns.jobs import Kind
from outreach.delivery import doubt
from outreach.model.message import Attempt, Found
from outreach.model.words import MessageState as S
from outreach.store import claims, job_queue, lanes, ledger, tables as t
from outreach.store.session import Database


@pytest.fixture
def postgres_database(postgres_url: str) -> Iterator[Database]:
    """An empty migrated database on PostgreSQL, whose job queue is shared."""
    with run.fresh(postgres_url) as url:
        database = Database(url)
        yield database
        database.close()


class _Lists(Carrier):
    """Lists one message for whoever asks: the one that it took for somebody's first text."""

    async def find(self, attempts: list[Attempt], deadline: float) -> list[Found]:
        return [Found(id=each.id, provider_ref="SM1") for each in attempts]


def test_a_doubt_does_not_adopt_the_copy_of_another_message_with_the_same_words(
    database: Database,
) -> None:
    with database.write() as session:
        make.make_lane(session)
        point = make.make_contact_point(session)
        make.make_message(
            session,
            contact_point_id=point,
            state=S.ACCEPTED,
            provider_ref="SM1",
            provider="carrier",
        )
        second = make.make_message(session, contact_point_id=point)
    wanted = claims.Claim(
        lane="sms", pool="sms:CL", owner="w1", now=make.NOW, lease=timedelta(seconds=30), limit=9
    )
    with database.write() as session:
        claims.claim(session, wanted)
    with database.write() as session:
        ledger.lapse(session, now=make.NOW + timedelta(seconds=31))
        session.execute(update(t.attempt).values(ended_at=make.NOW))
        lane = lanes.every(session)[0]
    carrier = _Lists()
    carrier.clock.seconds += 60

    asyncio.run(doubt.settle(database, lane, carrier, make_driver(carrier.clock)))

    with database.read() as session:
        row = make.row_of(session, second)
    assert (row.state, row.provider_ref) != (S.ACCEPTED, "SM1")


def test_of_two_doubts_with_the_same_words_neither_takes_the_one_copy(database: Database) -> None:
    with database.write() as session:
        make.make_lane(session)
        point = make.make_contact_point(session)
        both = [make.make_message(session, contact_point_id=point) for _each in range(2)]
    wanted = claims.Claim(
        lane="sms", pool="sms:CL", owner="w1", now=make.NOW, lease=timedelta(seconds=30), limit=9
    )
    with database.write() as session:
        claims.claim(session, wanted)
    with database.write() as session:
        ledger.lapse(session, now=make.NOW + timedelta(seconds=31))
        session.execute(update(t.attempt).values(ended_at=make.NOW))
        lane = lanes.every(session)[0]
    carrier = _Lists()
    carrier.clock.seconds += 60

    asyncio.run(doubt.settle(database, lane, carrier, make_driver(carrier.clock), limit=1))

    with database.read() as session:
        assert {make.row_of(session, one).state for one in both} == {S.IN_DOUBT}


def test_a_house_keeper_who_died_in_mid_job_is_followed_by_another(
    postgres_database: Database,
) -> None:
    queue, keeping = job_queue.of(postgres_database), jobs.of(Kind.KEEP_HOUSE)
    queue.offer(postgres_database, [keeping])
    with postgres_database.write() as session:
        session.execute(text("UPDATE procrastinate_jobs SET status = 'doing', worker_id = NULL"))

    queue.offer(postgres_database, [keeping])

    with postgres_database.read() as session:
        assert queue.waiting(session) == {"keep_house": 1}
