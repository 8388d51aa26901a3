"""One text a person across outages that overlap, and no good news while another keeps them in the dark."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from tests import make, town
from tests.campaigns.opened import NOW, OUTAGE, UNPLANNED, make_engine, restore, told, update

from outreach.campaigns import surroundings, waves
from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.freezing import Same
from outreach.campaigns.preview import preview
from outreach.campaigns.telling import Teller
from outreach.model.occasion import Scope
from outreach.model.words import Event, LeftOut, MessageState, OccasionKind, Service
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.store import freeze_rows, ledger, mutes, occasions, overlap, runs, status, tables as t
from outreach.store.explain import Wanted, messages
from outreach.store.scopes import Part

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
NORTH = {"K-0001", "K-0002", "K-0003", "K-0004"}
SOUTH = {"K-0005", "K-0006", "K-0007"}


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    """K-0001 of class A to K-0004 in the north, K-0005 to K-0007 in the south."""
    return make_engine(database, tmp_path)


def outage(engine: Engine, node: str, *, after: timedelta, **changes: Any) -> Applied:
    """Opened and launched; `heard`: all of it reached the carrier."""
    now = NOW + after
    heard = changes.pop("heard", True)
    revision = revise.opened(Scope(nodes=(node,)), start_at=now, change=Change(), now=now)
    applied = engine.open(replace(OUTAGE, name=node, **changes), revision, now=now)
    engine.launch(applied.occasion.id, UNPLANNED, actor="ana", now=now)
    if heard:
        told(engine)
    return applied


def texts(engine: Engine, applied: Applied) -> dict[str, set[str]]:
    """Step -> customers with a message of this outage."""
    return _by_step(engine, applied, t.message)


def left_out(engine: Engine, applied: Applied) -> dict[str, set[str]]:
    return _by_step(engine, applied, t.left_out, t.left_out.c.reason)


def _by_step(engine: Engine, applied: Applied, table: Any, key: Any = t.step_run.c.step) -> dict[str, set[str]]:  # fmt: skip
    with engine.database.read() as session:
        rows = session.execute(
            select(key, t.customer.c.ref)
            .select_from(table)
            .join(t.step_run, t.step_run.c.id == table.c.step_run_id)
            .join(t.run, t.run.c.id == t.step_run.c.run_id)
            .join(t.customer, t.customer.c.id == table.c.customer_id)
            .where(t.run.c.occasion_id == applied.occasion.id)
        ).all()
    found: dict[str, set[str]] = {}
    for name, ref in rows:
        found.setdefault(name, set()).add(ref)
    return found


def test_who_heard_of_the_premise_from_another_outage_is_not_told_again_class_a_neither(engine):
    outage(engine, town.FEEDER, after=HOUR * 0)

    inner = outage(engine, town.NORTH, after=HOUR)

    assert texts(engine, inner) == {}
    assert left_out(engine, inner) == {LeftOut.TOLD_ALREADY: NORTH}
    with engine.database.read() as session:
        assert status.priority_unconfirmed(session, inner.occasion.id) == 0  # nobody calls twice


def test_the_preview_counts_whom_the_launch_would_tell(engine):
    outage(engine, town.NORTH, after=HOUR * 0)
    opened = revise.opened(
        Scope(nodes=(town.FEEDER,)), start_at=NOW + HOUR, change=Change(), now=NOW + HOUR
    )
    outer = engine.open(OUTAGE, opened, now=NOW + HOUR)

    shown = preview(engine, outer.occasion.id, UNPLANNED, now=NOW + HOUR)

    assert {step.step: step.messages for step in shown.steps if step.messages} == {"opened": 3}


def test_what_is_queued_there_counts_as_told(engine):
    outage(engine, town.FEEDER, after=HOUR * 0, heard=False)

    inner = outage(engine, town.NORTH, after=MINUTE, heard=False)

    assert texts(engine, inner) == {}


def test_a_wider_outage_tells_those_whom_it_newly_darkens(engine):
    outage(engine, town.NORTH, after=HOUR * 0)

    outer = outage(engine, town.FEEDER, after=HOUR)

    assert texts(engine, outer) == {"opened": SOUTH}
    assert left_out(engine, outer) == {LeftOut.TOLD_ALREADY: NORTH}


def test_class_a_is_called_for_a_premise_that_another_outage_newly_darkens(engine):
    add_premise(engine, "K-0001", order=7)
    outage(engine, town.NORTH, after=HOUR * 0)

    outer = outage(engine, town.SOUTH, after=HOUR)

    assert texts(engine, outer)["opened_priority"] == {"K-0001"}


def add_premise(engine: Engine, ref: str, *, order: int, priority: str = "A") -> None:
    with engine.database.write() as session:
        found = select(t.customer.c.id, t.customer_contact.c.contact_point_id).join(
            t.customer_contact, t.customer_contact.c.customer_id == t.customer.c.id
        )
        person, point = session.execute(found.where(t.customer.c.ref == ref)).one()
        account = make.make_account(session, customer=person, priority=priority)
        premise = make.make_premise(session, account=account, tree_order=order, locality="Ñuñoa")
        make.make_reach(
            session, customer=person, contact_point=point, premise=premise, priority=priority, locale="es",
        )  # fmt: skip


def test_no_good_news_while_another_outage_holds_and_then_it_is_the_other_that_tells(engine):
    outer = outage(engine, town.FEEDER, after=HOUR * 0)
    inner = outage(engine, town.NORTH, after=HOUR)

    restore(engine, outer, after=2 * HOUR)
    handed = {step: people for step, people in texts(engine, inner).items() if people}
    told(engine)
    restore(engine, inner, after=3 * HOUR)

    assert texts(engine, outer)["restored"] == SOUTH
    assert left_out(engine, outer)[LeftOut.STILL_OUT] == NORTH
    assert handed == {"joined_priority": {"K-0001"}, "joined": NORTH - {"K-0001"}}
    assert texts(engine, inner)["restored"] == NORTH


def test_a_part_that_is_back_is_told_where_nothing_else_keeps_it_dark(engine):
    add_premise(engine, "K-0005", order=3)
    outer = outage(engine, town.FEEDER, after=HOUR * 0)
    outage(engine, town.SOUTH, after=HOUR)

    restore(engine, outer, after=2 * HOUR)

    assert texts(engine, outer)["restored"] == NORTH | {"K-0005"}


def test_who_lives_in_the_dark_of_the_other_hears_no_partial_return(engine):
    outer = outage(engine, town.FEEDER, after=HOUR * 0)
    outage(engine, town.SOUTH, after=HOUR)

    restore(engine, outer, after=2 * HOUR, part=Scope(nodes=(town.SOUTH,)))

    assert "partial_restored" not in texts(engine, outer)
    assert texts(engine, outer)["still_out"] == NORTH


def test_who_has_premises_in_two_outages_reads_which_of_them_it_is_about(engine):
    add_premise(engine, "K-0002", order=7, priority="C")
    north = outage(engine, town.NORTH, after=HOUR * 0)
    outage(engine, town.SOUTH, after=HOUR)

    restore(engine, north, after=2 * HOUR)

    with engine.database.read() as session:
        found = messages(session, Wanted(state=MessageState.QUEUED, limit=100))
    teller = Teller(engine.database, engine.settings, make.KEYRING)
    said = sorted(teller.render(one.recipient, "").text for one in found)
    assert sum("ya hay luz en Calle 1, Providencia." in text for text in said) == 1
    assert sum("ya hay luz en Providencia." in text for text in said) == 3


def test_outages_of_another_service_and_drills_stand_beside_nobody(engine):
    outage(engine, town.FEEDER, after=HOUR * 0, service=Service.WATER)
    outage(engine, town.FEEDER, after=HOUR * 0, drill=True)

    one = outage(engine, town.NORTH, after=HOUR)

    assert set().union(*texts(engine, one).values()) == NORTH


def test_alone_or_apart_a_wave_is_frozen_by_the_very_statement_of_today(engine):
    outage(engine, town.SOUTH, after=HOUR * 0)
    north = outage(engine, town.NORTH, after=HOUR)

    with engine.database.read() as session:
        beside = runs.waves(session, runs.of(session, north.occasion.id)[0].id)
        plan = waves.planned(session, engine.settings, beside[0], beside=beside, same=Same())
        asked = str(freeze_rows.rows(session, plan))

    assert plan.beside == overlap.ALONE
    assert (plan.cap, plan.muted) == (None, ())
    assert asked.count("EXISTS") <= 1
    assert "HAVING" in asked


def stormy(engine: Engine, *, cap: int) -> int:
    with engine.database.write() as session:
        row = {"name": "temporal", "zone": make.ZONE, "opened_at": NOW, "cadence_s": 3600}
        new = t.event.insert().values(**row, daily_cap=cap, version=0).returning(t.event.c.id)
        return int(session.execute(new).scalar_one())


def test_of_one_storm_a_person_hears_no_more_a_day_than_its_cap(engine):
    event = stormy(engine, cap=1)
    storm = outage(engine, town.NORTH, after=HOUR * 0, event_id=event)
    with engine.database.write() as session:
        session.execute(t.message.update().values(accepted_at=NOW + MINUTE))

    update(engine, storm, after=HOUR, etr_at=NOW + 5 * HOUR)
    same_day = texts(engine, storm)["etr_set"], left_out(engine, storm)
    told(engine)
    update(engine, storm, after=24 * HOUR, etr_at=NOW + 30 * HOUR)
    told(engine)
    restore(engine, storm, after=24 * HOUR + MINUTE)

    assert same_day == ({"K-0001"}, {LeftOut.DAILY_CAP: NORTH - {"K-0001"}})
    later = texts(engine, storm)
    assert NORTH - {"K-0001"} <= set().union(*(later.get(one, set()) for one in ("etr_set", "etr_later")))  # fmt: skip
    assert later["restored"] == NORTH


def test_commerce_leaves_out_who_is_in_the_dark(engine):
    outage(engine, town.NORTH, after=HOUR * 0)
    water = outage(engine, town.FEEDER, after=HOUR, service=Service.WATER)

    with engine.database.read() as session:
        beside = runs.waves(session, runs.of(session, water.occasion.id)[0].id)
        plan = waves.planned(session, engine.settings, beside[-1], beside=beside, same=Same())
        dark = tuple(each.scope for each in mutes.places(session, now=NOW + HOUR))[:1]
        quiet = replace(plan, muted=dark)
        people = session.execute(freeze_rows.rows(session, quiet)).mappings().all()
        [barred] = freeze_rows.left_out(session, quiet)
        reasons = Counter(row.reason for row in session.execute(barred))

    assert (len(people), reasons) == (3, {LeftOut.MUTED: 3})


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        (Part(spans=((1, 4),)), Part(spans=((5, 9),)), False),
        (Part(spans=((1, 4),)), Part(spans=((4, 9),)), True),
        (Part(spans=((1, 4),)), Part(localities=("Ñuñoa",)), True),
        (Part(), Part(localities=("Ñuñoa",)), False),
    ],
    ids=["apart", "touching", "by name", "closed"],
)
def test_only_spans_can_tell_that_two_scopes_share_nothing(one, other, may):
    assert overlap.may_touch(one, other) is overlap.may_touch(other, one) is may


def test_a_revision_that_takes_nothing_away_hands_nobody_over(engine):
    outer = outage(engine, town.FEEDER, after=HOUR * 0)
    outage(engine, town.NORTH, after=HOUR)
    before = update(engine, outer, after=2 * HOUR, etr_at=NOW + 6 * HOUR)

    with engine.database.write() as session:
        previous = occasions.revision_at(session, before.occasion.id, 1)
        again = surroundings.handed_over(session, previous, before.occasion, now=NOW)

    assert again == ()
    assert Event.ETR_SET in before.events
    assert before.occasion.kind is OccasionKind.OUTAGE


def test_light_that_is_gone_again_by_morning_is_not_announced(engine):
    outer = outage(engine, town.FEEDER, after=HOUR * 0)
    restore(engine, outer, after=HOUR)
    assert queued(engine, outer, "restored") == (NORTH | SOUTH)

    outage(engine, town.NORTH, after=2 * HOUR, heard=False)

    assert queued(engine, outer, "restored") == SOUTH
    with engine.database.read() as session:
        assert ledger.adds_up(session)


def test_a_cause_that_becomes_known_takes_nothing_back(engine):
    outer = outage(engine, town.FEEDER, after=HOUR * 0)
    inner = outage(engine, town.NORTH, after=HOUR * 0)
    restore(engine, outer, after=HOUR)

    with engine.database.read() as session:
        before = occasions.get(session, inner.occasion.id)
        again = revise.updated(before.revision, Change(cause="rama"), now=NOW + HOUR)
        assert again is not None
        taken = surroundings.take_back_ends(
            session, before.revision, replace(before, revision=again)
        )

    assert taken == 0


def queued(engine: Engine, applied: Applied, step: str) -> set[str]:
    with engine.database.read() as session:
        return set(
            session.scalars(
                select(t.customer.c.ref)
                .join(t.message, t.message.c.customer_id == t.customer.c.id)
                .join(t.step_run, t.step_run.c.id == t.message.c.step_run_id)
                .join(t.run, t.run.c.id == t.step_run.c.run_id)
                .where(
                    t.run.c.occasion_id == applied.occasion.id,
                    t.step_run.c.step == step,
                    t.message.c.state == MessageState.QUEUED,
                )
            )
        )
