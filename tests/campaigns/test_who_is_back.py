"""Whose power is back hears no more of what still holds for the others."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from tests import make, town

from outreach.campaigns.engine import Engine
from outreach.model.occasion import NewOccasion, OccasionId, Scope
from outreach.model.words import OccasionKind, Service
from outreach.outages import revise
from outreach.outages.revise import Change
from outreach.store import occasions, tables as t

NOW = make.NOW
HOUR = timedelta(hours=1)


@pytest.fixture
def engine(database, tmp_path) -> Engine:
    """The outage of the town, launched and heard by all; then the south is back, unheard of by anyone."""
    with database.write() as session:
        town.build(session)
    engine = town.engine(database, town.workspace(tmp_path))
    new = NewOccasion(
        kind=OccasionKind.OUTAGE, service=Service.ELECTRICITY, name=town.FEEDER, zone=make.ZONE
    )
    opened = revise.opened(Scope(nodes=(town.FEEDER,)), start_at=NOW, change=Change(), now=NOW)
    applied = engine.open(new, opened, now=NOW)
    engine.launch(applied.occasion.id, "unplanned-outage", actor="ana", now=NOW)
    becomes(engine, "accepted")
    revised(engine, HOUR, lambda current, now: revise.restored(
        current, part=Scope(nodes=(town.SOUTH,)), known_how="meters", now=now
    ))  # fmt: skip
    becomes(engine, "undelivered")
    return engine


def becomes(engine: Engine, state: str) -> None:
    with engine.database.write() as session:
        session.execute(t.message.update().where(t.message.c.state == "queued").values(state=state))
        session.execute(t.queue.delete())


def revised(engine: Engine, after: timedelta, change) -> None:
    with engine.database.read() as session:
        current = occasions.every(session)[0]
    revision = change(current.revision, NOW + after)
    assert revision is not None
    engine.revise(OccasionId(current.id), revision, now=NOW + after)


def localities(engine: Engine, step: str) -> set[str]:
    with engine.database.read() as session:
        found = session.scalars(
            select(t.message.c.locality)
            .join(t.step_run, t.step_run.c.id == t.message.c.step_run_id)
            .where(t.step_run.c.step == step)
        )
        return set(found)


def test_an_estimate_is_for_those_still_out_even_if_the_others_never_heard_that_they_are_back(
    engine,
):
    revised(engine, 2 * HOUR, lambda current, now: revise.updated(
        current, Change(etr_at=now + 3 * HOUR), now=now
    ))  # fmt: skip

    assert localities(engine, "etr_set") == {"Providencia"}


def test_the_last_restoration_reaches_those_who_never_heard_of_theirs(engine):
    revised(engine, 2 * HOUR, lambda current, now: revise.restored(
        current, part=None, known_how="crew", now=now
    ))  # fmt: skip

    assert localities(engine, "restored") == {"Providencia", "Ñuñoa"}


def test_a_correction_goes_to_all_who_heard_the_mistake(engine):
    revised(engine, 2 * HOUR, lambda current, now: revise.corrected(
        current, "el corte sigue en Providencia", now=now
    ))  # fmt: skip

    assert localities(engine, "correction") == {"Providencia", "Ñuñoa"}
