"""New zone rules: works keep their walls, tell nobody twice, and staff hears of it once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from tests import make, town
from tests.campaigns.opened import NOW, make_engine
from tests.campaigns.test_due import led, revision, waves

from outreach.audience.zone_rules import Release
from outreach.campaigns import due, rezoning
from outreach.campaigns.engine import Engine
from outreach.campaigns.rezoning import Renewed
from outreach.model.alarm import AlarmKind
from outreach.model.occasion import NewOccasion, Occasion, Scope
from outreach.model.words import OccasionKind, Service
from outreach.outages import revise_planned, wall_time
from outreach.store import alarms, audit, known, tables as t
from outreach.store.leases import Fenced

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = NOW + 4 * DAY
OLD, NEW = Release(name="2026f", where="here"), Release(name="2026g", where="here")


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    return make_engine(database, tmp_path)


@pytest.fixture
def later(monkeypatch) -> None:
    """From now on every wall time is an hour later: the summer time of these rules is gone."""
    read = wall_time.read_wall_time

    def an_hour_later(local, zone):
        found = read(local, zone)
        return replace(found, at=found.at + HOUR)

    monkeypatch.setattr(wall_time, "read_wall_time", an_hour_later)


def plan(engine: Engine) -> Occasion:
    """A launched work whose times were typed: 02:40 to 06:40 in Santiago."""
    new = NewOccasion(
        kind=OccasionKind.PLANNED, service=Service.ELECTRICITY, name="TP-1", zone=make.ZONE
    )
    typed = revise_planned.planned(
        Scope(nodes=(town.SOUTH,)), start_at=START, end_at=START + 4 * HOUR, now=NOW
    )
    typed = replace(typed, start_wall="2026-07-16T02:40", end_wall="2026-07-16T06:40")
    made = engine.open(new, typed, now=NOW).occasion
    engine.launch(made.id, "planned-outage", actor="ana", now=NOW)
    return made


def known_release(engine: Engine) -> str | None:
    with engine.database.read() as session:
        found = known.of(session, known.ZONE_RULES)
    return found.value if found else None


def test_the_first_look_notes_the_release_and_the_same_one_changes_nothing(engine):
    made = plan(engine)

    assert rezoning.renew(engine, OLD, now=NOW) == Renewed(before="")
    assert rezoning.renew(engine, OLD, now=NOW) is None
    assert (known_release(engine), revision(engine, made).version) == ("2026f", 1)


def test_new_rules_move_works_and_their_instants_tell_nobody_and_raise_one_alarm(engine, later):
    made = plan(engine)
    with engine.database.write() as session:
        known.keep(session, known.ZONE_RULES, "2026f", now=NOW)

    done = rezoning.renew(engine, NEW, now=NOW + HOUR)

    assert done == Renewed(before="2026f", moved=(made.id,))
    assert revision(engine, made).start_at == START + HOUR
    assert rezoning.renew(engine, NEW, now=NOW + HOUR) is None
    with engine.database.read() as session:
        waiting = session.execute(
            select(t.due.c.what, t.due.c.at).where(t.due.c.done_at.is_(None)).order_by(t.due.c.at)
        ).all()
        raised = alarms.open_ones(session, kinds=[AlarmKind.ZONE_RULES])
        noted = audit.last(session, ["zone_rules.renew"])
    assert [tuple(row) for row in waiting] == [
        ("notice", START + HOUR - 3 * DAY), ("notice", START + HOUR - DAY), ("started", START + HOUR),
    ]  # fmt: skip
    assert "moved" not in waves(engine)
    assert [(one.subject, one.detail["moved"]) for one in raised] == [
        ("zone_rules:2026g", [made.id])
    ]
    assert noted is not None
    assert noted.detail == {"before": "2026f", "moved": [made.id]}


def test_a_notice_that_was_told_is_not_told_again_when_its_instant_moves(engine, later):
    made = plan(engine)
    told_at = START - 3 * DAY
    due.tick(engine, now=told_at)
    rezoning.renew(engine, NEW, now=told_at + timedelta(minutes=1))

    for minutes in range(0, 60 * 51, 60):
        due.tick(engine, now=told_at + timedelta(minutes=minutes))

    notices = {step: count for step, count in waves(engine).items() if "notice" in step}
    assert notices == {"notice_72h": 1, "notice_24h": 1}
    assert revision(engine, made).version == 2


def test_a_host_with_older_rules_moves_nothing_and_is_reported_once(engine, later):
    made = plan(engine)
    with engine.database.write() as session:
        known.keep(session, known.ZONE_RULES, "2026g", now=NOW)

    found = [rezoning.renew(engine, OLD, now=NOW + n * HOUR) for n in range(2)]

    assert found == [Renewed(before="2026g", is_older=True), None]
    assert (known_release(engine), revision(engine, made).version) == ("2026g", 1)


def test_an_overtaken_leader_moves_nothing(engine, later):
    made = plan(engine)
    old = led(engine.database, "a")
    led(engine.database, "b", after=11)

    with pytest.raises(Fenced):
        rezoning.renew(engine, NEW, now=NOW, fence=old)

    assert (known_release(engine), revision(engine, made).version) == (None, 1)
