"""What is told at once, later or not at all while an outage moves: growing, switched back street by street, standing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy import Engine as SqlEngine, event, select
from tests import make, town
from tests.campaigns.opened import (
    NOW,
    arm,
    make_engine,
    open_outage,
    restore,
    steps,
    told,
    update,
)

from outreach.campaigns import due, pins, timing
from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.intake_desk import Desk
from outreach.model.intake import MessageKind, OutageFields, OutageMessage
from outreach.model.occasion import Occasion, Revision, Scope
from outreach.model.words import Channel, Event
from outreach.outages import revise
from outreach.outages.intake_apply import Habits
from outreach.outages.revise import Change
from outreach.store import audience, due as rows, occasions, tables as t
from outreach.store.session import KEPT, Session

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
UNPLANNED = "unplanned-outage"
MORNING = NOW.replace(hour=11, minute=0)
"""07:00 in Santiago; it is 02:43."""


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    return make_engine(database, tmp_path)


def heard(engine: Engine, node: str = town.FEEDER) -> Applied:
    """Launched, and everybody told."""
    applied = open_outage(engine, node=node)
    engine.launch(applied.occasion.id, UNPLANNED, actor="ana", now=NOW)
    told(engine)
    return applied


def opened(engine: Engine, step: str) -> int:
    """Waves of a step."""
    with engine.database.read() as session:
        return len(session.scalars(select(t.step_run.c.id).where(t.step_run.c.step == step)).all())


# ── growing ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("grown_after", "settles_after"),
    [(None, 0), (4, 4), (7, 7), (30, 10)],
    ids=["never grew", "grew in its fourth minute", "grew later", "grew long after"],
)
def test_who_is_taken_in_by_a_young_prediction_waits_until_it_has_settled(
    engine, grown_after, settles_after
):
    campaign = pins.read(engine.settings, UNPLANNED).campaign
    first = revise.opened(Scope(nodes=(town.NORTH,)), start_at=NOW, change=Change(), now=NOW)
    history = [first]
    if grown_after is not None:
        wider = Change(scope=Scope(nodes=(town.FEEDER,)))
        history += filter(None, [revise.updated(first, wider, now=NOW + grown_after * MINUTE)])

    found = {step.on: timing.settles_from(campaign, step, history) - NOW for step in campaign.steps}

    assert found[Event.JOINED] == settles_after * MINUTE
    assert found[Event.OPENED] == timedelta()


def test_an_estimate_that_follows_a_growing_outage_comes_in_one_text_with_it(engine):
    applied = heard(engine, town.NORTH)

    update(engine, applied, after=4 * MINUTE, scope=Scope(nodes=(town.FEEDER,)))
    update(engine, applied, after=6 * MINUTE, etr_at=NOW + 3 * HOUR)

    with engine.database.read() as session:
        leaves = session.scalars(
            select(t.message.c.not_before)
            .join(t.step_run, t.step_run.c.id == t.message.c.step_run_id)
            .where(t.step_run.c.step == "joined_with_etr")
        ).all()
    assert steps(engine)["joined"] == {"superseded": 3}
    assert leaves == [NOW + 9 * MINUTE] * 3


# ── switched back, street by street ─────────────────────────────────────────────────────────────


def parts(engine: Engine, applied: Applied, *after: timedelta, first: int = 5) -> None:
    """A further premise of the south is back each time."""
    for number, each in enumerate(after, first):
        restore(engine, applied, after=each, part=Scope(premises=(f"S-{number:04}",)))


def test_that_others_have_light_again_is_told_once_in_half_an_hour(engine):
    applied = heard(engine)

    parts(engine, applied, HOUR)
    told(engine)
    parts(engine, applied, HOUR + 10 * MINUTE, first=6)
    soon = opened(engine, "still_out")
    parts(engine, applied, HOUR + 45 * MINUTE, first=7)

    assert (soon, opened(engine, "still_out")) == (1, 2)


def test_a_changed_estimate_is_told_with_the_next_part_however_soon(engine):
    applied = heard(engine)
    parts(engine, applied, HOUR)
    told(engine)
    current = occasion(engine, applied)

    part = revise.restored(
        current.revision,
        part=Scope(premises=("S-0006",)),
        known_how="crew",
        now=NOW + HOUR + MINUTE,
    )
    assert part is not None
    later = revise.updated(part, Change(etr_at=NOW + 4 * HOUR), now=NOW + HOUR + MINUTE)
    assert later is not None
    engine.revise(current.id, _as_one(later), now=NOW + HOUR + MINUTE)

    assert opened(engine, "still_out") == 2


def _as_one(revision: Revision) -> Revision:
    """Both changes in one version, as a source may write them."""
    return replace(revision, version=revision.version - 1)


def occasion(engine: Engine, applied: Applied) -> Occasion:
    with engine.database.read() as session:
        return occasions.get(session, applied.occasion.id)


def test_from_the_second_part_on_the_night_keeps_back_one_row_of_the_clock_and_not_people(engine):
    applied = heard(engine)

    parts(engine, applied, HOUR, HOUR + MINUTE, HOUR + 2 * MINUTE)
    by_night = steps(engine)["partial_restored"]
    with engine.database.read() as session:
        owed = [one.at for one in rows.of(session, applied.occasion.id) if one.what == "partial"]
    due.tick(engine, now=MORNING)

    assert by_night == {"superseded": 1}
    assert owed == [MORNING]
    assert steps(engine)["partial_restored"] == {"superseded": 1, "queued": 3}


# ── standing ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def laid() -> Iterator[list[str]]:
    """Statements that look for people and lay them aside, on whatever connection."""
    asked: list[str] = []

    def heard_of(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith(f"INSERT INTO {KEPT}message"):
            asked.append(statement)

    event.listen(SqlEngine, "before_cursor_execute", heard_of)
    yield asked
    event.remove(SqlEngine, "before_cursor_execute", heard_of)


def test_at_a_standstill_nobody_is_looked_for_in_the_record(engine, laid):
    applied = heard(engine)
    looked = len(laid)

    update(engine, applied, after=HOUR, cause="rama")

    assert looked
    assert opened(engine, "joined") == 1
    assert len(laid) == looked


def test_who_heard_that_they_are_not_concerned_is_not_looked_for_again(engine, laid):
    applied = heard(engine)
    update(engine, applied, after=HOUR, scope=Scope(nodes=(town.NORTH,)))
    told(engine)
    update(engine, applied, after=2 * HOUR, scope=Scope(nodes=(town.FEEDER,)))
    told(engine)
    looked = len(laid)

    update(engine, applied, after=3 * HOUR, cause="rama")

    assert steps(engine)["left"] == {"accepted": 3}
    assert len(laid) == looked


def test_to_whom_it_did_not_leave_that_they_are_not_concerned_is_told_by_the_next_revision(engine):
    applied = heard(engine)

    update(engine, applied, after=HOUR, scope=Scope(nodes=(town.NORTH,)))
    update(engine, applied, after=HOUR + MINUTE, cause="rama")

    assert steps(engine)["left"] == {"superseded": 3, "queued": 3}


def test_who_was_told_elsewhere_is_told_here_once_that_is_over(engine):
    first = heard(engine, town.NORTH)
    second = open_outage(engine, node=town.FEEDER)
    engine.launch(second.occasion.id, UNPLANNED, actor="ana", now=NOW)
    told(engine)
    before = steps(engine)

    restore(engine, first, after=HOUR)

    assert before["opened"] == {"accepted": 6}
    assert steps(engine)["joined"] == {"queued": 3}


def test_who_heard_by_one_number_has_not_just_joined_by_another(engine):
    first = heard(engine, town.NORTH)
    second = open_outage(engine, node=town.FEEDER)
    engine.launch(second.occasion.id, UNPLANNED, actor="ana", now=NOW)
    told(engine)
    with engine.database.write() as session:
        another_number(session, "K-0006")

    restore(engine, first, after=HOUR)

    assert steps(engine)["joined"] == {"queued": 3}


def another_number(session: Session, ref: str) -> None:
    """A customer of the south writes down a second telephone."""
    r = t.reach.c
    customer = session.scalars(select(t.customer.c.id).where(t.customer.c.ref == ref)).one()
    held = session.execute(select(t.reach).where(r.customer_id == customer)).mappings().one()
    point = make.make_contact_point(session, channel=Channel.SMS, address="+56971111111")
    make.make_customer_contact(session, customer=customer, contact_point=point)
    session.execute(t.reach.insert().values({**held, "contact_point_id": point}))


def test_who_was_not_reached_before_is_looked_for_at_a_standstill_too(engine):
    applied = open_outage(engine)
    engine.launch(applied.occasion.id, UNPLANNED, actor="ana", now=NOW)

    update(engine, applied, after=MINUTE, cause="rama")

    assert steps(engine)["joined"] == {"queued": 6}


def test_whom_a_load_of_the_record_brings_is_told_at_the_next_revision(engine):
    applied = heard(engine)
    with engine.database.write() as session:
        town.resident(session, number=60, order=7, locality="Ñuñoa", channel=Channel.SMS)
        session.execute(t.record_state.delete())
        session.execute(t.record_state.insert().values(id=1, generation=1, counted=False))

    update(engine, applied, after=HOUR, cause="rama")

    assert steps(engine)["joined"] == {"queued": 1}


# ── a feed ──────────────────────────────────────────────────────────────────────────────────────


def message(key: str, kind: MessageKind, seq: int, **said) -> OutageMessage:
    fields = cast("OutageFields", said)
    return OutageMessage(event_key=key, kind=kind, outage_ref="T-1", seq=seq, fields=fields)


def desk(engine: Engine) -> Desk:
    return Desk(
        engine=engine, feed="oms", source="import:oms", as_received=False, now=NOW,
        habits=Habits(etr_minutes=15, cadence=HOUR), silent_after=timedelta(),
    )  # fmt: skip


def test_what_a_burst_takes_back_is_written_for_nobody(engine):
    arm(engine)
    words = desk(engine)
    words.take([message("1", MessageKind.CREATED, 1, nodes=(town.FEEDER,), start=NOW)])
    told(engine)

    words.take(
        [
            message("2", MessageKind.ETR, 2, etr=NOW + 2 * HOUR),
            message("3", MessageKind.ETR, 3, etr=NOW + 3 * HOUR),
        ]
    )

    assert steps(engine)["etr_set"] == {"queued": 7}
    assert "etr_later" not in steps(engine)


def test_a_feed_counts_nobody_where_no_number_would_stop_a_launch(engine, monkeypatch):
    arm(engine)
    counted: list[object] = []
    monkeypatch.setattr(audience, "affected", lambda _session, scope: counted.append(scope))

    words = desk(engine)
    words.take([message("1", MessageKind.CREATED, 1, nodes=(town.FEEDER,), start=NOW)])
    words.take([message("2", MessageKind.CAUSE, 2, cause="rama")])

    assert counted == []
    assert steps(engine)["opened"] == {"superseded": 6}


# ── the clock ───────────────────────────────────────────────────────────────────────────────────


def test_an_estimate_that_was_kept_back_is_told_half_an_hour_before_the_old_one_passes(engine):
    applied = open_outage(engine, etr_at=NOW + 2 * HOUR)
    engine.launch(applied.occasion.id, UNPLANNED, actor="ana", now=NOW)
    told(engine)

    update(engine, applied, after=MINUTE, etr_at=NOW + 2 * HOUR + 15 * MINUTE)
    kept_back = opened(engine, "etr_later")
    due.tick(engine, now=NOW + HOUR + 20 * MINUTE)
    too_early = opened(engine, "etr_later")
    due.tick(engine, now=NOW + HOUR + 36 * MINUTE)

    assert (kept_back, too_early) == (0, 0)
    assert steps(engine)["etr_later"] == {"queued": 7}
