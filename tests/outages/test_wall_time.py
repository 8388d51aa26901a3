"""A wall time is one instant, says where it is doubtful, and moves with the rules of its zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.make import NOW

from outreach.model.campaign import Renotify
from outreach.model.errors import InputRefused
from outreach.model.occasion import Revision, Scope
from outreach.model.words import Event, OccasionKind, OccasionState
from outreach.outages import notice_rules, revise, revise_planned, wall_time
from outreach.outages.wall_time import read_wall_time, rezoned

ZONE = "America/Santiago"
START = datetime(2026, 7, 16, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLANNED = revise_planned.planned(
    Scope(nodes=("N1",)), start_at=START, end_at=START + 4 * HOUR, now=NOW
)
TYPED = replace(PLANNED, start_wall="2026-07-16T08:00", end_wall="2026-07-16T12:00")


def utc(*parts: int) -> datetime:
    return datetime(*parts).replace(tzinfo=UTC)  # type: ignore[arg-type]  # noqa: DTZ001  a shorthand


@pytest.mark.parametrize(
    ("wall", "at", "gap", "twice"),
    [
        pytest.param((2026, 7, 16, 8), (2026, 7, 16, 12), False, False, id="everyday"),
        pytest.param((2026, 9, 6, 0, 30), (2026, 9, 6, 4, 30), True, False, id="in a gap"),
        pytest.param((2027, 4, 3, 23, 30), (2027, 4, 4, 2, 30), False, True, id="twice: the first"),
    ],
)
def test_a_wall_time_names_one_instant_and_its_doubts(wall, at, gap, twice):
    read = read_wall_time(datetime(*wall), ZONE)  # noqa: DTZ001  a wall

    assert (read.at, read.does_not_exist, read.is_ambiguous) == (utc(*at), gap, twice)


@pytest.mark.parametrize(
    ("wall", "zone"),
    [(datetime(2026, 7, 16), "CLT"), (datetime(2026, 7, 16, tzinfo=UTC), ZONE)],  # noqa: DTZ001
)
def test_an_unknown_zone_and_a_time_with_offset_are_refused(wall, zone):
    with pytest.raises(InputRefused):
        read_wall_time(wall, zone)


def test_works_stay_where_the_rules_have_not_changed_and_where_nothing_was_typed():
    assert rezoned(TYPED, ZONE, now=NOW) is None
    assert rezoned(PLANNED, "America/Lima", now=NOW) is None
    assert rezoned(replace(TYPED, state=OccasionState.CANCELLED), "America/Lima", now=NOW) is None


def test_new_rules_move_the_instants_and_leave_the_wall():
    # Lima lies an hour behind: as if Santiago's rules had moved by one.
    moved = rezoned(TYPED, "America/Lima", now=NOW + HOUR)

    assert moved is not None
    assert (moved.start_at, moved.end_at, moved.next_update_at) == (
        START + HOUR, START + 5 * HOUR, START + HOUR,
    )  # fmt: skip
    assert (moved.version, moved.start_wall, moved.author, moved.source) == (
        2, TYPED.start_wall, "clock", "zone_rules",
    )  # fmt: skip


def test_nobody_is_told_of_a_move_that_their_own_clock_has_made_as_well():
    moved = rezoned(TYPED, "America/Lima", now=NOW + HOUR)
    assert moved is not None
    by_hand = replace(moved, start_wall="2026-07-16T09:00")

    def told(revision: Revision) -> tuple[Event, ...]:
        return notice_rules.events(
            OccasionKind.PLANNED, TYPED, revision,
            told_etr=None, now=NOW + HOUR, rules=Renotify(),
        )  # fmt: skip

    assert told(moved) == ("joined",)
    assert told(by_hand) == ("moved", "joined")


def test_of_a_running_work_only_the_end_moves():
    running = revise_planned.started(TYPED, now=START, origin=revise.PERSON)

    moved = rezoned(running, "America/Lima", now=START)

    assert moved is not None
    assert (moved.start_at, moved.end_at) == (START, START + 5 * HOUR)
    assert wall_time.ZONE_RULES.source == moved.source
