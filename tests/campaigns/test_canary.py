"""The canary leaves first; class A, what is over and what is wrong never wait for it; then a word."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update
from tests import make
from tests.campaigns import controlled
from tests.campaigns.controlled import UNPLANNED
from tests.campaigns.opened import open_outage

from outreach.campaigns import canary, launching
from outreach.model.order import RANK_BITS
from outreach.model.words import Channel, MessageState, PriorityClass, Tier
from outreach.store import audit, backlog, claims, lanes, runs, tables as t
from outreach.store.claims import Claim
from outreach.store.session import Database

NOW = make.NOW
HALF = 1 << (RANK_BITS - 1)


def claimed(database: Database, *, pool: str = "sms:CL") -> set[int]:
    wanted = Claim(
        lane="sms", pool=pool, owner="w1", now=NOW, lease=timedelta(seconds=30), limit=50
    )
    with database.write() as session:
        return {one.id for one in claims.claim(session, wanted)}


def held_run(session, **changes) -> int:
    return make.make_run(session, canary_rank=HALF, **changes)


def test_only_the_canary_leaves_and_class_a_and_closing_news_with_it(database):
    with database.write() as session:
        run = held_run(session)
        bulk = make.make_step_run(session, run=run)
        restored = make.make_step_run(session, run=run, tier=int(Tier.RESTORATION))
        corrected = make.make_step_run(session, run=run, tier=int(Tier.SAFETY))
        first = make.make_message(session, step_run=bulk, rank=HALF - 1)
        later = make.make_message(session, step_run=bulk, rank=HALF)
        at_once = {
            make.make_message(session, step_run=bulk, rank=HALF, priority=PriorityClass.A),
            make.make_message(session, step_run=restored, rank=HALF),
            make.make_message(session, step_run=corrected, rank=HALF),
        }

    left = claimed(database)
    with database.write() as session:
        waiting = backlog.canary(session, run, HALF)
        went = runs.let_go(session, run, now=NOW)
        again = runs.let_go(session, run, now=NOW)
    rest = claimed(database)

    assert left == {first, *at_once}
    assert (waiting, went, again) == ((1, 1), True, False)
    assert rest == {later}


def test_a_post_waits_with_the_others_for_everybody_reads_it_at_once(database):
    with database.write() as session:
        wave = make.make_step_run(session, run=held_run(session))
        make.make_message(session, step_run=wave, rank=0, channel=Channel.SOCIAL, pool="social:*")

    assert claimed(database, pool="social:*") == set()


def test_the_canary_of_one_run_holds_no_other_run(database):
    with database.write() as session:
        make.make_message(
            session, step_run=make.make_step_run(session, run=held_run(session)), rank=HALF
        )
        other = make.make_message(session, rank=HALF)

    assert claimed(database) == {other}


def test_what_waits_for_a_word_asks_for_no_lane_and_is_not_overdue(database):
    with database.write() as session:
        make.make_lane(session)
        run = held_run(session)
        make.make_message(session, step_run=make.make_step_run(session, run=run), rank=HALF)
        idle = lanes.idle_with_work(session, now=NOW)
        [waits] = backlog.queued(session, now=NOW)
        runs.let_go(session, run, now=NOW)
        asked = lanes.idle_with_work(session, now=NOW)

    assert (idle, asked) == ([], ["sms"])
    assert (waits.count, waits.oldest_at) == (1, None)


@pytest.mark.parametrize(
    ("share", "customers", "rank"),
    [(0.0, 10**6, None), (0.01, 99, None), (0.01, 100, (1 << RANK_BITS) // 100), (0.5, 8, HALF)],
)
def test_a_canary_is_a_share_of_the_ranks_where_that_is_somebody(share, customers, rank):
    found = launching.canary_rank(share, customers)

    assert found == (rank if rank is None else pytest.approx(rank))


def test_a_launch_holds_back_all_but_the_share_until_somebody_says_go(database, tmp_path):
    engine = controlled.on(database, tmp_path, canary_share=0.5)
    occasion = open_outage(engine).occasion.id
    engine.launch(occasion, UNPLANNED, actor="ana", now=NOW)
    with database.write() as session:
        session.execute(update(t.queue).values(not_before=None))
        session.execute(
            update(t.message)
            .where(t.message.c.rank < HALF, t.message.c.priority != "A")
            .values(state=MessageState.DELIVERED)
        )
        session.execute(t.queue.delete().where(t.queue.c.rank < HALF))
        [run] = runs.of(session, occasion)
        [waits] = canary.held(session, [run])

    [went] = canary.go(engine, [run], actor="beto", now=NOW)
    again = canary.go(engine, [run], actor="beto", now=NOW)

    assert run.canary_rank == HALF
    assert waits.left + waits.waiting == 6
    assert (went.left, went.waiting, again) == (waits.left, waits.waiting, [])
    with database.read() as session:
        assert [each.canary_rank for each in runs.of(session, occasion)] == [None]
        assert [each.action for each in audit.newest(session, action="campaign.go")] == [
            "campaign.go"
        ]
