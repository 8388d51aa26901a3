"""People's own language and quiet hours, over the waves of an outage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import func, select
from tests import make
from tests.campaigns.opened import launched, make_engine
from tests.make import NOW, ZONE

from outreach.campaigns import preferring
from outreach.model.words import Channel, Purpose, Tier
from outreach.store import preferences, runs, tables as t, wishes
from outreach.store.freezing import Freezing, Release, Silence
from outreach.store.preferences import Wish
from outreach.store.scopes import Part, Remaining

MORNING = datetime(2026, 7, 12, 11, 0, tzinfo=UTC)
"""07:00 in Santiago."""


def release(not_before: datetime | None = None, zone: str = ZONE) -> Release:
    return Release(zone=zone, not_before=not_before, priority_not_before=None)


def silences(*hours: tuple[int, int], not_before: datetime | None = None) -> list[Silence]:
    return list(preferring.silences(hours, [release(not_before)], now=NOW))


def test_hours_around_now_hold_until_they_end():
    held = silences((22 * 60, 7 * 60), (23 * 60, 7 * 60), (9 * 60, 12 * 60))

    assert held == [Silence(zone=ZONE, begins=(1320, 1380), ends=420, until=MORNING)]


def test_what_leaves_after_the_hours_is_not_held():
    assert silences((22 * 60, 7 * 60), not_before=MORNING) == []


def test_hours_end_by_the_wall_on_the_night_the_clock_changes():
    night = datetime(2026, 9, 6, 3, 30, tzinfo=UTC)  # 23:30; at midnight Santiago goes to 01:00

    [held] = preferring.silences([(22 * 60, 7 * 60)], [release()], now=night)

    assert held.until == datetime(2026, 9, 6, 10, 0, tzinfo=UTC)


def rows(session: Any, silences: tuple[Silence, ...]) -> dict[int, tuple[str, datetime | None]]:
    m = t.message.c
    found = select(m.customer_id, m.zone, m.priority, m.locale, m.not_before)
    laid = session.execute(wishes.fulfilled(found, silences))
    return {row.customer_id: (row.locale, row.not_before) for row in laid}


@pytest.fixture
def people(database):
    """Four of them, by number from 1; all but the third wished for the same."""
    with database.write() as session:
        wave = make.make_step_run(session)
        wish = Wish(locale="pt", quiet=(22 * 60, 7 * 60))
        for number, priority in ((1, "C"), (2, "A"), (3, "C"), (4, "C")):
            assert make.make_customer(session) == number
            make.make_message(
                session, step_run=wave, customer_id=number, household_id=number,
                contact_point_id=number, priority=priority, locale="es", zone=ZONE,
                not_before=MORNING + timedelta(hours=2) if number == 4 else None,
            )  # fmt: skip
            if number != 3:
                preferences.save(session, number, wish, [], now=NOW)
    return database


def test_a_wish_holds_its_own_rows_alone_and_wakes_class_a(people):
    with people.read() as session:
        found = rows(session, tuple(silences((22 * 60, 7 * 60))))

    assert found == {
        1: ("pt", MORNING),
        2: ("pt", None),
        3: ("es", None),
        4: ("pt", MORNING + timedelta(hours=2)),
    }


@pytest.fixture
def plan(people):
    with people.read() as session:
        wave = runs.wave(session, session.execute(select(t.step_run.c.id)).scalar_one())
        nowhere = Remaining(occasion=1, version=1, out=Part(), back=Part())
        return Freezing(
            wave=wave, seed=make.SEED, scope=nowhere, channels=(Channel.SMS,), siblings=(),
            earlier=(), releases=(release(),), not_after=None, pools=(),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("purpose", "tier", "waits"),
    [
        (Purpose.SERVICE, Tier.BULK, True),
        (Purpose.SERVICE, Tier.SAFETY, False),
        (Purpose.EMERGENCY, Tier.BULK, False),
    ],
)
def test_emergencies_and_safety_keep_the_language_and_pass_the_hours(
    people, plan, purpose, tier, waits
):
    campaign, step = (
        cast("Any", SimpleNamespace(purpose=purpose)),
        cast("Any", SimpleNamespace(tier=tier)),
    )

    with people.read() as session:
        wished = preferring.preferred(session, plan, campaign=campaign, step=step)

    assert wished.silences is not None
    assert bool(wished.silences) is waits


def test_where_nobody_wished_the_plan_is_as_it_was(people, plan):
    with people.write() as session:
        for number in (1, 2, 4):
            preferences.save(session, number, Wish(), [], now=NOW)

        same = preferring.preferred(
            session, plan, campaign=cast("Any", None), step=cast("Any", None)
        )

    assert same is plan


def test_a_launch_writes_in_the_language_that_was_chosen(database, tmp_path):
    engine = make_engine(database, tmp_path)
    with database.write() as session:
        one = session.execute(select(func.max(t.customer.c.id))).scalar_one()
        preferences.save(session, one, Wish(locale="en"), [], now=NOW)

    launched(engine)

    with database.read() as session:
        m = t.message.c
        locales = dict(
            session.execute(select(m.customer_id, m.locale).where(m.customer_id > 0)).all()
        )
    assert locales.pop(one) == "en"
    assert set(locales.values()) == {"es"}
