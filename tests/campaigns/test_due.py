"""What is due fires once: fenced, in one transaction with its settling, late where that serves, never in silence."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from sqlalchemy import delete, select, update
from tests import make, town
from tests.campaigns.opened import NOW, launched, make_engine, open_outage

from outreach.campaigns import due
from outreach.campaigns.engine import Engine
from outreach.model.errors import GuardRefused
from outreach.model.occasion import NewOccasion, Occasion, Scope
from outreach.model.words import Event, OccasionKind, OccasionState, RunState, Service
from outreach.outages import revise, revise_planned
from outreach.store import due as rows, leases, occasions, tables as t
from outreach.store.due import NewDue
from outreach.store.leases import LEADER, Fence
from outreach.store.session import Database

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = NOW + 4 * DAY
PLANNED = "planned-outage"


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    return make_engine(database, tmp_path)


def plan(engine: Engine, *, start: datetime = START, launch: bool = True) -> Occasion:
    new = NewOccasion(
        kind=OccasionKind.PLANNED, service=Service.ELECTRICITY, name="TP-1", zone=make.ZONE
    )
    revision = revise_planned.planned(
        Scope(nodes=(town.SOUTH,)), start_at=start, end_at=start + 4 * HOUR, now=NOW
    )
    made = engine.open(new, revision, now=NOW).occasion
    if launch:
        engine.launch(made.id, PLANNED, actor="ana", now=NOW)
    return made


def of(engine: Engine, occasion: Occasion) -> dict[tuple[str, str], str]:
    """(what, step) -> outcome, of every instant of an occasion."""
    with engine.database.read() as session:
        return {(one.what, one.step): one.outcome for one in rows.of(session, occasion.id)}


def waves(engine: Engine) -> Counter[str]:
    with engine.database.read() as session:
        return Counter(session.scalars(select(t.step_run.c.step)))


def revision(engine: Engine, occasion: Occasion):
    with engine.database.read() as session:
        return occasions.get(session, occasion.id).revision


def led(database: Database, owner: str, *, after: int = 0) -> Fence:
    with database.write() as session:
        number = leases.take(
            session, LEADER, owner, now=NOW + timedelta(seconds=after), lease=timedelta(seconds=10)
        )
    assert number is not None
    return Fence(number=number)


def test_the_fence_of_the_leader_stands_beside_what_it_fired(engine):
    made = plan(engine)
    fence = led(engine.database, "a")

    assert due.tick(engine, now=START - 3 * DAY, fence=fence) == {"done": 1}

    with engine.database.read() as session:
        assert {one.fence for one in rows.of(session, made.id) if one.outcome} == {fence.number}


def test_an_overtaken_leader_writes_nothing_and_its_successor_fires(engine):
    plan(engine)
    launched(engine)
    at, said = START - 3 * DAY, list[str]()
    old = led(engine.database, "a")
    new = led(engine.database, "b", after=11)

    assert due.tick(engine, now=at, fence=old, say=said.append) == {}
    assert said == ["another process leads the clock now; what it left here is that one's to fire"]
    with engine.database.read() as session:
        assert len(rows.waiting(session, now=at)) == 2

    assert due.tick(engine, now=at, fence=new) == {"done": 2}
    assert waves(engine)["notice_72h"] == 1


def test_a_crash_before_the_commit_leaves_neither_the_notice_nor_its_settling(engine, monkeypatch):
    made = plan(engine)

    def dies(*_args: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr("outreach.campaigns.waves.opened", dies)
        with pytest.raises(KeyboardInterrupt):
            due.tick(engine, now=START - 3 * DAY)
    assert of(engine, made)["notice", "notice_72h"] == ""

    due.tick(engine, now=START - 3 * DAY)

    assert of(engine, made)["notice", "notice_72h"] == "done"
    assert waves(engine) == {"notice_72h": 1}


def test_two_clocks_at_the_same_instant_fire_it_once(engine, monkeypatch):
    plan(engine)
    at = START - 3 * DAY
    seen = due._seen

    def while_another_fires(turn, one):
        found = seen(turn, one)
        monkeypatch.setattr(due, "_seen", seen)
        assert due.tick(engine, now=at) == {"done": 1}
        return found

    monkeypatch.setattr(due, "_seen", while_another_fires)

    assert due.tick(engine, now=at) == {}
    assert waves(engine) == {"notice_72h": 1}


def test_a_broken_instant_holds_up_none_of_the_others(engine, monkeypatch):
    first, second = plan(engine), plan(engine)
    fire, said = Engine.fire, list[str]()

    def broken(self, occasion, *args, **named):
        if occasion == first.id:
            raise KeyError("+56971234567")
        return fire(self, occasion, *args, **named)

    monkeypatch.setattr(Engine, "fire", broken)

    assert due.tick(engine, now=START - 3 * DAY, say=said.append) == {"waiting": 1, "done": 1}
    assert said == [f"notice of occasion {first.id} broke: KeyError"]
    assert of(engine, second)["notice", "notice_72h"] == "done"


def test_what_a_guard_refuses_is_kept_as_expired_with_its_reason(engine, monkeypatch):
    made = open_outage(engine).occasion

    def refuses(*_args: object, **_named: object) -> None:
        raise GuardRefused("not now")

    monkeypatch.setattr(revise, "updated", refuses)

    assert due.tick(engine, now=NOW + 2 * HOUR) == {"expired": 1}
    with engine.database.read() as session:
        assert [one.reason for one in rows.of(session, made.id)] == ["refused: not now"]


def test_a_notice_of_a_cancelled_run_is_overtaken_and_one_of_a_paused_run_waits_in_its_queue(
    engine,
):
    made = plan(engine)
    with engine.database.write() as session:
        session.execute(update(t.run).values(state=RunState.PAUSED))
    assert due.tick(engine, now=START - 3 * DAY) == {"done": 1}
    assert waves(engine) == {"notice_72h": 1}

    with engine.database.write() as session:
        session.execute(update(t.run).values(state=RunState.CANCELLED))
    assert due.tick(engine, now=START - DAY) == {"overtaken": 1}

    assert of(engine, made)["notice", "notice_24h"] == "overtaken"


def test_an_update_that_moves_nothing_keeps_the_notices(engine):
    made = plan(engine)
    with_cause = revise.updated(
        revision(engine, made), revise.Change(cause="poles", confirmed=True), now=NOW + HOUR
    )
    assert with_cause is not None
    engine.revise(made.id, with_cause, now=NOW + HOUR)

    assert due.tick(engine, now=START - 3 * DAY) == {"done": 1}
    assert waves(engine)["notice_72h"] == 1


def test_a_work_moved_away_and_back_keeps_its_notices_and_tells_none_twice(engine):
    made = plan(engine)
    due.tick(engine, now=START - 3 * DAY)
    for number, days in enumerate((2, 0), start=1):
        now = START - 3 * DAY + number * HOUR
        moved = revise_planned.moved(
            revision(engine, made), start_at=START + days * DAY,
            end_at=START + days * DAY + HOUR, now=now,
        )  # fmt: skip
        assert moved is not None
        engine.revise(made.id, moved, now=now)

    due.tick(engine, now=START - DAY)

    assert {step: n for step, n in waves(engine).items() if "notice" in step} == {
        "notice_72h": 1, "notice_24h": 1,
    }  # fmt: skip


def test_two_campaigns_of_one_work_do_not_overtake_each_others_notices(engine):
    made = plan(engine)
    with engine.database.write() as session:
        run = make.make_run(session, occasion=made.id)
        rows.add(session, [NewDue(at=START - DAY, what="notice", occasion_id=made.id, run_id=run, step="own")])  # fmt: skip
        rows.close(session, made.id, "notice", ("overtaken", "x"), now=NOW, run=run)

    assert of(engine, made) == {
        ("notice", "notice_72h"): "", ("notice", "notice_24h"): "", ("notice", "own"): "overtaken",
        ("started", "v1"): "",
    }  # fmt: skip


def test_a_work_whose_end_passes_says_so_once_and_again_at_each_promised_news(engine):
    made = plan(engine, launch=False)
    due.tick(engine, now=START)
    assert revision(engine, made).state is OccasionState.ACTIVE
    end = START + 4 * HOUR

    assert due.tick(engine, now=end - timedelta(seconds=1)) == {}
    assert [due.tick(engine, now=end) for _ in range(3)] == [{"done": 1}, {}, {}]

    over = revision(engine, made)
    assert (over.end_at, over.next_update_at) == (None, end + HOUR)
    assert due.tick(engine, now=end + HOUR) == {"done": 1}
    assert of(engine, made)["overrun", "v2"] == of(engine, made)["overrun", "v3"] == "done"


@pytest.mark.parametrize(
    "jump", [HOUR, -HOUR, datetime(1970, 1, 1, tzinfo=NOW.tzinfo) - NOW, 12 * 365 * DAY]
)
def test_a_clock_that_jumps_and_comes_back_doubles_nothing(engine, jump):
    made = open_outage(engine).occasion
    begun = NOW + HOUR - timedelta(minutes=1)

    for now in (begun, begun + jump, begun + jump, begun, NOW + HOUR, NOW + HOUR):
        due.tick(engine, now=now)

    with engine.database.read() as session:
        fired = [one.step for one in rows.of(session, made.id) if one.outcome == "done"]
    assert fired == ["v1"]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(down=st.integers(0, 48 * 60), at=st.integers(60, 80 * 60))
def test_whatever_fell_due_while_we_were_down_runs_late_or_is_expired_with_a_reason(
    shared, down, at
):
    """Virtual time: the clock stops `at` minutes before the start, and comes back `down` minutes later."""
    engine, made = shared
    stops = START - timedelta(minutes=at)
    with engine.database.write() as session:
        for table in (t.queue, t.left_out, t.message, t.step_run, t.due, t.audit):
            session.execute(delete(table))
        session.execute(delete(t.revision).where(t.revision.c.version > 1))
        session.execute(update(t.occasion).values(version=1, open=True))
        for lead, too_late in ((72, 24), (24, 0)):
            rows.add(session, [NewDue(
                at=START - lead * HOUR, what="notice", occasion_id=made.id, step=f"notice_{lead}h",
                too_late_at=START - too_late * HOUR,
            )])  # fmt: skip
        rows.add(session, [NewDue(at=START, what=Event.STARTED, occasion_id=made.id, step="v1")])
    due.tick(engine, now=stops)
    before = of(engine, made)
    back = stops + timedelta(minutes=down)

    for _again in range(2):  # a start that is fired late may bring an end that is past as well
        due.tick(engine, now=back)

    with engine.database.read() as session:
        found = rows.of(session, made.id)
        assert rows.waiting(session, now=back) == []
    assert all(one.reason for one in found if one.outcome not in {"done", ""})
    for step in ("notice_72h", "notice_24h"):
        outcome = next(one for one in found if one.step == step)
        missed = before["notice", step] == "" and outcome.at <= back
        if missed:
            in_time = outcome.too_late_at is not None and back < outcome.too_late_at
            assert outcome.outcome == ("done" if in_time else "expired")
        assert waves(engine)[step] == (outcome.outcome == "done")
    assert (revision(engine, made).state is OccasionState.ACTIVE) is (back >= START)


@pytest.fixture(scope="module")
def shared(sqlite_template, tmp_path_factory):
    """One planned work, in a file of its own, that every example winds back."""
    folder = tmp_path_factory.mktemp("due")
    shutil.copy(sqlite_template, folder / "own.db")
    database = Database(f"sqlite:///{folder / 'own.db'}", durable=False)
    engine = make_engine(database, folder)
    with pytest.MonkeyPatch.context() as quick:
        # What is told is decided before anybody is looked for, and looking takes most of the time.
        quick.setattr(Engine, "frozen", lambda _self, applied: applied)
        yield engine, plan(engine)
    database.close()
