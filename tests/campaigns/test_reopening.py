"""A restoration is taken back by what people have told us themselves, without a file."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from tests import make
from tests.campaigns.opened import NOW, launched, make_engine, open_outage, restore, steps, told

from outreach.campaigns import reopening, suspecting, trouble
from outreach.campaigns.engine import Applied, Engine
from outreach.campaigns.reopening import Reopened
from outreach.campaigns.trouble import Kind, Said
from outreach.model.errors import GuardRefused
from outreach.model.reply import Asks
from outreach.outages.revise import Change, Origin
from outreach.store import occasions, reports, tables as t

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BACK, LATE = NOW + HOUR, NOW + 6 * HOUR
"""When it is said to be back; so long after it that "no power" alone takes nothing back."""


@pytest.fixture
def engine(database, tmp_path):
    return make_engine(database, tmp_path)


@pytest.fixture
def outage(engine) -> Applied:
    applied = launched(engine)
    told(engine)
    restore(engine, applied, after=HOUR)
    told(engine)
    return applied


def says(engine: Engine, home: int, meaning: str = "out", *, at=LATE, **more: Any) -> Kind:
    said = Said(
        reply_id=1, via="sms", address_hash=make.KEYRING.hash(f"+5697{home:07}"),
        meaning=meaning, source_ref=f"SM-{home}-{at}-{meaning}", **more,
    )  # fmt: skip
    return trouble.report(engine, said, now=at).kind


def still(engine: Engine, home: int, *, at=LATE) -> Kind:
    """The number 1, below "is it back where you are? 1 no, 2 yes"."""
    return says(engine, home, "choice", at=at, asked=Asks.STILL_OUT, choice=1)


def by_held(engine: Engine, outage: Applied, *, at=LATE + MINUTE) -> Reopened:
    return reopening.by_held(
        engine, outage.occasion.id, change=Change(), origin=Origin(author="ana"), now=at
    )


def nested(engine: Engine, outage: Applied) -> set[tuple[str, ...]]:
    with engine.database.read() as session:
        found = occasions.nested_in(session, outage.occasion.id)
    return {each.revision.scope.premises for each in found}


def test_no_power_hours_later_takes_back_once_somebody_orders_it(engine, outage):
    kinds = [says(engine, 2), says(engine, 6)]
    before = nested(engine, outage)

    result = by_held(engine, outage)

    assert (kinds, before) == ([Kind.KEPT, Kind.KEPT], set())
    assert (len(result.clusters), result.premises, result.start_at) == (2, 2, NOW)
    assert nested(engine, outage) == {("S-0002",), ("S-0006",)}
    assert steps(engine)["not_back"] == {"queued": 2}
    with engine.database.read() as session:
        assert reports.unexplained(session, since=NOW) == []
        [out] = reports.tallies(session, outage.occasion.id)
    assert (out.meaning, out.premises) == ("out", 2)


def test_answers_of_one_minute_that_wait_to_be_taken_together_are_taken(engine, outage):
    first, second, third = (still(engine, home) for home in (2, 3, 6))
    before = nested(engine, outage)

    result = by_held(engine, outage)

    assert (first, second, third) == (Kind.RETRACTED, Kind.RETRACTED, Kind.RETRACTED)
    assert before == {("S-0002",)}
    assert result.premises == 2
    assert nested(engine, outage) == {("S-0002",), ("S-0003",), ("S-0006",)}


def test_the_same_again_finds_nothing(engine, outage):
    says(engine, 2)
    by_held(engine, outage)

    again = by_held(engine, outage, at=LATE + 2 * MINUTE)

    assert (again.clusters, again.known_already) == ((), 0)


def test_who_said_later_that_it_is_back_is_left_alone(engine, outage):
    says(engine, 2)
    still(engine, 3)
    still(engine, 6)
    says(engine, 2, "fine", at=LATE + MINUTE)
    says(engine, 6, "fine", at=LATE + MINUTE)

    by_held(engine, outage, at=LATE + 2 * MINUTE)

    assert nested(engine, outage) == {("S-0003",)}


def test_what_was_said_before_it_was_back_or_outside_it_proves_nothing(engine):
    applied = open_outage(engine, node="ALM-F12-S1")
    restore(engine, applied, after=HOUR)
    for home, at in ((2, BACK - MINUTE), (6, LATE)):
        with engine.database.write() as session:
            [premise] = reports.premises_named(session, f"S-{home:04}")
            new = reports.NewReport(
                at=at, via="sms", source_ref=f"SM{home}", premise_id=premise, occasion_id=None,
                meaning=reports.OUT,
            )  # fmt: skip
            reports.add(session, new)

    result = by_held(engine, applied)

    assert (result.clusters, result.elsewhere) == ((), 0)
    with engine.database.read() as session:
        left = session.scalars(select(t.report.c.taken_at)).all()
    assert left == [None, None]


def test_a_suspicion_over_it_ends_in_what_was_reopened(engine, outage):
    for home in (2, 3, 4):
        says(engine, home)
    suspecting.minute(engine, now=LATE)
    with engine.database.read() as session:
        stood = len(occasions.suspected(session))

    result = by_held(engine, outage)
    suspecting.minute(engine, now=LATE + 2 * MINUTE)

    assert (stood, result.premises) == (1, 3)
    with engine.database.read() as session:
        assert occasions.suspected(session) == []


def test_what_was_never_said_to_be_back_is_not_reopened(engine):
    applied = open_outage(engine)

    with pytest.raises(GuardRefused):
        by_held(engine, applied)
