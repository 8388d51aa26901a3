"""The planned works of the sample utility: every figure of its answers, by what the commands print."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.flow.conftest import EXAMPLES, EXPORTED, SAMPLE
from tests.flow.house import Hand, House

from outreach.campaigns.conflicts import ConflictKind
from outreach.outages import public_holidays
from outreach.outages.intake_works import Work, read_works
from outreach.outages.wall_time import read_wall_time
from outreach.outages.works_mapping import WorkStatus, read_works_mapping
from outreach.store.session import Database

pytestmark = pytest.mark.skipif(not SAMPLE.exists(), reason=f"no sample utility at {SAMPLE}")

ZONE = "America/Santiago"
FILE = SAMPLE / "trabajos_programados.csv"
ANSWERS: dict[str, Any] = (
    json.loads((SAMPLE / "answers.json").read_text())["planned_works"] if SAMPLE.exists() else {}
)
HOURS = (72, 24, 1)
PERIOD = timedelta(hours=72)


@pytest.fixture(scope="module")
def works() -> dict[str, Work]:
    mapping = read_works_mapping(EXAMPLES / "works.toml")
    return {work.ref: work for work in read_works(FILE, mapping).works}


@pytest.fixture(scope="module")
def trials(sample_record: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What trial imports print, at the planning time and on the day of the exports.

    In a house of its own: where the works are announced already, a trial finds nothing in them.
    """
    folder = tmp_path_factory.mktemp("works")
    shutil.copy(sample_record, folder / "house.db")
    database = Database(f"sqlite:///{folder / 'house.db'}")
    house = House(folder / "luz", database, hand=Hand(EXPORTED))
    words = (
        "planned",
        "import",
        FILE,
        "--mapping",
        EXAMPLES / "works.toml",
        "--launch",
        "--dry-run",
    )
    printed = {}
    for name, at in (
        ("planning", datetime.fromisoformat(ANSWERS["planning_time"])),
        ("early", EXPORTED),
    ):
        house.hand.turn(at - house.hand.at)
        printed[name] = house.asked(*words, code=4)
    house.close()
    database.close()
    return printed


def utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def standing(works: dict[str, Work]) -> list[Work]:
    return [work for work in works.values() if work.status is not WorkStatus.CANCELLED]


def test_the_instants_and_the_notices_are_those_of_the_answers(works: dict[str, Work]):
    found = {
        ref: (
            utc(work.start.at),
            utc(work.end.at),
            work.status.value,
            None
            if work.status is WorkStatus.CANCELLED
            else {f"{h}h": utc(work.start.at - timedelta(hours=h)) for h in HOURS},
        )
        for ref, work in works.items()
    }

    assert len(works) == ANSWERS["works"]
    assert found == {
        ref: (one["start"], one["end"], one["status"], one["notices"])
        for ref, one in ANSWERS["details"].items()
    }


def test_the_wall_clock_would_have_given_other_notices_exactly_where_the_answers_say(
    works: dict[str, Work],
):
    variants = {}
    for work in standing(works):
        assert work.start_wall is not None
        elapsed = {f"{h}h": utc(work.start.at - timedelta(hours=h)) for h in HOURS}
        by_wall = {
            f"{h}h": utc(read_wall_time(work.start_wall - timedelta(hours=h), ZONE).at)
            for h in HOURS
        }
        if by_wall != elapsed:
            variants[work.ref] = by_wall

    assert variants == {
        ref: one["wall_clock_variant_of_notices"]
        for ref, one in ANSWERS["details"].items()
        if "wall_clock_variant_of_notices" in one
    }


def test_public_holidays_of_the_library_are_those_of_the_answers(works: dict[str, Work]):
    """By the day of the start, as the answers count them."""
    instant = timedelta(seconds=1)

    found = {
        ref: bool(public_holidays.between("CL", work.start.at, work.start.at + instant, ZONE))
        for ref, work in works.items()
    }

    assert found == {ref: one["public_holiday"] for ref, one in ANSWERS["details"].items()}


def test_the_period_is_broken_at_the_planning_time_by_the_works_of_the_answers(
    trials: dict[str, Any], works: dict[str, Work]
):
    planning = datetime.fromisoformat(ANSWERS["planning_time"])
    known = {work.ref for work in works.values() if work.issued_at and work.issued_at <= planning}
    broken = {one["work"] for one in trials["planning"]["broken"]}
    late = {one["work"] for one in trials["planning"]["late"] if one["notice"] == "notice_72h"}

    assert sorted(broken & known) == sorted(late & known) == ANSWERS["violate_72h_at_planning_time"]
    assert len(works) - len(known) == ANSWERS["not_yet_issued_at_planning_time"]
    assert {one["rule"] for one in trials["planning"]["broken"]} == {
        "cl.planned_notice.electricity"
    }
    assert trials["early"]["broken"] == []


def test_arithmetic_on_the_wall_clock_would_have_missed_one(works: dict[str, Work]):
    planning = datetime.fromisoformat(ANSWERS["planning_time"]).replace(tzinfo=None)

    found = [
        work.ref
        for work in standing(works)
        if work.start_wall and planning < work.start_wall < planning + PERIOD
    ]

    assert found == ANSWERS["would_violate_by_wall_clock_arithmetic"]


def test_works_issued_too_late_for_the_period_are_those_of_the_answers(works: dict[str, Work]):
    short = [
        work.ref
        for work in standing(works)
        if work.issued_at is not None and work.start.at - work.issued_at < PERIOD
    ]

    assert short == ANSWERS["short_notice_by_issue_time"]


def test_overlapping_works_are_found_with_their_common_premises(trials: dict[str, Any]):
    overlaps = [
        (one["work"], one["name"], one["count"])
        for one in trials["early"]["conflicts"]
        if one["kind"] == ConflictKind.OVERLAP.value
    ]

    pairs = sorted([*sorted(pair[:2]), pair[2]] for pair in overlaps)
    assert pairs == ANSWERS["overlapping_pairs_with_common_premises"]


def test_life_support_inside_and_rejected_rows_are_those_of_the_answers(trials: dict[str, Any]):
    inside = {
        one["work"]: one["count"]
        for one in trials["early"]["conflicts"]
        if one["kind"] == ConflictKind.LIFE_SUPPORT.value
    }

    assert inside == {
        ref: one["life_support_valid_customers"]
        for ref, one in ANSWERS["details"].items()
        if one["status"] != "cancelled" and one["life_support_valid_customers"]
    }
    assert [(row["record"], row["reason"]) for row in trials["early"]["rows"]] == [
        (row["record"], row["reason"]) for row in ANSWERS["rejected_rows"]
    ]
