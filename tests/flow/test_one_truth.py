"""One truth over time: whatever changes while texts leave, nobody reads an older version after a newer one."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import select
from tests import databases, make, town
from tests.flow import storyline
from tests.flow.storyline import Story

from outreach.model.errors import GuardRefused, InputRefused
from outreach.model.message import InDoubt
from outreach.model.occasion import Scope
from outreach.model.words import MessageState
from outreach.store import ledger, mutes, tables as t
from outreach.store.contradictions import Rule
from outreach.store.session import Database

SANTIAGO = ZoneInfo("America/Santiago")


@pytest.fixture
def story(database, tmp_path) -> Story:
    return storyline.told(database, tmp_path)


def wall(day: int, hour: int, minute: int = 0) -> datetime:
    """Of July 2026 in Santiago: the 12th is the first day."""
    return datetime(2026, 7, day, hour, minute, tzinfo=SANTIAGO)


# ── eleven messages ─────────────────────────────────────────────────────────────────────────────


def at(story: Story, when: datetime) -> None:
    story.clock.seconds += (when - story.now).total_seconds()


def shut_off(story: Story) -> list[bool]:
    """A preventive shut-off as one customer of Colorado lived it; what other systems were told of muting.

    Every lane is cut off in the middle, so that each change meets texts of the one before in the queue.
    """
    muted = []

    def says(when: datetime, act, *, leaves: float) -> None:
        at(story, when)
        act()
        story.sends(leaves, rate=2.0)
        with story.database.read() as session:
            muted.append(mutes.of_premise(session, "S-0001", now=story.now).muted)

    etr = story.updates
    says(wall(12, 10), lambda: story.opens("shut-off", town.FEEDER), leaves=2)
    says(wall(12, 11), lambda: etr("shut-off", etr_at=wall(12, 18)), leaves=2)
    says(wall(12, 12), lambda: etr("shut-off", etr_at=wall(12, 22)), leaves=1)
    says(wall(12, 13), lambda: etr("shut-off", etr_at=wall(14, 12)), leaves=2)
    says(wall(12, 14), lambda: etr("shut-off", etr_at=wall(13, 22)), leaves=2)
    says(wall(12, 15), lambda: etr("shut-off", etr_at=wall(12, 18, 45)), leaves=2)
    # Here came a notice of prices and one of usage: other systems ask first, and are silent.
    says(wall(12, 18), lambda: story.restores("shut-off"), leaves=2)
    says(wall(12, 18, 5), lambda: story.reopens("shut-off"), leaves=2)
    says(wall(12, 18, 10), lambda: etr("shut-off", etr_at=wall(14, 12)), leaves=2)
    says(wall(13, 19), lambda: story.restores("shut-off"), leaves=60)
    return muted


def test_of_eleven_contradictory_messages_each_person_reads_only_what_is_true_as_it_leaves(story):
    muted = shut_off(story)

    assert len(story.heard) > 15
    assert [one for one in story.heard if one.version != one.newest] == []
    assert list(story.out_of_order()) == []
    assert story.contradictions() == []
    assert muted == [True] * 10  # billing and prices were silent from the first to the last minute
    with story.database.read() as session:
        assert ledger.adds_up(session)
        assert ledger.counts(session)[MessageState.SUPERSEDED] > 0


def test_the_checker_finds_each_kind_of_contradiction(story):
    story.opens("one", town.FEEDER, etr_at=story.now + timedelta(hours=2))
    story.sends()
    story.updates("one", etr_at=story.now + timedelta(hours=4))
    story.sends()
    story.opens("two", town.FEEDER)
    story.restores("one")
    m, w = t.message, t.step_run

    def forge(**values) -> set[Rule]:
        """The ledger as it would be, had the first message of the first wave left so."""
        with story.database.write() as session:
            first = session.execute(select(m.c.id).where(m.c.priority == "C").order_by(m.c.id)).scalars().first()  # fmt: skip
            session.execute(m.update().where(m.c.id == first).values(state="accepted", **values))
        return {one.rule for one in story.contradictions()}

    assert story.contradictions() == []
    late = story.now + timedelta(hours=3)
    assert forge(accepted_at=late) == {
        Rule.OLDER_AFTER_NEWER, Rule.SUPERSEDED, Rule.PAST_ESTIMATE, Rule.AFTER_THE_END,
    }  # fmt: skip
    assert forge(accepted_at=make.NOW) == set()
    with story.database.write() as session:
        [restored] = session.scalars(select(w.c.id).where(w.c.step == "restored"))
        session.execute(m.update().where(m.c.id > 0, m.c.step_run_id > 1).values(state="delivered"))
        first = select(m.c.id).where(m.c.step_run_id != restored, m.c.priority == "C")
        told = session.execute(first.order_by(m.c.id.desc())).scalars().first()
        session.execute(
            m.update()
            .where(m.c.id == told)
            .values(step_run_id=restored, accepted_at=late, state="delivered")
        )
    assert Rule.RESTORED_WHILE_OUT in {one.rule for one in story.contradictions()}


# ── in flight, and in doubt ─────────────────────────────────────────────────────────────────────


def test_a_newer_notice_waits_for_an_older_one_that_is_being_called_by_another_lane(story):
    with story.database.write() as session:
        make.make_lane(session, name="sms2", pool="sms:*")
    story.opens("one", town.SOUTH)
    with story.database.write() as session:
        # The other lane has claimed the first of them, and its call hangs.
        m, q = t.message, t.queue
        hanging = session.execute(select(m.c.id).order_by(m.c.id)).scalars().first()
        session.execute(q.delete().where(q.c.message_id == hanging))
        session.execute(
            m.update().where(m.c.id == hanging).values(
                {"state": "sending", "owner": "sms2", "lane": "sms2", "try": 1,
                 "claimed_at": story.now, "slot_at": story.now,
                 "lease_until": story.now + timedelta(seconds=30)}
            )
        )  # fmt: skip
    story.passes(seconds=5)
    story.updates("one", etr_at=story.now + timedelta(hours=2))

    at_once = story.sends(10)
    story.passes(seconds=20)
    in_doubt = story.sends(10)
    story.passes(seconds=40)
    later = story.sends(10)

    assert (at_once, in_doubt, later) == (2, 0, 1)
    assert {one.version for one in story.heard} == {2}


def test_a_doubt_whose_text_was_overtaken_is_never_sent_again(database, tmp_path):
    numbers = count()
    story = storyline.told(
        database,
        tmp_path,
        answer=lambda one: InDoubt(id=one.id, reason="no reply") if next(numbers) < 7 else None,
    )
    story.opens("one", town.FEEDER)
    story.sends()
    story.carrier.lost = {one.id for _at, one in story.carrier.calls}  # it never had them
    story.passes(seconds=90)
    story.updates("one", etr_at=story.now + timedelta(hours=3))
    for _look in range(3):
        story.doubts()
        story.passes(seconds=30)
    story.sends()

    versions = {one.version for one in story.heard[7:]}
    assert versions == {2}
    assert story.contradictions() == []


# ── any order of things ─────────────────────────────────────────────────────────────────────────

PLACES = (town.FEEDER, town.NORTH, town.SOUTH)
NAMES = ("one", "two", "three")
MOVES = st.one_of(
    st.tuples(st.just("open"), st.sampled_from(NAMES), st.sampled_from(PLACES)),
    st.tuples(st.just("etr"), st.sampled_from(NAMES), st.integers(1, 8)),
    st.tuples(st.just("unknown"), st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("scope"), st.sampled_from(NAMES), st.sampled_from(PLACES)),
    st.tuples(st.just("part"), st.sampled_from(NAMES), st.sampled_from(PLACES[1:])),
    st.tuples(st.just("restore"), st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("reopen"), st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("merge"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
)
SENDS = st.tuples(st.just("send"), st.integers(1, 4), st.integers(0, 90))


def send(story: Story, seconds: int, minutes: int) -> None:
    story.sends(seconds, rate=2.0)
    story.passes(minutes=minutes)
    story.doubts()


ACTS = {
    "open": lambda story, name, node: story.opens(name, node),
    "etr": lambda story, name, hours: story.updates(
        name, etr_at=story.now + timedelta(hours=hours)
    ),
    "unknown": lambda story, name, _: story.updates(name, withdrawn=True),
    "scope": lambda story, name, node: story.updates(name, scope=Scope(nodes=(node,))),
    "part": lambda story, name, node: story.restores(name, node),
    "restore": lambda story, name, _: story.restores(name),
    "reopen": lambda story, name, _: story.reopens(name),
    "merge": lambda story, name, into: story.merges(name, into),
    "send": send,
}


def play(story: Story, move: tuple[str, Any, Any]) -> None:
    """One move, if it can be made; what the guards refuse was never true."""
    what, name, more = move
    story.passes(seconds=20)
    is_known = name in story.names and (what != "merge" or (more in story.names and more != name))
    if what != "send" and is_known is (what == "open"):
        return
    with suppress(GuardRefused, InputRefused):
        ACTS[what](story, name, more)


@pytest.fixture(scope="module")
def fresh(sqlite_template: Path, kept_sqlite: Database, tmp_path_factory):
    """Stories one after the other, each on the emptied file; every fifth text's reply is lost."""

    def begin() -> Story:
        databases.refilled(kept_sqlite, sqlite_template)
        numbers = count(1)
        return storyline.told(
            databases.as_new(kept_sqlite),
            tmp_path_factory.mktemp("story"),
            answer=lambda one: (
                InDoubt(id=one.id, reason="no reply") if next(numbers) % 5 == 0 else None
            ),
        )

    return begin


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(moves=st.lists(st.one_of(MOVES, SENDS), min_size=4, max_size=12))
def test_no_sequence_sends_an_older_version_after_a_newer_one_to_anybody(fresh, moves):
    story = fresh()
    story.opens("one", town.FEEDER)

    for move in moves:
        play(story, move)
    story.sends(30, rate=50.0)

    assert [one for one in story.heard if one.version != one.newest] == []
    assert list(story.out_of_order()) == []
    assert story.contradictions() == []
    with story.database.read() as session:
        assert ledger.adds_up(session)
