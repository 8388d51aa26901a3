"""What stands in the way of a planned work, decided and looked up."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from tests import make, town
from tests.campaigns.opened import NOW, make_engine, open_outage

from outreach.campaigns import conflicts
from outreach.campaigns.conflicts import Conflict, ConflictKind, of_work
from outreach.campaigns.engine import Engine
from outreach.model.occasion import NewOccasion, Occasion, OccasionId, Revision, Scope
from outreach.model.words import OccasionKind, OccasionState, Service
from outreach.outages import revise_planned
from outreach.store import occasions, scopes
from outreach.store.conflicts import Neighbour, newcomers

HOUR = timedelta(hours=1)
SOUTH = "ALM-F12-S2"


def work(name: str, start: float, hours: float | None = 4, *, outage: bool = False) -> Occasion:
    """A work (or outage) that starts so many hours from now."""
    revision = Revision(
        version=1, state=OccasionState.SCHEDULED, scope=Scope(nodes=("N",)), recorded_at=NOW,
        start_at=NOW + start * HOUR, end_at=None if hours is None else NOW + (start + hours) * HOUR,
    )  # fmt: skip
    kind = OccasionKind.OUTAGE if outage else OccasionKind.PLANNED
    return Occasion(
        id=OccasionId(1), kind=kind, service=Service.ELECTRICITY, name=name, source_ref=name,
        zone=make.ZONE, opened_at=NOW, revision=revision,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        (work("B", 101), ConflictKind.OVERLAP),
        (work("B", 97, 3.5), ConflictKind.OVERLAP),
        (work("B", 96, 4), ConflictKind.TWICE),  # it ends when ours begins
        (work("B", 104), ConflictKind.TWICE),
        (work("B", 90, None), ConflictKind.OVERLAP),  # overrun: nobody knows its end
        (work("B", -2, None, outage=True), ConflictKind.OPEN_OUTAGE),
    ],
)
def test_another_occasion_overlaps_or_comes_twice(other: Occasion, kind: ConflictKind) -> None:
    neighbour = Neighbour(occasion=other, premises=713)

    (found,) = conflicts.conflicts(work("A", 100), neighbours=[neighbour], priority=0, holidays={})

    assert (found.kind, found.count, found.name) == (kind, 713, "B")


def test_a_holiday_and_who_depends_on_supply_are_said_last() -> None:
    found = conflicts.conflicts(
        work("A", 100), neighbours=[], priority=25, holidays={date(2026, 9, 18): "Independencia"}
    )

    assert [conflicts.in_words(each) for each in found] == [
        "2026-09-18 is a public holiday: Independencia",
        "25 priority customers are inside",
    ]


@pytest.mark.parametrize("kind", ConflictKind)
def test_every_kind_is_said_in_words(kind: ConflictKind) -> None:
    said = conflicts.in_words(Conflict(kind=kind, count=12, name="TP-1", day=date(2026, 9, 18)))

    assert "12" in said or "TP-1" in said


# ── looked up ────────────────────────────────────────────────────────────────────────────────


def add(engine: Engine, name: str, node: str, start: float, hours: float = 4) -> Occasion:
    revision = revise_planned.planned(
        Scope(nodes=(node,)),
        start_at=NOW + start * HOUR,
        end_at=NOW + (start + hours) * HOUR,
        now=NOW,
    )
    new = NewOccasion(
        kind=OccasionKind.PLANNED, service=Service.ELECTRICITY, name=name, zone=make.ZONE
    )
    return engine.open(new, revision, now=NOW).occasion


def seen(engine: Engine, occasion: Occasion) -> dict[str, tuple[ConflictKind, int]]:
    with engine.database.read() as session:
        scope = scopes.remaining(session, occasion)
        found = of_work(session, occasion, scope, country="CL", now=NOW)
    return {each.name: (each.kind, each.count) for each in found if each.other}


def test_works_and_outages_are_found_by_their_common_premises(database, tmp_path) -> None:
    engine = make_engine(database, tmp_path)
    ours = add(engine, "ours", SOUTH, 20)
    add(engine, "same time", town.FEEDER, 22)
    add(engine, "next day", SOUTH, 44)
    add(engine, "next month", SOUTH, 800)
    add(engine, "elsewhere", "ALM-F12-S1", 20)
    open_outage(engine)

    found = seen(engine, ours)
    count = found["same time"][1]

    assert found == {
        "same time": (ConflictKind.OVERLAP, count),
        "next day": (ConflictKind.TWICE, count),
        town.FEEDER: (ConflictKind.OPEN_OUTAGE, count),
    }
    assert count == 3


def test_an_outage_is_no_matter_for_a_work_of_next_week_and_a_cancelled_work_for_none(
    database, tmp_path
) -> None:
    engine = make_engine(database, tmp_path)
    ours = add(engine, "ours", SOUTH, 200)
    other = add(engine, "other", SOUTH, 201)
    open_outage(engine)
    gone = revise_planned.cancelled(other.revision, now=NOW)
    assert gone is not None
    engine.revise(other.id, gone, now=NOW)

    assert seen(engine, ours) == {}


def test_newcomers_are_those_without_a_message_of_the_occasion(database, tmp_path) -> None:
    engine = make_engine(database, tmp_path)
    applied = open_outage(engine)
    with engine.database.read() as session:
        before = newcomers(session, applied.occasion)
    engine.launch(applied.occasion.id, "unplanned-outage", actor="ana", now=NOW)

    with engine.database.read() as session:
        after = newcomers(session, occasions.get(session, applied.occasion.id))

    assert before > 0
    assert after == 0
