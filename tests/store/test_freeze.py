"""Freezing in slices writes what one statement would, crash or no crash, and nothing leaves before its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from tests import make
from tests.store import random_town
from tests.store.random_town import PLACES, seeded

from outreach.model.audience import Segment
from outreach.model.words import Channel
from outreach.store import (
    claims,
    freeze,
    generations,
    ledger,
    reach,
    runs,
    tables as t,
    touched,
)
from outreach.store.scopes import Part, Remaining
from outreach.store.session import Database, Session

EVERYWHERE = Remaining(
    occasion=1, version=1, out=Part(localities=random_town.LOCALITIES), back=Part()
)
NETWORK = Remaining(occasion=1, version=1, out=Part(spans=((0, PLACES[-1]),)), back=Part())
NARROW = Remaining(occasion=1, version=1, out=Part(spans=((0, PLACES[1]),)), back=Part())


@pytest.fixture
def town(database: Database, monkeypatch):
    """Random people in reach, and slices of two rows."""
    monkeypatch.setattr(freeze, "SLICE_ROWS", 2)
    with database.write() as session:
        random_town.build(session, seeded(7), customers=24)
    reach.renew(database, now=make.NOW)
    generations.switch(database, now=make.NOW)
    return database


def opened(database: Database, **changes):
    with database.write() as session:
        seen = generations.current(session)
        values: dict[str, Any] = {
            "state": "freezing",
            "slice_from": -2,
            "generation": seen,
            "frozen_at": None,
        }
        return make.make_step_run(session, **(values | changes))


def plan_of(session: Session, wave, **changes):
    values: dict[str, Any] = {
        "wave": runs.wave(session, wave), "seed": make.SEED, "scope": EVERYWHERE,
        "channels": (Channel.SMS, Channel.EMAIL), "siblings": (), "earlier": (), "releases": (),
        "not_after": None, "pools": ("sms:CL",),
    }  # fmt: skip
    return freeze.Freezing(**(values | changes))


def sliced(database: Database, wave, **changes):
    """Freezes to the end; returns the slices it took."""
    for number in range(1, 500):
        with database.write() as session:
            if freeze.freeze_slice(session, plan_of(session, wave, **changes)):
                return number
    raise AssertionError


def wanted(database: Database, wave, **changes):
    """(point, class, premises) as one statement over everything finds them."""
    with database.read() as session:
        rows = session.execute(freeze.rows(session, plan_of(session, wave, **changes))).mappings()
        return sorted((row["contact_point_id"], row["priority"], row["premises"]) for row in rows)  # fmt: skip


def written(database: Database, wave):
    m = t.message.c
    with database.read() as session:
        rows = session.execute(
            select(m.contact_point_id, m.priority, m.premises).where(m.step_run_id == wave)
        )
        return sorted(map(tuple, rows))


def left_out(database: Database, wave):
    l = t.left_out.c  # noqa: E741
    with database.read() as session:
        return sorted(session.scalars(select(l.customer_id).where(l.step_run_id == wave)))


def claimed(database: Database):
    """The classes and ranks of what may leave, in the order it leaves."""
    wave = t.step_run
    with database.write() as session:
        session.execute(update(wave).values(superseded_at=wave.c.superseded_at))
        lease = timedelta(minutes=1)
        claim = claims.Claim(lane="sms", pool="sms:CL", owner="me", now=make.NOW, lease=lease, limit=999)  # fmt: skip
        return [(one.priority, one.id) for one in claims.claim(session, claim)]


@pytest.mark.parametrize("scope", [EVERYWHERE, NETWORK], ids=["localities", "node"])
def test_slices_write_what_one_statement_finds(town, scope):
    wave = opened(town)
    expected = wanted(town, wave, scope=scope)

    slices = sliced(town, wave, scope=scope)

    assert slices > 8
    assert written(town, wave) == expected != []
    with town.read() as session:
        assert ledger.adds_up(session, step_run=wave)


@pytest.mark.parametrize("classes", ["A", "AB", "B", "C", "BC"])
def test_a_class_is_that_of_all_the_premises_whatever_slice_they_are_in(town, classes):
    wave = opened(town, classes=classes)
    expected = wanted(town, wave)

    sliced(town, wave)

    got = written(town, wave)
    assert [row[:2] for row in got] == [row[:2] for row in expected]
    with town.read() as session:
        assert ledger.adds_up(session, step_run=wave)


def test_who_has_none_of_the_channels_is_left_out_once_and_nobody_else(town):
    wave = opened(town)
    r = t.reach.c
    with town.read() as session:
        everybody = select(r.customer_id).where(EVERYWHERE.covers(t.reach))
        voiceless = select(r.customer_id).where(r.channels.op("&")(3) == 0).distinct()
        expected = sorted(session.scalars(voiceless.where(r.customer_id.in_(everybody))))

    sliced(town, wave)

    assert left_out(town, wave) == expected != []


@pytest.mark.parametrize("classes", ["C", "BC"])
def test_nobody_is_left_out_of_a_class_they_are_better_than(town, classes):
    whole, part = opened(town), opened(town, classes=classes)
    sliced(town, whole)

    sliced(town, part)

    r = t.reach.c
    with town.read() as session:
        best = dict(map(tuple, session.execute(select(r.customer_id, func.min(r.priority)).group_by(r.customer_id))))  # fmt: skip
    assert left_out(town, part) == [one for one in left_out(town, whole) if best[one] in classes]


def crashed(database: Database, wave):
    with database.write() as session:
        freeze.freeze_slice(session, plan_of(session, wave))
        raise KeyboardInterrupt


@pytest.mark.parametrize("crash_at", [1, 12, 24])
def test_a_crash_in_any_slice_repeats_it_harmlessly(town, crash_at):
    wave = opened(town)
    expected = wanted(town, wave)
    for _slice in range(crash_at):
        with town.write() as session:
            freeze.freeze_slice(session, plan_of(session, wave))
    with pytest.raises(KeyboardInterrupt):
        crashed(town, wave)

    sliced(town, wave)

    assert written(town, wave) == expected
    with town.read() as session:
        assert ledger.adds_up(session, step_run=wave)


def test_nothing_is_claimed_before_the_wave_is_frozen_and_then_all_of_it_in_order(town):
    wave = opened(town)
    early = []
    done = False
    while not done:
        early += claimed(town)
        with town.write() as session:
            done = freeze.freeze_slice(session, plan_of(session, wave))

    left = claimed(town)

    m = t.message.c
    with town.read() as session:
        rows = session.execute(
            select(m.priority, m.id)
            .where(m.step_run_id == wave, m.pool == "sms:CL")
            .order_by(m.priority, m.rank, m.id)
        )
        assert left == list(map(tuple, rows)) != []
    assert early == []


def test_a_wave_freezes_the_generation_it_began_with(town):
    wave = opened(town)
    expected = wanted(town, wave)
    with town.write() as session:
        for place in session.execute(select(t.premise.c.id, t.premise.c.tree_order)).all():
            touched.note(session, place.id, [place.tree_order])
        session.execute(update(t.premise).values(closed_at=make.NOW))
    reach.renew(town, now=make.NOW)
    generations.switch(town, now=make.NOW)
    generations.purge(town)

    sliced(town, wave)

    assert written(town, wave) == expected != []


def queued(database: Database):
    with database.read() as session:
        return session.execute(select(func.count()).select_from(t.queue)).scalar_one()


def test_what_a_newer_revision_overtook_while_it_froze_never_leaves(town):
    wave = opened(town)
    while not queued(town):
        with town.write() as session:
            freeze.freeze_slice(session, plan_of(session, wave))
    with town.write() as session:
        where = t.step_run.c.id == wave
        session.execute(update(t.step_run).where(where).values(superseded_at=make.NOW))

    sliced(town, wave)

    with town.read() as session:
        states = set(session.scalars(select(t.message.c.state)))
        assert ledger.adds_up(session, step_run=wave)
    assert (states, queued(town)) == ({"superseded"}, 0)


def test_a_segment_is_a_part_of_the_audience_and_the_rest_is_not_left_out(town):
    wave = opened(town)
    segment = Segment(localities=("Talca",))
    expected = wanted(town, wave, segment=segment)

    sliced(town, wave, segment=segment)

    assert written(town, wave) == expected
    assert 0 < len(expected) < len(wanted(town, wave))
    r = t.reach.c
    with town.read() as session:
        inside = set(session.scalars(select(r.customer_id).where(r.locality == "Talca")))
    assert set(left_out(town, wave)) <= inside


def told(database: Database):
    """A frozen wave whose messages all left."""
    wave = opened(database)
    sliced(database, wave)
    with database.write() as session:
        session.execute(update(t.message).values(state="delivered"))
        session.execute(t.queue.delete())
    return wave


@pytest.mark.parametrize(
    ("audience", "only_in_scope"), [("told", True), ("told", False), ("left", False)]
)
def test_who_was_told_is_told_again_in_slices_as_in_one_statement(
    town, audience, only_in_scope, monkeypatch
):
    first = told(town)
    monkeypatch.setattr(freeze, "SLICE_ROWS", 1)
    again = opened(town, audience=audience)
    values = {"scope": NARROW, "earlier": (first,), "only_in_scope": only_in_scope}
    expected = wanted(town, again, **values)

    slices = sliced(town, again, **values)

    assert slices > 3
    assert written(town, again) == expected
    r, m = t.reach.c, t.message.c
    with town.read() as session:
        here = set(session.scalars(select(r.contact_point_id).where(NARROW.covers(t.reach))))
        everybody = set(session.scalars(select(m.contact_point_id).where(m.step_run_id == first)))
    right = {"told": everybody & here if only_in_scope else everybody, "left": everybody - here}
    assert {row[0] for row in expected} == right[audience] != set()


def slice_by_slice(database: Database, wave, *, prepared=None):
    """One slice; through a database of its own, prepared as the product does."""
    if prepared is not None:
        with prepared.read() as session:
            plan = plan_of(session, wave)
        freeze.prepare(prepared, plan)
    with (prepared or database).write() as session:
        return freeze.freeze_slice(session, plan_of(session, wave))


def test_other_processes_take_turns_with_a_wave_and_neither_loses_nor_doubles_a_row(town):
    wave = opened(town)
    expected = wanted(town, wave)
    done = False
    with town.apart() as one, town.apart() as other:
        for number in range(200):
            done = done or slice_by_slice(town, wave, prepared=(one, other)[number % 2])

    assert done
    assert written(town, wave) == expected != []
    with town.read() as session:
        assert ledger.adds_up(session, step_run=wave)
    assert len(claimed(town)) == len({row[0] for row in expected if is_sms(town, row[0])})


def is_sms(database: Database, point):
    with database.read() as session:
        m = t.message.c
        return (
            session.scalars(select(m.channel).where(m.contact_point_id == point)).first() == "sms"
        )


def test_a_slice_needs_nobody_to_have_prepared_it_and_preparing_writes_nothing(town):
    wave = opened(town)
    with town.apart() as own:
        with own.read() as session:
            plan = plan_of(session, wave)
        freeze.prepare(own, plan)

    assert written(town, wave) == []
    sliced(town, wave)
    assert written(town, wave) == wanted(town, wave)


def test_what_another_wave_left_aside_on_a_connection_is_not_taken_for_its_rows(town):
    first, second = opened(town, classes="A"), opened(town)
    with town.apart() as own:
        assert slice_by_slice(town, first, prepared=own) is False
        while not slice_by_slice(town, second, prepared=own):
            pass

        assert written(town, second) == wanted(town, second)
        while not slice_by_slice(town, first, prepared=own):
            pass
    assert written(town, first) == wanted(town, first) != []


def test_a_message_that_ends_while_its_wave_freezes_does_not_leave(town):
    wave = opened(town)
    m = t.message.c
    with town.apart() as own:
        while not queued(town):
            slice_by_slice(town, wave, prepared=own)
        with town.write() as session:
            waiting = set(session.scalars(select(t.queue.c.message_id)))
            ended = set(session.scalars(select(m.id).where(m.step_run_id == wave))) - waiting
            ended = ended or waiting  # PostgreSQL queues them at once: their claim drops them
            session.execute(update(t.message).where(m.id.in_(ended)).values(state="cancelled"))
        while not slice_by_slice(town, wave, prepared=own):
            pass

    with town.read() as session:
        left = set(session.scalars(select(t.queue.c.message_id)))
    assert ended
    assert left.isdisjoint(ended) or not town.is_sqlite
    assert {one for _class, one in claimed(town)}.isdisjoint(ended)
